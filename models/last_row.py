"""A transaction that writes one row of the log of looks, or of another table that the database numbers. [I/O]

Purpose: each page of a case writes one row before it is shown. PostgreSQL is waited for once for the row and the newest
record of the change log, and once more for the commit, while the page is made.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from itertools import chain, repeat
from types import TracebackType
from typing import Any

from sqlalchemy import Connection, Engine

from models.change_log import AT_ITS_END, BEFORE_LOCK, AskedFirst, forget_pending, write_pending
from models.database import (
    AT_BEGIN,
    FOUND_REVISION,
    attempt,
    fault_at_begin,
    is_postgresql,
    transact,
    transaction,
    without_snapshot,
)
from models.macs import knows_who_acts
from models.visibility import READING

_NEW_TRANSACTION = ("COMMIT", "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE")


def transact_last(engine: Engine, work: Callable[[Connection], object]) -> None:
    """Run `work`, which only inserts one row by `change_log.insert_logged` as its last, in one transaction.

    Raises what `database.transact` raises.
    """
    if is_postgresql(engine):
        attempt(repeat(partial(_writing_at_its_end, engine)), work)
    else:
        transact(engine, work)


@contextmanager
def transact_while(engine: Engine, work: Callable[[Connection], object]) -> Iterator[None]:
    """Do the same before the block, or while it runs: the row is stored when the block ends.

    PostgreSQL writes to the disk while the block runs, and SQLite before. The snapshot that is open ends with `work`,
    so the block is one that reads no records. Raises what `transact` raises, before the block or at its end; then
    nothing was written.
    """
    with without_snapshot(engine) as snapshot, ExitStack() as later:
        if is_postgresql(engine):
            first = []
            if snapshot is not None and snapshot.in_transaction() and knows_who_acts(snapshot):
                first = [partial(_writing_after_reading, engine, later, snapshot)]
            attempt(chain(first, repeat(partial(_writing_at_its_end, engine, later))), work)
        else:
            transact(engine, work)
        yield


class _writing_at_its_end(transaction):
    """A transaction that reads nothing. PostgreSQL is asked for its revision with what it writes.

    `later`: PostgreSQL commits while something else is done, and is waited for at the end of that.
    """

    __slots__ = ("_later",)

    def __init__(self, engine: Engine, later: ExitStack | None = None) -> None:
        super().__init__(engine)
        self._later = later

    def __enter__(self) -> Connection:
        return self._asking_first(super().__enter__())

    def _asking_first(self, connection: Connection) -> Connection:
        found = self._engine.get_execution_options().get(FOUND_REVISION)
        if found is not None:
            connection.info[AT_ITS_END] = AskedFirst(AT_BEGIN, partial(_check_answer, found))
        return connection

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._later is None or kind is not None:
            super().__exit__(kind, fault, trace)
            return
        with ExitStack() as ending:
            ending.push(self._finish)
            write_pending(self._connection, "COMMIT", ending)
            self._later.push(ending.pop_all())


class _writing_after_reading(_writing_at_its_end):
    """The same on the connection of a snapshot, which ends with the first statement and is not waited for."""

    __slots__ = ("_snapshot",)

    def __init__(self, engine: Engine, later: ExitStack, snapshot: Connection) -> None:
        super().__init__(engine, later)
        self._snapshot = snapshot

    def __enter__(self) -> Connection:
        connection = self._connection = self._snapshot
        forget_pending(connection)
        connection.execution_options(**{READING: False})
        connection.info[BEFORE_LOCK] = _NEW_TRANSACTION
        return self._asking_first(connection)

    def _finish(self, kind: type[BaseException] | None, *_more: object) -> None:
        """Leave the connection open for its snapshot's block."""
        try:
            if kind is None:
                self._snapshot.commit()
            else:
                self._snapshot.rollback()
        finally:
            self._snapshot.execution_options(**{READING: True})


def _check_answer(found: str, connection: Connection, row: Any) -> None:
    fault = fault_at_begin(connection, row, found)
    if fault is not None:
        raise fault
