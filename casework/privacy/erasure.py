"""Erase a person: the identity of a child, and the free text of all the child's cases.

Purpose: UK GDPR art 5(1)(e) and art 17. The history stays: facts, dates and hashes name nobody, so every chain still
verifies. The append-only access log says who erased, when and on which ground. The ground is one of four words, because
free text could name the child who is erased. Older backups contain the encrypted identity until they are deleted.
"""

from __future__ import annotations

from enum import StrEnum

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Connection, func, select
from sqlalchemy.exc import SQLAlchemyError

from casework.cases.references import find_case
from casework.context import AppContext, instant
from models import people
from models.change_log import insert_logged
from models.database import is_postgresql, open_engine, reading, transact
from models.errors import Refusal
from models.incoming_mail import count_of
from models.tables import ACCESS, CASE, DUTY, FREE_TEXT, PERSON


class Ground(StrEnum):
    """Why a person is erased."""

    RETENTION_ENDED = "retention_ended"
    ERASURE_REQUEST = "erasure_request"
    COURT_ORDER = "court_order"
    ENTERED_IN_ERROR = "entered_in_error"


class ErasureReport(BaseModel):
    """What was erased, or would be: the child's cases and the numbers of their free texts and of mails about them.

    `open_cases` are those of them that have an open duty.
    """

    model_config = ConfigDict(frozen=True)
    erased: bool
    ground: str
    cases: list[str]
    passages: int
    mails: int = 0
    open_cases: list[str]


class StillOpen(Refusal, ValueError):
    """Retention cannot have ended, because a case of the child has an open duty. The text names the cases."""

    default_code = "duties_open"


class NothingThere(Refusal, LookupError):
    """No person is known for that case, or the person was erased before."""

    default_code = "nothing_to_erase"


def erase(context: AppContext, case: str, actor: str, ground: Ground, *, really: bool = False) -> ErasureReport:
    """Erase the child of this case and the free text of all the child's cases; without `really`, only report them.

    Raises NoSuchCase, NothingThere if no person is known for it, StillOpen if the ground is
    the end of retention and a duty is open.
    """
    if not really:
        with reading(context.engine) as connection:
            return _find_erasable(connection, context, case, ground)[1]

    def erase_once(connection: Connection) -> ErasureReport:
        child, report = _find_erasable(connection, context, case, ground)
        if report.open_cases and ground is Ground.RETENTION_ENDED:
            raise StillOpen(
                f"Nothing was erased: a duty is still open on {', '.join(report.open_cases)}, so retention cannot have"
                " ended. Record case_closed or case_withdrawn first, or give another ground"
            )
        now = instant(context.now())
        if child is None:
            people.erase_words(connection, report.cases, now)
        else:
            people.erase(connection, child, now)
        entry = {"actor": actor, "purpose": f"erased_{ground}", "read_at": now}
        insert_logged(connection, ACCESS, [{"case_ref": ref, **entry} for ref in report.cases], now)
        return report.model_copy(update={"erased": True})

    report = transact(context.engine, erase_once)
    _overwrite_old_pages(context)
    return report


def _find_erasable(
    connection: Connection, context: AppContext, case: str, ground: Ground
) -> tuple[str | None, ErasureReport]:
    """The child id of the case, if it has one, and what would be erased. Raises NoSuchCase or NothingThere."""
    ref = find_case(connection, context.cipher, case)
    child = connection.scalar(select(CASE.c.child_key).where(CASE.c.case_ref == ref))
    cases, person_known = [ref], False
    if child is not None:
        of_child = select(CASE.c.case_ref).where(CASE.c.child_key == child).order_by(CASE.c.case_ref)
        cases = list(connection.scalars(of_child))
        not_erased = select(PERSON.c.child_key).where(PERSON.c.child_key == child, PERSON.c.erased_at.is_(None))
        person_known = connection.scalar(not_erased) is not None
    texts = FREE_TEXT.c.case_ref.in_(cases), FREE_TEXT.c.erased_at.is_(None)
    free_texts = connection.scalar(select(func.count()).select_from(FREE_TEXT).where(*texts)) or 0
    mails = count_of(connection, cases)
    if not person_known and not free_texts and not mails:
        raise NothingThere("No person is known for that case: none was ever recorded, or it has been erased before")
    open_duties = select(DUTY.c.case_ref).where(DUTY.c.case_ref.in_(cases), DUTY.c.closed_on.is_(None))
    open_cases = list(connection.scalars(open_duties.distinct().order_by(DUTY.c.case_ref)))
    return child, ErasureReport(
        erased=False, ground=ground, cases=cases, passages=free_texts, mails=mails, open_cases=open_cases
    )


def _overwrite_old_pages(context: AppContext) -> None:
    """Remove what the database still stores of overwritten rows.

    That is SQLite's write-ahead log, and PostgreSQL's dead rows if the owner's URL is known; otherwise autovacuum
    removes them later.
    """
    if not is_postgresql(context.engine):
        raw = context.engine.raw_connection()  # the log can be truncated only outside a transaction
        try:
            raw.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
        finally:
            raw.close()
        return
    if context.settings.owner_url is None:
        return
    owner = open_engine(context.settings.owner_url)
    try:
        with owner.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("VACUUM person, passage, alias, incoming_mail")
    except SQLAlchemyError:
        return
    finally:
        owner.dispose()
