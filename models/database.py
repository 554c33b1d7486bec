"""The engine and its settings, transactions and locks, and the making of the records. [I/O]

SQLite: WAL, synchronous FULL (a statutory record), IMMEDIATE transactions, foreign keys, recursive triggers (INSERT OR
REPLACE walks past delete triggers without them); a writer is alone, so that every lock below is nothing there.
PostgreSQL: read committed for who writes and locks the cases it opens, one snapshot for who reads. What differs between
the two stands in this room (here, in `rows` and in `guards`) and nowhere else.
"""

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event, inspect, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, OperationalError, ProgrammingError

from models import tables
from models.append_only import grants, missing_triggers, triggers
from models.bulk_io import run
from models.database_errors import cause
from models.errors import DatabaseUnusable, SendflowError

BUSY_MILLISECONDS = 30_000
# of pages for each connection; the default of 2,000 is read over and over by a verify
CACHE_KIBIBYTES = 16_384
PRAGMAS = (
    f"busy_timeout={BUSY_MILLISECONDS}",
    "synchronous=FULL",
    "foreign_keys=ON",
    "recursive_triggers=ON",
    "secure_delete=ON",
    f"cache_size=-{CACHE_KIBIBYTES}",
)
# A commit is on the disk before it is said to be done, whatever the server's own default; days and instants
# are never
# turned by a zone.
SERVER = (
    f"-c timezone=UTC -c synchronous_commit=on -c lock_timeout={BUSY_MILLISECONDS} -c"
    " idle_in_transaction_session_timeout=600000"
)
HEAD = "006"  # the newest revision under models/migrations/versions; a test holds it to that
MOVED = "moved"  # in the revision's place in a file whose records are on a server now
MIGRATIONS = Path(__file__).parent / "migrations"
CONTENDED = {
    "23505",
    "40001",
    "40P01",
    "55P03",
}  # a unique key was taken first, serialisation, deadlock, a lock not given in time
ATTEMPTS = 4
LEDGER = "ledger"
# A server that the network has lost is given up after half a minute; by the kernel's own reckoning it would
# be hours.
LOST = {
    "keepalives": 1,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 4,
    "tcp_user_timeout": BUSY_MILLISECONDS,
}
KEPT = "sendflow_kept"  # on an engine of SQLite: see `_transaction`
READ_ONLY = "sendflow_read_only"  # on an engine: see `models.read_only`
MADE = "sendflow_made"  # on an engine: the revision that its records were found at
# on a connection that writes: the number of the law that holds as the transaction begins
LAW = "sendflow_law"
# on a connection that writes: the last simulated day that was stored as the transaction began
CLOCK = "sendflow_clock"
STANDING = (
    "SELECT version_num, (SELECT max(number) FROM law_held),"
    " (SELECT day FROM clock_setting ORDER BY number DESC LIMIT 1) FROM alembic_version"
)
MOVED_AWAY = (
    "the records of this house were moved to a server: set SENDFLOW_DATABASE_URL to it; the file is left as it was"
)
OVERTAKEN = (
    "the records have meanwhile been brought up to date by a later version of sendflow, and this program writes nothing"
    " more to them: bring the program up to date and start it again"
)

Done = TypeVar("Done")


class Contended(SendflowError, RuntimeError):
    """Other writers were first with the same cases, time after time. Nothing was written."""

    default_code = "contended"


def open_engine(url: str) -> Engine:
    """An engine for `url`, for example sqlite:///var/sendflow.db or postgresql+psycopg://sendflow@127.0.0.1/sendflow.
    Nothing is created yet.
    """
    # Every connection is used in a block that commits or rolls back, so the pool need not roll back once
    # more. Errors
    # never repeat values.
    if url.startswith("sqlite"):
        engine = create_engine(url, pool_reset_on_return=None, hide_parameters=True)
        event.listen(engine, "connect", _set_pragmas)
        event.listen(engine, "begin", _begin)
        event.listen(engine, "engine_disposed", _keep_none)
        _keep_none(engine)
        return engine
    given: dict[str, Any] = {"application_name": "sendflow"} if "application_name" not in make_url(url).query else {}
    given |= {"options": SERVER, "client_encoding": "UTF8", "connect_timeout": 10, **LOST}
    return create_engine(url, pool_pre_ping=True, pool_reset_on_return=None, hide_parameters=True, connect_args=given)


def _keep_none(engine: Engine) -> None:
    """Close what this thread keeps; other threads' connections end with them, or with the engine."""
    kept = engine.__dict__.pop(KEPT, None)
    if kept is not None and kept.connection is not None:
        kept.connection.invalidate()
        kept.connection.close()
    engine.__dict__[KEPT] = _Kept()


def _set_pragmas(connection: Any, _record: Any) -> None:
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in PRAGMAS:
        cursor.execute(f"PRAGMA {pragma}")
    _write_ahead(cursor)
    cursor.close()


