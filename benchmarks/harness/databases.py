"""Where records lie while they are measured: files of SQLite, or databases of one private PostgreSQL cluster. Both are
asked the same.

The cluster is sendflow's private one (runtime/local_postgres.py), with its safety against power cuts left on: a commit
is on the disk on both. It is made in SENDFLOW_HOME, or in the system's folder for temporary files where the server's
user may not reach the first.
"""

import dataclasses
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex
from typing import Any, NamedTuple, Protocol

import psycopg
from psycopg import sql

from benchmarks.harness.workload import TODAY, Workshop, insert_into, raw
from casework.context import AppContext
from config.settings import Settings
from models.database import open_engine, writing
from models.schema import create_or_upgrade_schema
from models.tables import METADATA
from runtime.local_postgres import LocalPostgres, LocalPostgresError

MADE = "made_once"
Rows = dict[str, list[tuple[Any, ...]]]
# What an act writes, in the order in which a ruler writes it again.
TABLES = tuple(
    name
    for name in (
        "fact",
        "case_file",
        "duty",
        "notice",
        "letter",
        "person",
        "passage",
        "alias",
        "import_file",
        "job_run",
    )
)


class Place(Protocol):
    """Makes contexts with empty records, gives the driver alone on the same records, and returns the rows that an act
    wrote.
    """

    name: str
    shop: Workshop

    def fresh(self) -> AppContext:
        """A context on new records, connected."""

    def empty(self) -> Any:
        """The driver's own connection to new records, under the settings that sendflow uses; no transaction is open."""

    def driver(self, context: AppContext) -> Any:
        """The driver's own connection to the records of a context."""

    def rows(self, context: AppContext, tables: Sequence[str] = TABLES, case: str | None = None) -> Rows:
        """Every row of some tables, or of one case, in the order in which they lie."""

    def write(self, connection: Any, rows: Rows) -> None:
        """The rawest way of writing rows: executemany of each table, in one transaction, committed."""

    def write_over(self, connection: Any, rows: Rows) -> None:
        """The same, where some of the rows stand there already under their keys."""

    def again(self, context: AppContext) -> AppContext:
        """A context on a copy of these records, which nobody has open; the originals do not change."""

    def bytes(self, context: AppContext) -> int:
        """The size of the records in bytes."""

    def done(self, context: AppContext) -> None:
        """Remove the records of a context."""

    def close(self, connection: Any) -> None:
        """Close a connection of `empty` and remove its records."""


