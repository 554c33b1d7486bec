"""An erasure is proposed by one account and approved by another; both are recorded, with what was erased.

Purpose: nobody can take an erasure back, so one person's slip must not be enough. A proposal ends after 14 days, by the
refusal of any account, and as soon as something is recorded of the child: what the second person approves is what the
first one saw. Rows are only added. Instants are in UTC.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Literal

import orjson
from pydantic import BaseModel, ConfigDict
from sqlalchemy import Connection, select

from casework.cases.restricted_cases import without_restricted
from casework.context import AppContext, instant
from casework.privacy.erasure import (
    Erasable,
    ErasureReport,
    Ground,
    check_may_erase,
    counts_of,
    erasable,
    erase_now,
    overwrite_old_pages,
)
from casework.retention_holds import LOCK, next_number
from models.change_log import insert_logged
from models.database import reading, transact
from models.errors import Refusal
from models.locks import lock_exclusive
from models.tables import ERASURE_DECIDED, ERASURE_PROPOSAL
from models.visibility import hidden_among, unseen_among

EXPIRES_AFTER = timedelta(days=14)
How = Literal["approved", "refused"]
APPROVED: How = "approved"
REFUSED: How = "refused"


class Proposal(BaseModel):
    """An erasure that was proposed. `how`, `decided_by` and `decided_at` are null while it waits for a second account.

    `expired`: nobody decided it in time. `erased` counts what an approval erased.
    """

    model_config = ConfigDict(frozen=True)
    number: int
    case_ref: str
    ground: str
    actor: str
    at: str
    expires_at: str
    expired: bool
    how: How | None = None
    decided_by: str | None = None
    decided_at: str | None = None
    erased: ErasureReport | None = None

    @property
    def waits(self) -> bool:
        """Whether a second account may decide it."""
        return self.how is None and not self.expired


class NoSuchProposal(Refusal, LookupError):
    """No proposal of that number waits."""

    default_code = "no_such_proposal"


class SameAccount(Refusal, ValueError):
    """The account that proposed an erasure cannot approve it."""

    default_code = "same_account"


class ChangedMeanwhile(Refusal, ValueError):
    """Something was recorded of the child since the proposal, so that it approves something else."""

    default_code = "changed_meanwhile"


def preview(context: AppContext, case: str, ground: Ground) -> ErasureReport:
    """What an erasure would erase. Raises NoSuchCase or NothingThere."""
    with reading(context.engine) as connection:
        return erasable(connection, context, case, ground).seen


def propose(context: AppContext, case: str, actor: str, ground: Ground) -> ErasureReport:
    """Propose the erasure of the child of this case. One proposal of a child waits at a time; a second is refused.

    Raises NoSuchCase, NothingThere, OnHold, StillOpen, StillRetained, or Refusal for a proposal that waits.
    """

    def work(connection: Connection) -> ErasureReport:
        lock_exclusive(connection, LOCK)
        found = erasable(connection, context, case, ground)
        check_may_erase(connection, context, found, ground, context.today())
        for each in _read(context, connection):
            if each.waits and each.case_ref in found.report.cases and not _differs(connection, each, found):
                raise Refusal(
                    f"erasure {each.number} of this child waits already for a second account, until"
                    f" {each.expires_at[:10]}: sendflow erase approve {each.number} --actor WHO",
                    code="proposed_already",
                )
        now = context.now()
        row = {
            "number": next_number(connection, ERASURE_PROPOSAL),
            "at": instant(now),
            "actor": actor,
            "case_ref": next(iter(without_restricted(found.report.cases)), found.report.cases[0]),
            "ground": str(ground),
            "state": found.state,
            "expires_at": instant(now + EXPIRES_AFTER),
        }
        insert_logged(connection, ERASURE_PROPOSAL, [row], instant(now))
        return found.seen.model_copy(update={"proposal": row["number"], "expires_at": row["expires_at"]})

    return transact(context.engine, work)


def approve(context: AppContext, number: int, actor: str) -> ErasureReport:
    """Approve a proposal by a second account, and erase in the same transaction.

    It reaches every case of the child, also one that the account does not see; the report names only those that it
    sees. Raises NoSuchProposal, SameAccount, ChangedMeanwhile, and what `propose` raises.
    """

    def work(connection: Connection) -> ErasureReport:
        proposal = _waiting(context, connection, number)
        if actor.casefold() == proposal.actor.casefold():
            raise SameAccount(
                f"{actor} proposed erasure {number}, and another account approves it. It waits until"
                f" {proposal.expires_at[:10]}"
            )
        ground = Ground(proposal.ground)
        found = erasable(connection, context, proposal.case_ref, ground)
        if _differs(connection, proposal, found):
            raise ChangedMeanwhile(
                f"Nothing was erased: something was recorded of the child since erasure {number} was proposed. Refuse"
                f" it, look again, and propose it again: sendflow erase refuse {number} --actor WHO"
            )
        check_may_erase(connection, context, found, ground, context.today())
        at, open_ones = instant(context.now()), without_restricted(found.report.cases)
        counted = counts_of(connection, open_ones) if len(open_ones) < len(found.report.cases) else None
        done = erase_now(connection, found, actor, at).model_copy(update={"proposal": number})
        _decide(connection, number, actor, APPROVED, done, at, counted)
        return found.seen.model_copy(update={"erased": True, "proposal": number})

    report = transact(context.engine, work)
    overwrite_old_pages(context)
    return report


def refuse(context: AppContext, number: int, actor: str) -> Proposal:
    """Refuse a proposal; any account may, also the one that proposed it. Raises NoSuchProposal."""

    def work(connection: Connection) -> Proposal:
        proposal, at = _waiting(context, connection, number), instant(context.now())
        _decide(connection, number, actor, REFUSED, None, at)
        return proposal.model_copy(update={"how": REFUSED, "decided_by": actor, "decided_at": at})

    return transact(context.engine, work)


def proposals(context: AppContext, *, decided: bool = False) -> list[Proposal]:
    """The proposals that wait, by number; with `decided`, also those that were decided or have expired."""
    with reading(context.engine) as connection:
        return [each for each in _read(context, connection) if decided or each.waits]


def _waiting(context: AppContext, connection: Connection, number: int) -> Proposal:
    lock_exclusive(connection, LOCK)
    found = next((each for each in _read(context, connection) if each.number == number), None)
    if found is None or not found.waits or hidden_among(connection, [found.case_ref]):
        ended = "it expired" if found and found.expired else "it was decided, or was never proposed"
        raise NoSuchProposal(f"no proposal of number {number} waits: {ended}. To list those that do: sendflow erase")
    return found


def _differs(connection: Connection, proposal: Proposal, found: Erasable) -> bool:
    query = select(ERASURE_PROPOSAL.c.state).where(ERASURE_PROPOSAL.c.number == proposal.number)
    return connection.scalar(query) != found.state


def _decide(  # noqa: PLR0913 (what a decision has)
    connection: Connection,
    number: int,
    actor: str,
    how: How,
    erased: ErasureReport | None,
    at: str,
    unrestricted: dict[str, int] | None = None,
) -> None:
    """Record a decision. `unrestricted` counts what was erased of the cases that everybody sees, where others were
    erased with them.
    """
    stored: dict[str, Any] = erased.model_dump() if erased else {}
    if unrestricted is not None:
        stored["unrestricted"] = unrestricted
    detail = orjson.dumps(stored, option=orjson.OPT_SORT_KEYS).decode()
    row = {"number": number, "at": at, "actor": actor, "how": how, "detail": detail}
    insert_logged(connection, ERASURE_DECIDED, [row], at)


def _read(context: AppContext, connection: Connection) -> list[Proposal]:
    given, ended = ERASURE_PROPOSAL.c, ERASURE_DECIDED.c
    columns = (given.number, given.case_ref, given.ground, given.actor, given.at, given.expires_at)
    decided = (ended.how, ended.actor.label("decided_by"), ended.at.label("decided_at"), ended.detail)
    joined = ERASURE_PROPOSAL.outerjoin(ERASURE_DECIDED, ended.number == given.number)
    rows = connection.execute(select(*columns, *decided).select_from(joined).order_by(given.number))
    return [_proposal(connection, row, context.now()) for row in rows.all()]


def _proposal(connection: Connection, row: Any, now: datetime) -> Proposal:
    values = dict(row._mapping)
    detail = orjson.loads(values.pop("detail") or "{}")
    counted = detail.pop("unrestricted", None)
    erased = ErasureReport.model_validate(detail) if detail else None
    if erased is not None and counted is not None and (unseen := unseen_among(connection, erased.cases)):
        seen = {
            name: [each for each in getattr(erased, name) if each not in unseen] for name in ("cases", "open_cases")
        }
        erased = erased.model_copy(update={**seen, **counted})
    expired = row.how is None and row.expires_at <= instant(now)
    return Proposal(expired=expired, erased=erased, **values)