def _write_ahead(cursor: Any) -> None:
    """Switch to WAL, once for a file. Two that come first at once: SQLite does not wait for the other here,
    so we do.
    """
    until = time.monotonic() + BUSY_MILLISECONDS / 1000
    while cursor.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError:
            if time.monotonic() > until:
                raise
            time.sleep(0.02)


def _begin(connection: Connection) -> None:
    run(connection, "BEGIN DEFERRED" if is_reading(connection) else "BEGIN IMMEDIATE")


def is_reading(connection: Connection) -> bool:
    """Whether this connection was opened by `reading`."""
    return bool(connection.get_execution_options().get("sendflow_reading"))


def is_read_only(bound: Engine | Connection) -> bool:
    """Whether this database was opened by `open_read_only`."""
    return bool(bound.get_execution_options().get(READ_ONLY))


class _Kept(threading.local):
    """The connection that each thread keeps to write to SQLite with."""

    connection: Connection | None = None


class _transaction:
    """One transaction: committed at the end, undone on any exception.

    On SQLite a thread keeps the connection that it writes with, which to SQLAlchemy is in one transaction for good: to
    fetch a connection and give it back, and to make an object of each transaction, costs as much as reading a case. A
    class, because a generator in its place costs more than the statements that it guards.
    """

    __slots__ = ("_connection", "_engine", "_kept")

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def __enter__(self) -> Connection:
        kept: _Kept | None = self._engine.__dict__.get(KEPT)
        connection = kept.connection if kept is not None else None
        if connection is not None and _driver(connection).in_transaction:
            kept = connection = None
        if connection is None:
            connection = self._engine.connect()
            if kept is not None:
                kept.connection = connection
        self._connection, self._kept = connection, kept
        try:
            if connection.in_transaction():
                _begin(connection)
            else:
                connection.begin()
        except BaseException:
            self._let_go()
            raise
        return connection

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        connection = self._connection
        try:
            if self._kept is not None:
                _end(connection, well=kind is None)
            elif kind is None:
                connection.commit()
            else:
                connection.rollback()
        except BaseException:
            self._let_go()
            raise
        if self._kept is None:
            connection.close()

    def _let_go(self) -> None:
        """After a fault of the database itself nothing is kept: who comes next begins with a fresh connection."""
        self._connection.close()
        if self._kept is not None:
            self._kept.connection = None


def _driver(connection: Connection) -> Any:
    return connection.connection.dbapi_connection


def _end(connection: Connection, *, well: bool) -> None:
    if _driver(connection).in_transaction:  # a full disk, for one, has undone it already
        run(connection, "COMMIT" if well else "ROLLBACK")


class writing(_transaction):
    """One transaction that may write; committed at the end, undone on any exception.

    Raises DatabaseUnusable where a later program has brought the records up to date since this one found them
    (`make_records`).
    """

    __slots__ = ()

    def __enter__(self) -> Connection:
        connection = super().__enter__()
        found = self._engine.get_execution_options().get(MADE)
        if found is not None and (fault := _overtaken(connection, found)) is not None:
            self.__exit__(type(fault), fault, None)
            raise fault
        return connection


def _overtaken(connection: Connection, found: str) -> DatabaseUnusable | None:
    """Asked anew each time, by whoever writes: from here to the end of the transaction no migration can come between
    (`_upgrade`).
    """
    cursor = run(connection, STANDING)
    now, connection.info[LAW], connection.info[CLOCK] = cursor.fetchone() or (None, None, None)
    cursor.close()
    return None if now == found else DatabaseUnusable(MOVED_AWAY if now == MOVED else OVERTAKEN)


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """One consistent view that takes no write lock."""
    snapshot: dict[str, Any] = (
        {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True} if is_postgresql(engine) else {}
    )
    with engine.connect().execution_options(sendflow_reading=True, **snapshot) as connection:
        yield connection


def transact(engine: Engine, work: Callable[[Connection], Done]) -> Done:
    """`work` in one transaction, begun afresh where other writers were first. Raises Contended where they always are.

    `work` reads all that it needs itself and leaves nothing behind when it is undone, so that doing it again is doing
    it once.
    """
    for _attempt in range(ATTEMPTS):
        try:
            with writing(engine) as connection:
                return work(connection)
        except DBAPIError as fault:
            if not contended(fault):
                raise
    raise Contended(
        "others were writing to the same cases each time this was tried; nothing was written: try again in a moment"
    )


def contended(fault: DBAPIError) -> bool:
    """Whether another writer was first, so that the same work done again may well succeed. Never so on SQLite, where a
    writer is alone.
    """
    return getattr(fault.orig, "sqlstate", None) in CONTENDED


def is_postgresql(bound: Engine | Connection) -> bool:
    """Whether the records are kept by a PostgreSQL server."""
    return bound.dialect.name == "postgresql"


# Locks end with the transaction. Cases are locked in the order of their references, so that two desks
# rarely wait for
# each other in a
# ring; where they do, PostgreSQL ends one of them and `transact` does it again.


