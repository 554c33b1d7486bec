"""Copies the database of an installation from its SQLite file to PostgreSQL: every row, and every fact to the byte.

The file is locked while it is read. The rows of both databases are compared and the whole history is verified on the
server before the file is marked as moved; from then on no program writes to it. If a step fails, the installation goes
on with its file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from hashlib import sha256
from typing import Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Connection, Engine, Table, func, select, text
from sqlalchemy.exc import SQLAlchemyError

from audit.verify import verify
from casework.context import AppContext
from config.database_cause import cause_here
from config.settings import Settings
from models.bulk_io import driver_cursor
from models.database import COPIED, is_postgresql, open_engine, sqlite_url, writing
from models.errors import DatabaseUnusable, SendflowError
from models.schema import HEAD, create_or_upgrade_schema, revision
from models.tables import METADATA
from runtime.instance_lock import AlreadyRunning, only_supervisor

PIECE = 5_000


class CannotCopy(SendflowError, RuntimeError):
    """The records were not moved; the text is one line that says why and what to do. The file is as it was."""

    default_code = "database_not_copied"


class CopyReport(BaseModel):
    """What was moved: rows by table, and the head of the history, the same on both sides."""

    model_config = ConfigDict(frozen=True)
    rows: dict[str, int]
    cases: int
    facts: int
    head: str


def copy_to_postgresql(settings: Settings, say: Callable[[str], None]) -> CopyReport:
    """Move the records of SENDFLOW_HOME's file to the server that `settings` name, which has to be empty. Raises
    CannotMove.
    """
    if settings.database_url is None:
        raise CannotCopy(
            "no server is named. Set SENDFLOW_DATABASE_URL, as in postgresql+psycopg://sendflow@db.icb.example/sendflow"
        )
    if not settings.records.exists():
        raise CannotCopy(
            f"there is no SQLite database in {settings.home}. Name the folder of the installation, as in"
            " SENDFLOW_HOME=./var"
        )
    here = replace(settings, database_url=None, owner_url=None)
    source, target = open_engine(sqlite_url(settings.home)), open_engine(settings.owner_url or settings.database_url)
    try:
        with only_supervisor(settings.home):
            _check(source, target, settings)
            with writing(source) as old:
                before = _verified(here, "the file")
                rows = _copy_all(old, target, say)
                after = _verified(settings, "the server")
                if (before.head, before.facts, before.cases) != (after.head, after.facts, after.cases):
                    raise CannotCopy(
                        "the head of the history is not the same on the server: empty that database, and keep the file"
                    )
                old.execute(text("UPDATE alembic_version SET version_num = :moved"), {"moved": COPIED})
    except AlreadyRunning:
        raise CannotCopy(f"sendflow is running (SENDFLOW_HOME={settings.home}). Stop it first") from None
    except (DatabaseUnusable, SQLAlchemyError) as problem:
        known = cause_here(problem, settings)
        why = (
            f"{known.named}: {known.fix}"
            if known
            else "one of the two databases cannot be read or written just now, or the role may not"
        )
        raise CannotCopy(str(problem) if isinstance(problem, DatabaseUnusable) else why) from None
    finally:
        source.dispose()
        target.dispose()
    return CopyReport(rows=rows, cases=after.cases, facts=after.facts, head=after.head)


def _check(source: Engine, target: Engine, settings: Settings) -> None:
    if not is_postgresql(target):
        raise CannotCopy("records are moved to a PostgreSQL server only")
    if (at := revision(source)) != HEAD:
        other = "the file is at another revision than this program: run sendflow migrate on it first"
        raise CannotCopy("these records were moved before" if at == COPIED else other)
    application = open_engine(str(settings.database_url))
    try:
        create_or_upgrade_schema(application, settings.owner_url)
    finally:
        application.dispose()
    with target.connect() as new:
        filled = [table.name for table in _tables() if new.execute(select(table).limit(1)).first() is not None]
    if filled:
        raise CannotCopy(
            f"the database on the server is not empty (it has rows in {', '.join(filled)}): name one that is"
        )


def _verified(settings: Settings, where: str) -> Any:
    context = AppContext.load(settings)
    try:
        report = verify(context)
    finally:
        context.engine.dispose()
    if not report.intact:
        raise CannotCopy(
            f"the history in {where} does not verify, and is not moved as it is: sendflow verify names what is wrong"
        )
    return report


def _tables() -> list[Table]:
    return list(METADATA.sorted_tables)


def _copy_all(old: Connection, target: Engine, say: Callable[[str], None]) -> dict[str, int]:
    """Every table in one transaction of the server's: all of it is there, or nothing."""
    rows: dict[str, int] = {}
    with target.begin() as new:
        for table in _tables():
            rows[table.name] = _copy(old, new, table)
            if _digest(old, table) != _digest(new, table):
                raise CannotCopy(
                    f"the rows of {table.name} came back from the server otherwise than they were: nothing was moved"
                )
            _number_on(new, table)
            say(f"{table.name}: {rows[table.name]} rows")
    return rows


def _rows(connection: Connection, table: Table) -> Iterator[tuple[Any, ...]]:
    """The rows in the order of their keys, which is by bytes on both databases, some at a time."""
    with closing(
        connection.execution_options(yield_per=PIECE).execute(select(table).order_by(*table.primary_key.columns))
    ) as found:
        for row in found:
            yield tuple(row)


def _copy(old: Connection, new: Connection, table: Table) -> int:
    count = 0
    names = ", ".join(f'"{name}"' for name in table.columns.keys())  # noqa: SIM118 (itself gives columns)
    with driver_cursor(new) as cursor, cursor.copy(f'COPY "{table.name}" ({names}) FROM STDIN') as copy:
        for row in _rows(old, table):
            copy.write_row(row)
            count += 1
    return count


def _digest(connection: Connection, table: Table) -> str:
    made = sha256()
    for row in _rows(connection, table):
        made.update(
            repr([bytes(each) if isinstance(each, memoryview) else each for each in row]).encode(
                "utf-8", "surrogatepass"
            )
        )
    return made.hexdigest()


def _number_on(new: Connection, table: Table) -> None:
    """Where the server gives numbers by itself, it goes on after the highest that came."""
    for column in table.primary_key.columns:
        where = {"name": table.name, "column": column.name}
        sequence = new.scalar(text("SELECT pg_get_serial_sequence(:name, :column)"), where)
        highest = new.scalar(select(func.max(column))) if sequence is not None else None
        if highest is not None:
            new.execute(text("SELECT setval(:sequence, :highest)"), {"sequence": sequence, "highest": highest})
