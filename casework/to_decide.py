"""What an act left for a person: refused rows of a tracker, second open cases of a child, children who may be one, and
replies of bodies on which a person acts.

Purpose: an import named its refused rows on a screen that was closed, and nobody was reminded of them. Each is a row
until a person answers it, or until a later import accepts the same row. A row says where, which field and why, by code.
No cell of a file is stored: the team has the file, and a refused row has no case whose retention would end it. The same
row is known again by a keyed digest of its reference. Callers open the transaction; `answer` opens its own.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date
from typing import Any, Literal, NamedTuple

import orjson
from pydantic import BaseModel, ConfigDict
from sqlalchemy import ColumnElement, Connection, func, select

from casework.context import AppContext, instant
from casework.replies_to_act_on import Place, ReplyShown, still_waiting
from models.bulk_io import in_chunks
from models.change_log import insert_logged
from models.database import reading, transact
from models.errors import Refusal
from models.locks import lock_exclusive
from models.tables import CASE, DECIDED, TO_DECIDE

LOCK = "to decide"
REFUSED_ROW, DUPLICATE, ALIKE, REPLY = "refused_row", "duplicate", "alike", "reply"
ONE_CHILD, TWO_CHILDREN = "one_child", "two_children"
# The answers that a person may give, by kind. sendflow itself gives `accepted` and `replaced`.
ANSWERS: Mapping[str, Mapping[str, str]] = {
    REFUSED_ROW: {
        "corrected": "It is corrected in the tracker; the next import reads it",
        "recorded": "What it says is recorded by hand",
        "not_ours": "It is no case of ours",
    },
    DUPLICATE: {"two_matters": "They are two matters, and both go on"},
    REPLY: {"done": "It is done", "not_needed": "Nothing needs to be done"},
    ALIKE: {ONE_CHILD: "They are one child: join the cases", TWO_CHILDREN: "They are two children"},
}
ACCEPTED, REPLACED = "accepted", "replaced"
MOST_OF_A_FILE = 1_000  # rows that one import stores; a file with more is corrected first


class Item(NamedTuple):
    """Something to store: its kind, what is the same in the same thing, and what is shown."""

    kind: str
    key: str
    detail: Mapping[str, Any]


class WaitingItem(BaseModel):
    """Something that waits for a person. `at` is an instant (UTC).

    Of a refused row: the digest of the file, sheet and line, and each problem as a field and a code. `cases` are those
    that it names. Of children who may be one: a case of each, and in `reaches` every case that joining them reaches. Of
    a reply: its fact `seq` on its one case, and `reply` as that fact says it now.
    """

    model_config = ConfigDict(frozen=True)
    number: int
    at: str
    kind: Literal["refused_row", "duplicate", "alike", "reply"]
    cases: list[str] = []
    reaches: list[str] = []
    file: str = ""
    sheet: int = 1
    line: int = 0
    problems: list[tuple[str, str]] = []
    process: str = ""
    la: str = ""
    seq: int = 0
    reply: ReplyShown | None = None

    @property
    def place(self) -> Place:
        """Of a reply: its case and the number of its fact."""
        return self.cases[0], self.seq


Act = Callable[["WaitingItem"], object]  # what an answer asks for, such as joining two cases


class NothingWaits(Refusal, LookupError):
    """Nothing of that number waits: somebody answered it, or it was never there."""

    default_code = "nothing_waits"


def row_key(context: AppContext, reference: str, place: str) -> str:
    """What a row of a tracker has in common with the same row of a later file: its reference, else its `place`."""
    words = " ".join(reference.split()).casefold()
    return context.cipher.index("row to decide", words or place)


def duplicate_key(refs: Collection[str]) -> str:
    """What the same cases have in common."""
    return "/".join(sorted(refs))


def reply_item(case_ref: str, seq: int) -> Item:
    """A reply on which a person acts: its fact says the rest."""
    return Item(REPLY, f"reply/{case_ref}/{seq}", {"cases": [case_ref], "seq": seq})


def store(connection: Connection, items: Sequence[Item], at: str, actor: str) -> None:
    """Store what is not waiting already. What waits in another form, such as on another line, is replaced."""
    if not items:
        return
    lock_exclusive(connection, LOCK)
    known = _open(connection, [item.key for item in items])
    number = connection.scalar(select(func.max(TO_DECIDE.c.number))) or 0
    fresh: list[dict[str, Any]] = []
    replaced: list[int] = []
    for item in {item.key: item for item in items}.values():
        detail = orjson.dumps(item.detail, option=orjson.OPT_SORT_KEYS).decode()
        before = known.get(item.key)
        if before is not None and before[1] == detail:
            continue
        replaced += [before[0]] if before is not None else []
        number += 1
        row = {"number": number, "at": at, "actor": actor, "kind": item.kind, "key": item.key, "detail": detail}
        fresh.append(row)
    insert_logged(connection, TO_DECIDE, fresh, at)
    _close(connection, replaced, at, actor, REPLACED)


def settle(connection: Connection, keys: Collection[str], at: str, actor: str) -> None:
    """End what waits under these keys, because a later import accepted the row."""
    if keys:
        lock_exclusive(connection, LOCK)
        _close(connection, [number for number, _detail in _open(connection, keys).values()], at, actor, ACCEPTED)


def keys_of_waiting_rows(connection: Connection) -> set[str]:
    """The keys of the refused rows that wait."""
    return set(connection.scalars(select(TO_DECIDE.c.key).where(TO_DECIDE.c.kind == REFUSED_ROW, _is_open())))


def count_waiting(context: AppContext, connection: Connection) -> int:
    """How many things wait."""
    return len(waiting(context, connection))


def waiting(context: AppContext, connection: Connection, as_at: date | None = None) -> list[WaitingItem]:
    """What waits, the oldest first.

    Cases of which one has ended, or that were joined meanwhile, wait no more, and no reply about a duty that has ended.
    `as_at`: today unless given; a body that says it has sent something is asked about once its quiet days are over.
    """
    rows = connection.execute(
        select(TO_DECIDE).where(_is_open(), TO_DECIDE.c.kind.in_(ANSWERS)).order_by(TO_DECIDE.c.number)
    ).all()
    found = [
        WaitingItem.model_validate({"number": row.number, "at": row.at, "kind": row.kind, **orjson.loads(row.detail)})
        for row in rows
    ]
    named = {ref for each in found if each.kind in (DUPLICATE, ALIKE) for ref in each.cases}
    child_of = _still_open(context, connection, named)
    alike = {ref for each in found if each.kind == ALIKE for ref in each.cases}
    reached = _cases_of(connection, {child_of[ref] for ref in alike & child_of.keys()})
    places = {each.place for each in found if each.kind == REPLY}
    replies = still_waiting(context, connection, places, as_at or context.today()) if places else {}
    left: list[WaitingItem] = []
    for each in found:
        opened = [child_of[ref] for ref in each.cases if ref in child_of]
        if each.kind == ALIKE and len(set(opened)) > 1:
            left.append(each.model_copy(update={"reaches": sorted(ref for child in opened for ref in reached[child])}))
        elif each.kind == REPLY and each.place in replies:
            left.append(each.model_copy(update={"reply": replies[each.place]}))
        elif each.kind == REFUSED_ROW or (each.kind == DUPLICATE and len(opened) > 1):
            left.append(each)
    return left


def answer(context: AppContext, number: int, actor: str, how: str, act: Act | None = None) -> WaitingItem:
    """Answer what waits, in the name of a person, after the `act` that the answer asks for.

    Raises NothingWaits, Refusal for an answer that its kind lacks, and what the act raises: nothing is answered then.
    """
    with reading(context.engine) as connection:
        found = _checked(context, connection, number, how)
    if act is not None:
        act(found)

    def work(connection: Connection) -> WaitingItem:
        lock_exclusive(connection, LOCK)
        if act is None:
            _checked(context, connection, number, how)
        _close(connection, [number], instant(context.now()), actor, how)
        return found

    return transact(context.engine, work)


def answered(connection: Connection, keys: Collection[str], how: str) -> set[str]:
    """Those of these keys that a person has answered so."""
    found: set[str] = set()
    for chunk in in_chunks(list(keys)):
        query = select(TO_DECIDE.c.key).join(DECIDED, DECIDED.c.number == TO_DECIDE.c.number)
        found |= set(connection.scalars(query.where(TO_DECIDE.c.key.in_(chunk), DECIDED.c.how == how)))
    return found


def _checked(context: AppContext, connection: Connection, number: int, how: str) -> WaitingItem:
    found = next((each for each in waiting(context, connection) if each.number == number), None)
    if found is None:
        raise NothingWaits(f"nothing of number {number} waits any more. To list what does: sendflow to-decide")
    if how not in ANSWERS[found.kind]:
        words = "; ".join(f"{each} ({said})" for each, said in ANSWERS[found.kind].items())
        raise Refusal(f"choose one of the answers: {words}", code="no_answer")
    return found


def _open(connection: Connection, keys: Collection[str]) -> dict[str, tuple[int, str]]:
    """What waits under these keys: its number and its detail."""
    found: dict[str, tuple[int, str]] = {}
    for chunk in in_chunks(list(keys)):
        query = select(TO_DECIDE.c.key, TO_DECIDE.c.number, TO_DECIDE.c.detail)
        for key, number, detail in connection.execute(query.where(TO_DECIDE.c.key.in_(chunk), _is_open())):
            found[key] = (number, detail)
    return found


def _close(connection: Connection, numbers: Sequence[int], at: str, actor: str, how: str) -> None:
    rows = [{"number": number, "at": at, "actor": actor, "how": how} for number in sorted(numbers)]
    insert_logged(connection, DECIDED, rows, at)


def _is_open() -> ColumnElement[bool]:
    return ~select(DECIDED.c.number).where(DECIDED.c.number == TO_DECIDE.c.number).exists()


def _still_open(context: AppContext, connection: Connection, refs: Collection[str]) -> dict[str, str]:
    """The child id of each of the cases that has not ended."""
    found: dict[str, str] = {}
    for chunk in in_chunks(sorted(refs)):
        query = select(CASE.c.case_ref, CASE.c.process, CASE.c.state, CASE.c.child_key).where(
            CASE.c.case_ref.in_(chunk)
        )
        for row in connection.execute(query):
            if not _has_ended(context, row.process, row.state):
                found[row.case_ref] = str(row.child_key)
    return found


def _cases_of(connection: Connection, children: Collection[str]) -> dict[str, list[str]]:
    """Every case of these children."""
    found: dict[str, list[str]] = {child: [] for child in children}
    for chunk in in_chunks(sorted(children)):
        query = select(CASE.c.child_key, CASE.c.case_ref).where(CASE.c.child_key.in_(chunk))
        for child, ref in connection.execute(query):
            found[child].append(ref)
    return found


def _has_ended(context: AppContext, process: str, state: str) -> bool:
    known = context.processes.get(process)
    return known is not None and state in known.final
