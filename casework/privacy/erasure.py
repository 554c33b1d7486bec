"""Erasing a person: what is known of a child, and the words kept of all the child's cases, when the team may keep them
no longer.

Purpose: UK GDPR art 5(1)(e) and art 17. What is proved stays: facts, dates and hashes name nobody, so that every chain
still verifies. Who erased, when and on what ground stands in the log that is only ever added to; the ground is a word
of ours, because a purpose in free words, as a look has, could name the child whom it erases. Backups that were taken
before still hold the sealed person: they end with their own retention.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Connection, delete, func, insert, literal, select, update
from sqlalchemy.exc import SQLAlchemyError

from casework.context import AppContext, instant
from casework.privacy.access import case_of
from config.settings import Settings
from models import people
from models.database import create_or_upgrade_schema, is_postgresql, open_engine, reading, transact, writing
from models.encryption import open_cipher
from models.errors import Refusal
from models.tables import ACCESS, ALIAS, CASE, DUTY, FREE_TEXT, PERSON


class Ground(StrEnum):
    """Why a person is erased."""

    RETENTION_ENDED = "retention_ended"
    ERASURE_REQUEST = "erasure_request"
    COURT_ORDER = "court_order"
    ENTERED_IN_ERROR = "entered_in_error"


class ErasureReport(BaseModel):
    """What was erased, or would be: the child's cases, how many passages of words. `open_cases` are those on which a
    duty is still open.
    """

    model_config = ConfigDict(frozen=True)
    erased: bool
    ground: str
    cases: list[str]
    passages: int
    open_cases: list[str]


class StillOpen(Refusal, ValueError):
    """Retention cannot have ended: a duty is open on a case of the child. The text names the cases."""

    default_code = "duties_open"


class NothingThere(Refusal, LookupError):
    """Nobody is known of that case, or the person has been erased before."""

    default_code = "nothing_to_erase"


def erase(context: AppContext, case: str, actor: str, ground: Ground, *, really: bool = False) -> ErasureReport:
    """Erase the child of this case, with the words of all the child's cases; without `really`, only say what would go.

    Raises LookupError where there is no such case, NothingThere where nobody is known of it, StillOpen where the ground
    is the end of retention and a duty is open.
    """
    if not really:
        with reading(context.engine) as connection:
            return _would_go(connection, context, case, ground)[1]

    def act(connection: Connection) -> ErasureReport:
        child, would = _would_go(connection, context, case, ground)
        if would.open_cases and ground is Ground.RETENTION_ENDED:
            raise StillOpen(
                f"nothing was erased: a duty is still open on {', '.join(would.open_cases)}, so that retention cannot"
                " have ended; record case_closed or case_withdrawn first, or name another ground"
            )
        now = instant(context.now())
        if child is None:
            people.erase_words(connection, would.cases, now)
        else:
            people.erase(connection, child, now)
        log = [{"case_ref": ref, "actor": actor, "purpose": f"erased_{ground}", "read_at": now} for ref in would.cases]
        connection.execute(insert(ACCESS), log)
        return would.model_copy(update={"erased": True})

    report = transact(context.engine, act)
    _leave_no_remains(context)
    return report


def _would_go(
    connection: Connection, context: AppContext, case: str, ground: Ground
) -> tuple[str | None, ErasureReport]:
    ref = case_of(connection, context.cipher, case)
    child = connection.scalar(select(CASE.c.child_key).where(CASE.c.case_ref == ref))
    known = (
        None
        if child is None
        else connection.scalar(
            select(PERSON.c.child_key).where(PERSON.c.child_key == child, PERSON.c.erased_at.is_(None))
        )
    )
    cases = (
        [ref]
        if child is None
        else list(
            connection.scalars(select(CASE.c.case_ref).where(CASE.c.child_key == child).order_by(CASE.c.case_ref))
        )
    )
    here = FREE_TEXT.c.case_ref.in_(cases), FREE_TEXT.c.erased_at.is_(None)
    passages = connection.scalar(select(func.count()).select_from(FREE_TEXT).where(*here)) or 0
    if known is None and not passages:
        raise NothingThere("nobody is known of that case: nothing was ever told, or it has been erased before")
    open_ones = (
        select(DUTY.c.case_ref)
        .where(DUTY.c.case_ref.in_(cases), DUTY.c.closed_on.is_(None))
        .distinct()
        .order_by(DUTY.c.case_ref)
    )
    return child, ErasureReport(
        erased=False, ground=ground, cases=cases, passages=passages, open_cases=list(connection.scalars(open_ones))
    )


def _leave_no_remains(context: AppContext) -> None:
    """What a database keeps of rows that were written over: SQLite's write-ahead log, PostgreSQL's dead rows where the
    owner is known.
    """
    if not is_postgresql(context.engine):
        raw = context.engine.raw_connection()  # outside any transaction, where alone the log can be cut
        try:
            raw.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
        finally:
            raw.close()
        return
    if context.settings.owner_url is None:
        return  # autovacuum does it in its own time
    owner = open_engine(context.settings.owner_url)
    try:
        with owner.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("VACUUM person, passage, alias")
    except SQLAlchemyError:
        return  # the same
    finally:
        owner.dispose()


class KeyLostReport(BaseModel):
    """What nobody can open any more, or would be given up: persons, passages of words, and references that were kept as
    digests only.
    """

    model_config = ConfigDict(frozen=True)
    given_up: bool
    persons: int
    passages: int
    references: int


class KeyIsThere(Refusal, ValueError):
    """Nothing is to be given up: the key is there, or nothing is sealed. The text says which."""

    default_code = "person_key_present"


def reset_person_key(settings: Settings, actor: str, now: datetime, *, really: bool = False) -> KeyLostReport:
    """Gives up all that only a lost person.key could open, and makes a new one, so that the house opens again; without
    `really`, only counts it.

    Persons may be told again, by the next import of a tracker or by hand; words are gone. Raises KeyIsThere, and what
    the records raise.
    """
    key = settings.home / "person.key"
    if key.exists():
        raise KeyIsThere(
            f"{key} is there, and opens what is sealed: nothing is given up. Restore the right one from its backup if"
            " it does not"
        )
    engine = open_engine(settings.records_url)
    try:
        create_or_upgrade_schema(engine, settings.owner_url)
        with writing(engine) as connection:
            if not people.anything_encrypted(connection):
                raise KeyIsThere("nothing is sealed in these records, so that no key is missing: any command makes one")
            unopened = PERSON.c.erased_at.is_(None), FREE_TEXT.c.erased_at.is_(None)
            persons, passages, references = (
                connection.scalar(query) or 0
                for query in (
                    select(func.count()).select_from(PERSON).where(unopened[0]),
                    select(func.count()).select_from(FREE_TEXT).where(unopened[1]),
                    select(func.count()).select_from(ALIAS),
                )
            )
            report = KeyLostReport(given_up=really, persons=persons, passages=passages, references=references)
            if not really:
                return report
            at = instant(now)
            # Not erased: who a child is may be told again. A child that was erased before stays so.
            connection.execute(delete(PERSON).where(unopened[0]))
            connection.execute(update(FREE_TEXT).where(unopened[1]).values(sealed=b"", salt="", erased_at=at))
            connection.execute(delete(ALIAS))
            told = select(CASE.c.case_ref, literal(actor), literal("erased_key_lost"), literal(at)).where(
                CASE.c.child_key.is_not(None)
            )
            connection.execute(insert(ACCESS).from_select(["case_ref", "actor", "purpose", "read_at"], told))
        open_cipher(key)
    finally:
        engine.dispose()
    return report
