"""A second person agrees to what matters: accepted exceptions, adoptions, and the release of what is on hold.

Purpose: SENDFLOW_SECOND_PERSON names the decisions that one person alone may not take. The first person's command is
checked to its end and then undone, and it is recorded that it was asked. The same command of another person within 14
days does it, and it is recorded that both agreed. Both are rows of `to_decide` and `decided`, with who acted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import NamedTuple, TypeVar

from sqlalchemy import Connection, select

from casework.cases.fact_form import Refused
from casework.context import AppContext, instant
from casework.to_decide import LOCK
from config.settings import ADOPTIONS, EXCEPTIONS, RELEASES
from models.change_log import insert_logged
from models.common_facts import ExcuseDecided
from models.database import reading, transact
from models.facts import FactDraft
from models.locks import lock_exclusive
from models.tables import DECIDED, TO_DECIDE

__all__ = ["ADOPTIONS", "EXCEPTIONS", "KIND", "RELEASES", "Check", "with_second_person"]
KIND, AGREED = "second_person", "agreed"
LONGEST = timedelta(days=14)
Check = Callable[[Connection], None]
Done = TypeVar("Done")


class _First(NamedTuple):
    """What the first person asked: its number, and by whom."""

    number: int
    actor: str


class _Undo(Exception):
    """Undoes the act of a first person, which has passed every check."""


def with_second_person(context: AppContext, what: str, key: str, actor: str, act: Callable[[Check], Done]) -> Done:
    """Do `act` if another person has asked for the same, or if nobody is needed; otherwise record that it was asked.

    `key` is the same for the same act, and is stored as a keyed digest. `act` calls the check it is given at the end of
    its transaction. Raises Refused with the code `second_person` or `same_person`.
    """
    if what not in context.settings.second_person:
        return act(lambda _connection: None)
    digest = context.cipher.index("second person", f"{what}\0{key}")
    with reading(context.engine) as connection:
        first = _asked(context, connection, digest)
    if first is not None and first.actor == actor:
        raise Refused("same_person", f"{actor} asked for this already. Another person has to agree, and does the same")

    def check(connection: Connection) -> None:
        if first is None:
            raise _Undo
        lock_exclusive(connection, LOCK)
        if _asked(context, connection, digest) != first:
            raise Refused("same_person", "another person agreed to this meanwhile")
        at = instant(context.now())
        row = {"number": first.number, "at": at, "actor": actor, "how": AGREED}
        insert_logged(connection, DECIDED, [row], at)

    try:
        return act(check)
    except _Undo:
        transact(context.engine, lambda connection: _ask(context, connection, digest, what, actor))
    raise Refused(
        "second_person",
        f"Nothing is done yet: a second person has to agree. It is recorded that {actor} asked. Another person does"
        " the same within 14 days, in their own name",
    )


def who_asked(context: AppContext, what: str, key: str) -> str | None:
    """The first person who asked for an act that waits for a second one; None where nobody did, or nobody is needed."""
    if what not in context.settings.second_person:
        return None
    with reading(context.engine) as connection:
        first = _asked(context, connection, context.cipher.index("second person", f"{what}\0{key}"))
    return first.actor if first is not None else None


def accepted_exceptions(case_ref: str | None, drafts: Sequence[FactDraft]) -> str | None:
    """What is the same in the same accepted exception of a case; None if these facts accept none.

    Free text is no part of it: two people give one reason in their own words. Nor are the day of the decision and the
    day to look at it again: the second person may decide on another day, and its days count.
    """
    if not any(draft.kind == "excuse_decided" and draft.data.get("decision") == "accepted" for draft in drafts):
        return None
    left_out = {*ExcuseDecided.FREE_TEXT_FIELDS, "look_again_on"}
    about = [
        (
            draft.kind,
            "" if draft.kind == "excuse_decided" else draft.occurred_on.isoformat(),
            sorted((k, str(v)) for k, v in draft.data.items() if k not in left_out),
        )
        for draft in drafts
    ]
    return f"{case_ref} {about}"


def _asked(context: AppContext, connection: Connection, digest: str) -> _First | None:
    """What waits for a second person, if it was asked in the last 14 days."""
    since = instant(context.now() - LONGEST)
    waits = TO_DECIDE.c.number.not_in(select(DECIDED.c.number))
    query = select(TO_DECIDE.c.number, TO_DECIDE.c.actor).where(
        TO_DECIDE.c.kind == KIND, TO_DECIDE.c.key == digest, TO_DECIDE.c.at >= since, waits
    )
    row = connection.execute(query.order_by(TO_DECIDE.c.number).limit(1)).first()
    return _First._make(row) if row is not None else None


def _ask(context: AppContext, connection: Connection, digest: str, what: str, actor: str) -> None:
    lock_exclusive(connection, LOCK)
    if _asked(context, connection, digest) is not None:
        return
    last = connection.scalars(select(TO_DECIDE.c.number).order_by(TO_DECIDE.c.number.desc()).limit(1)).first()
    at, detail = instant(context.now()), f'{{"what":"{what}"}}'
    row = {"number": (last or 0) + 1, "at": at, "actor": actor, "kind": KIND, "key": digest, "detail": detail}
    insert_logged(connection, TO_DECIDE, [row], at)
