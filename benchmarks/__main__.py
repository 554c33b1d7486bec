"""`python -m benchmarks [--scale SCALE] [--on DATABASE] [PART]...`: measure everything (or the parts named), print
tables, write what programs read.

The parts are measures of goals.toml, and `beside` (each act beside its raw limit and the peers, with a profile),
`growing` (the generated caseload at three sizes), `latency` and `pages` (four measures of goals.toml). A whole run
writes bench.json under SENDFLOW_HOME:
`[{measure, ratio, goal, held}]`; everything else goes to the folder bench/ beside it.
"""

import argparse
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from rich.console import Console

from benchmarks import report
from benchmarks.harness.caseload import SCALES, scale_of
from benchmarks.harness.databases import Ground, ground
from benchmarks.harness.measuring import Measured, Unmeasured, goals
from benchmarks.measures import (
    by_workers,
    cli_startup,
    latency,
    pages,
    prefect_overhead,
    recording,
    replaying,
    sweeping,
    verifying,
    working_days,
)
from benchmarks.measures.comparison import Beside, beside
from benchmarks.measures.growth import Size, growing
from benchmarks.measures.latency import Waited
from benchmarks.plots import plots
from config.settings import Settings, SettingsError

# Prefect comes last: it starts threads and loads much, and nothing else that is measured is to pay for
# that.
MEASURES: dict[str, Callable[[Ground], Measured | Unmeasured]] = {
    "bulk_record_sqlite": lambda ground: recording.bulk(ground.sqlite),
    "bulk_record_postgres": recording.bulk_postgres,
    "one_fact": lambda ground: recording.one_fact(ground.sqlite),
    "one_fact_postgres": recording.one_fact_postgres,
    "refold_against_eventsourcing": lambda ground: replaying.refolding(ground.shop),
    "verify_in_two_processes": lambda ground: verifying.in_two(ground.shop),
    "verify_memory_at_four_times": lambda ground: verifying.flat_memory(ground.shop),
    "verify_since_last_at_four_times": lambda ground: verifying.since_last(ground.shop),
    "sweep_by_two_workers": lambda ground: by_workers.by_workers(ground, "sweep"),
    "deliver_by_two_workers": lambda ground: by_workers.by_workers(ground, "deliver"),
    "verify_by_two_workers": lambda ground: by_workers.by_workers(ground, "verify"),
    "sweep_3m_against_10k": lambda ground: sweeping.sweeping(ground.shop),
    "cli_startup": lambda ground: cli_startup.cli_startup(ground.shop),
    "working_days_against_loop": lambda _ground: working_days.working_days(),
    "record_against_empty_prefect_flow": lambda ground: prefect_overhead.showing(ground.shop),
}
BESIDE, GROWING, LATENCY, PAGES = "beside", "growing", "latency", "pages"
PARTS = (*MEASURES, BESIDE, GROWING, LATENCY, PAGES)
WIDTH = 170  # where nobody's window says


class Results:
    """What a run has measured so far."""

    def __init__(self) -> None:
        self.measured: list[Measured | Unmeasured] = []
        self.beside: list[Beside] = []
        self.sizes: list[Size] = []
        self.waits: list[Waited] = []


def main(words: list[str]) -> int:
    """Exit code 0 where every goal holds, 1 where one does not, 2 for a wrong call, 3 where nothing could
    be measured.
    """
    reader = argparse.ArgumentParser("benchmarks", description="Measure against goals, raw limits and peers.")
    reader.add_argument(
        "--scale", default="small", help=f"how much of England's caseload: {', '.join(SCALES)}, or a share such as 0.02"
    )
    reader.add_argument(
        "--on",
        choices=("sqlite", "postgres"),
        help=f"where {BESIDE} and {GROWING} measure; on both, if nothing is said",
    )
    reader.add_argument("parts", nargs="*", metavar="PART", help=f"some of {', '.join(PARTS)}")
    try:
        call = reader.parse_args(words)
        scale = scale_of(call.scale)
    except SystemExit as ended:
        return int(ended.code or 0)
    except ValueError as problem:
        print(problem, file=sys.stderr)
        return 2
    wanted = set(call.parts)
    if unknown := wanted - set(PARTS):
        print(
            f"{len(unknown)} of these are no parts of the benchmark; expected some of {', '.join(PARTS)}, for example"
            " one_fact",
            file=sys.stderr,
        )
        return 2
    try:
        settings = Settings.read()
        settings.prepare_home()
    except SettingsError as problem:
        print(problem, file=sys.stderr)
        return 3
    signal.signal(
        signal.SIGTERM, lambda number, _frame: sys.exit(128 + number)
    )  # so that servers are stopped and folders removed
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=WIDTH)
    started = time.perf_counter()
    results = Results()
    try:
        run(results, wanted or set(PARTS), settings.home, scale, console, call.on)
    except BaseException:
        say(results, settings.home, False, console)  # a run that fails or is stopped has measured what it has
        raise
    say(results, settings.home, not wanted, console)
    console.print(f"Measured in {time.perf_counter() - started:.0f} s.")
    known = goals()
    return (
        0
        if all(isinstance(each, Measured) and known[each.measure].holds(each.ratio) for each in results.measured)
        else 1
    )


def run(results: Results, wanted: set[str], home: Path, scale: float, console: Console, on: str | None = None) -> None:
    """The parts, on the file system where SENDFLOW_HOME lies, in a folder that is removed afterwards."""
    with (
        tempfile.TemporaryDirectory(prefix="bench-", dir=home) as folder,
        console.status("making records") as status,
        ground(Path(folder), on) as here,
    ):
        for name, measure in MEASURES.items():
            if name in wanted and name != "record_against_empty_prefect_flow":
                status.update(f"measuring {name}")
                results.measured.append(measure(here))
        if BESIDE in wanted:
            status.update("measuring every act beside its raw limit and the peers")
            results.beside = beside(here)
        if GROWING in wanted:
            results.sizes = growing(here, scale, lambda line: status.update(f"measuring {line}"))
        if "record_against_empty_prefect_flow" in wanted:
            status.update("measuring record_against_empty_prefect_flow")
            results.measured.append(prefect_overhead.showing(here.shop))
        if LATENCY in wanted:
            status.update("measuring until the mail server's yes")
            results.waits += latency.waits(here)
        if PAGES in wanted:
            measured, waits = pages.pages(here, scale, lambda line: status.update(f"measuring {line}"))
            results.measured += measured
            results.waits += waits


def say(results: Results, home: Path, whole: bool, console: Console) -> None:
    """Tables for people; files for programs."""
    known = goals()
    if results.measured:
        console.print(report.goals_table(results.measured, known))
    for each in results.measured:
        console.print(f"[bold]{each.measure}[/bold]: {known[each.measure].what}")
        for note in (
            [each.why] if isinstance(each, Unmeasured) else [*each.notes, f"bounded by {known[each.measure].bound_by}"]
        ):
            console.print(f"  {note}")
    for table, rows in (
        (report.beside_table(results.beside), results.beside),
        (report.growing_table(results.sizes), results.sizes),
        (report.latency_table(results.waits), results.waits),
    ):
        if rows:
            console.print()
            console.print(table)
    for line in report.unmeasured_lines(results.beside):
        console.print(line)
    folder = home / "bench"
    sizes = report.with_earlier(folder, results.sizes)
    report.write_rest(folder, results.beside, sizes, results.waits)
    if results.sizes:
        console.print(report.memory_line(results.sizes))
        plots(folder, sizes)
    if whole:
        report.write_goals(home / "bench.json", results.measured, known)
        console.print(f"Written to {home / 'bench.json'}; the rest is in {folder}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
