"""Replies of bodies on which a person of the team has to act, such as "wrong mailbox": which are they, and until when?

A reply is stored as something to decide when its fact is written, by whichever way it came. Everything that a list
shows is read from the fact in force, so that a reply that was withdrawn or corrected is no longer listed. [I/O]
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, select

from casework.context import AppContext
from models import ledger
from models.answers import Answer
from models.bulk_io import in_chunks
from models.common_facts import CORRECTIONS, REPLIED
from models.facts import StoredFact
from models.tables import CASE, DUTY
from statemachines.replay import facts_in_force

# What a body says that no rule acts on: the directory, another request, or a receipt is a person's to see to.
_OF_REPLIES = frozenset({REPLIED, *CORRECTIONS})
FOR_A_PERSON = frozenset({Answer.WRONG_MAILBOX, Answer.OTHER_SERVICE, Answer.NOT_KNOWN, Answer.DISCHARGED, Answer.SENT})
Place = tuple[str, int]  # case, number of the fact


class ReplyShown(NamedTuple):
    """What a list shows of one reply that waits for a person. `on`: when it was said; `day`: the one that it names."""

    said: str
    on: date
    rule: str | None
    body: str
    service: str | None
    recipient: str | None
    to_body: str | None
    to_service: str | None
    day: date | None
    la: str | None
    la_reference: str | None


def replies_written(history: Sequence[StoredFact], new: Iterable[StoredFact]) -> list[int]:
    """The numbers of the replies for a person that new facts of a case record or correct."""
    touched = {fact.corrects if fact.kind in CORRECTIONS else fact.seq for fact in new if fact.kind in _OF_REPLIES}
    if not touched:
        return []
    return [fact.seq for fact in facts_in_force(history) if fact.seq in touched and _is_for_a_person(fact)]


def still_waiting(
    context: AppContext, connection: Connection, places: Collection[Place], as_at: date
) -> dict[Place, ReplyShown]:
    """Those of the replies on which somebody still has to act. A history that cannot be read is left to `verify`."""
    found: dict[Place, ReplyShown] = {}
    for chunk in in_chunks(sorted({ref for ref, _seq in places})):
        cases = {row.case_ref: row for row in connection.execute(select(CASE).where(CASE.c.case_ref.in_(chunk)))}
        duties: dict[str, list[Row[Any]]] = {}
        for row in connection.execute(select(DUTY).where(DUTY.c.case_ref.in_(chunk))):
            duties.setdefault(row.case_ref, []).append(row)
        for ref, case in cases.items():
            replies = _replies_in_force(connection, ref)
            for seq in (seq for case_ref, seq in places if case_ref == ref and seq in replies):
                if _waits(context, replies[seq], replies, case, duties.get(ref, []), as_at):
                    found[ref, seq] = _shown(replies[seq], case)
    return found


def _replies_in_force(connection: Connection, ref: str) -> dict[int, StoredFact]:
    try:
        history, _tail = ledger.read(connection, [ref])[ref]
        return {fact.seq: fact for fact in facts_in_force(history) if fact.kind == REPLIED}
    except (ValueError, LookupError):
        return {}


def _is_for_a_person(fact: StoredFact) -> bool:
    return fact.kind == REPLIED and fact.data["said"] in FOR_A_PERSON


def _waits(
    context: AppContext,
    fact: StoredFact,
    replies: Mapping[int, StoredFact],
    case: Row[Any],
    duties: Sequence[Row[Any]],
    as_at: date,
) -> bool:
    data = fact.data
    said = Answer(data["said"])
    process = context.processes.get(case.process)
    if not _is_for_a_person(fact) or process is None or case.state in process.final:
        return False
    if any(_replaces(other, fact) for other in replies.values()):
        return False
    about = [duty for duty in duties if _is_of(duty, data)]
    if said is Answer.OTHER_SERVICE and data.get("to_service") is not None:
        there = (data.get("to_body"), data["to_service"])
        return bool(about) and not any((duty.body, duty.service) == there for duty in duties)
    if said is Answer.SENT and as_at.isoformat() <= data.get("paused_until", ""):
        return False
    return any(duty.closed_on is None for duty in about)


def _replaces(other: StoredFact, fact: StoredFact) -> bool:
    """Whether a later reply of the same body about the same duty says otherwise; of a mailbox, that mailbox itself."""
    keys = ["rule", "opened_seq", "body", "service"]
    if fact.data["said"] == Answer.WRONG_MAILBOX:
        keys.append("recipient")
    return other.seq > fact.seq and all(other.data.get(key) == fact.data.get(key) for key in keys)


def _is_of(duty: Row[Any], data: Mapping[str, Any]) -> bool:
    """Whether a reply is about a duty; one that names no duty is about every duty of its body and service."""
    if duty.body != data["body"] or data.get("service") not in (None, duty.service):
        return False
    return all(data.get(key) in (None, getattr(duty, key)) for key in ("rule", "opened_seq"))


def _shown(fact: StoredFact, case: Row[Any]) -> ReplyShown:
    data = fact.data
    return ReplyShown(
        said=data["said"],
        on=fact.occurred_on,
        rule=data.get("rule"),
        body=data["body"],
        service=data.get("service"),
        recipient=data.get("recipient"),
        to_body=data.get("to_body"),
        to_service=data.get("to_service"),
        day=date.fromisoformat(data["day"]) if data.get("day") else None,
        la=case.la,
        la_reference=case.la_reference,
    )
