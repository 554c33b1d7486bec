"""Recording, against the driver writing the very same rows.

The bulk ruler writes, with executemany in one transaction, every row that the act left: facts, cached cases, cached duties, notices.
The single ruler writes, in a transaction for each fact, every row that this fact's act added or changed.
"""

import sqlite3
from pathlib import Path
from typing import Any

from benchmarks.measuring import Measured, Side, alternate, of_theirs
from benchmarks.workload import ACTOR, TABLES, Workshop, acts, drafts, insert_into, raw, reference, rows_of
from flows.house import House
from flows.recording import Recorded, record, record_acts

CASES = 1_000
SINGLE_CASES = 40
SLICES = 8
KEYS = {"fact": 2, "case_file": 1, "duty": 3, "notice": 1}
Rows = dict[str, list[tuple[Any, ...]]]


def bulk(shop: Workshop) -> Measured:
    """12,000 facts in one act."""
    work = acts(CASES)
    rows = _rows_of_bulk(shop)
    facts = len(rows["fact"])

    def ours(house: object) -> None:
        assert isinstance(house, House)
        outcomes = record_acts(house, work, ACTOR, "record")
        assert all(isinstance(outcome, Recorded) for outcome in outcomes)
        house.engine.dispose()

    def theirs(connection: object) -> None:
        assert isinstance(connection, sqlite3.Connection)
        connection.execute("BEGIN IMMEDIATE")
        for table in TABLES:
            insert_into(connection, table, rows[table])
        connection.execute("COMMIT")
        connection.close()

    notes = ["the ruler writes " + ", ".join(f"{len(rows[table]):,} rows of {table}" for table in TABLES)]
    return alternate(
        "bulk_record_sqlite",
        Side("record_acts", shop.fresh_house, ours, facts),
        Side("executemany", lambda: raw(shop.fresh_file()), theirs, facts),
        of_theirs, notes,
    )  # fmt: skip


def _rows_of_bulk(shop: Workshop) -> Rows:
    path = shop.fresh_file()
    house = shop.on(path)
    record_acts(house, acts(CASES), ACTOR, "record")
    house.engine.dispose()
    with sqlite3.connect(path) as connection:
        rows = {table: rows_of(connection, table) for table in TABLES}
    connection.close()
    shop.done(path)
    return rows


def one_fact(shop: Workshop) -> Measured:
    """Each fact an act of its own, as a person records it."""
    steps = _steps(shop)

    of_one, of_slice = len(drafts(0)), SINGLE_CASES // SLICES

    def ours(house: object, slice_: int) -> None:
        assert isinstance(house, House)
        for number in range(slice_ * of_slice, (slice_ + 1) * of_slice):
            for draft in drafts(number):
                record(house, reference(number), [draft], ACTOR)

    def theirs(connection: object, slice_: int) -> None:
        assert isinstance(connection, sqlite3.Connection)
        for step in steps[slice_ * of_slice * of_one : (slice_ + 1) * of_slice * of_one]:
            connection.execute("BEGIN IMMEDIATE")
            for table, rows in step.items():
                marks = ", ".join("?" * len(rows[0]))
                word = "INSERT" if table in ("fact", "notice") else "INSERT OR REPLACE"
                connection.executemany(f"{word} INTO {table} VALUES ({marks})", rows)
            connection.execute("COMMIT")

    written = {table: sum(len(step.get(table, ())) for step in steps) / len(steps) for table in TABLES}
    notes = [
        f"the two take turns {SLICES} times a round",
        "the ruler writes, for each fact, " + ", ".join(f"{count:.1f} rows of {table}" for table, count in written.items()),
    ]
    return alternate(
        "one_fact",
        Side("record", shop.fresh_house, ours, len(steps), SLICES),
        Side("commit each", lambda: raw(shop.fresh_file()), theirs, len(steps), SLICES),
        of_theirs, notes,
    )  # fmt: skip


def _steps(shop: Workshop) -> list[Rows]:
    """What each act leaves that was not there before, whatever way it was written."""
    path = shop.fresh_file()
    house = shop.on(path)
    steps: list[Rows] = []
    for number in range(SINGLE_CASES):
        ref = reference(number)
        before: dict[str, set[tuple[Any, ...]]] = {table: set() for table in TABLES}
        for draft in drafts(number):
            record(house, ref, [draft], ACTOR)
            after = _of_case(path, ref)
            steps.append({table: sorted(after[table] - before[table], key=_key(table)) for table in TABLES if after[table] - before[table]})
            before = after
    house.engine.dispose()
    shop.done(path)
    return steps


def _key(table: str) -> Any:
    width = KEYS[table]
    return lambda row: row[:width]


def _of_case(path: Path, ref: str) -> dict[str, set[tuple[Any, ...]]]:
    with sqlite3.connect(path) as connection:
        found = {table: set(connection.execute(f"SELECT * FROM {table} WHERE case_ref = ?", (ref,)).fetchall()) for table in TABLES}
    connection.close()
    return found
