"""Meetings, promises and reviews of a week: days that facts name, on open cases, as the facts are in force."""

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from functools import cache

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Connection, or_, select, text

from casework.cases.loaded_case import UNREADABLE, LoadedCase
from casework.context import AppContext
from models import ledger
from models.common_facts import CONTACT
from models.facts import StoredFact
from models.tables import FACT, NAMES_A_DAY
from statemachines.registry import process_of, processes

MEETING, DECIDED = "meeting_on", "excuse_decided"
WEEK = timedelta(days=7)


class Meeting(BaseModel):
    """A day that a fact names. `what` is meeting, promise or review; `kind` and `seq` are the fact's."""

    model_config = ConfigDict(frozen=True)
    case_ref: str
    la: str | None
    la_reference: str | None
    process: str
    on: date
    what: str
    kind: str
    seq: int
    body: str | None
    service: str | None


@cache
def _fields() -> Mapping[str, tuple[str, str]]:
    """By kind of fact, the field with the day and what it is of."""
    meetings = {
        kind: (MEETING, "meeting")
        for process in processes().values()
        for kind, fact in process.facts.items()
        if MEETING in fact.model.model_fields
    }
    return meetings | {CONTACT: ("agreed_by", "promise"), DECIDED: ("look_again_on", "review")}


def meetings_of(context: AppContext, connection: Connection, as_at: date) -> list[Meeting]:
    """The meetings, promises and reviews from `as_at` to seven days later, the soonest first.

    A case whose history cannot be read is left out: verification reports it.
    """
    days = [(as_at + timedelta(days=number)).isoformat() for number in range(WEEK.days + 1)]
    named = or_(*(FACT.c.text.contains(f'"{day}"') for day in days))
    query = select(FACT.c.case_ref).where(text(f"({NAMES_A_DAY})"), named).distinct()
    found: list[Meeting] = []
    for ref in connection.scalars(query).all():
        try:
            facts, tail = ledger.read(connection, [ref])[ref]
            case = LoadedCase(ref, context, process_of(facts), facts, tail)
            case.replayed()
        except UNREADABLE:
            continue
        found += [] if case.ended else _of_case(case, days)
    return sorted(found, key=lambda each: (each.on, each.case_ref, each.seq))


def _of_case(case: LoadedCase, days: list[str]) -> Iterator[Meeting]:
    newest: dict[tuple[str, object], StoredFact] = {}
    for fact in case.file.lines:
        if fact.kind in _fields():
            # A later day for the same meeting, and a later decision on the same claim, replace the earlier one.
            key = fact.seq if fact.kind == CONTACT else (fact.data.get("claim"), fact.data.get("body"))
            newest[_fields()[fact.kind][1], key] = fact
    for fact in newest.values():
        field, what = _fields()[fact.kind]
        if fact.data.get(field) in days and fact.data.get("decision") != "refused":
            yield Meeting(
                case_ref=case.case_ref,
                la=case.file.la,
                la_reference=case.file.la_reference,
                process=case.file.process,
                on=date.fromisoformat(fact.data[field]),
                what=what,
                kind=fact.kind,
                seq=fact.seq,
                body=fact.data.get("body"),
                service=fact.data.get("service"),
            )
