"""The records' shape: one newest revision on both databases, no drift, and upwards from every revision with what was in
it.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache
from itertools import count, pairwise
from pathlib import Path
from shutil import copyfile

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from psycopg import sql
from sqlalchemy import Engine, text

from config.process_environment import child_environment
from config.settings import Settings
from models.access_rows import ALL_ROWS
from models.append_only import missing_triggers
from models.database import open_engine, reading, writing
from models.errors import DatabaseUnusable
from models.schema import HEAD, MIGRATIONS, create_or_upgrade_schema, revision, upgrade
from models.schema_revision import revision_of_tables
from runtime.local_postgres import LocalPostgres
from tests.support import fork_server
from tests.support.earlier_schema import back_to_002, fill, missing, rows_of
from tests.support.team import Team

Databases = Callable[..., str]


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a database in which there is nothing yet."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'empty.db'}"
    database: Databases = request.getfixturevalue("database")
    return database(empty=True)


def scripts() -> ScriptDirectory:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    return ScriptDirectory.from_config(config)


def revisions(database: str) -> list[str]:
    """The revisions from which a database is upgraded, the earliest first. `make suite` has each on SQLite, and a
    quarter on PostgreSQL; `make faults` has each on both.
    """
    every = [each.revision for each in reversed(list(scripts().walk_revisions()))]
    return every if database == "sqlite" or "ROUNDS" in os.environ else every[::4]


class Walked:
    """Databases of each revision, to copy: one was walked up, revision by revision."""

    def __init__(self, database: str, folder: Path, postgres: LocalPostgres) -> None:
        self._sqlite, self._folder, self._postgres = database == "sqlite", folder, postgres
        self._numbers = count(1)
        for before, each in pairwise(["nothing", *revisions(database)]):
            engine = open_engine(self._copied(each, before))
            with writing(engine) as connection:
                upgrade(connection, each)
            engine.dispose()

    def made(self, revision: str) -> str:
        """Make a database of a revision, and give its address."""
        return self._copied(f"{revision}_{next(self._numbers)}", revision)

    def _copied(self, name: str, of: str) -> str:
        if self._sqlite:
            if of != "nothing":
                copyfile(self._folder / f"{of}.db", self._folder / f"{name}.db")
            return f"sqlite:///{self._folder / f'{name}.db'}"
        template = "template1" if of == "nothing" else f"revision_{of}"
        copy = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY")
        with psycopg.connect(self._postgres.url("postgres", "owner", "postgresql"), autocommit=True) as connection:
            connection.execute(copy.format(sql.Identifier(f"revision_{name}"), sql.Identifier(template)))
        return self._postgres.url(f"revision_{name}", "owner")


@pytest.fixture(scope="module")
def at_revision(tmp_path_factory: pytest.TempPathFactory, postgres: LocalPostgres) -> Callable[[str, str], str]:
    """Return a function that makes an SQLite file, or a database of PostgreSQL, of a revision and gives its address."""

    @cache
    def walked(database: str) -> Walked:
        return Walked(database, tmp_path_factory.mktemp("revisions"), postgres)

    return lambda database, revision: walked(database).made(revision)


def drift(engine: Engine) -> list[object]:
    def ours(_thing: object, name: str | None, kind: str, _reflected: bool, _compared: object) -> bool:
        return (kind, name) != ("table", "alembic_version")

    with reading(engine) as connection:
        return list(
            compare_metadata(
                MigrationContext.configure(connection, opts={"compare_type": True, "include_object": ours}),
                ALL_ROWS,
            )
        )


def test_the_newest_revision_is_the_one_that_the_program_asks_for() -> None:
    assert scripts().get_heads() == [HEAD]


def test_each_revision_is_known_by_what_it_was_the_first_to_make(empty: str) -> None:
    engine = open_engine(empty)
    for each in reversed(list(scripts().walk_revisions())):
        with writing(engine) as connection:
            upgrade(connection, each.revision)
            assert revision_of_tables(connection) == each.revision
    engine.dispose()


def test_the_revisions_make_what_the_program_declares_and_autogenerate_finds_no_drift(empty: str) -> None:
    engine = open_engine(empty)
    assert revision(engine) is None
    create_or_upgrade_schema(engine)
    assert revision(engine) == HEAD
    assert drift(engine) == []
    with reading(engine) as connection:
        assert missing_triggers(connection) == []
    engine.dispose()


def test_text_is_ordered_by_its_bytes_under_every_locale_of_the_server(empty: str) -> None:
    engine = open_engine(empty)
    create_or_upgrade_schema(engine)
    with writing(engine) as connection:
        for mailbox in ("a@x", "B@x", "_@x", "é@x", "AB@x", "A-B@x"):
            connection.execute(text("INSERT INTO alias VALUES (:m, 'NX90001')"), {"m": mailbox})
        found = list(connection.exec_driver_sql("SELECT digest FROM alias ORDER BY digest").scalars())
    assert found == sorted(found)
    engine.dispose()


def test_migrate_makes_the_tables_of_an_empty_database(empty: str, tmp_path: Path) -> None:
    url = None if empty.startswith("sqlite") else empty
    environment = child_environment(Settings(home=tmp_path / "var", database_url=url)) | {
        "SENDFLOW_TODAY": "2026-04-14"
    }
    done = fork_server.sendflow("migrate", "--json", env=environment)
    assert done.returncode == 0, done.stderr
    engine = open_engine(url or f"sqlite:///{tmp_path / 'var' / 'sendflow.db'}")
    assert revision(engine) == HEAD
    engine.dispose()


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Team:
    """An installation with a case, letters and runs, from whose rows those of an earlier revision are made."""
    folder = tmp_path_factory.mktemp("lived")
    team = with_letters(f"sqlite:///{folder / 'lived.db'}", folder)
    team.sweep("15 Apr 2026")
    return team


@pytest.mark.parametrize(
    ("database_of", "since"),
    [(database, since) for database in ("sqlite", "postgresql") for since in revisions(database)],
)
def test_upwards_from_every_revision_with_data_in_it_nothing_is_lost(
    at_revision: Callable[[str, str], str], lived: Team, database_of: str, since: str
) -> None:
    """The database has rows before it is upgraded, and all of them afterwards, with the values that they had."""
    with reading(lived.first.engine) as connection:
        rows = rows_of(connection)
    engine = open_engine(at_revision(database_of, since))
    with writing(engine) as connection:
        assert revision(engine) == since
        written = fill(connection, rows)
    assert {"fact", "case_file", "duty", "notice", "letter", "job_run"} <= written.keys()
    create_or_upgrade_schema(engine)
    assert revision(engine) == HEAD
    with reading(engine) as connection:
        assert missing(written, rows_of(connection)) == {}
    engine.dispose()


def test_revision_003_renames_projections_and_preserves_every_row(empty: str, tmp_path: Path) -> None:
    """A database of revision 002 with a case in it: the new names hold the old values, on both databases."""
    team = with_letters(empty, tmp_path)
    before, runs = team.dump(), job_runs(team.first.engine)
    with writing(team.first.engine) as connection:
        back_to_002(connection)
    with reading(team.first.engine) as connection:
        query = "SELECT opened_on, look_on, looked_under FROM duty ORDER BY case_ref, rule, opened_seq"
        earlier = [tuple(row) for row in connection.execute(text(query))]
    upgraded = open_engine(empty)
    create_or_upgrade_schema(upgraded)
    assert revision(upgraded) == HEAD
    with reading(upgraded) as connection:
        query = "SELECT started_on, next_check_on, evaluated_under FROM duty ORDER BY case_ref, rule, opened_seq"
        assert [tuple(row) for row in connection.execute(text(query))] == earlier != []
    assert drift(upgraded) == []
    assert job_runs(upgraded) == runs != []
    upgraded.dispose()
    assert team.dump() == before
    team.sweep("15 Apr 2026")
    assert len(job_runs(team.first.engine)) == len(runs) + 1, "the table numbers its rows on from where it was"
    assert team.verify("15 Apr 2026").intact
    team.first.engine.dispose()


def test_a_database_from_before_there_were_revisions_is_taken_as_it_is(empty: str, tmp_path: Path) -> None:
    """And a trigger that somebody dropped stays away, so that verify reports it."""
    team = with_letters(empty, tmp_path)
    before = team.dump()
    with writing(team.first.engine) as connection:
        back_to_002(connection)
        connection.exec_driver_sql("DROP TABLE alembic_version")
        connection.exec_driver_sql("DROP TRIGGER fact_no_update" + ("" if empty.startswith("sqlite") else " ON fact"))
    create_or_upgrade_schema(team.first.engine)
    assert revision(team.first.engine) == HEAD
    assert team.dump() == before
    report = team.verify("15 Apr 2026")
    assert [damage.what for damage in report.damage] == ["trigger"]
    team.first.engine.dispose()


def job_runs(engine: Engine) -> list[tuple[object, ...]]:
    with reading(engine) as connection:
        return [tuple(row) for row in connection.execute(text("SELECT * FROM job_run ORDER BY id"))]


def test_records_of_a_later_version_are_left_alone(empty: str) -> None:
    engine = open_engine(empty)
    create_or_upgrade_schema(engine)
    with writing(engine) as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '999'")
    with pytest.raises(DatabaseUnusable, match="later version of sendflow"):
        create_or_upgrade_schema(engine)
    assert revision(engine) == "999"
    engine.dispose()


def with_letters(url: str, tmp_path: Path) -> Team:
    """An installation with a case that has a request, escalation facts and letters."""
    home = tmp_path / "lived"
    if url.startswith("sqlite"):
        home.mkdir()
        Path(url.removeprefix("sqlite:///")).touch()
        (home / "sendflow.db").symlink_to(url.removeprefix("sqlite:///"))
    team = Team(home, database_url=None if url.startswith("sqlite") else url)
    team.opened("2 Feb 2026").asked("2 Mar 2026")
    team.day("14 Apr 2026")
    return team


@pytest.mark.parametrize("encoding", ["SQL_ASCII", "LATIN1"])
def test_a_database_that_cannot_hold_every_name_is_refused_before_anything_is_made(
    postgres: LocalPostgres, encoding: str
) -> None:
    name = f"in_{encoding.lower()}"
    with psycopg.connect(postgres.url("postgres", "owner", "postgresql"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} ENCODING '{encoding}' LOCALE 'C' TEMPLATE template0")
    engine = open_engine(postgres.url(name, "owner"))
    with pytest.raises(DatabaseUnusable, match="database is not in UTF-8"):
        create_or_upgrade_schema(engine)
    assert revision(engine) is None
    engine.dispose()
