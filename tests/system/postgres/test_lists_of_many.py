"""With 150,000 duties, PostgreSQL answers the lists of the pages by indexes; without one of these, it would not.

`make faults` tries it with 300,000.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import psycopg
from psycopg import sql

from casework.context import AppContext
from casework.reports.case_list import CaseFilter, Show, case_list
from casework.reports.letters import letters_page
from casework.reports.today import Wanted, today_of
from models.tables import CASE, DUTY, FACT, LETTER, NOTICE
from tests.casework.reports.test_read_by_index import reads_the_whole, statements
from tests.support.team import Team

CASES = 100_000 if "ROUNDS" in os.environ else 50_000
TODAY = "20 May 2026"
REF = "'ZZ' || lpad(({n})::text, 7, '0')"
# What a copied row has in place of what the first row of its table has. Every duty is open, and due next year or later.
COPIES = {
    CASE: (1, {"case_ref": REF.format(n="n"), "child_key": "NULL", "la_reference": "NULL"}),
    FACT: (3, {"case_ref": REF.format(n="n / 3"), "seq": "n % 3 + 1", "recorded_at": "'2026-01-05T10:00:00.000000Z'"}),
    DUTY: (
        3,
        {
            "case_ref": REF.format(n="n / 3"),
            "opened_seq": "n % 3 + 1",
            "due": "date '2027-01-04' + n % 400",
            "next_check_on": "date '2027-01-04' + n % 400",
        },
    ),
    LETTER: (1, {"id": "'filler-' || n", "on": "date '2026-01-06' + n % 100"}),
    NOTICE: (2, {"key": "'filler-' || n", "case_ref": REF.format(n="n / 2"), "letter": "'filler-' || n / 2"}),
}
ASKED: dict[str, Callable[[AppContext], object]] = {
    "Today": lambda context: today_of(context, context.today()),
    "Today of an authority": lambda context: today_of(context, context.today(), Wanted(la="northshire")),
    "the list of cases": lambda context: case_list(context, CaseFilter(), context.today()),
    "late cases": lambda context: case_list(context, CaseFilter(show=Show.LATE), context.today()),
    "letters": lambda context: letters_page(context, "", 1, 50),
    "letters that failed": lambda context: letters_page(context, "failed", 1, 50),
}
# The lists that need an index, by its name.
NEEDED = {
    "duty_open": ("Today", "late cases"),
    "ix_fact_recorded_at": ("Today",),
    "fact_names_a_day": ("Today",),
    "letter_on": ("letters",),
    "letter_state": ("letters that failed",),
}


def test_no_list_of_the_pages_reads_every_duty(team: Team) -> None:
    team.opened().asked()
    team.sweep(TODAY)
    team.deliver(TODAY)
    context = team.context(TODAY)
    address = context.engine.url.set(drivername="postgresql").render_as_string(False)
    asked = {}
    with psycopg.connect(address, autocommit=True) as connection:
        _copy(connection)
        for name, ask in ASKED.items():
            with statements(context) as asked[name]:
                ask(context)
            assert len(asked[name]) > 1
            assert _whole_reads(connection, asked[name]) == [], name
        for index, lists in NEEDED.items():
            with connection.transaction(force_rollback=True):
                connection.execute(sql.SQL("DROP INDEX {}").format(sql.Identifier(index)))
                for name in lists:
                    assert _whole_reads(connection, asked[name]), f"{name} without {index}"


def _copy(connection: psycopg.Connection) -> None:
    for table, (times, own) in COPIES.items():
        names = table.columns.keys()
        columns = ", ".join(own.get(name, f'one."{name}"') for name in names)
        listed = ", ".join(f'"{name}"' for name in names)
        first = f"SELECT * FROM {table.name} {'WHERE closed_on IS NULL' if table is DUTY else ''} LIMIT 1"
        series = f"generate_series(1, {times * CASES}) AS n, ({first}) AS one"
        made = connection.execute(f"INSERT INTO {table.name} ({listed}) SELECT {columns} FROM {series}".encode())
        assert made.rowcount == times * CASES
    connection.execute("ANALYZE")


def _whole_reads(connection: psycopg.Connection, asked: list[tuple[str, Any]]) -> list[str]:
    found = []
    for statement, values in asked:
        plan = connection.execute(f"EXPLAIN {statement}".encode(), values)
        found += [f"{row[0].strip()}: {statement[-200:]}" for row in plan if reads_the_whole(row[0])]
    return found
