"""Verification finds one changed value of one row, whichever the column: every column of every table of the schema.

An installation has rows in every table. A person with a database tool drops the triggers, changes one value to another
that could be there, and puts the triggers back. PostgreSQL runs the same list (tests/system/postgres).
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from shutil import copyfile
from typing import Any

import pytest
from sqlalchemy import Boolean, Date, Integer, LargeBinary, Table

from audit.verify import VerifyReport, verify
from models.tables import METADATA
from tests.audit.every_table import filled_team
from tests.support.team import Team

TODAY = "15 Apr 2026"
# Columns in which a changed value is not found, each with its reason.
EXCEPTIONS = {
    "account_password.failures": "a count of failed attempts, which ends by itself after minutes",
    "account_password.locked_until": "the same: an account that is locked is open again after 15 minutes",
    "account_factor.last_step": "the last code that was used; an older one is refused for half a minute",
    "recovery_code.used_at": "a code used twice needs a password or a link of the account besides",
    **dict.fromkeys(
        (f"session.{name}" for name in METADATA.tables["session"].columns.keys()),  # noqa: SIM118
        "a way in for hours, no evidence; a person who can change it can read everything",
    ),
    **dict.fromkeys(
        (f"account_mail.{name}" for name in METADATA.tables["account_mail"].columns.keys()),  # noqa: SIM118
        "e-mails that were asked for; the link goes to the mailbox of the account, whose row is covered",
    ),
    **dict.fromkeys(
        (f"attempt.{name}" for name in METADATA.tables["attempt"].columns.keys()),  # noqa: SIM118
        "counts of attempts, which end by themselves after minutes",
    ),
    **dict.fromkeys(
        (f"sign_in_attempt.{name}" for name in METADATA.tables["sign_in_attempt"].columns.keys()),  # noqa: SIM118
        "a sign-in that lasts ten minutes, no evidence; it opens nothing without what the identity provider says",
    ),
    **dict.fromkeys(
        (f"logout_token.{name}" for name in METADATA.tables["logout_token"].columns.keys()),  # noqa: SIM118
        "a token that ended sessions, for some minutes, so that it ends none again; it opens nothing",
    ),
    **dict.fromkeys(
        (f"staged_import.{name}" for name in METADATA.tables["staged_import"].columns.keys()),  # noqa: SIM118
        "a file that waits to be imported, for three days; its person sees again what it would write before it is",
    ),
    **dict.fromkeys(
        (f"saved_view.{name}" for name in METADATA.tables["saved_view"].columns.keys()),  # noqa: SIM118
        "filters that an account saved for itself; they hold no case, and no evidence",
    ),
    **dict.fromkeys(
        (f"webhook_event.{name}" for name in METADATA.tables["webhook_event"].columns.keys()),  # noqa: SIM118
        "what a program is informed of, for a month; the facts say what changed",
    ),
    "api_token.used_at": "when a program last called: written by each call, and no evidence",
    **dict.fromkeys(
        (f"api_answer.{name}" for name in METADATA.tables["api_answer"].columns.keys()),  # noqa: SIM118
        "what an act was answered, for a week, so that a repeated call does nothing twice; the facts say what it did",
    ),
    **dict.fromkeys(
        (f"transport_state.{name}" for name in METADATA.tables["transport_state"].columns.keys()),  # noqa: SIM118
        "until when a mail transport is left alone, an hour at most, and counts of this minute and day",
    ),
    **dict.fromkeys(
        (f"answer_link.{name}" for name in METADATA.tables["answer_link"].columns.keys()),  # noqa: SIM118
        "what a link is for is in its token too: one that was altered opens nothing, and a fact says what was answered",
    ),
    **dict.fromkeys(
        (f"answer_given.{name}" for name in METADATA.tables["answer_given"].columns.keys()),  # noqa: SIM118
        "what was answered is in the facts; this row says by which link, so that it is answered once",
    ),
    **dict.fromkeys(
        (f"sign_in_link.{name}" for name in METADATA.tables["sign_in_link"].columns.keys()),  # noqa: SIM118
        "a way in for hours, no evidence; a person who can change it can read everything",
    ),
}
COLUMNS = [
    (table.name, column)
    for table in METADATA.sorted_tables
    for column in table.columns.keys()  # noqa: SIM118 (columns iterate as columns)
    if f"{table.name}.{column}" not in EXCEPTIONS
]


def other(table: Table, column: str, value: Any) -> Any:
    """Another value that could be in that column."""
    described = table.columns[column]
    kind = described.type
    if isinstance(kind, Boolean):
        return not value
    if isinstance(kind, Integer):
        return (value or 0) + (1_000 if described.primary_key else 1)
    if isinstance(kind, LargeBinary):
        return bytes([*bytes(value)[:-1], bytes(value)[-1] ^ 1]) if value else b"x"
    if isinstance(kind, Date):
        day = date.fromisoformat(str(value)) if value is not None else date(2026, 4, 1)
        return (day + timedelta(days=1)).isoformat()
    return _other_text(column, value)


def _other_text(column: str, value: str | None) -> str:
    if value is None:
        return "2026-04-01T09:00:00.000000Z" if column.endswith("_at") else "x1"
    if re.fullmatch(r"[0-9-]{10}T[0-9:.]{15}Z", value):
        return value[:-2] + ("1" if value[-2] != "1" else "2") + "Z"
    if re.fullmatch(r"[0-9a-f]{8,64}", value):
        return value[:-1] + ("1" if value[-1] != "1" else "2")
    return value.replace("0", "1", 1) if "0" in value else f"{value}x"


def rows_to_change(rows: list[tuple[Any, ...]], place: int) -> Iterator[tuple[Any, ...]]:
    """A row with a value in that column, and one without."""
    yield from (row for row in [next((row for row in rows if row[place] is not None), None)] if row is not None)
    yield from (row for row in [next((row for row in rows if row[place] is None), None)] if row is not None)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Team:
    """An installation with rows in every table; a copy of its file is beside it."""
    team = filled_team(Team(tmp_path_factory.mktemp("filled") / "var"))
    assert team.verify(TODAY).damage == []
    team.first.engine.dispose()
    copyfile(team.home / "sendflow.db", team.home / "whole.db")
    return team


def changed(team: Team, table: str, column: str, key: dict[str, Any], value: Any) -> VerifyReport:
    """The report on the whole installation with one value changed."""
    team.first.engine.dispose()
    for left in ("sendflow.db-wal", "sendflow.db-shm"):
        Path(team.home / left).unlink(missing_ok=True)
    copyfile(team.home / "whole.db", team.home / "sendflow.db")
    file = sqlite3.connect(team.home / "sendflow.db", isolation_level=None)
    triggers = file.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
    file.execute("BEGIN")
    for name, _sql in triggers:
        file.execute(f"DROP TRIGGER {name}")
    where = " AND ".join(f'"{name}" = ?' for name in key)
    done = file.execute(f'UPDATE {table} SET "{column}" = ? WHERE {where}', (value, *key.values()))
    assert done.rowcount == 1
    for _name, sql in triggers:
        file.execute(sql)
    file.execute("COMMIT")
    file.close()
    return verify(team.context(TODAY))


@pytest.mark.parametrize(("table", "column"), COLUMNS, ids=[f"{table}.{column}" for table, column in COLUMNS])
def test_one_changed_value_is_found(filled: Team, table: str, column: str) -> None:
    described = METADATA.tables[table]
    names = list(described.columns.keys())
    with sqlite3.connect(filled.home / "whole.db") as file:
        rows = file.execute(f"SELECT * FROM {table}").fetchall()
    file.close()
    assert rows, f"the installation of this test needs a row in {table}"
    place = names.index(column)
    for row in rows_to_change(rows, place):
        key = {name.name: row[names.index(name.name)] for name in described.primary_key}
        report = changed(filled, table, column, key, other(described, column, row[place]))
        assert not report.intact, (key, row[place])


def test_every_exception_is_a_column_with_a_reason() -> None:
    known = {f"{table.name}.{column.name}" for table in METADATA.sorted_tables for column in table.columns}
    assert EXCEPTIONS.keys() <= known and all(len(reason) > 20 for reason in EXCEPTIONS.values())