class OnSqlite:
    """Files in the workshop's folder."""

    name = "sqlite"

    def __init__(self, shop: Workshop) -> None:
        self.shop = shop

    def fresh(self) -> AppContext:
        return self.shop.fresh_context()

    def empty(self) -> Any:
        return raw(self.shop.fresh_file())

    def driver(self, context: AppContext) -> Any:
        return raw(_file(context))

    def rows(self, context: AppContext, tables: Sequence[str] = TABLES, case: str | None = None) -> Rows:
        connection = sqlite3.connect(_file(context))
        only, given = ("", ()) if case is None else (" WHERE case_ref = ?", (case,))
        try:
            return {
                table: connection.execute(f"SELECT * FROM {table}{only} ORDER BY rowid", given).fetchall()
                for table in tables
            }
        finally:
            connection.close()

    def write(self, connection: Any, rows: Rows) -> None:
        connection.execute("BEGIN IMMEDIATE")
        for table, some in rows.items():
            insert_into(connection, table, some)
        connection.execute("COMMIT")

    def write_over(self, connection: Any, rows: Rows) -> None:
        connection.execute("BEGIN IMMEDIATE")
        for table, some in rows.items():
            word = "INSERT" if table in ("fact", "notice", "change_log") else "INSERT OR REPLACE"
            connection.executemany(f"{word} INTO {table} VALUES ({', '.join('?' * len(some[0]))})", some)
        connection.execute("COMMIT")

    def again(self, context: AppContext) -> AppContext:
        context.engine.dispose()
        with sqlite3.connect(_file(context)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.close()
        path = self.shop.fresh_file()
        shutil.copy(_file(context), path)
        return self.shop.fresh_context(path)

    def bytes(self, context: AppContext) -> int:
        return sum(each.stat().st_size for each in _files(_file(context)) if each.exists())

    def done(self, context: AppContext) -> None:
        context.engine.dispose()
        self.shop.done(_file(context))

    def close(self, connection: Any) -> None:
        path = Path(connection.execute("PRAGMA database_list").fetchone()[2])
        connection.close()
        self.shop.done(path)


class OnPostgresql:
    """Databases of one cluster, each a copy of one whose records were made once."""

    name = "postgres"

    def __init__(self, shop: Workshop, cluster: LocalPostgres) -> None:
        self.shop = shop
        self.cluster = cluster
        self._clean_ones: list[str] = []
        self._admin = psycopg.connect(cluster.url("postgres", "owner", "postgresql"), autocommit=True)
        cluster.database(MADE)
        context = AppContext.load(Settings(home=shop.folder, today=TODAY, database_url=cluster.url(MADE, "owner")))
        context.ensure_ruleset_active("bench")  # as in the workshop
        context.engine.dispose()
        with self._connect(MADE) as connection:
            self._made = {
                table: found
                for table in METADATA.tables
                if (found := connection.execute(sql.SQL("SELECT * FROM {}").format(sql.Identifier(table))).fetchall())
            }

    def fresh(self) -> AppContext:
        context = self._on(self._copy())
        context.ensure_ruleset_active("bench")
        with context.engine.connect(), writing(context.engine):
            return context

    def empty(self) -> Any:
        return self._connect(self._copy())

    def driver(self, context: AppContext) -> Any:
        return self._connect(str(context.engine.url.database))

    def rows(self, context: AppContext, tables: Sequence[str] = TABLES, case: str | None = None) -> Rows:
        only, given = ("", ()) if case is None else (" WHERE case_ref = %s", (case,))
        with self._connect(str(context.engine.url.database)) as connection:
            return {
                table: connection.execute(f"SELECT * FROM {table}{only} ORDER BY ctid", given).fetchall()
                for table in tables
            }

    def write(self, connection: Any, rows: Rows) -> None:
        with connection.cursor() as cursor:
            for table, some in rows.items():
                if some:
                    cursor.executemany(f"INSERT INTO {table} VALUES ({', '.join(['%s'] * len(some[0]))})", some)
        connection.commit()

    def write_over(self, connection: Any, rows: Rows) -> None:
        with connection.cursor() as cursor:
            for table, some in rows.items():
                statement = f"INSERT INTO {table} VALUES ({', '.join(['%s'] * len(some[0]))})"
                if table not in ("fact", "notice", "change_log"):
                    keys = ", ".join(column.name for column in METADATA.tables[table].primary_key)
                    statement += f" ON CONFLICT ({keys}) DO UPDATE SET " + ", ".join(
                        f'"{name}" = excluded."{name}"' for name in columns(table)
                    )
                cursor.executemany(statement, some)
        connection.commit()

    def again(self, context: AppContext) -> AppContext:
        rows = self.rows(context)
        again = self.fresh()
        with self.driver(again) as connection:
            self.copy(connection, rows)
        return again

    def copy(self, connection: Any, rows: Rows) -> None:
        """Rawer still: COPY of each table, in one transaction, committed."""
        with connection.cursor() as cursor:
            for table, some in rows.items():
                if some:
                    with cursor.copy(f"COPY {table} FROM STDIN") as copy:
                        for row in some:
                            copy.write_row(row)
        connection.commit()

    def bytes(self, context: AppContext) -> int:
        found = self._admin.execute("SELECT pg_database_size(%s)", (str(context.engine.url.database),)).fetchone()
        return int(found[0]) if found else 0

    def done(self, context: AppContext) -> None:
        context.engine.dispose()
        self._clean(str(context.engine.url.database))

    def close(self, connection: Any) -> None:
        name = connection.info.dbname
        connection.close()
        self._clean(name)

    @contextmanager
    def spare(self) -> Iterator[str]:
        """The address of an empty database for somebody else's tables; it is dropped afterwards, even while
        another session is connected.
        """
        name = f"peer_{token_hex(8)}"
        self._admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        try:
            yield self.cluster.url(name, "owner", "postgresql")
        finally:
            self._admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))

    def end(self) -> None:
        """Drop what was made once, which only the key of this workshop opens, and leave the cluster to be stopped."""
        self._admin.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(MADE)))
        self._admin.close()

    def _on(self, name: str) -> AppContext:
        engine = open_engine(self.cluster.url(name, "owner"))
        create_or_upgrade_schema(engine)  # as in the workshop: they are there
        context = dataclasses.replace(self.shop.context, engine=engine)
        context.__dict__.update(
            {
                name: value
                for name, value in self.shop.context.__dict__.items()
                if name in {"duty_rules", "dates_of", "law_version", "step_days"}
            }
        )
        return context

    def _connect(self, name: str) -> Any:
        return psycopg.connect(
            self.cluster.url(name, "owner", "postgresql"), options="-c timezone=UTC -c synchronous_commit=on"
        )

    def _copy(self) -> str:
        if self._clean_ones:
            return self._clean_ones.pop()
        name = f"bench_{token_hex(8)}"  # a cluster may have been measured on before
        self._admin.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(MADE))
        )
        return name

    def _clean(self, name: str) -> None:
        """Empty a database for the next: to drop one and make another takes the server a hundred times as long."""
        with self._connect(name) as connection:
            connection.execute(
                "SET session_replication_role = replica"
            )  # or the records' own triggers would forbid it, as they should
            mine = connection.execute(
                "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version'"
            ).fetchall()
            ours = {table for (table,) in mine} & METADATA.tables.keys()
            for theirs in {table for (table,) in mine} - ours:
                connection.execute(sql.SQL("DROP TABLE {}").format(sql.Identifier(theirs)))
            connection.execute(
                sql.SQL("TRUNCATE {} RESTART IDENTITY").format(sql.SQL(", ").join(map(sql.Identifier, sorted(ours))))
            )
            # What an installation has from its start: without its day, each act would look for one.
            self.copy(connection, self._made)
        self._clean_ones.append(name)


