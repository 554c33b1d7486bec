"""The engine with its settings, and transactions. [I/O]

SQLite: WAL, synchronous FULL (these are statutory records), IMMEDIATE transactions, foreign keys, and recursive
triggers, because INSERT OR REPLACE otherwise bypasses delete triggers. SQLite has one writer at a time.
PostgreSQL: READ COMMITTED for a transaction that writes, one snapshot for a transaction that reads.
Only this package knows how the two databases differ (here, in `server_connections`, `sqlite_connections`, `locks`,
`schema`, `bulk_io` and `append_only`).
"""

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from itertools import islice, repeat
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError

from models.bulk_io import begun, in_one_go, run
from models.change_log import TAIL, TAIL_QUERY, forget_pending, write_pending
from models.errors import DatabaseUnusable, SendflowError
from models.left_write import forget_left
from models.lock_numbers import SHARE_LEDGER
from models.macs import NUMBER, NUMBER_QUERY
from models.questions import AHEAD, ANSWERS, forget_answers
from models.server_connections import PLANS_SECONDS, SERVER_OPTIONS, check_idle_connections, server_arguments
from models.sqlite_connections import set_pragmas
from models.visibility import HIDDEN, hidden_processes, whole_engine

# SQLSTATE of: unique key inserted by another transaction first, serialisation failure, deadlock, lock not available.
CONTENDED = {"23505", "40001", "40P01", "55P03"}
ATTEMPTS = 4
COPIED = "moved"  # stored as the revision of an SQLite file after its rows were copied to PostgreSQL
MOST_THREADS = 40  # of the server of the pages: each may need a connection at once
WRITE_CONNECTION = "sendflow_write_connection"  # in an SQLite engine's __dict__: see `transaction`
READ_ONLY = "sendflow_read_only"  # execution option of an engine: see `models.read_only`
FOUND_REVISION = "sendflow_found_revision"  # execution option of an engine: its revision when sendflow opened it
# In `connection.info` of a transaction that writes, as stored when it began:
RULESET_NUMBER = "sendflow_ruleset_number"  # the number of the active rule set
SIMULATED_DAY = "sendflow_simulated_day"  # the last simulated day, or None
OPEN_WEBHOOKS = "sendflow_open_webhooks"  # how many addresses are informed of changes
LEDGER_SHARED = "sendflow_ledger_shared"  # in `connection.info`: the transaction took that lock when it began
ASKED_AHEAD = "sendflow_asked_ahead"  # in `connection.info`: what `ahead` of `writing` returned
Ahead = Callable[[Connection], object]
AT_BEGIN = (
    "SELECT version_num, (SELECT max(number) FROM law_held),"  # noqa: S608 (our own text)
    " (SELECT day FROM clock_setting ORDER BY number DESC LIMIT 1),"
    f" ({TAIL_QUERY}), ({NUMBER_QUERY}), (SELECT count(*) FROM webhook WHERE ended_at IS NULL) FROM alembic_version"
)
_AT_BEGIN_OF_AN_ACT = AT_BEGIN.replace(" FROM alembic_version", f", {SHARE_LEDGER} FROM alembic_version")
COPIED_TO_POSTGRESQL = (
    "This SQLite file was copied to PostgreSQL, and sendflow no longer uses it. The file is unchanged. Set"
    " SENDFLOW_DATABASE_URL to the PostgreSQL database"
)
UPGRADED_MEANWHILE = (
    "A later version of sendflow has upgraded this database, so this program writes nothing more to it. Install that"
    " version of sendflow, and start it again"
)

Done = TypeVar("Done")


class Contended(SendflowError, RuntimeError):
    """Other transactions wrote to the same cases at each attempt. Nothing was written."""

    default_code = "contended"


