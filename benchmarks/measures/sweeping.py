"""A sweep with 100 duties due among 3,000,000 open ones, against the same among 10,000: its cost is to follow what is
due.

The due duties belong to real cases with real facts; each round sweeps a day on which another hundred of them fall due,
so that both sides write a hundred facts and their notices. The rest are copied rows: their look days lie ahead, so no
sweep opens the cases that they would belong to.
"""

import sqlite3
from datetime import date, timedelta
from pathlib import Path

from benchmarks.harness.measuring import ROUNDS, Measured, Side, alternate, times_theirs
from benchmarks.harness.workload import ACTOR, SPEECH, Workshop, raw
from casework.cases.record import RecordCommand, record_acts
from casework.context import AppContext
from casework.sweep import sweep
from models.facts import FactDraft
from models.tables import DUTY

MANY, FEW, DUE = 3_000_000, 10_000, 100
INDEXES = "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name = 'duty' AND sql IS NOT NULL"
AHEAD = date(2027, 1, 4)


def sweeping(shop: Workshop) -> Measured:
    """The time of one sweep among many, as a multiple of the time among few."""
    days = look_days(shop.context, ROUNDS + 1)
    contexts = {count: _filled(shop, count, days) for count in (MANY, FEW)}
    left = {count: list(days) for count in contexts}

    def one_day(count: int) -> None:
        report = sweep(contexts[count], left[count].pop(0))
        assert (report.cases_looked_at, report.facts_written, report.troubles) == (DUE, DUE, [])

    measured = alternate(
        "sweep_3m_against_10k",
        Side(f"sweep among {MANY:,}", lambda: None, lambda _given: one_day(MANY)),
        Side(f"sweep among {FEW:,}", lambda: None, lambda _given: one_day(FEW)),
        times_theirs,
        [f"{DUE} cases looked at and {DUE} facts written on each side, in each round; the other rows are copies"],
    )
    for context in contexts.values():
        context.engine.dispose()
        shop.done(Path(str(context.engine.url.database)))
    return measured


def look_days(context: AppContext, count: int) -> list[date]:
    """Days on which a sweep finds something: the third working day after each of some working days in a row."""
    received = [context.calendar.add_working_days(date(2026, 4, 10), number) for number in range(1, count + 1)]
    return [context.calendar.add_working_days(day, 3) for day in received]


def _filled(shop: Workshop, count: int, days: list[date]) -> AppContext:
    path = shop.fresh_file()
    context = shop.on(path)
    for number, day in enumerate(days):
        received = context.calendar.subtract_working_days(day, 3)
        record_acts(context, [asked_act(number * DUE + each, received) for each in range(DUE)], ACTOR, "record")
    context.engine.dispose()
    connection = raw(path)
    connection.execute("PRAGMA synchronous=OFF")
    _copy(connection, count - _open(connection))
    assert _open(connection) == count
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    return context


def asked_act(number: int, received: date) -> RecordCommand:
    """A case whose one body was asked on a day."""
    began = received - timedelta(days=28)
    return RecordCommand(
        f"BN{number:06d}",
        [
            FactDraft("ehc_assessment_requested", began, {"la": "northshire"}),
            FactDraft("assessment_agreed", began + timedelta(days=14)),
            FactDraft("health_advice_requested", received, SPEECH),
        ],
    )


def _open(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT count(*) FROM duty WHERE closed_on IS NULL").fetchone()[0])


def _copy(connection: sqlite3.Connection, count: int) -> None:
    """Copies of one open duty under other references, due and to be looked at on later days. Indexes are made
    afterwards, as that is faster.
    """
    connection.execute("BEGIN")
    indexes = connection.execute(INDEXES).fetchall()
    for name, _sql in indexes:
        connection.execute(f"DROP INDEX {name}")
    names = list(DUTY.columns.keys())
    ahead = {
        "case_ref": "printf('ZZ%07d', n)",
        "due": "date(?, '+' || (n % 400) || ' days')",
        "next_check_on": "date(?, '+' || (n % 400) || ' days')",
    }
    connection.execute(
        "WITH RECURSIVE number(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < ?) "
        f"INSERT INTO duty ({', '.join(names)}) SELECT {', '.join(ahead.get(name, name) for name in names)} "
        "FROM number, (SELECT * FROM duty WHERE body IS NOT NULL AND closed_on IS NULL LIMIT 1)",
        (count, AHEAD.isoformat(), AHEAD.isoformat()),
    )
    for _name, sql in indexes:
        connection.execute(sql)
    connection.execute("COMMIT")
