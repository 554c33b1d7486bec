"""Verification names each attack on a database of PostgreSQL. The owner of the database does them past the triggers."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import psycopg
import pytest
from psycopg import sql

from audit.verify import VerifyReport, verify
from models.database import open_engine
from models.tables import METADATA
from runtime.local_postgres import LocalPostgres
from tests.audit.every_table import filled_team
from tests.audit.test_every_column import COLUMNS, TODAY, other, rows_to_change
from tests.support.paths import ROOT
from tests.support.team import Team
from tests.system.faults.tampering import ATTACKS, NAMED, SCHEMA, TRIGGER, Attack
from tests.system.faults.tampering_since import MORE, WINDOWS, Named, Window

Tampered = Callable[..., VerifyReport]


WHOLE = "attacked_whole"


@pytest.fixture(scope="module")
def filled(
    tmp_path_factory: pytest.TempPathFactory, database: Callable[..., str], postgres: LocalPostgres
) -> Iterator[Team]:
    """An installation with rows in every table; a copy of its database is beside it."""
    team = filled_team(Team(tmp_path_factory.mktemp("attacked") / "var", database_url=database()))
    team.first.engine.dispose()
    with psycopg.connect(postgres.url("postgres", "owner", "postgresql"), autocommit=True) as admin:
        _copy(admin, str(team.first.engine.url.database), WHOLE)
    yield team
    team.first.engine.dispose()


def _copy(admin: psycopg.Connection[Any], name: str, to: str) -> None:
    copy = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY")
    admin.execute(copy.format(sql.Identifier(to), sql.Identifier(name)))


Rows = dict[str, list[tuple[Any, ...]]]
TOUCHED = """
SELECT relname FROM pg_stat_xact_user_tables WHERE schemaname = 'public' AND n_tup_ins + n_tup_upd + n_tup_del > 0
"""


@pytest.fixture(scope="module")
def tampered(filled: Team, postgres: LocalPostgres) -> Iterator[Tampered]:
    """Do something to the database, past the triggers, verify it, and put the rows back."""
    context = filled.context(TODAY)
    url = postgres.url(str(filled.first.engine.url.database), "owner", "postgresql")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")
        whole = {table: rows_of(connection, table) for table in (*METADATA.tables, "alembic_version")}

        def execute(statement: str, given: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
            cursor = connection.execute(statement.encode(), given or None)
            return list(cursor.fetchall()) if cursor.description else []

        def tamper(*deeds: Any) -> VerifyReport:
            with connection.transaction():
                for deed in deeds:
                    execute(deed) if isinstance(deed, str) else deed(execute)
                touched = [name for (name,) in execute(TOUCHED)]
            try:
                return verify(context)
            finally:
                put_back(connection, {table: whole[table] for table in touched})

        yield tamper
        assert {table: rows_of(connection, table) for table in whole} == whole


def rows_of(connection: psycopg.Connection[Any], table: str) -> list[tuple[Any, ...]]:
    """Every row of a table, in the order of its columns."""
    return sorted(connection.execute(f"SELECT * FROM {table}".encode()).fetchall(), key=repr)


def put_back(connection: psycopg.Connection[Any], whole: Rows) -> None:
    """Give these tables the rows that they had."""
    with connection.transaction():
        for table, rows in whole.items():
            connection.execute(f"DELETE FROM {table}".encode())
            with connection.cursor().copy(f"COPY {table} FROM STDIN".encode()) as copy:
                for row in rows:
                    copy.write_row(row)


@pytest.fixture
def altered(filled: Team, postgres: LocalPostgres) -> Callable[[str], VerifyReport]:
    """Run a statement on a copy of the database, and verify the copy."""

    def alter(statement: str) -> VerifyReport:
        with psycopg.connect(postgres.url("postgres", "owner", "postgresql"), autocommit=True) as admin:
            _copy(admin, WHOLE, "altered")
            with psycopg.connect(postgres.url("altered", "owner", "postgresql"), autocommit=True) as connection:
                connection.execute(statement.encode())
            engine = open_engine(postgres.url("altered", "owner"))
            try:
                return verify(replace(filled.context(TODAY), engine=engine))
            finally:
                engine.dispose()
                admin.execute("DROP DATABASE altered")

    return alter


def test_nothing_is_found_where_nothing_was_done(tampered: Tampered) -> None:
    assert tampered().damage == []


@pytest.mark.parametrize("attack", ATTACKS, ids=[f"{each.number} {each.name}" for each in ATTACKS])
def test_an_attack_is_named(tampered: Tampered, attack: Attack) -> None:
    report = tampered(*attack.deeds)
    assert attack.wanted in {each.what for each in report.damage}
    named = {(each.case_ref, each.seq) for each in report.damage if each.what == "log"}
    assert attack.number not in NAMED or NAMED[attack.number] in named, report.damage


@pytest.mark.parametrize("attack", MORE, ids=[f"{each.number} {each.name}" for each in MORE])
def test_an_attack_is_named_by_case_and_fact(tampered: Tampered, attack: Named) -> None:
    report = tampered(*attack.deeds)
    found = {(each.what, each.case_ref, each.seq if attack.fact else None) for each in report.damage}
    assert (attack.what, attack.case, attack.fact) in found, report.damage


@pytest.mark.parametrize("window", WINDOWS, ids=[f"{each.number} {each.name}" for each in WINDOWS])
def test_what_is_not_named_yet_is_in_the_page_on_security(tampered: Tampered, window: Window) -> None:
    assert tampered(*window.deeds).damage == []
    assert window.said in (ROOT / "SECURITY.md").read_text("utf-8")


@pytest.mark.parametrize(
    ("statement", "said"),
    [(TRIGGER["postgresql"], "the trigger redirect"), *((each[1], each[2]) for each in SCHEMA)],
    ids=["an extra trigger", *(each[0] for each in SCHEMA)],
)
def test_another_schema_is_named(altered: Callable[[str], VerifyReport], statement: str, said: str) -> None:
    report = altered(statement)
    assert any(said in each.message for each in report.damage if each.what == "schema"), report.damage


def test_one_changed_value_is_found_in_every_column(filled: Team, postgres: LocalPostgres) -> None:
    """Each value is changed, looked for and changed back, in one database. `make test` does it to an eighth of the
    columns: tests/audit/test_every_column.py has all of them on SQLite.
    """
    context = filled.context(TODAY)
    owner = postgres.url(str(context.engine.url.database), "owner", "postgresql")
    unfound = []
    with psycopg.connect(owner, autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")
        for table, column in COLUMNS if "ROUNDS" in os.environ else COLUMNS[::8]:
            described = METADATA.tables[table]
            rows = connection.execute(sql.SQL("SELECT * FROM {}").format(sql.Identifier(table))).fetchall()
            names = [each.name for each in connection.execute(f"SELECT * FROM {table} LIMIT 0").description or ()]
            for chosen in rows_to_change(rows, names.index(column)):
                row = dict(zip(names, chosen, strict=True))
                value = other(described, column, row[column])
                keys = {key.name: row[key.name] for key in described.primary_key}
                _update(connection, table, column, value, keys)
                if verify(context).intact:
                    unfound.append(f"{table}.{column}")
                _update(connection, table, column, row[column], keys | ({column: value} if column in keys else {}))
    assert unfound == [] and verify(context).intact


def _update(connection: psycopg.Connection[Any], table: str, column: str, value: Any, keys: dict[str, Any]) -> None:
    where = sql.SQL(" AND ").join(sql.SQL("{} = %s").format(sql.Identifier(name)) for name in keys)
    statement = sql.SQL("UPDATE {} SET {} = %s WHERE {}").format(sql.Identifier(table), sql.Identifier(column), where)
    assert connection.execute(statement, (value, *keys.values())).rowcount == 1