def open_engine(url: str) -> Engine:
    """Return an engine for `url`, for example sqlite:///var/sendflow.db or
    postgresql+psycopg://sendflow@127.0.0.1/sendflow. It creates nothing yet.
    """
    # Each connection is used in a block that commits or rolls back, so the pool need not roll back again. Errors show
    # no values (`hide_parameters`).
    if url.startswith("sqlite"):
        # No limit (0): each thread that writes has its own connection, and the pages are answered in 40 threads.
        engine = create_engine(url, pool_size=0, pool_reset_on_return=None, hide_parameters=True)
        event.listen(engine, "connect", set_pragmas)
        event.listen(engine, "begin", begin)
        close_write_connections_with(engine)
        return engine
    engine = create_engine(
        url,
        max_overflow=MOST_THREADS,
        pool_recycle=PLANS_SECONDS,
        pool_reset_on_return=None,
        hide_parameters=True,
        use_native_hstore=False,  # no table has that type, and each engine would ask for it
        connect_args=server_arguments(url, SERVER_OPTIONS),
    )
    check_idle_connections(engine)
    return engine


def sqlite_url(home: Path) -> str:
    """Return the address of the SQLite file of an installation."""
    return f"sqlite:///{home / 'sendflow.db'}"


def close_write_connections_with(engine: Engine) -> None:
    """Let this SQLite engine reuse one write connection per thread, and close it when the engine is disposed of."""
    event.listen(engine, "engine_disposed", _close_write_connection)
    _close_write_connection(engine)


def _close_write_connection(engine: Engine) -> None:
    """Close this thread's write connection. Those of other threads close with the thread or the engine."""
    reused = engine.__dict__.pop(WRITE_CONNECTION, None)
    if reused is not None and reused.connection is not None:
        reused.connection.invalidate()
        reused.connection.close()
    engine.__dict__[WRITE_CONNECTION] = _WriteConnection()


def begin(connection: Connection) -> None:
    """Begin a transaction on SQLite. One that may write takes SQLite's write lock now."""
    run(connection, "BEGIN DEFERRED" if is_reading(connection) else "BEGIN IMMEDIATE")


def is_reading(connection: Connection) -> bool:
    """Whether `reading` opened this connection."""
    return bool(connection.get_execution_options().get("sendflow_reading"))


def is_read_only(bound: Engine | Connection) -> bool:
    """Whether `open_read_only` opened this database."""
    return bool(bound.get_execution_options().get(READ_ONLY))


def is_postgresql(bound: Engine | Connection) -> bool:
    """Whether this is a PostgreSQL database; it is SQLite otherwise."""
    return bound.dialect.name == "postgresql"


class _WriteConnection(threading.local):
    """The connection with which a thread writes to SQLite."""

    connection: Connection | None = None


class _Snapshots(threading.local):
    """The connections of this thread's open snapshots, by the engine."""

    def __init__(self) -> None:
        self.open: dict[Engine, Connection] = {}


_SNAPSHOTS = _Snapshots()


class transaction:
    """One transaction: committed at the end, with what it noted in the change log; rolled back on any exception.

    On SQLite each thread reuses one connection to write. For SQLAlchemy this connection is in one transaction all the
    time, because taking a connection from the pool and creating a transaction object cost as much as reading a case.
    This is a class, because a generator-based context manager costs more than the statements inside it.
    """

    __slots__ = ("_connection", "_engine", "_reused")

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def __enter__(self) -> Connection:
        whole, hidden = whole_engine(self._engine), hidden_processes(self._engine)
        reused: _WriteConnection | None = whole.__dict__.get(WRITE_CONNECTION)
        connection = reused.connection if reused is not None else None
        if connection is not None and _driver(connection).in_transaction:
            reused = connection = None
        if connection is None:
            connection = (self._engine if reused is None else whole).connect()
            if reused is not None:
                reused.connection = connection
        if reused is not None and hidden_processes(connection) != hidden:
            connection.execution_options(**{HIDDEN: hidden})
        self._connection, self._reused = connection, reused
        forget_pending(connection)
        if is_postgresql(connection):
            connection.info.pop(LEDGER_SHARED, None)
            connection.info.pop(ASKED_AHEAD, None)
        try:
            if connection.in_transaction():
                begin(connection)
            else:
                connection.begin()
        except BaseException:
            self._discard()
            raise
        return connection

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._finish(kind)
        if kind is None and _SNAPSHOTS.open and (shared := _SNAPSHOTS.open.get(self._engine)) is not None:
            forget_answers(shared, {})
            end_snapshot(shared)  # its next read begins a snapshot that has what was written

    def _finish(self, kind: type[BaseException] | None, *_more: object) -> None:
        connection = self._connection
        try:
            if kind is None:
                # After the statement itself, the driver has nothing to commit any more.
                write_pending(connection, "COMMIT" if is_postgresql(connection) else None)
            else:
                forget_left(connection)
            if self._reused is not None:
                _end(connection, commit=kind is None)
            elif kind is None:
                connection.commit()
            else:
                connection.rollback()
        except BaseException:
            self._discard()
            raise
        if self._reused is None:
            connection.close()

    def _discard(self) -> None:
        """Close the connection after an error of the database itself; the next transaction opens a new one."""
        self._connection.close()
        if self._reused is not None:
            self._reused.connection = None


