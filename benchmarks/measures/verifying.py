"""Verification: whole in two processes, against what they gain for the raw loop of hashes over the same texts; what it
takes of memory; and of what is new since the last one, in records of two sizes.

Each side has a run in one process and one in two, in turn; its gain is the time of one by the time of two. The ratio is
our gain by theirs: 1.0 where sendflow shares its work as well as a loop that shares nothing.
"""

from __future__ import annotations

import sqlite3
import statistics
import time
from collections.abc import Callable
from contextlib import closing
from hashlib import sha256
from multiprocessing import get_context
from pathlib import Path

from audit.since import FILE as VERIFIED
from audit.verify import How, verify, verify_and_store, verify_since_last
from benchmarks.harness.measuring import Measured, Side, seconds
from benchmarks.harness.workload import ACTOR, Workshop, acts, drafts
from benchmarks.measures import memory
from casework.cases.record import record_acts
from casework.context import AppContext
from casework.proof.sequencer import sequence

CASES = 12_000
AT_ONCE = 1_000
ROUNDS = 3
LOOPS = 20  # passes of the raw loop: one takes less time than starting a process
SMALL, TIMES = 2_500, 4  # the smaller has more than one range of 1,000 cases
DAY = 100  # cases of the day that is new
_TEXTS = "SELECT text FROM fact WHERE case_ref {sign} ? ORDER BY case_ref, seq"


def in_two(shop: Workshop, cases: int = CASES, rounds: int = ROUNDS, loops: int = LOOPS) -> Measured:
    """Our gain from a second process by that of the raw loop."""
    own = Workshop(_folder(shop.folder / "two"))
    context = own.context
    for first in range(0, cases, AT_ONCE):
        record_acts(context, acts(min(AT_ONCE, cases - first), first), ACTOR, "record")
    facts = cases * len(drafts(0))
    context.engine.dispose()
    file = context.settings.records
    with closing(sqlite3.connect(file)) as connection:
        middle = "SELECT case_ref FROM case_file ORDER BY case_ref LIMIT 1 OFFSET ?"
        half: str = connection.execute(middle, (cases // 2,)).fetchone()[0]

    def ours(processes: int) -> Side:
        def run(_given: object) -> None:
            report = verify(context, how=How(processes))
            assert report.intact and report.facts == facts

        return Side(f"verify in {processes}", lambda: None, run, facts)

    def raw(_given: object) -> None:
        for sign in ("<", ">="):
            hash_all(file, half, sign, loops)

    raws = (
        Side("raw loop", lambda: None, raw, facts),
        Side("two raw loops", lambda: None, _two(file, half, loops), facts),
    )
    sides = (ours(1), ours(2), *raws)
    gains = []
    for _ in range(rounds):
        one, two, raw_one, raw_two = seconds(*sides)
        gains.append(((one / two) / (raw_one / raw_two), one / two, raw_one / raw_two))
    ratios = [gain[0] for gain in gains]
    notes = [
        f"gain of verify {statistics.median(gain[1] for gain in gains):.2f}, of the raw loop"
        f" {statistics.median(gain[2] for gain in gains):.2f}; {facts:,} facts"
    ]
    return Measured("verify_in_two_processes", statistics.median(ratios), min(ratios), max(ratios), rounds, notes)


def flat_memory(shop: Workshop, cases: int = SMALL, times: int = TIMES) -> Measured:
    """What a whole verification takes above the program with several times the cases, by what it takes with them."""
    own = Workshop(_folder(shop.folder / "memory"))
    context, taken, recorded = own.context, [], 0
    for wanted in (cases, cases * times):
        while recorded < wanted:
            record_acts(context, acts(min(AT_ONCE, wanted - recorded), recorded), ACTOR, "record")
            recorded += min(AT_ONCE, wanted - recorded)
        taken.append(memory.ask("verify", context))
    context.engine.dispose()
    small, large = (max(each.peak - each.before, 1.0) for each in taken)
    notes = [
        f"{each.amount:,} facts: {each.peak:.0f} MB, {each.peak - each.before:.0f} above the program" for each in taken
    ]
    return Measured("verify_memory_at_four_times", large / small, large / small, large / small, 1, notes)


def since_last(
    shop: Workshop, cases: int = SMALL, times: int = TIMES, day: int = DAY, rounds: int = ROUNDS
) -> Measured:
    """Verification of a day, with several times the cases before it, by what it takes with them; and a whole one."""
    context = Workshop(_folder(shop.folder / "since")).context
    taken, notes, recorded = [], [], 0
    for wanted in (cases, cases * times):
        recorded = _recorded(context, recorded, wanted)
        began = time.perf_counter()
        assert verify_and_store(context).intact
        whole = time.perf_counter() - began
        recorded = _recorded(context, recorded, wanted + day)
        taken.append([_of_the_day(context, day) for _ in range(rounds)])
        facts, new = recorded * len(drafts(0)), day * len(drafts(0))
        notes.append(
            f"{facts:,} facts: the newest {new:,} in {statistics.median(taken[-1]):.2f} s, all in {whole:.1f} s"
        )
    context.engine.dispose()
    small, large = map(statistics.median, taken)
    ends = min(taken[1]) / max(taken[0]), max(taken[1]) / min(taken[0])
    return Measured("verify_since_last_at_four_times", large / small, *ends, rounds, notes)


def _recorded(context: AppContext, recorded: int, wanted: int) -> int:
    """Record cases until there are so many, and let the log cover them."""
    for first in range(recorded, wanted, AT_ONCE):
        record_acts(context, acts(min(AT_ONCE, wanted - first), first), ACTOR, "record")
    assert sequence(context).refused is None
    return wanted


def _of_the_day(context: AppContext, day: int) -> float:
    """The seconds that the verification of a day takes; it may be repeated."""
    file = context.settings.home / VERIFIED
    before, began = file.read_bytes(), time.perf_counter()
    report = verify_since_last(context)
    took = time.perf_counter() - began
    assert report.intact and report.cases == day
    file.write_bytes(before)
    return took


def hash_all(file: Path, half: str, sign: str, loops: int) -> None:
    """The raw loop: one SHA-256 of the text of each fact on one side of a case, `loops` times over."""
    previous = ""
    with closing(sqlite3.connect(file)) as connection:
        for _ in range(loops):
            for (text,) in connection.execute(_TEXTS.format(sign=sign), (half,)):
                previous = sha256((previous + text).encode()).hexdigest()


def _two(file: Path, half: str, loops: int) -> Callable[..., None]:
    method = get_context("spawn")

    def run(_given: object) -> None:
        both = [method.Process(target=hash_all, args=(file, half, sign, loops)) for sign in ("<", ">=")]
        for process in both:
            process.start()
        for process in both:
            process.join()

    return run


def _folder(path: Path) -> Path:
    path.mkdir(exist_ok=True)
    return path
