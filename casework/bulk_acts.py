"""One act on several cases: assign an owner, pause e-mails, release them, or record the same fact.

Purpose: a week's work has the same act on twenty cases. Each case is done by the function that does it for one case, in
a transaction of its own, so that a refused case stops no other. Before it is done, each is tried in a transaction that
is undone. A case that changed after a person looked at it is left alone. Days are calendar days.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from enum import StrEnum
from functools import partial
from typing import Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy import select

from casework import owners
from casework.cases.fact_form import Refused
from casework.cases.record import record
from casework.cases.second_person import accepted_exceptions
from casework.context import AppContext
from casework.delivery import holds
from casework.reports.preview import Preview, preview
from config.settings import EXCEPTIONS, RELEASES
from models.bulk_io import in_chunks
from models.common_facts import HOLD, RELEASE
from models.database import reading
from models.errors import NoSuchCase, Refusal
from models.facts import FactDraft
from models.tables import CASE

MOST = 100
VIA = "page"
SECOND_PERSON = "second_person"
ASKS_SECOND = "a second person has to agree: the first time it is only recorded that you asked"


class BulkKind(StrEnum):
    """What is done with each case."""

    ASSIGN = "assign"
    PAUSE = "pause"
    RELEASE = "release"
    RECORD = "record"


class BulkAct(BaseModel):
    """One act. `owner` of ASSIGN (empty: nobody); `reason` and `until`, the last day, of PAUSE; `reason` of RELEASE;
    `fact`, `on` and `data` of RECORD.
    """

    model_config = ConfigDict(frozen=True)
    kind: BulkKind
    owner: str = ""
    reason: str = ""
    until: date | None = None
    fact: str = ""
    on: date | None = None
    data: dict[str, Any] = {}

    def draft(self) -> FactDraft:
        """The fact of RECORD."""
        assert self.on is not None, "a fact has a day"
        return FactDraft(self.fact, self.on, dict(self.data))


class BulkLine(BaseModel):
    """What the act does, or did, with one case. `refused` says why nothing is done with it; `asked`: it waits for a
    second person. `owner` is the owner before; `notices` how many e-mails are concerned; `effects` of a fact.

    `seq` is the number of the case's last fact.
    """

    model_config = ConfigDict(frozen=True)
    case_ref: str
    seq: int = 0
    refused: str | None = None
    asked: bool = False
    unchanged: bool = False
    owner: str | None = None
    notices: int | None = None
    until: date | None = None
    effects: Preview | None = None


Recorder = Callable[[AppContext, str, FactDraft, str], object]


def record_one(context: AppContext, case_ref: str, draft: FactDraft, actor: str) -> object:
    """Record a fact on one case, as a page does."""
    return record(context, case_ref, [draft], actor, via=VIA)


def try_bulk(context: AppContext, refs: Sequence[str], act: BulkAct, actor: str) -> list[BulkLine]:
    """What the act would do with each case, in the order of the references. Nothing is written."""
    numbers = _numbers(context, refs)
    return [_tried(context, ref, numbers.get(ref), act, actor) for ref in _once(refs)]


def do_bulk(
    context: AppContext, seen: Mapping[str, int], act: BulkAct, actor: str, recorder: Recorder = record_one
) -> list[BulkLine]:
    """Do the act with each case of `seen`, which has the number of the last fact that its person saw.

    What one case refuses is in its line, and the others go on.
    """
    numbers = _numbers(context, list(seen))
    found = []
    for ref in _once(list(seen)):
        if ref in numbers and numbers[ref] != seen[ref]:
            said = "it changed after you looked at it: look at it again"
            found.append(BulkLine(case_ref=ref, seq=numbers[ref], refused=said))
            continue
        found.append(_line(ref, numbers.get(ref), partial(_done, context, ref, act, actor, recorder)))
    return found


def _once(refs: Sequence[str]) -> list[str]:
    return sorted(dict.fromkeys(refs))[:MOST]


def _numbers(context: AppContext, refs: Sequence[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    with reading(context.engine) as connection:
        for chunk in in_chunks(list(refs)):
            query = select(CASE.c.case_ref, CASE.c.seq).where(CASE.c.case_ref.in_(chunk))
            found |= {row.case_ref: row.seq for row in connection.execute(query)}
    return found


def _tried(context: AppContext, ref: str, seq: int | None, act: BulkAct, actor: str) -> BulkLine:
    line = _line(ref, seq, lambda: _would(context, ref, act, actor))
    return line if line.refused else line.model_copy(update={"asked": _needs_second(context, ref, act)})


def _line(ref: str, seq: int | None, work: Callable[[], Mapping[str, Any]]) -> BulkLine:
    """The line of a case after some work with it."""
    number = seq or 0
    if seq is None:
        return BulkLine(case_ref=ref, refused="there is no such case")
    try:
        return BulkLine(case_ref=ref, seq=number, **work())
    except NoSuchCase:
        return BulkLine(case_ref=ref, refused="there is no such case")
    except (Refused, Refusal, LookupError) as problem:
        said, code = getattr(problem, "message", str(problem)), getattr(problem, "code", "")
        return BulkLine(case_ref=ref, seq=number, refused=said, asked=code == SECOND_PERSON)


def _would(context: AppContext, ref: str, act: BulkAct, actor: str) -> Mapping[str, Any]:
    if act.kind is BulkKind.RECORD:
        return {"effects": preview(context, ref, [act.draft()], actor)}
    if act.kind is BulkKind.ASSIGN:
        owner = _owner(context, ref)
        return {"owner": owner, "unchanged": (owner or "") == act.owner}
    kind = HOLD if act.kind is BulkKind.PAUSE else RELEASE
    found = holds.try_hold_or_release(context, ref, actor, kind, act.reason, act.until)
    return {"notices": found.notices, "until": found.until}


def _done(context: AppContext, ref: str, act: BulkAct, actor: str, recorder: Recorder) -> Mapping[str, Any]:
    if act.kind is BulkKind.RECORD:
        recorder(context, ref, act.draft(), actor)
        return {}
    if act.kind is BulkKind.ASSIGN:
        before = _owner(context, ref)
        return {"owner": before, "unchanged": not owners.assign(context, ref, act.owner, actor)}
    if act.kind is BulkKind.PAUSE:
        held = holds.hold(context, ref, actor, act.reason, act.until)
        return {"notices": held.notices, "until": held.until}
    return {"notices": holds.release_held(context, ref, actor, act.reason).notices}


def _owner(context: AppContext, ref: str) -> str | None:
    with reading(context.engine) as connection:
        return owners.owner_of(connection, ref)


def _needs_second(context: AppContext, ref: str, act: BulkAct) -> bool:
    """Whether a second person has to agree to the act."""
    asked_for = context.settings.second_person
    if act.kind is BulkKind.RELEASE:
        return RELEASES in asked_for
    return act.kind is BulkKind.RECORD and EXCEPTIONS in asked_for and bool(accepted_exceptions(ref, [act.draft()]))
