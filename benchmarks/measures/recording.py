"""Recording, against the driver writing the very same rows.

The bulk ruler writes, with executemany in one transaction, every row that the act left: facts, cached cases, cached
duties, notices. The single ruler writes, in a transaction for each fact, every row that this fact's act added or
changed.
"""

import os
import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

from benchmarks.harness.databases import Ground, Place, Rows
from benchmarks.harness.measuring import Measured, Side, Unmeasured, alternate, of_theirs
from benchmarks.harness.workload import ACTOR, TABLES, acts, drafts, reference
from casework.cases.record import Recorded, record, record_acts
from casework.context import AppContext

CASES = 1_000
SINGLE_CASES = 40
SLICES = 8
KEYS = {"fact": 2, "case_file": 1, "duty": 3, "notice": 1, "change_log": 1}


def bulk(place: Place) -> Measured:
    """12,000 facts in one act."""
    work = acts(CASES)
    rows = rows_of_bulk(place)
    facts = len(rows["fact"])

    def ours(context: object) -> None:
        assert isinstance(context, AppContext)
        outcomes = record_acts(context, work, ACTOR, "record")
        assert all(isinstance(outcome, Recorded) for outcome in outcomes)

    notes = ["the ruler writes " + ", ".join(f"{len(some):,} rows of {table}" for table, some in rows.items())]
    return alternate(
        f"bulk_record_{place.name}",
        Side("record_acts", place.fresh, ours, facts, after=place.done),
        Side("executemany", place.empty, lambda connection: place.write(connection, rows), facts, after=place.close),
        of_theirs,
        notes,
    )


def bulk_postgres(ground: Ground) -> Measured | Unmeasured:
    """The same on PostgreSQL, where it is installed."""
    if isinstance(ground.postgres, str):
        return Unmeasured("bulk_record_postgres", ground.postgres)
    return bulk(ground.postgres)


def rows_of_bulk(place: Place, cases: int = CASES) -> Rows:
    """What that act leaves."""
    context = place.fresh()
    before = place.rows(context, TABLES)  # the change log begins with the rule set
    record_acts(context, acts(cases), ACTOR, "record")
    rows = place.rows(context, TABLES)
    place.done(context)
    return {table: some[len(before[table]) :] for table, some in rows.items()}


def one_fact_postgres(ground: Ground) -> Measured | Unmeasured:
    """The same on PostgreSQL, where it is installed."""
    if isinstance(ground.postgres, str):
        return Unmeasured("one_fact_postgres", ground.postgres)
    return one_fact(ground.postgres, "one_fact_postgres")


def one_fact(place: Place, name: str = "one_fact") -> Measured:
    """Each fact an act of its own, as a person records it."""
    each_step = steps(place, SINGLE_CASES)
    commands = [(reference(number), [draft]) for number in range(SINGLE_CASES) for draft in drafts(number)]
    of_slice = len(commands) // SLICES

    def ours(context: object, slice_: int) -> None:
        assert isinstance(context, AppContext)
        for ref, made in commands[slice_ * of_slice : (slice_ + 1) * of_slice]:
            record(context, ref, made, ACTOR)

    def theirs(connection: object, slice_: int) -> None:
        for step in each_step[slice_ * of_slice : (slice_ + 1) * of_slice]:
            place.write_over(connection, step)

    written = {table: sum(len(step.get(table, ())) for step in each_step) / len(each_step) for table in TABLES}
    notes = [
        f"the two take turns {SLICES} times a round",
        "the ruler writes, for each fact, "
        + ", ".join(f"{count:.1f} rows of {table}" for table, count in written.items()),
        f"a sync of this disk takes {sync_milliseconds(place.shop.folder):.2f} ms; a slower one raises the ratio",
    ]
    return alternate(
        name,
        Side("record", place.fresh, ours, len(each_step), SLICES, place.done),
        Side("commit each", place.empty, theirs, len(each_step), SLICES, place.close),
        of_theirs,
        notes,
    )


def sync_milliseconds(folder: Path, times: int = 50) -> float:
    """The median time in which the disk of a folder takes one page of a database for certain."""
    page, each = bytes(4096), []
    with tempfile.TemporaryFile(dir=folder, buffering=0) as file:
        for _ in range(times):
            began = perf_counter()
            file.write(page)
            os.fdatasync(file.fileno())
            each.append(perf_counter() - began)
    return median(each) * 1e3


def steps(place: Place, cases: int) -> list[Rows]:
    """The rows that each act adds or changes, independent of how they were written."""
    context = place.fresh()
    each_step: list[Rows] = []
    for number in range(cases):
        ref = reference(number)
        before: Rows = {table: [] for table in TABLES}
        for draft in drafts(number):
            record(context, ref, [draft], ACTOR)
            after = place.rows(context, TABLES, ref)
            fresh = {table: sorted(set(after[table]) - set(before[table]), key=_key(table)) for table in TABLES}
            each_step.append({table: rows for table, rows in fresh.items() if rows})
            before = after
    place.done(context)
    return each_step


def _key(table: str) -> Any:
    width = KEYS[table]
    return lambda row: row[:width]
