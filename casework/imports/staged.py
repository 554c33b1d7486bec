"""Files that people sent to be imported by the pages: encrypted, tried, answered, recorded, and deleted.

Purpose: a person may close the browser while a file is read or recorded, and come back. A tracker has names, so the
file, what was corrected and what was found are encrypted with a key of their own (UK GDPR art 32). The file is deleted
once it is recorded; the rest and the key once the person ends it, or after three days. No backup has the key. Only the
account that sent a file sees what is in it. Instants are real ones in UTC, in a simulation too: they end what waits.
"""

from __future__ import annotations

import hashlib
import secrets
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Connection, delete, insert, or_, select, update

from casework.context import AppContext, instant
from casework.imports.raw_rows import MEGABYTE, SheetError
from casework.imports.row_choices import NO_ANSWERS, Answers
from casework.imports.sheet import headers_of, open_tracker
from casework.imports.tracker_import import ImportReport
from casework.imports.trial import ColumnRead, RowRefused, Trial
from config.tracker_columns import load_columns
from models.data_keys import DataKeys, delete_data_keys, import_subject
from models.database import reading, transact
from models.encryption import EncryptionError, Place
from models.errors import Refusal
from models.key_checks import check_key_for_writing
from models.tables import STAGED_IMPORT

LARGEST = 10 * MEGABYTE
KNOWN_FOR = timedelta(days=3)
MOST_OF_AN_ACCOUNT = 5


class State(StrEnum):
    """What becomes of a file: it is being read (tried), waits for its person, is being recorded, or is recorded.

    `failed`: a fault ended the work, and the person may begin it again.
    """

    READING = "reading"
    READ = "read"
    RECORDING = "recording"
    RECORDED = "recorded"
    FAILED = "failed"


WORKING = (State.READING, State.RECORDING)


class Staged(BaseModel):
    """A file that was sent: by whom, when, what became of it, and how many of its rows and facts are recorded.

    `problem` is a sentence of sendflow's own. `busy`: a process works on it.
    """

    model_config = ConfigDict(frozen=True)
    id: str
    account: str
    at: str
    digest: str
    state: State
    ignore_columns: bool
    rows: int
    rows_done: int
    facts: int
    problem: str | None
    lease_until: str | None
    ended_at: str | None

    def is_busy(self, now: datetime) -> bool:
        """Whether a process works on it."""
        return self.lease_until is not None and self.lease_until > instant(now)


class Recorded(BaseModel):
    """What an import recorded: its report without the refusals, which name cells, the rows refused and the columns."""

    model_config = ConfigDict(frozen=True)
    report: ImportReport
    rows: list[RowRefused]
    columns: list[ColumnRead] = []


class NoSuchImport(Refusal, LookupError):
    """The file is not there any more, or is another account's."""

    default_code = "no_such_import"


class TooMany(Refusal):
    """The account has as many files waiting as one may have."""

    default_code = "too_many_imports"


_SHOWN = [STAGED_IMPORT.c[name] for name in Staged.model_fields]


def place_of(column: str, id_: str) -> Place:
    """Where an encrypted value of a file is stored."""
    return Place("staged_import", column, id_)


def stage(context: AppContext, content: bytes, account: str, now: datetime) -> str:
    """Store a file to be tried, and return its id. Raises SheetError if it is no tracker, or TooMany."""
    if len(content) > LARGEST:
        raise SheetError(f"the file is larger than {LARGEST // MEGABYTE} MB: split it, and import the parts")
    open_tracker(content, load_columns(context.own_file("tracker.toml")), context.directory)
    id_ = secrets.token_hex(8)

    def once(connection: Connection) -> None:
        check_key_for_writing(connection, context.cipher)
        waits = select(STAGED_IMPORT.c.id).where(STAGED_IMPORT.c.account == account, STAGED_IMPORT.c.ended_at.is_(None))
        if len(connection.execute(waits).all()) >= MOST_OF_AN_ACCOUNT:
            raise TooMany(f"{MOST_OF_AN_ACCOUNT} of your files wait already: record or end one of them first")
        sealed = DataKeys(connection, context.cipher).encrypt(content.decode("latin-1"), place_of("content", id_))
        row = dict.fromkeys(("rows", "rows_done", "facts"), 0) | {"ignore_columns": False, "state": State.READING}
        row |= {"id": id_, "account": account, "at": instant(now), "digest": hashlib.sha256(content).hexdigest()}
        connection.execute(insert(STAGED_IMPORT).values(**row, content=sealed))

    transact(context.engine, once)
    return id_


def listed(context: AppContext) -> list[Staged]:
    """Every file that was sent and is not deleted, the newest first."""
    with reading(context.engine) as connection:
        rows = connection.execute(select(*_SHOWN).order_by(STAGED_IMPORT.c.at.desc(), STAGED_IMPORT.c.id)).all()
    return [Staged.model_validate(row._asdict()) for row in rows]


def one_of(context: AppContext, id_: str, account: str) -> Staged:
    """A file that this account sent. Raises NoSuchImport."""
    with reading(context.engine) as connection:
        row = connection.execute(
            select(*_SHOWN).where(STAGED_IMPORT.c.id == id_, STAGED_IMPORT.c.account == account)
        ).first()
    if row is None:
        raise NoSuchImport("there is no such file any more: it was ended, or it is older than three days")
    return Staged.model_validate(row._asdict())


def trial_of(context: AppContext, id_: str) -> Trial | None:
    """What the trial of a file found; None where there is none, or its key is gone."""
    text = _opened(context, id_, "found")
    return Trial.model_validate_json(text) if text is not None else None