class Ground(NamedTuple):
    """Where things are measured. `postgres` is a line that says why where there is none; `only` names the one database
    that is asked for, if one is.
    """

    shop: Workshop
    sqlite: OnSqlite
    postgres: OnPostgresql | str
    only: str | None = None

    @property
    def places(self) -> list[OnSqlite | OnPostgresql]:
        """Those that there are and that were asked for."""
        here: list[OnSqlite | OnPostgresql] = (
            [self.sqlite] if isinstance(self.postgres, str) else [self.sqlite, self.postgres]
        )
        return [place for place in here if self.only in (None, place.name)]


@contextmanager
def ground(folder: Path, only: str | None = None) -> Iterator[Ground]:
    """Both places, in a folder for files that is removed by the caller."""
    shop = Workshop(folder)
    with postgresql(shop) as postgres:
        yield Ground(shop, OnSqlite(shop), postgres, only)


@contextmanager
def postgresql(shop: Workshop) -> Iterator[OnPostgresql | str]:
    """A running cluster; or one line that says why there is none, and that nothing of PostgreSQL was measured."""
    folders: list[Path] = []
    cluster: LocalPostgres | None = None
    why = ""
    try:
        for parent in (shop.folder.parent, Path(tempfile.gettempdir())):
            folders.append(Path(tempfile.mkdtemp(prefix="bench-pg-", dir=parent)))
            folders[-1].chmod(0o755)
            try:
                cluster = LocalPostgres(folders[-1] / "cluster")
                cluster.make()
                cluster.start()
                break
            except LocalPostgresError as problem:
                cluster, why = None, f"not measured: {problem}"
        if cluster is None:
            yield why
            return
        place = OnPostgresql(shop, cluster)
        try:
            yield place
        finally:
            place.end()
    finally:
        if cluster is not None:
            cluster.stop()
        for folder in folders:
            shutil.rmtree(folder)


def columns(table: str) -> list[str]:
    """The names of a table's columns, in order."""
    return list(METADATA.tables[table].columns.keys())


def _file(context: AppContext) -> Path:
    return Path(str(context.engine.url.database))


def _files(path: Path) -> tuple[Path, Path, Path]:
    return path, path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm")