def lock_cases(connection: Connection, refs: Sequence[str], skip: bool = False) -> list[str]:
    """Lock the cases that stand, in order, and say which; with `skip`, only those that nobody else is at work on."""
    if not is_postgresql(connection) or is_reading(connection):
        return sorted(refs)
    held = " SKIP LOCKED" if skip else ""
    query = f"SELECT case_ref FROM case_file WHERE case_ref = ANY(%s) ORDER BY case_ref FOR UPDATE{held}"  # noqa: S608
    return [row[0] for row in run(connection, query, (list(refs),), prepare=False).fetchall()]


def alone(connection: Connection, what: str) -> None:
    """Wait until no other transaction is alone with `what`."""
    if is_postgresql(connection):
        _advise(connection, "pg_advisory_xact_lock", what)


def alone_if_free(connection: Connection, what: str) -> bool:
    """Be alone with `what` where nobody else is; says whether."""
    return bool(_advise(connection, "pg_try_advisory_xact_lock", what)) if is_postgresql(connection) else True


def beside_others(connection: Connection, what: str) -> None:
    """Wait until nobody is alone with `what`; from then on nobody is until this transaction ends."""
    if is_postgresql(connection):
        _advise(connection, "pg_advisory_xact_lock_shared", what)


def _advise(connection: Connection, function: str, what: str) -> Any:
    key = int.from_bytes(sha256(f"sendflow/{what}".encode()).digest()[:8], "big", signed=True)
    return run(connection, f"SELECT {function}(%s)", (key,)).fetchone()[0]


def create_or_upgrade_schema(engine: Engine, owner_url: str | None = None) -> None:
    """Bring the records to the newest revision: one query where they are there. `owner_url` is a role that may, where
    the engine's own may not.

    Raises DatabaseUnusable where they are of a later version, or where the role may not.
    """
    if revision(engine) != HEAD:
        _make_records(engine, owner_url)
    engine.update_execution_options(**{MADE: HEAD})


def _make_records(engine: Engine, owner_url: str | None) -> None:
    owner = open_engine(owner_url) if owner_url else engine
    try:
        with _transaction(owner) as connection:
            _upgrade(connection)
            if owner_url:
                for statement in grants(str(engine.url.username)):
                    connection.execute(text(statement))
    except ProgrammingError as fault:
        if (why := cause(fault)) is not None and why.word != "not_permitted":
            raise
        raise DatabaseUnusable(
            "the records have to be made or brought up to date, and this database role may not: set"
            " SENDFLOW_DATABASE_OWNER_URL to a role that may, and run sendflow migrate"
        ) from None
    finally:
        if owner is not engine:
            owner.dispose()


def revision(engine: Engine) -> str | None:
    """The revision of the database; None if it has no tables of sendflow.

    Raises OperationalError if a server does not answer: that says nothing of what its database holds.
    """
    try:
        with reading(engine) as connection:
            return str(connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar())
    except ProgrammingError:
        return None
    except OperationalError:
        if engine.dialect.name == "postgresql":
            raise
        return None


def _upgrade(connection: Connection) -> None:
    if (
        is_postgresql(connection)
        and not connection.exec_driver_sql("SELECT current_setting('server_encoding') = 'UTF8'").scalar()
    ):
        raise DatabaseUnusable(
            "the database is not in UTF-8, and some names would not fit into it; nothing was written: make another with"
            " createdb --encoding=UTF8 --template=template0"
        )
    alone(connection, "migration")
    if is_postgresql(connection) and inspect(connection).has_table("alembic_version"):
        # Whoever is writing has read this table and ends first; whoever comes now waits, and then reads the
        # new number.
        connection.exec_driver_sql("LOCK TABLE alembic_version IN ACCESS EXCLUSIVE MODE")
    upgrade(connection, "head")


def upgrade(connection: Connection, to: str) -> None:
    """Bring the records to a revision inside the caller's transaction. Raises DatabaseUnusable where theirs is not
    known here.
    """
    from alembic import command  # here, because a command that finds its records made need not wait for it
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, to)
    except CommandError:
        # On this connection: it holds the table, and another would wait for it until it gave up.
        if connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar() == MOVED:
            raise DatabaseUnusable(MOVED_AWAY) from None
        raise DatabaseUnusable(
            "the records are of a later version of sendflow than this program: bring the program up to date, nothing"
            " was changed"
        ) from None


def sqlite_url(home: Path) -> str:
    """Where the embedded records stand."""
    return f"sqlite:///{home / 'sendflow.db'}"


__all__ = [
    "Contended",
    "alone",
    "alone_if_free",
    "beside_others",
    "create_or_upgrade_schema",
    "grants",
    "is_postgresql",
    "lock_cases",
    "missing_triggers",
    "open_engine",
    "reading",
    "sqlite_url",
    "tables",
    "transact",
    "triggers",
    "writing",
]
