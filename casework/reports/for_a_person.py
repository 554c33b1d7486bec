"""What waits for a person: claimed exceptions, exceptions to review, and letters that failed or wait.

The daily digest and the pages read the same lists.
"""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from operator import itemgetter
from typing import Any, NamedTuple

import orjson
from sqlalchemy import Connection, func, literal_column, select

from casework.cases.loaded_case import UNREADABLE, LoadedCase
from casework.context import AppContext
from models import ledger
from models.bulk_io import in_chunks
from models.casefile import Claim
from models.enums import LetterState, NoticeState
from models.tables import CASE, FACT, JOB_RUN, LETTER, NOTICE
from statemachines.registry import process_of

WEEK = timedelta(days=7)
DAILY_DIGEST = "morning_digest"
OUTCOME_UNKNOWN = "outcome_unknown"
MOST_KNOWN = 50_000


class _Exceptions(NamedTuple):
    """What a case's claimed exceptions ask of a person: undecided ones, and accepted ones with their review dates."""

    undecided: list[dict[str, Any]]
    accepted: list[tuple[date, dict[str, Any]]]


_KNOWN: dict[tuple[str, str | None, str, str], _Exceptions] = {}  # by case, its last hash, law and directory


def exceptions_for_a_person(
    context: AppContext, connection: Connection, as_at: date
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Claimed exceptions without a decision, and accepted exceptions of open duties whose review date has come."""
    found = list(_of_every_case(context, connection))
    undecided = [dict(row) for each in found for row in each.undecided]
    to_review = [dict(row) for each in found for look_again_on, row in each.accepted if look_again_on <= as_at]
    oldest_first = itemgetter("on", "ref")
    return sorted(undecided, key=oldest_first), sorted(to_review, key=oldest_first)


def _of_every_case(context: AppContext, connection: Connection) -> Iterator[_Exceptions]:
    """Of each case in which somebody claimed an exception, less those whose history cannot be read or replayed.

    A case is replayed again when it has another last fact: a page asks this again and again.
    """
    # In words, not as a parameter: SQLite otherwise does not use the index of these facts.
    claimed = select(FACT.c.case_ref).where(FACT.c.kind == literal_column("'excuse_claimed'")).distinct().subquery()
    query = select(claimed.c.case_ref, CASE.c.hash).join(CASE, CASE.c.case_ref == claimed.c.case_ref, isouter=True)
    for ref, tail_hash in connection.execute(query.order_by(claimed.c.case_ref)).all():
        key = (ref, tail_hash, context.ruleset_digest, context.directory.digest)
        found = _KNOWN.get(key)
        if found is None:
            try:
                found = _of_case(context, connection, ref)
            except UNREADABLE:
                continue
            if tail_hash is not None:
                if len(_KNOWN) >= MOST_KNOWN:
                    _KNOWN.clear()
                _KNOWN[key] = found
        yield found


def _of_case(context: AppContext, connection: Connection, ref: str) -> _Exceptions:
    stored, tail = ledger.read(connection, [ref])[ref]
    case = LoadedCase(ref, context, process_of(stored), stored, tail)
    case.replayed()
    if case.ended:
        return _Exceptions([], [])
    facts = {line.seq: line for line in case.file.lines}
    undecided = [
        {
            **_references(case),
            "claim": claim.seq,
            "on": facts[claim.seq].occurred_on.isoformat(),
            "ground": claim.ground,
            "body": _name(context, claim.body),
            "service": _services(context, case, claim),
            "words": "evidence" in facts[claim.seq].data,
        }
        for claim in case.file.undecided()
    ]
    of_open = {
        duty.excuse.seq: duty.excuse for duty in case.duties if duty.excuse is not None and duty.closed_on is None
    }
    accepted = [
        (
            claim.look_again_on,
            {**_references(case), "on": claim.look_again_on.isoformat(), "ground": claim.ground},
        )
        for claim in of_open.values()
        if claim.look_again_on is not None
    ]
    return _Exceptions(undecided, accepted)


def _services(context: AppContext, case: LoadedCase, claim: Claim) -> str | None:
    """The service of a claim; where it names none, those of the open duties that it is about."""
    if claim.service:
        return context.directory.service_name(claim.service)
    named = {
        context.directory.service_name(duty.service)
        for duty in case.duties
        if duty.closed_on is None
        and duty.service
        and claim.body in (None, duty.body)
        and claim.rule in (None, duty.rule)
    }
    return " and ".join(sorted(named)) if 0 < len(named) <= 2 else f"{len(named)} services" if named else None


def _references(case: LoadedCase) -> dict[str, str | None]:
    return {"ref": case.case_ref, "la_ref": case.file.la_reference}


def _name(context: AppContext, body: str | None) -> str | None:
    return next((each.name for each in context.directory.bodies if each.body == body), body)


def letters_for_a_person(connection: Connection, as_at: date) -> list[dict[str, Any]]:
    """Letters that failed in the last 7 days, that have waited for a day or more, and that could not be read."""
    return [*_letters(connection, as_at), *_unreadable(connection)]


def _letters(connection: Connection, as_at: date) -> Iterator[dict[str, Any]]:
    """Letters that failed in the last 7 days, and letters that have waited for a day or more."""
    query = (
        select(LETTER.c.id, LETTER.c.mailbox, LETTER.c.on, LETTER.c.state, LETTER.c.why)
        .where(LETTER.c.state.in_((LetterState.FAILED, LetterState.WAITING)), LETTER.c.template != DAILY_DIGEST)
        .order_by(LETTER.c.on, LETTER.c.id)
    )
    found = connection.execute(query).all()
    notices = _count_notices(connection, [row.id for row in found])
    for row in found:
        if row.state == LetterState.FAILED and row.on > as_at - WEEK:
            yield {
                "id": row.id,
                "notices": notices.get(row.id, 0),
                "to": row.mailbox,
                "what": _failure(row.why),
            }
        elif row.state == LetterState.WAITING and row.on < as_at:
            yield {
                "id": row.id,
                "notices": notices.get(row.id, 0),
                "to": row.mailbox,
                "what": f"waiting since an attempt that did not succeed, {_words(row.why)}",
            }


def _count_notices(connection: Connection, letters: Sequence[str]) -> dict[str, int]:
    """How many notices each of these letters has. It reads every notice, so it is asked only where a letter waits."""
    found: dict[str, int] = {}
    for chunk in in_chunks(letters):
        query = select(NOTICE.c.letter, func.count()).where(NOTICE.c.letter.in_(chunk)).group_by(NOTICE.c.letter)
        found |= {letter: count for letter, count in connection.execute(query)}  # noqa: C416 (a row is no pair to mypy)
    return found


def _unreadable(connection: Connection) -> Iterator[dict[str, Any]]:
    """Mailboxes of which the last delivery could not read a notice or the letter."""
    query = select(JOB_RUN.c.detail).where(JOB_RUN.c.act == "deliver").order_by(JOB_RUN.c.finished_at.desc()).limit(1)
    for mailbox in orjson.loads(connection.scalar(query) or "{}").get("unreadable", []):
        count = select(func.count()).where(NOTICE.c.mailbox == mailbox, NOTICE.c.state == NoticeState.CREATED)
        what = "a row cannot be read, so nothing was sent. To see which: sendflow verify"
        yield {"id": "not written", "notices": connection.scalar(count) or 0, "to": mailbox, "what": what}


def _failure(why: str | None) -> str:
    if why == OUTCOME_UNKNOWN:
        return "sent twice, and no answer is known; the recipient may or may not have it. Ask them"
    return f"failed, {_words(why)}; the recipient was not informed"


def _words(why: str | None) -> str:
    return str(why or "").replace("_", " ")
