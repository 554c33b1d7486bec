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
from casework.reports.case_list import CaseFilter, case_list
from casework.reports.preview import Preview, preview
from casework.reports.recordable import RecordableFact, recordable
from config.settings import EXCEPTIONS, RELEASES
from models.bulk_io import in_chunks
from models.common_facts import HOLD, RELEASE
from models.database import reading
from models.errors import NoSuchCase, Refusal
from models.facts import ACTOR, FactDraft
from models.tables import CASE

MOST = 100
VIA = "page"
IN_ORDER = ("usual", "possible", "at any time")
SECOND_PERSON = "second_person"
ASKS_SECOND = "a second person has to agree: the first time it is only recorded that you asked"


class WrongAct(Refusal, ValueError):
    """The act is none that several cases can have, or a part of it is missing."""

    default_code = "bad_act"


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


class Selection(BaseModel):
    """The cases of a filter, the one to act on soonest first: MOST of them; `total` is how many the filter has."""

    model_config = ConfigDict(frozen=True)
    refs: list[str]
    total: int


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


def selection(context: AppContext, wanted: CaseFilter) -> Selection:
    """The cases of a filter of the list of cases."""
    found = case_list(context, wanted, context.today(), MOST)
    return Selection(refs=[row.case_ref for row in found.rows], total=found.total)


def check_act(act: BulkAct) -> None:
    """Raise WrongAct where no case can have the act as it was given."""
    if act.kind in (BulkKind.PAUSE, BulkKind.RELEASE) and not act.reason.strip():
        raise WrongAct(f"to {act.kind} e-mails takes a reason, for example: a meeting is arranged")
    if act.kind is BulkKind.ASSIGN and act.owner != owners.NOBODY and not ACTOR.fullmatch(act.owner):
        raise WrongAct("an owner is an account name, for example admin.team")
    if act.kind is not BulkKind.RECORD:
        return
    if not act.fact or act.on is None:
        raise WrongAct("recording takes a fact and the day on which it happened")
    if act.fact.startswith("fact_"):
        raise WrongAct("a correction names one fact of one case: record it on that case")


def facts_in_order(context: AppContext, refs: Sequence[str]) -> list[RecordableFact]:
    """The facts that every case takes now in its order, with the fields of the first case. A correction is of one case
    and is none of them. A case that is not there is left out.
    """
    found: list[dict[str, RecordableFact]] = []
    for ref in refs:
        try:
            facts = recordable(context, ref).facts
        except LookupError:
            continue
        found.append(
            {each.kind: each for each in facts if each.group in IN_ORDER and not each.kind.startswith("fact_")}
        )
    kinds = set.intersection(*map(set, found)) if found else set()
    return [each for kind, each in found[0].items() if kind in kinds] if found else []


def record_one(context: AppContext, case_ref: str, draft: FactDraft, actor: str) -> object:
    """Record a fact on one case, as a page does."""
    return record(context, case_ref, [draft], actor, via=VIA)


def try_bulk(context: AppContext, refs: Sequence[str], act: BulkAct, actor: str) -> list[BulkLine]:
    """What the act would do with each case, in the order of the references. Nothing is written. Raises WrongAct."""
    check_act(act)
    numbers = _numbers(context, refs)
    return [_tried(context, ref, numbers.get(ref), act, actor) for ref in _once(refs)]


def do_bulk(
    context: AppContext, seen: Mapping[str, int], act: BulkAct, actor: str, recorder: Recorder = record_one
) -> list[BulkLine]:
    """Do the act with each case of `seen`, which has the number of the last fact that its person saw.

    What one case refuses is in its line, and the others go on. Raises WrongAct.
    """
    check_act(act)
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
        _check_order(context, ref, act)
        return {"effects": preview(context, ref, [act.draft()], actor)}
    if act.kind is BulkKind.ASSIGN:
        owner = _owner(context, ref)
        return {"owner": owner, "unchanged": (owner or "") == act.owner}
    kind = HOLD if act.kind is BulkKind.PAUSE else RELEASE
    found = holds.try_hold_or_release(context, ref, actor, kind, act.reason, act.until)
    return {"notices": found.notices, "until": found.until}


def _check_order(context: AppContext, ref: str, act: BulkAct) -> None:
    """Raise Refused where the fact is out of the case's order: somebody who looks at that case records it there."""
    if all(each.kind != act.fact for each in facts_in_order(context, [ref])):
        raise Refused("out_of_order", "the fact is not in the order of this case: record it on this case alone")


def _done(context: AppContext, ref: str, act: BulkAct, actor: str, recorder: Recorder) -> Mapping[str, Any]:
    if act.kind is BulkKind.RECORD:
        _check_order(context, ref, act)
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
