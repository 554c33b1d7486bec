"""Tries or records a file that was sent to be imported, once, whichever process does it.

A process leases the file. While it records, each piece of rows renews the lease in the transaction of the piece, so
that a process that lost its lease records nothing. What a killed process recorded stays, and the next one goes on:
rows that are recorded already change nothing.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, or_, select, update

from casework.context import AppContext, instant
from casework.imports.raw_rows import SheetError
from casework.imports.staged import (
    WORKING,
    Recorded,
    State,
    answers_of,
    content_of,
    place_of,
    real_now,
    trial_of,
)
from casework.imports.tracker_import import ImportReport, import_file
from casework.imports.trial import Seen, try_import
from models.acting import signed_in
from models.data_keys import DataKeys
from models.database import reading, transact
from models.database_errors import is_away
from models.errors import Refusal
from models.tables import STAGED_IMPORT

LEASE = timedelta(seconds=120)
PIECE = 200
Run = Callable[[], AbstractContextManager[str | None]]


class LeaseLost(Refusal):
    """Another process works on the file: this one undoes its piece and stops."""

    default_code = "lease_lost"


class _Recording(Seen):
    """Watches an import: each piece renews the lease, and the end deletes the file, in the same transactions."""

    def __init__(self, work: _Work, facts_before: int) -> None:
        super().__init__()
        self._work, self._before = work, facts_before
        trial = trial_of(work.context, work.id)
        self._columns = trial.columns if trial is not None else []

    def noted(self, connection: Connection, rows: int, facts: int) -> None:
        """Note how many rows are done, and renew the lease. Raises LeaseLost."""
        self._work.note(connection, rows_done=rows, facts=self._before + facts, lease_until=self._work.until())

    def finished(self, connection: Connection, report: ImportReport) -> None:
        """The import is recorded: what was refused stays for its person, and the file is deleted."""
        whole = report.model_copy(update={"refusals": [], "facts_added": self._before + report.facts_added})
        found = Recorded(report=whole, rows=self.rows, columns=self._columns).model_dump_json()
        ended = {"state": State.RECORDED, "ended_at": instant(real_now()), "content": None, "answers": None}
        self._work.note(connection, **ended, **self._work.released(), found=self._work.sealed(connection, found))


class _Work:
    """The work of one process on one file."""

    def __init__(self, context: AppContext, id_: str, account: str) -> None:
        self.context, self.id, self.account = context, id_, account
        self.worker = secrets.token_hex(8)
        self.state, self.ignore_columns, self.facts = "", False, 0

    def lease(self) -> bool:
        """Lease the file; False if there is nothing to do, or another process does it."""
        free = or_(STAGED_IMPORT.c.lease_until.is_(None), STAGED_IMPORT.c.lease_until < instant(real_now()))
        chosen = STAGED_IMPORT.c.id == self.id, STAGED_IMPORT.c.state.in_(WORKING), free

        def once(connection: Connection) -> bool:
            leased = connection.execute(
                update(STAGED_IMPORT).where(*chosen).values(worker=self.worker, lease_until=self.until())
            )
            if not leased.rowcount:
                return False
            row = connection.execute(select(STAGED_IMPORT).where(STAGED_IMPORT.c.id == self.id)).one()
            self.state, self.ignore_columns, self.facts = row.state, row.ignore_columns, row.facts
            return True

        return transact(self.context.engine, once)

    def do(self, run: str | None) -> None:
        """Try or record the file, and store what came of it."""
        content, answers = content_of(self.context, self.id), answers_of(self.context, self.id)
        if content is None:
            self._fail("the file cannot be read any more: end it, and send it again")
            return
        try:
            if self.state == State.RECORDING:
                import_file(
                    self.context,
                    content,
                    actor=self.account,
                    run=run,
                    answers=answers,
                    ignore_columns=self.ignore_columns,
                    piece=PIECE,
                    watcher=_Recording(self, self.facts),
                )
                return
            found = try_import(self.context, content, self.account, answers, ignore_columns=self.ignore_columns)
        except LeaseLost:
            return
        except (SheetError, Refusal) as problem:
            self._fail(problem.sentence if isinstance(problem, SheetError) else str(problem))
            return
        except Exception as problem:
            if is_away(problem):
                raise  # the lease ends, and the next process goes on
            self._fail(f"a fault ended the work ({type(problem).__name__})")  # its text may quote a row
            raise
        shown = found.model_copy(update={"report": found.report.model_copy(update={"refusals": []})})
        transact(self.context.engine, lambda each: self._store_trial(each, shown.model_dump_json(), found.report.rows))

    def note(self, connection: Connection, **values: Any) -> None:
        """Change the row of the file while the lease is this process's. Raises LeaseLost."""
        mine = STAGED_IMPORT.c.id == self.id, STAGED_IMPORT.c.worker == self.worker
        if not connection.execute(update(STAGED_IMPORT).where(*mine).values(**values)).rowcount:
            raise LeaseLost("another process works on the file")

    def _store_trial(self, connection: Connection, found: str, rows: int) -> None:
        mine = STAGED_IMPORT.c.id == self.id, STAGED_IMPORT.c.worker == self.worker
        values = {"state": State.READ, "rows": rows, "found": self.sealed(connection, found), **self.released()}
        connection.execute(update(STAGED_IMPORT).where(*mine, STAGED_IMPORT.c.state == State.READING).values(**values))

    def _fail(self, problem: str) -> None:
        mine = STAGED_IMPORT.c.id == self.id, STAGED_IMPORT.c.worker == self.worker
        values = {"state": State.FAILED, "problem": problem, **self.released()}
        transact(self.context.engine, lambda each: each.execute(update(STAGED_IMPORT).where(*mine).values(**values)))

    def sealed(self, connection: Connection, text: str) -> bytes:
        """What was found, encrypted for its place."""
        return DataKeys(connection, self.context.cipher).encrypt(text, place_of("found", self.id))

    @staticmethod
    def released() -> dict[str, None]:
        """The values of a row on which no process works."""
        return {"worker": None, "lease_until": None}

    @staticmethod
    def until() -> str:
        """The end of a lease that begins now."""
        return instant(real_now() + LEASE)


def work_on(context: AppContext, id_: str, account: str, run: Run = nullcontext) -> bool:
    """Try or record a file in the name of the account that sent it; False if there was nothing to do.

    A problem is stored with the file, and only a fault of the program is raised besides. `run` gives the
    id of the run that shows it.
    """
    work = _Work(context, id_, account)
    with signed_in(account):
        if not work.lease():
            return False
        with run() if work.state == State.RECORDING else nullcontext() as shown:
            work.do(shown)
    return True


def is_done(context: AppContext, id_: str) -> bool:
    """Whether no work waits for a file."""
    with reading(context.engine) as connection:
        state = connection.scalar(select(STAGED_IMPORT.c.state).where(STAGED_IMPORT.c.id == id_))
    return state not in WORKING


__all__ = ["LEASE", "PIECE", "LeaseLost", "is_done", "real_now", "work_on"]
