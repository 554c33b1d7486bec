"""The copy from an SQLite file to a PostgreSQL server has every row and byte and the same head.

The target must be empty, and sendflow never writes to the file again.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from casework.cases.record import record
from casework.context import AppContext
from config.settings import Settings
from models.database import open_engine
from models.errors import DatabaseUnusable
from models.facts import FactDraft
from runtime import copy_database
from runtime.copy_database import CannotCopy, copy_to_postgresql
from runtime.diagnostics.checks import examine
from runtime.instance_lock import only_supervisor
from tests.support.team import Team

PROGRESS: list[str] = []


@pytest.fixture
def team(tmp_path: Path) -> Iterator[Team]:
    """An installation on an SQLite file, with rows in every table."""
    made = Team(tmp_path / "var")
    made.record("2 Feb 2026", "ehc_assessment_requested", la="northshire", nhs_number="999 000 0018")
    made.record("2 Feb 2026", "assessment_agreed")
    made.asked("2 Mar 2026", note="Grandmother, naïve: 'quoted' \\t and a tab\there")
    made.day("2 Mar 2026")
    made.day("14 Apr 2026")
    yield made
    made.first.engine.dispose()


def plain(rows: list[tuple[Any, ...]]) -> list[list[Any]]:
    """Convert rows to values that are equal for both drivers."""
    return [
        [
            each.isoformat() if isinstance(each, date) else bytes(each) if isinstance(each, memoryview) else each
            for each in row
        ]
        for row in rows
    ]


def to(team: Team, database: Callable[..., str]) -> Settings:
    return Settings(home=team.home, today=date(2026, 4, 14), database_url=database(empty=True))


def test_everything_is_copied_and_the_installation_continues_there(team: Team, database: Callable[..., str]) -> None:
    before, head, settings = team.dump(), team.verify("14 Apr 2026").head, to(team, database)
    report = copy_to_postgresql(settings, PROGRESS.append)
    assert (report.head, report.cases, report.rows["fact"], report.rows["person"]) == (head, 1, len(team.lines()), 1)
    context = AppContext.load(settings)
    there = Team.__new__(Team)
    there.__dict__ |= {**team.__dict__, "first": context, "_contexts": {}}
    assert plain(there.dump()) == plain(before)
    assert there.verify("14 Apr 2026").intact
    record(
        context,
        team.case,
        [FactDraft("health_advice_received", date(2026, 4, 14), {"service": "speech_and_language_therapy"})],
        "dco.team",
    )
    assert there.sweep("14 Apr 2026").troubles == []
    with context.engine.begin() as connection:
        numbers = [row[0] for row in connection.execute(text("SELECT id FROM job_run ORDER BY id"))]
    assert len(set(numbers)) == len(numbers) > report.rows["job_run"], "the server continues the numbers of the file"
    context.engine.dispose()


def test_the_file_is_left_as_it_was_and_says_where_its_records_are(team: Team, database: Callable[..., str]) -> None:
    before = team.dump()
    copy_to_postgresql(to(team, database), PROGRESS.append)
    with pytest.raises(DatabaseUnusable, match="SENDFLOW_DATABASE_URL"):
        AppContext.load(Settings(home=team.home))
    with pytest.raises(DatabaseUnusable):
        team.record("14 Apr 2026", "health_advice_received", service="speech_and_language_therapy")
    with pytest.raises(CannotCopy, match="moved before"):
        copy_to_postgresql(to(team, database), PROGRESS.append)
    assert not examine(Settings(home=team.home), quick=True).well
    assert team.dump() == before


def test_a_database_with_anything_in_it_is_refused(team: Team, database: Callable[..., str], tmp_path: Path) -> None:
    other = Team(tmp_path / "other", database_url=database())
    other.opened("2 Feb 2026")
    held = other.dump()
    with pytest.raises(CannotCopy, match="not empty"):
        copy_to_postgresql(replace(to(team, database), database_url=other.first.settings.database_url), PROGRESS.append)
    assert other.dump() == held
    other.first.engine.dispose()
    team.sweep("14 Apr 2026")


def test_a_copy_that_fails_half_way_leaves_the_installation_on_its_file(
    team: Team, database: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = to(team, database)

    def otherwise(connection: object, table: object) -> str:
        return str(id(connection)) if str(table) == "notice" else ""

    with monkeypatch.context() as patched:
        patched.setattr(copy_database, "_digest", otherwise)
        with pytest.raises(CannotCopy, match="notice"):
            copy_to_postgresql(settings, PROGRESS.append)
    team.sweep("14 Apr 2026")
    assert copy_to_postgresql(settings, PROGRESS.append).cases == 1, "the first try left nothing on the server"


def test_an_installation_that_runs_or_is_altered_is_not_copied(team: Team, database: Callable[..., str]) -> None:
    with only_supervisor(team.home), pytest.raises(CannotCopy, match="Stop it first"):
        copy_to_postgresql(to(team, database), PROGRESS.append)
    with sqlite3.connect(team.home / "sendflow.db") as file:
        file.execute("DROP TRIGGER fact_no_update")
        file.execute("UPDATE fact SET text = replace(text, 'northshire', 'eastmere') WHERE seq = 1")
    with pytest.raises(CannotCopy, match="does not verify"):
        copy_to_postgresql(to(team, database), PROGRESS.append)
    with pytest.raises(CannotCopy, match="no server is named"):
        copy_to_postgresql(Settings(home=team.home), PROGRESS.append)
    with pytest.raises(CannotCopy, match="no SQLite database"):
        copy_to_postgresql(replace(to(team, database), home=team.home / "absent"), PROGRESS.append)
    nowhere = replace(to(team, database), database_url="postgresql+psycopg://sendflow:hush@127.0.0.1:9/none")
    with pytest.raises(CannotCopy) as refused:
        copy_to_postgresql(nowhere, PROGRESS.append)
    assert "hush" not in str(refused.value)
    assert open_engine(str(nowhere.database_url)).url.port == 9
