"""Who only looks at PostgreSQL: a role that may only read can, and an earlier revision names the program that can."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql
from typer.testing import Result

from models.errors import DatabaseUnusable
from models.schema import HEAD
from runtime.local_postgres import LocalPostgres
from tests.support.by_hand import CASE
from tests.support.calling import sendflow
from tests.support.team import Team

LOOKS = (("verify",), ("case", CASE), ("overdue",), ("due-soon",), ("letters",), ("findings",), ("rulesets",))
PASSWORD = "only-to-read"
Run = Callable[..., Result]


@pytest.fixture
def owner(team: Team) -> Iterator[psycopg.Connection[Any]]:
    """The owner's connection to the database of an installation with a late duty."""
    team.opened().asked()
    team.day("20 May 2026")
    with psycopg.connect(str(team.first.settings.database_url).replace("+psycopg", ""), autocommit=True) as connection:
        yield connection


def run(team: Team, url: str, *words: str) -> Result:
    env = {"SENDFLOW_HOME": str(team.home), "SENDFLOW_TODAY": "2026-05-20", "SENDFLOW_DATABASE_URL": url}
    return sendflow(*words, env=env)


def rows(owner: psycopg.Connection[Any]) -> dict[str, list[Any]]:
    """Every row of every table, as text."""
    tables = owner.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1").fetchall()
    query = sql.SQL("SELECT t::text FROM {} t ORDER BY 1")
    return {name: owner.execute(query.format(sql.Identifier(name))).fetchall() for (name,) in tables}


def files(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


@pytest.fixture
def reader(team: Team, owner: psycopg.Connection[Any], postgres: LocalPostgres) -> Iterator[str]:
    """The address of the same database for a role that may only read."""
    name = owner.info.dbname
    owner.execute(sql.SQL("CREATE ROLE only_reader LOGIN PASSWORD {}").format(sql.Literal(PASSWORD)))
    owner.execute("GRANT USAGE ON SCHEMA public TO only_reader")
    owner.execute("GRANT SELECT ON ALL TABLES IN SCHEMA public TO only_reader")
    yield f"postgresql+psycopg://only_reader:{PASSWORD}@{owner.info.host}:{owner.info.port}/{name}"
    team.first.engine.dispose()
    owner.execute("DROP OWNED BY only_reader")
    owner.execute("DROP ROLE only_reader")


@pytest.mark.parametrize("words", LOOKS, ids=" ".join)
def test_a_role_that_may_only_read_sees_the_same_and_changes_nothing(
    team: Team, owner: psycopg.Connection[Any], reader: str, words: tuple[str, ...]
) -> None:
    as_application = run(team, str(team.first.settings.database_url), *words, "--json")
    before = rows(owner), files(team.home)
    as_reader = run(team, reader, *words, "--json")
    assert (as_reader.exit_code, _plain(as_reader.stdout)) == (as_application.exit_code, _plain(as_application.stdout))
    assert as_reader.exit_code in (0, 1) and as_reader.stdout
    assert (rows(owner), files(team.home)) == before


def _plain(text: str) -> Any:
    """A document without the instant at which it was made."""
    found = json.loads(text)
    return {name: value for name, value in found.items() if name != "before"} if isinstance(found, dict) else found


def test_what_a_reader_finds_is_said_and_not_stored(team: Team, owner: psycopg.Connection[Any], reader: str) -> None:
    owner.execute("SET session_replication_role = replica")
    owner.execute("UPDATE fact SET actor = 'sam.lee' WHERE seq = 1")
    before = rows(owner)
    done = run(team, reader, "verify")
    assert (done.exit_code, "the column actor of fact 1" in done.stdout) == (1, True), done.output
    assert "The findings are not stored" in done.stderr
    assert rows(owner) == before


def test_a_role_that_may_only_read_is_refused_what_changes_something(
    team: Team, owner: psycopg.Connection[Any], reader: str
) -> None:
    before = rows(owner)
    opening = ("assessment_agreed", "--on", "2026-05-19", "--actor", "dco.team")
    done = run(team, reader, "record", CASE, *opening)
    assert done.exit_code != 0 and done.exception is not None
    assert rows(owner) == before


@pytest.mark.parametrize("words", LOOKS, ids=" ".join)
def test_an_earlier_revision_is_not_upgraded_and_the_program_that_can_read_it_is_named(
    team: Team, owner: psycopg.Connection[Any], words: tuple[str, ...]
) -> None:
    owner.execute("DROP INDEX config_held_kind")
    owner.execute("UPDATE alembic_version SET version_num = '009'")
    before = rows(owner)
    done = run(team, str(team.first.settings.database_url), *words)
    assert isinstance(done.exception, DatabaseUnusable) and done.exception.exit_code == 3
    said = str(done.exception)
    assert f"at revision 009, and this program reads revision {HEAD}. Nothing was changed" in said
    assert "The program that wrote it can read it" in said
    assert (rows(owner), done.stdout) == (before, "")


def test_due_needs_no_database(team: Team, owner: psycopg.Connection[Any]) -> None:
    owner.execute("UPDATE alembic_version SET version_num = '001'")
    before = rows(owner)
    done = run(team, str(team.first.settings.database_url), "due", "ehc_final_plan_send", "--on", "2026-02-02")
    assert (done.exit_code, "22 Jun" in done.stdout) == (0, True), done.output
    assert rows(owner) == before
