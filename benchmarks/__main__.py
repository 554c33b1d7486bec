"""`python -m benchmarks [MEASURE]...`: run every measure (or those named), print the table, write bench.json under SENDFLOW_HOME."""

import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks import recording, refolding, showing, sweeping, working_days
from benchmarks.measuring import Goal, Measured, goals
from benchmarks.workload import Workshop
from config.settings import Settings

MEASURES: dict[str, Callable[[Workshop], Measured]] = {
    "bulk_record_sqlite": recording.bulk,
    "one_fact": recording.one_fact,
    "refold_against_eventsourcing": refolding.refold,
    "sweep_3m_against_10k": sweeping.sweeping,
    "record_against_empty_prefect_flow": showing.showing,
    "working_days_against_loop": lambda _shop: working_days.working_days(),
}


def main(wanted: list[str]) -> int:
    """Exit code 0 where every goal holds, 1 where one does not, 2 for a measure that is not known."""
    known = goals()
    unknown = [name for name in wanted if name not in MEASURES]
    if unknown:
        print(f"no such measure; expected some of {', '.join(MEASURES)}, for example one_fact", file=sys.stderr)
        return 2
    settings = Settings.read()
    settings.prepare_home()
    console = Console()
    measured: list[Measured] = []
    with tempfile.TemporaryDirectory(prefix="bench-", dir=settings.home) as folder:
        shop = Workshop(Path(folder))
        for name in known:
            if name in MEASURES and (not wanted or name in wanted):
                start = time.perf_counter()
                measured.append(MEASURES[name](shop))
                console.print(f"{name}: {measured[-1].ratio:.2f} in {time.perf_counter() - start:.0f} s", style="dim")
    console.print(table(measured, known))
    for each in measured:
        console.print(f"{each.measure} ({each.rounds} rounds): " + "; ".join(each.notes), highlight=False)
    if not wanted:
        write(settings.home / "bench.json", measured, known)
    return 0 if all(known[each.measure].holds(each.ratio) for each in measured) else 1


def table(measured: list[Measured], known: dict[str, Goal]) -> Table:
    """The table that a person reads."""
    shown = Table("measure", "what", "ratio", "rounds' range", "goal", "reach", "held", "bounded by")
    for each in measured:
        goal = known[each.measure]
        sign = "≥" if goal.sense == "least" else "≤"
        shown.add_row(
            each.measure, goal.what, f"{each.ratio:.2f}", f"{each.lowest:.2f} to {each.highest:.2f}", f"{sign} {goal.goal:g}", f"{sign} {goal.reach:g}",
            "yes" if goal.holds(each.ratio) else "NO", goal.bound_by,
        )  # fmt: skip
    return shown


def write(path: Path, measured: list[Measured], known: dict[str, Goal]) -> None:
    """The same for programs: `[{measure, ratio, goal, held}]`."""
    rows = [
        {"measure": each.measure, "ratio": round(each.ratio, 4), "goal": known[each.measure].goal, "held": known[each.measure].holds(each.ratio)}
        for each in measured
    ]
    path.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