def recorded_of(context: AppContext, id_: str) -> Recorded | None:
    """What the import of a file recorded; None where there is none, or its key is gone."""
    text = _opened(context, id_, "found")
    return Recorded.model_validate_json(text) if text is not None else None


def headers_sent(context: AppContext, account: str) -> list[str]:
    """The headers of the newest file that this account sent and that is not deleted, for that account alone.

    Once it is recorded, a word of a header that was not read is left out, as in what is stored about the file.
    """
    columns = load_columns(context.own_file("tracker.toml"))
    for staged in listed(context):
        content = content_of(context, staged.id) if staged.account == account else None
        if content is not None:
            with suppress(SheetError):  # it was no tracker, or is none any more since the columns changed
                return headers_of(content, columns, context.directory)
        recorded = staged.account == account and staged.state == State.RECORDED
        if recorded and (found := recorded_of(context, staged.id)) is not None and found.columns:
            return [each.header for each in found.columns if each.header]
    return []


def answers_of(context: AppContext, id_: str) -> Answers:
    """What its person answered about single rows."""
    text = _opened(context, id_, "answers")
    return Answers.of_json(text) if text is not None else NO_ANSWERS


def content_of(context: AppContext, id_: str) -> bytes | None:
    """The file; None once it is deleted."""
    text = _opened(context, id_, "content")
    return text.encode("latin-1") if text is not None else None


def answer(context: AppContext, staged: Staged, answers: Answers, *, ignore_columns: bool | None = None) -> None:
    """Store what the person answered, and let the file be tried again. Raises NoSuchImport if it is being recorded."""

    def once(connection: Connection) -> None:
        sealed = DataKeys(connection, context.cipher).encrypt(answers.as_json(), place_of("answers", staged.id))
        ignored = staged.ignore_columns if ignore_columns is None else ignore_columns
        _change(connection, staged, (State.READ, State.READING, State.FAILED), answers=sealed, ignore_columns=ignored)

    transact(context.engine, once)


def read_again(context: AppContext, staged: Staged) -> None:
    """Let a file be tried again, because the records changed or its trial failed. Raises NoSuchImport."""
    transact(context.engine, lambda each: _change(each, staged, (State.READ, State.FAILED)))


def begin(context: AppContext, staged: Staged) -> None:
    """Let a file that was tried be recorded. Twice is once. Raises NoSuchImport if it is not ready."""
    ready = (State.READ, State.RECORDING, State.FAILED)
    transact(context.engine, lambda each: _change(each, staged, ready, state=State.RECORDING, keep_lease=True))


def _change(
    connection: Connection, staged: Staged, ready: tuple[State, ...], *, keep_lease: bool = False, **values: Any
) -> None:
    chosen = STAGED_IMPORT.c.id == staged.id, STAGED_IMPORT.c.state.in_(ready)
    given: dict[str, Any] = {"state": State.READING, "problem": None, **values}
    if not keep_lease:  # who tries it now tries what was before: its result counts no more
        given |= {"worker": None, "lease_until": None}
    if not connection.execute(update(STAGED_IMPORT).where(*chosen).values(**given)).rowcount:
        raise NoSuchImport("the file is being recorded, or it was recorded or ended meanwhile")


def end(context: AppContext, staged: Staged) -> None:
    """Delete a file and everything found in it. Raises NoSuchImport while it is being recorded."""

    def once(connection: Connection) -> None:
        chosen = STAGED_IMPORT.c.id == staged.id, STAGED_IMPORT.c.state != State.RECORDING
        if not connection.execute(delete(STAGED_IMPORT).where(*chosen)).rowcount:
            raise NoSuchImport("the file is being recorded: wait until it has ended")
        delete_data_keys(connection, [import_subject(staged.id)])

    transact(context.engine, once)


def delete_old(context: AppContext, now: datetime) -> int:
    """Delete every file that is older than three days, unless it is being recorded; return how many."""
    with reading(context.engine) as connection:
        if not _old(connection, now):
            return 0

    def once(connection: Connection) -> int:
        ids = _old(connection, now)
        connection.execute(delete(STAGED_IMPORT).where(STAGED_IMPORT.c.id.in_(ids)))
        delete_data_keys(connection, [import_subject(id_) for id_ in ids])
        return len(ids)

    return transact(context.engine, once)


def _old(connection: Connection, now: datetime) -> list[str]:
    chosen = STAGED_IMPORT.c.at < instant(now - KNOWN_FOR), STAGED_IMPORT.c.state != State.RECORDING
    return list(connection.scalars(select(STAGED_IMPORT.c.id).where(*chosen)))


def left_over(context: AppContext, now: datetime) -> list[tuple[str, str]]:
    """The ids, with the accounts, of files on which no process works any more though they are not done."""
    free = or_(STAGED_IMPORT.c.lease_until.is_(None), STAGED_IMPORT.c.lease_until < instant(now))
    query = select(STAGED_IMPORT.c.id, STAGED_IMPORT.c.account).where(STAGED_IMPORT.c.state.in_(WORKING), free)
    with reading(context.engine) as connection:
        return [(row.id, row.account) for row in connection.execute(query.order_by(STAGED_IMPORT.c.at))]


def _opened(context: AppContext, id_: str, column: str) -> str | None:
    with reading(context.engine) as connection:
        value = connection.scalar(select(STAGED_IMPORT.c[column]).where(STAGED_IMPORT.c.id == id_))
        if value is None:
            return None
        try:
            return DataKeys(connection, context.cipher).decrypt(value, place_of(column, id_))
        except EncryptionError:
            return None


def real_now() -> datetime:
    """The real instant, by which files end and leases expire."""
    return datetime.now(UTC)
