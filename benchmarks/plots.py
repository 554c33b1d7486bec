"""Plots of cost and memory against size, as self-contained SVG: no script, nothing fetched."""

import sys
from collections.abc import Callable
from math import log
from pathlib import Path
from xml.etree import ElementTree as etree

import pygal
from pygal.style import Style

from benchmarks.measures.growth import Size
from benchmarks.measures.memory import Taken

# One colour for each act, on both databases: the second is dashed, so that readers who see few colours
# can distinguish them.
COLOURS = ("#000000", "#e69f00", "#0072b2", "#009e73", "#d55e00", "#cc79a7")
# pygal leaves a finder of modules that only Python 2 could ask; pytest asks each for the folders of its tests.
sys.meta_path[:] = [finder for finder in sys.meta_path if hasattr(finder, "find_spec")]
LOOK = Style(
    background="white",
    plot_background="white",
    guide_stroke_color="#dddddd",
    major_guide_stroke_color="#bbbbbb",
    colors=COLOURS * 2,
)


def plots(folder: Path, sizes: list[Size]) -> list[Path]:
    """cost.svg and memory.svg in a folder."""
    cost = _plot(
        sizes,
        "Cost against size",
        "microseconds for each fact, row or page",
        lambda taken: taken.each,
        logarithmic=True,
    )
    memory = _plot(
        sizes, "Memory against size", "megabytes at the peak of each act", lambda taken: taken.peak, logarithmic=False
    )
    return [_written(folder / name, chart) for name, chart in (("cost.svg", cost), ("memory.svg", memory))]


def _plot(sizes: list[Size], title: str, says: str, value: Callable[[Taken], float], logarithmic: bool) -> pygal.XY:
    facts = sorted({size.facts for size in sizes})
    # Space at both ends: a run of one size has no width of its own, and nothing would be drawn.
    chart = pygal.XY(
        title=title,
        x_title="facts in the records",
        y_title=says,
        logarithmic=logarithmic,
        js=(),
        style=LOOK,
        width=1000,
        height=620,
        margin_right=50,
        dots_size=4,
        x_value_formatter=_plain,
        value_formatter=_plain,
        xrange=(facts[0] * 0.8, facts[-1] * 1.2),
        legend_at_bottom=True,
        legend_at_bottom_columns=3,
        disable_xml_declaration=True,
    )
    chart.x_labels = _apart(facts, logarithmic)
    if not logarithmic:
        chart.range = (
            0,
            max(value(taken) for size in sizes for taken in size.acts) * 1.1,
        )  # from nothing, so that what is flat looks flat
    for database in dict.fromkeys(size.database for size in sizes):
        of_one = [size for size in sizes if size.database == database]
        for act in (taken.act for taken in of_one[0].acts):
            points = [
                (size.facts, round(value(taken), 1))
                for size in of_one
                for taken in size.acts
                if taken.act == act and taken.amount
            ]
            dashed = {"stroke_style": {"dasharray": "6, 4"}} if database != "sqlite" else {}
            chart.add(f"{act}, {database}", points, **dashed)
    return chart


def _apart(facts: list[int], logarithmic: bool) -> list[int]:
    """The sizes that can be named without their names lying on each other: two databases' sizes differ by a
    few facts.
    """
    span = (log(facts[-1] / facts[0]) if logarithmic else facts[-1] - facts[0]) or 1.0
    named = [facts[-1]]
    for size in reversed(facts[:-1]):
        if (log(named[-1] / size) if logarithmic else named[-1] - size) > 0.08 * span:
            named.append(size)
    return named[::-1]


def _plain(number: float) -> str:
    return f"{number:,.0f}" if number >= 10 else f"{number:,.1f}"


def _written(path: Path, chart: pygal.XY) -> Path:
    tree = chart.render_tree()
    for element in list(tree.iter()):
        for script in element.findall("script"):
            element.remove(script)
    path.write_bytes(etree.tostring(tree, encoding="utf-8"))
    return path
