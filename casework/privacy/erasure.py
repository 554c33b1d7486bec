"""Erase a person: the identity of a child, and the free text of all the child's cases.

Purpose: UK GDPR art 5(1)(e) and art 17. The history stays: facts, dates and hashes name nobody, so every chain still
verifies. The append-only access log says who erased, when and on which ground. The ground is one of four words, because
free text could name the child who is erased. One account proposes an erasure and another approves it (`approval`).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from enum import StrEnum
from hashlib import sha256
from typing import NamedTuple

import orjson
from pydantic import BaseModel, ConfigDict
from sqlalchemy import Connection, func, select
from sqlalchemy.exc import SQLAlchemyError

from casework.cases.references import find_case
from casework.context import AppContext
from casework.privacy.ripe import ripeness_of
from casework.retention_holds import holds_on
from config.text import full_day
from models import people
from models.change_log import insert_logged
from models.database import is_postgresql, open_engine
from models.errors import Refusal
from models.incoming_mail import mails_about
from models.tables import ACCESS, ALIAS, CASE, DUTY, FREE_TEXT, PERSON
from models.visibility import unseen_among


class Ground(StrEnum):
    """Why a person is erased."""

    RETENTION_ENDED = "retention_ended"
    ERASURE_REQUEST = "erasure_request"
    COURT_ORDER = "court_order"
    ENTERED_IN_ERROR = "entered_in_error"


class ErasureReport(BaseModel):
    """What was erased, or would be: the child's cases and the numbers of their free texts and of mails about them.

    `open_cases` are those of them that have an open duty. `proposal`: its number, once one account proposed it, until
    the instant `expires_at` (UTC). `holds`: the numbers of the holds that stop it.
    """

    model_config = ConfigDict(frozen=True)
    erased: bool
    ground: str
    cases: list[str]
    passages: int
    mails: int = 0
    open_cases: list[str]
    identities: int = 0
    references: int = 0
    holds: list[int] = []
    proposal: int | None = None
    expires_at: str | None = None


class StillOpen(Refusal, ValueError):
    """Retention cannot have ended, because a case of the child has an open duty. The text names the cases."""

    default_code = "duties_open"


class StillRetained(Refusal, ValueError):
    """The schedule retains the records longer. The text says until when, and by which class."""

    default_code = "still_retained"


class OnHold(Refusal, ValueError):
    """A hold stops the erasure. The text names the holds."""

    default_code = "on_hold"


class NothingThere(Refusal, LookupError):
    """No person is known for that case, or the person was erased before."""

    default_code = "nothing_to_erase"


class Erasable(NamedTuple):
    """What would be erased. `state` is a digest of it: another one after a further fact, mail or identity.

    `seen` is what the reader may see of the report: nothing of restricted cases for which the account is not named.
    """

    child: str | None
    report: ErasureReport
    seen: ErasureReport
    state: str


def erasable(connection: Connection, context: AppContext, case: str, ground: Ground) -> Erasable:
    """What the erasure of the child of this case would erase. Raises NoSuchCase or NothingThere."""
    ref = find_case(connection, context.cipher, case)
    child = connection.scalar(select(CASE.c.child_key).where(CASE.c.case_ref == ref))
    cases, person = [ref], None
    if child is not None:
        of_child = select(CASE.c.case_ref).where(CASE.c.child_key == child).order_by(CASE.c.case_ref)
        cases = list(connection.scalars(of_child))
        not_erased = select(PERSON.c.sealed).where(PERSON.c.child_key == child, PERSON.c.erased_at.is_(None))
        person = connection.scalar(not_erased)
    identities = int(person is not None)
    report = _counted(connection, context, cases, ground, identities)
    if not identities and not report.passages and not report.mails:
        raise NothingThere("No person is known for that case: none was ever recorded, or it has been erased before")
    state = _state(connection, cases, person, mails_about(connection, cases))
    unseen = unseen_among(connection, cases)
    if not unseen:
        return Erasable(child, report, report, state)
    seen = _counted(connection, context, [each for each in cases if each not in unseen], ground, identities)
    return Erasable(child, report, seen, state)


def _counted(
    connection: Connection, context: AppContext, cases: Sequence[str], ground: Ground, identities: int
) -> ErasureReport:
    """What is stored of these cases, in numbers."""
    open_duties = select(DUTY.c.case_ref).where(DUTY.c.case_ref.in_(cases), DUTY.c.closed_on.is_(None))
    return ErasureReport(
        erased=False,
        ground=ground,
        cases=list(cases),
        **counts_of(connection, cases),
        open_cases=list(connection.scalars(open_duties.distinct().order_by(DUTY.c.case_ref))),
        identities=identities,
        holds=[each.number for each in holds_on(context, connection, cases)],
    )


def counts_of(connection: Connection, cases: Sequence[str]) -> dict[str, int]:
    """How many free texts, mails and references of other systems are stored of these cases."""
    texts = FREE_TEXT.c.case_ref.in_(cases), FREE_TEXT.c.erased_at.is_(None)
    references = select(func.count()).select_from(ALIAS).where(ALIAS.c.case_ref.in_(cases))
    return {
        "passages": connection.scalar(select(func.count()).select_from(FREE_TEXT).where(*texts)) or 0,
        "mails": len(mails_about(connection, cases)),
        "references": connection.scalar(references) or 0,
    }


def check_may_erase(connection: Connection, context: AppContext, found: Erasable, ground: Ground, as_at: date) -> None:
    """Refuse an erasure that a hold stops, or whose retention has not ended where that is its ground.

    What only a case says that the reader does not see is refused in words that name no case. Raises OnHold, StillOpen
    or StillRetained.
    """
    _check(connection, context, found.seen, ground, as_at)
    if found.seen is not found.report:
        try:
            _check(connection, context, found.report, ground, as_at)
        except (OnHold, StillOpen, StillRetained):
            raise StillRetained(
                "Nothing was erased: the records of this child are retained longer. The Designated Clinical Officer"
                " knows until when"
            ) from None


def _check(connection: Connection, context: AppContext, found: ErasureReport, ground: Ground, as_at: date) -> None:
    if holds := holds_on(context, connection, found.cases):
        named = "; ".join(f"hold {each.number} on {each.case_ref}: {each.title}" for each in holds)
        raise OnHold(f"Nothing is erased: {named}. Once it has ended: sendflow holds end NUMBER --actor WHO")
    if ground is not Ground.RETENTION_ENDED:
        return
    if found.open_cases:
        raise StillOpen(
            f"Nothing was erased: a duty is still open on {', '.join(found.open_cases)}, so retention cannot have"
            " ended. Record case_closed or case_withdrawn first, or give another ground"
        )
    ripe = ripeness_of(context, connection, found.cases, as_at)
    if ripe.open_cases:
        raise StillOpen(
            f"Nothing was erased: {', '.join(ripe.open_cases)} has not ended, so retention cannot have ended. Record"
            " case_closed or case_withdrawn first, or give another ground"
        )
    if ripe.ripe_on > as_at:
        raise StillRetained(
            f"Nothing was erased: the records are retained until {full_day(ripe.ripe_on)} ({ripe.class_title}:"
            f" {ripe.how}; {ripe.source}). Give another ground, or wait until then"
        )


def erase_now(connection: Connection, found: Erasable, actor: str, at: str) -> ErasureReport:
    """Erase in the caller's transaction, and write the access log: a line for each case. `at` is ISO 8601, UTC."""
    child, report, _seen, _state = found
    if child is None:
        people.erase_words(connection, report.cases, at)
    else:
        people.erase(connection, child, at)
    entry = {"actor": actor, "purpose": f"erased_{report.ground}", "read_at": at}
    insert_logged(connection, ACCESS, [{"case_ref": ref, **entry} for ref in report.cases], at)
    return report.model_copy(update={"erased": True})


def overwrite_old_pages(context: AppContext) -> None:
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
            connection.exec_driver_sql("VACUUM person, passage, alias, incoming_mail, data_key")
    except SQLAlchemyError:
        return
    finally:
        owner.dispose()


def _state(connection: Connection, cases: Sequence[str], person: bytes | None, mails: Sequence[str]) -> str:
    """A digest of what is recorded of the child. Words of an access are no part of it: reading changes nothing."""
    tails = select(CASE.c.case_ref, CASE.c.seq, CASE.c.hash).where(CASE.c.case_ref.in_(cases))
    rows = [tuple(row) for row in connection.execute(tails.order_by(CASE.c.case_ref))]
    return sha256(orjson.dumps([rows, sha256(bytes(person or b"")).hexdigest(), list(mails)])).hexdigest()