def _driver(connection: Connection) -> Any:
    return connection.connection.dbapi_connection


def _end(connection: Connection, *, commit: bool) -> None:
    # SQLite has already rolled back after some errors, for example a full disk.
    if _driver(connection).in_transaction:
        run(connection, "COMMIT" if commit else "ROLLBACK")


class writing(transaction):
    """One transaction that may write; committed at the end, rolled back on any exception.

    Raises DatabaseUnusable if a later program has upgraded the schema since this program opened the database
    (`schema.create_or_upgrade_schema`).

    `appends`: it begins with the lock that an act takes which appends facts. `ahead` sends more questions with that,
    so that PostgreSQL is waited for once; what it returns is in `connection.info`.
    """

    __slots__ = ("_ahead", "_appends")

    def __init__(self, engine: Engine, *, appends: bool = False, ahead: Ahead | None = None) -> None:
        super().__init__(engine)
        self._appends, self._ahead = appends, ahead

    def __enter__(self) -> Connection:
        connection = super().__enter__()
        found = self._engine.get_execution_options().get(FOUND_REVISION)
        if found is not None and (fault := _check_revision(connection, found, self._appends, self._ahead)) is not None:
            self.__exit__(type(fault), fault, None)
            raise fault
        return connection


def _check_revision(connection: Connection, found: str, appends: bool, ahead: Ahead | None) -> DatabaseUnusable | None:
    """Compare the stored revision with `found`. No migration can run until this transaction ends (`schema.upgrade`)."""
    if is_postgresql(connection):
        with in_one_go(connection):  # with the beginning of the transaction
            cursor = run(connection, _AT_BEGIN_OF_AN_ACT if appends else AT_BEGIN)
            if appends and ahead is not None:
                connection.info[ASKED_AHEAD] = ahead(connection)
        connection.info[LEDGER_SHARED] = appends
    else:
        cursor = run(begun(connection), AT_BEGIN)
    row = cursor.fetchone()
    cursor.close()
    return fault_at_begin(connection, row or (None, None, None, None, None, None), found)


def fault_at_begin(connection: Connection, row: Sequence[Any], found: str) -> DatabaseUnusable | None:
    """Note the answer to `AT_BEGIN`. What is returned, if anything, is why this program may not write."""
    info = connection.info
    now, info[RULESET_NUMBER], info[SIMULATED_DAY], tail, info[NUMBER], info[OPEN_WEBHOOKS] = row[:6]
    info[TAIL] = tail or ""
    if now == found:
        return None
    return DatabaseUnusable(COPIED_TO_POSTGRESQL if now == COPIED else UPGRADED_MEANWHILE)


@contextmanager
def one_snapshot(engine: Engine) -> Iterator[None]:
    """Let every `reading` of this thread inside the block see the same records, on one connection.

    A page is made of a dozen reads; without this it could show a duty of before and a letter of after an act. What the
    thread itself writes meanwhile is seen by the reads that follow it. Inside a snapshot of the whole database, that of
    a reader's view (`visibility.hiding`) is the same one; meanwhile nothing reads the whole of it.
    """
    if engine in _SNAPSHOTS.open:
        yield
        return
    if (of_the_whole := _SNAPSHOTS.open.get(whole_engine(engine))) is not None:
        with _hiding(of_the_whole, engine):
            yield
        return
    with _one_reading(engine) as connection:
        _SNAPSHOTS.open[engine] = connection
        connection.info[ANSWERS] = {}
        try:
            yield
        finally:
            del _SNAPSHOTS.open[engine]
            forget_answers(connection)


