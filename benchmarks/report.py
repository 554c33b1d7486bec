"""What was measured, for people as tables and for programs as JSON beside bench.json."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.table import Table

from benchmarks.harness.measuring import Goal, Measured, Unmeasured
from benchmarks.measures.comparison import COLUMNS, Beside
from benchmarks.measures.growth import Size
from benchmarks.measures.latency import Waited
from benchmarks.measures.memory import Taken

PHASES_SHOWN = 4


def goals_table(measured: Sequence[Measured | Unmeasured], known: dict[str, Goal]) -> Table:
    """The median of the rounds' ratios, and the lowest and highest of them."""
    shown = Table("measure", "ratio", "rounds", "goal", "reach", "held", box=None, pad_edge=False)
    for each in measured:
        goal = known[each.measure]
        sign = "≥" if goal.sense == "least" else "≤"
        asked = (f"{sign} {goal.goal:g}", f"{sign} {goal.reach:g}")
        if isinstance(each, Unmeasured):
            shown.add_row(each.measure, "-", "not measured", *asked, "NO")
            continue
        rounds = f"{each.rounds}: {each.lowest:.2f} to {each.highest:.2f}"
        shown.add_row(each.measure, f"{each.ratio:.2f}", rounds, *asked, "yes" if goal.holds(each.ratio) else "NO")
    return shown


def beside_table(found: Sequence[Beside]) -> Table:
    """Each act beside its raw limit and the peers: how much of the other's speed it has, and where its own
    time goes.
    """
    shown = Table(
        "act",
        "database",
        "each",
        "of the raw limit",
        *COLUMNS,
        "bounded by",
        box=None,
        pad_edge=False,
        title_justify="left",
        title=(
            "Beside the raw limit and the peers (how much of the other's speed ours has: 1 is as fast; -: no"
            " counterpart)"
        ),
    )
    for each in found:
        against = "\n".join(f"{_ratio(ratio)} {name}" for name, ratio in each.against.items())
        phases = ", ".join(f"{phase} {share:.0%}" for phase, share in list(each.phases.items())[:PHASES_SHOWN])
        peers = (
            "not measured" if peer in each.unmeasured else "-" if ratio is None else _ratio(ratio)
            for peer, ratio in each.peers.items()
        )
        shown.add_row(each.act, each.database, f"{each.microseconds:,.0f} µs a {each.unit}", against, *peers, phases)
    return shown


def as_markdown(table: Table) -> str:
    """A table in the form of docs/develop/benchmarks.md, to be pasted there unchanged."""
    rows = zip(*([str(cell).replace("\n", "; ") for cell in column.cells] for column in table.columns), strict=True)
    head = [str(column.header) for column in table.columns]
    return "".join(f"| {' | '.join(row)} |\n" for row in (head, ["---"] * len(head), *rows))


def unmeasured_lines(found: Sequence[Beside]) -> list[str]:
    """Which peers were not measured, and why: a line for each reason."""
    reasons: dict[tuple[str, str], list[str]] = {}
    for each in found:
        for peer, why in each.unmeasured.items():
            reasons.setdefault((peer, why), []).append(f"{each.act} ({each.database})")
    return [
        f"{peer} not measured: {why}: {', '.join(acts) if len(acts) < len(found) // 4 else f'{len(acts)} acts'}"
        for (peer, why), acts in reasons.items()
    ]


def _ratio(ratio: float) -> str:
    return f"{ratio:.2f}" if ratio < 10 else f"{ratio:,.0f}"


def growing_table(sizes: Sequence[Size]) -> Table:
    """What each act costs at each size."""
    acts = [taken.act for taken in sizes[0].acts] if sizes else []
    shown = Table(
        "database",
        "facts",
        "open duties",
        "MB",
        "recorded",
        *acts,
        title="As the records grow (µs each; megabytes at the peak)",
        title_justify="left",
        box=None,
        pad_edge=False,
    )
    for size in sizes:
        cells = [f"{taken.each:,.0f}; {taken.peak:.0f}" if taken.amount else "-" for taken in size.acts]
        shown.add_row(
            size.database,
            f"{size.facts:,}",
            f"{size.open_duties:,}",
            f"{size.megabytes:,.0f}",
            f"{size.recorded:,.0f}/s",
            *cells,
        )
    return shown


def memory_line(sizes: Sequence[Size]) -> str:
    """Whether the memory of verifying is flat in the number of facts."""
    lines = []
    for database in dict.fromkeys(size.database for size in sizes):
        of_one = [size for size in sizes if size.database == database]
        peaks = [(size.facts, taken.peak) for size in of_one for taken in size.acts if taken.act == "verify"]
        lines.append(f"{database} " + ", ".join(f"{peak:.0f} MB at {facts:,} facts" for facts, peak in peaks))
    return "peak memory of verify: " + "; ".join(lines)


def with_earlier(folder: Path, sizes: Sequence[Size]) -> list[Size]:
    """These sizes and, of databases that this run was not asked for, those that an earlier run left in scale.json: each
    takes hours by itself.
    """
    path, here = folder / "scale.json", {size.database for size in sizes}
    if not sizes or not path.exists():
        return list(sizes)
    earlier = [
        row | {"acts": [Taken.model_validate(taken) for taken in row["acts"]]}
        for row in json.loads(path.read_text("utf-8"))
    ]
    return sorted(
        [*sizes, *(Size(**row) for row in earlier if row["database"] not in here)],
        key=lambda size: size.database != "sqlite",
    )


def latency_table(waits: Sequence[Waited]) -> Table:
    """How long until the mail server's yes, and until Prefect's own empty flow has run."""
    shown = Table(
        "from ... to ...",
        "database",
        "times",
        "p50",
        "p99",
        "most",
        title="Waiting, while another process records fifty facts a second",
        title_justify="left",
        box=None,
        pad_edge=False,
    )
    for each in waits:
        shown.add_row(
            each.what,
            each.database,
            str(each.times),
            f"{each.p50 * 1e3:,.0f} ms",
            f"{each.p99 * 1e3:,.0f} ms",
            f"{each.most * 1e3:,.0f} ms",
        )
    return shown


def write_goals(path: Path, measured: Sequence[Measured | Unmeasured], known: dict[str, Goal]) -> None:
    """bench.json: `[{measure, ratio, goal, held}]` in the order of goals.toml; the ratio is null where it was not
    measured.
    """
    by_name = {each.measure: each for each in measured}
    rows: list[dict[str, Any]] = []
    for name, goal in known.items():
        each = by_name[name]
        ratio = each.ratio if isinstance(each, Measured) else None
        rows.append(
            {
                "measure": name,
                "ratio": None if ratio is None else round(ratio, 4),
                "goal": goal.goal,
                "held": ratio is not None and goal.holds(ratio),
            }
        )
    path.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")


def write_rest(folder: Path, found: Sequence[Beside], sizes: Sequence[Size], waits: Sequence[Waited]) -> None:
    """beside.json, scale.json and latency.json in a folder, and beside.md with the first as a table."""
    folder.mkdir(exist_ok=True)
    if found:
        (folder / "beside.md").write_text(as_markdown(beside_table(found)), encoding="utf-8")
    documents: dict[str, list[dict[str, Any]]] = {
        "beside.json": [each._asdict() for each in found],
        "scale.json": [size._asdict() | {"acts": [taken.model_dump() for taken in size.acts]} for size in sizes],
        "latency.json": [each.model_dump() for each in waits],
    }
    for name, rows in documents.items():
        if rows:
            (folder / name).write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")
