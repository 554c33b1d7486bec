"""Plots of cost and memory against size, as SVG that stands by itself: no script, nothing fetched."""

from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree as etree

import pygal
from pygal.style import Style

from benchmarks.growing import Size
from benchmarks.remembering import Taken

# One colour for each act, on both databases: the second is dashed. Told apart by those who see few colours as well.
COLOURS = ("#000000", "#e69f00", "#0072b2", "#009e73", "#d55e00", "#cc79a7")
LOOK = Style(background="white", plot_background="white", guide_stroke_color="#dddddd", major_guide_stroke_color="#bbbbbb", colors=COLOURS * 2)


def plots(folder: Path, sizes: list[Size]) -> list[Path]:
    """cost.svg and memory.svg in a folder."""
    cost = _plot(sizes, "Cost against size", "microseconds for each fact, row or page", lambda taken: taken.each, logarithmic=True)
    memory = _plot(sizes, "Memory against size", "megabytes at the peak of each act, in a process of its own", lambda taken: taken.peak, logarithmic=False)
    return [_written(folder / name, chart) for name, chart in (("cost.svg", cost), ("memory.svg", memory))]


def _plot(sizes: list[Size], title: str, says: str, value: Callable[[Taken], float], logarithmic: bool) -> pygal.XY:
    chart = pygal.XY(
        title=title, x_title="facts in the records", y_title=says, logarithmic=logarithmic, js=(), style=LOOK, width=1000, height=620,
        dots_size=4, x_value_formatter=lambda number: f"{number:,.0f}", value_formatter=lambda number: f"{number:,.1f}",
        legend_at_bottom=True, legend_at_bottom_columns=4, disable_xml_declaration=True,
    )  # fmt: skip
    chart.x_labels = sorted({size.facts for size in sizes if size.database == sizes[0].database})
    for database in dict.fromkeys(size.database for size in sizes):
        of_one = [size for size in sizes if size.database == database]
        for act in (taken.act for taken in of_one[0].acts):
            points = [(size.facts, round(value(taken), 1)) for size in of_one for taken in size.acts if taken.act == act and taken.amount]
            dashed = {"stroke_style": {"dasharray": "6, 4"}} if database != "sqlite" else {}
            chart.add(f"{act}, {database}", points, **dashed)
    return chart


def _written(path: Path, chart: pygal.XY) -> Path:
    tree = chart.render_tree()
    for element in list(tree.iter()):
        for script in element.findall("script"):
            element.remove(script)
    path.write_bytes(etree.tostring(tree, encoding="utf-8"))
    return path