@contextmanager
def _hiding(connection: Connection, engine: Engine) -> Iterator[None]:
    """Let the whole database's snapshot be a reader's. It forgets its answers but those asked ahead for this view."""
    whole, hidden = whole_engine(engine), hidden_processes(engine)
    connection.execution_options(**{HIDDEN: hidden})
    of_whom, answers = connection.info.pop(AHEAD, (None, {}))
    connection.info[ANSWERS] = answers if of_whom == hidden else {}
    del _SNAPSHOTS.open[whole]
    _SNAPSHOTS.open[engine] = connection
    try:
        yield
    finally:
        del _SNAPSHOTS.open[engine]
        _SNAPSHOTS.open[whole] = connection
        connection.info[ANSWERS] = {}
        connection.execution_options(**{HIDDEN: hidden_processes(whole)})


class reading:
    """One consistent snapshot, without a write lock; inside `one_snapshot` it is that one.

    A class for the reason of `transaction`: a page asks for its open snapshot a dozen times.
    """

    __slots__ = ("_engine", "_own")

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._own: AbstractContextManager[Connection] | None = None

    def __enter__(self) -> Connection:
        shared = _SNAPSHOTS.open.get(self._engine)
        if shared is not None:
            return shared
        self._own = _one_reading(self._engine)
        return self._own.__enter__()

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._own is not None:
            self._own.__exit__(kind, fault, trace)


@contextmanager
def _one_reading(engine: Engine) -> Iterator[Connection]:
    snapshot: dict[str, Any] = (
        {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True} if is_postgresql(engine) else {}
    )
    with engine.connect().execution_options(sendflow_reading=True, **snapshot) as connection:
        yield connection
        end_snapshot(connection)


@contextmanager
def without_snapshot(engine: Engine) -> Iterator[Connection | None]:
    """Within this block the snapshot of this thread is not used; its connection is given, if one is open.

    After the block, its next read begins a snapshot that has what was written.
    """
    shared = _SNAPSHOTS.open.pop(engine, None)
    try:
        yield shared
    finally:
        if shared is not None:
            forget_answers(shared, {})
            _SNAPSHOTS.open[engine] = shared
    if shared is not None:
        end_snapshot(shared)


def end_snapshot(connection: Connection) -> None:
    """End a snapshot. On PostgreSQL by COMMIT: after a ROLLBACK, psycopg forgets each statement that it prepared, and
    PostgreSQL would plan every query again, which takes four times as long as answering it.
    """
    if is_postgresql(connection):
        connection.commit()
    else:
        connection.rollback()


def transact(
    engine: Engine, work: Callable[[Connection], Done], *, appends: bool = False, ahead: Ahead | None = None
) -> Done:
    """Run `work` in one transaction, and again if another transaction wrote first. Raises Contended after 4 attempts.

    `appends`, `ahead`: the work appends facts, and asks this first (`writing`).

    `work` reads all its input itself and changes nothing outside the transaction, so it can run more than once.
    """
    return attempt(repeat(partial(writing, engine, appends=appends, ahead=ahead)), work)


def attempt(opened: Iterable[Callable[[], transaction]], work: Callable[[Connection], Done]) -> Done:
    """Run `work` in the first of these transactions, and in the next one if another transaction wrote first.

    Raises Contended after 4 attempts.
    """
    for each in islice(opened, ATTEMPTS):
        try:
            with each() as connection:
                return work(connection)
        except DBAPIError as fault:
            if not contended(fault):
                raise
    raise Contended(
        "Others wrote to the same cases at the same time, at each of 4 attempts. Nothing was written. Try again in a"
        " minute"
    )


def contended(fault: DBAPIError) -> bool:
    """Whether another transaction wrote first, so that the same work can succeed when repeated. Never on SQLite, which
    has one writer at a time.
    """
    return getattr(fault.orig, "sqlstate", None) in CONTENDED
