"""The engine, its pragmas, the making of the records, and the triggers that keep the fact table append-only. [I/O]

SQLite: WAL, synchronous FULL (a statutory record), IMMEDIATE transactions, foreign keys, recursive triggers (INSERT OR REPLACE
walks past delete triggers without them). SQL here is written so that PostgreSQL accepts it too; what differs stands in this file.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, inspect, text
from sqlmodel import SQLModel

from models import tables
from models.rows import driver_cursor

BUSY_MILLISECONDS = 30_000
CACHE_KIBIBYTES = 16_384  # of pages for each connection; the default of 2,000 is read over and over by a verify
PRAGMAS = (
    "journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "recursive_triggers=ON",
    f"busy_timeout={BUSY_MILLISECONDS}", "secure_delete=ON", f"cache_size=-{CACHE_KIBIBYTES}",
)  # fmt: skip
KEPT = ("fact", "anchor", "person_read", "adoption")
REFUSED = "is append-only: record a fact_corrected or fact_withdrawn instead"


def open_engine(url: str) -> Engine:
    """An engine for `url`, for example sqlite:///var/sendflow.db. Nothing is created yet."""
    # Every connection is used in a block that commits or rolls back, so the pool need not roll back once more. Errors never repeat values.
    engine = create_engine(url, pool_pre_ping=not url.startswith("sqlite"), pool_reset_on_return=None, hide_parameters=True)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _set_pragmas)
        event.listen(engine, "begin", _begin_immediate)
    return engine


def _set_pragmas(connection: Any, _record: Any) -> None:
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in PRAGMAS:
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_immediate(connection: Connection) -> None:
    mode = "DEFERRED" if connection.get_execution_options().get("sendflow_reading") else "IMMEDIATE"
    with driver_cursor(connection) as cursor:
        cursor.execute(f"BEGIN {mode}")


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """One transaction that may write; committed at the end, undone on any exception."""
    with engine.begin() as connection:
        yield connection


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """One consistent view that takes no write lock."""
    with engine.connect().execution_options(sendflow_reading=True) as connection:
        yield connection


def triggers(dialect: str) -> dict[str, str]:
    """The statements that make the triggers, by trigger name; verify reports a missing one."""
    made: dict[str, str] = {}
    for table in KEPT:
        for act in ("UPDATE", "DELETE"):
            name = f"{table}_no_{act.lower()}"
            if dialect == "sqlite":
                made[name] = (
                    f"CREATE TRIGGER {name} BEFORE {act} ON {table} BEGIN SELECT RAISE(ABORT, '{table} {REFUSED}'); END"
                )
            else:
                made[name] = (
                    f"CREATE TRIGGER {name} BEFORE {act} ON {table} FOR EACH ROW EXECUTE FUNCTION sendflow_append_only()"
                )
    return made


def make_records(engine: Engine) -> None:
    """Create what is missing: tables, indexes and triggers. Running it again changes nothing."""
    with writing(engine) as connection:
        if inspect(connection).has_table("tick") and not missing_triggers(connection):
            return
        made = [table for table in KEPT if not inspect(connection).has_table(table)]
        SQLModel.metadata.create_all(connection)
        if engine.dialect.name == "postgresql":
            connection.execute(text(
                "CREATE OR REPLACE FUNCTION sendflow_append_only() RETURNS trigger LANGUAGE plpgsql AS "
                f"$$ BEGIN RAISE EXCEPTION '% {REFUSED}', TG_TABLE_NAME; END $$"
            ))  # fmt: skip
        # Of a table that was there already: a trigger that is gone was taken away, which verify says and nothing here mends.
        for name, statement in triggers(engine.dialect.name).items():
            if name.rpartition("_no_")[0] in made:
                connection.execute(text(statement))


def missing_triggers(connection: Connection) -> list[str]:
    """Names of the append-only triggers that are not there, or that do something else under the name."""
    present = _present(connection)
    wanted = triggers(connection.dialect.name)
    if connection.dialect.name == "sqlite":
        return [name for name, statement in wanted.items() if present.get(name) != statement]
    return [name for name in wanted if name not in present]


def _present(connection: Connection) -> dict[str, str]:
    if connection.dialect.name == "sqlite":
        query = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"
    else:
        query = "SELECT tgname, '' FROM pg_trigger WHERE NOT tgisinternal"
    return {row[0]: row[1] for row in connection.execute(text(query))}


def sqlite_url(home: Path) -> str:
    """Where the embedded records stand."""
    return f"sqlite:///{home / 'sendflow.db'}"


__all__ = ["make_records", "missing_triggers", "open_engine", "reading", "sqlite_url", "tables", "triggers", "writing"]
