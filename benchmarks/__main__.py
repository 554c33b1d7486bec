"""`python -m benchmarks [MEASURE]...`: run every measure (or those named), print the table, write bench.json under SENDFLOW_HOME.

bench.json is written by a whole run only: `[{measure, ratio, goal, held}]`.
"""

import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks import recording, refolding, remembering, showing, sweeping, working_days
from benchmarks.measuring import Goal, Measured, goals
from benchmarks.workload import Workshop
from config.settings import Settings, SettingsError

# Prefect comes last: it starts threads and loads much, and nothing else that is measured is to pay for that.
MEASURES: dict[str, Callable[[Workshop], Measured]] = {
    "bulk_record_sqlite": recording.bulk,
    "one_fact": recording.one_fact,
    "refold_against_eventsourcing": refolding.refolding,
    "sweep_3m_against_10k": sweeping.sweeping,
    "working_days_against_loop": lambda _shop: working_days.working_days(),
    "record_against_empty_prefect_flow": showing.showing,
}
MEMORY = "memory"


def main(wanted: list[str]) -> int:
    """Exit code 0 where every goal holds, 1 where one does not, 2 for a wrong call, 3 where nothing could be measured."""
    if unknown := [name for name in wanted if name not in MEASURES and name != MEMORY]:
        print(f"{len(unknown)} of these are no measures; expected some of {', '.join(MEASURES)}, {MEMORY}, for example one_fact", file=sys.stderr)
        return 2
    try:
        settings = Settings.read()
        settings.prepare_home()
    except SettingsError as problem:
        print(problem, file=sys.stderr)
        return 3
    console = Console(highlight=False)
    started = time.perf_counter()
    measured, said = run(wanted, settings.home, console)
    known = goals()
    console.print(table(measured, known))
    for each in measured:
        console.print(f"[bold]{each.measure}[/bold]: {known[each.measure].what}")
        for note in (*each.notes, f"bounded by {known[each.measure].bound_by}"):
            console.print(f"  {note}")
    for line in said:
        console.print(line)
    console.print(f"Measured in {time.perf_counter() - started:.0f} s.")
    if not wanted:
        write(settings.home / "bench.json", measured, known)
        console.print(f"Written to {settings.home / 'bench.json'}")
    return 0 if all(known[each.measure].holds(each.ratio) for each in measured) else 1


def run(wanted: list[str], home: Path, console: Console) -> tuple[list[Measured], list[str]]:
    """The measures, on the file system where SENDFLOW_HOME lies, in a folder that is removed afterwards; and what is said besides."""
    measured: list[Measured] = []
    said: list[str] = []
    with tempfile.TemporaryDirectory(prefix="bench-", dir=home) as folder, console.status("") as status:
        shop = Workshop(Path(folder))
        for name, measure in MEASURES.items():
            if not wanted or name in wanted:
                status.update(f"measuring {name}")
                measured.append(measure(shop))
        if not wanted or MEMORY in wanted:
            status.update("measuring the memory of verify")
            said.append(remembering.peaks(shop))
    return measured, said


def table(measured: list[Measured], known: dict[str, Goal]) -> Table:
    """The table that a person reads: the median of the rounds' ratios, and the lowest and highest of them."""
    shown = Table("measure", "ratio", "rounds", "goal", "reach", "held", box=None, pad_edge=False)
    for each in measured:
        goal = known[each.measure]
        sign = "≥" if goal.sense == "least" else "≤"
        shown.add_row(
            each.measure, f"{each.ratio:.2f}", f"{each.rounds}: {each.lowest:.2f} to {each.highest:.2f}", f"{sign} {goal.goal:g}",
            f"{sign} {goal.reach:g}", "yes" if goal.holds(each.ratio) else "NO",
        )  # fmt: skip
    return shown


def write(path: Path, measured: list[Measured], known: dict[str, Goal]) -> None:
    """The same for programs, in the order of goals.toml."""
    by_name = {each.measure: each for each in measured}
    rows = [
        {"measure": name, "ratio": round(by_name[name].ratio, 4), "goal": goal.goal, "held": goal.holds(by_name[name].ratio)}
        for name, goal in known.items()
    ]
    path.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
