"""Drawing a random sample of recorded facts, and drawing it again from the same histories. [I/O]

Purpose: an audit whose sample nobody chose, and that anybody can draw again. The frame is every fact of the subject, in
force and in the period, as known at the instant of the drawing. Of a child about whom nothing leaves without a person's
release nothing is drawn. The drawing itself is `models/sampling.py`.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from itertools import pairwise
from typing import Any, NamedTuple

from sqlalchemy import Connection, and_, or_, select

from casework.cases.loaded_case import UNREADABLE, LoadedCase
from casework.cases.standards import said_before
from casework.cases.unit_of_work import UnitOfWork
from casework.cases.validation import Refused
from casework.context import AppContext
from deadlines.duties import Duty, duties_of
from deadlines.status import status_of
from models import ledger
from models.enums import DutyStatus
from models.facts import FactDraft, StoredFact
from models.sampling import Frame, digest_of, draw, share_of
from models.tables import FACT
from notifications.holds import withheld
from statemachines.process import Process
from statemachines.replay import facts_in_force, replay

# What is said of a member, in the words of the field of the fact that is recorded for it.
BY_TIME = {DutyStatus.MET: "yes", DutyStatus.MET_LATE: "no", DutyStatus.EXCUSED: "exception"}
UNKNOWN = "not_known"


class Asked(NamedTuple):
    """What a sample is drawn from: kinds of fact, days from and to, both included, and the fields that are strata."""

    kinds: frozenset[str]
    from_on: date
    to_on: date
    strata: Sequence[str]


class Members(NamedTuple):
    """The sampling frame: what is known of each member, by case and fact, and how many were left out of it."""

    known: Mapping[str, Mapping[str, str]]
    left_out: int

    def frame(self, strata: Sequence[str]) -> Frame:
        """Each member with its stratum."""
        return {
            member: "/".join(known.get(field, UNKNOWN) for field in strata) or "all"
            for member, known in self.known.items()
        }


def append_with_drawn(unit: UnitOfWork, process: Process | None, case: LoadedCase, drafts: Sequence[FactDraft]) -> None:
    """Append the drafts, and the facts of those that they draw. Raises Refused.

    Each drawing begins a part of its own: a fact before it among the drafts may say what it draws from.
    """
    if process is None or process.draws.isdisjoint(draft.kind for draft in drafts):
        unit.append(case, drafts)
        return
    starts = [number for number, draft in enumerate(drafts) if number and draft.kind in process.draws]
    for first, last in pairwise([0, *starts, len(drafts)]):
        unit.append(case, list(_with_drawn(unit, process, case, drafts[first:last])))


def _with_drawn(
    unit: UnitOfWork, process: Process, case: LoadedCase, drafts: Sequence[FactDraft]
) -> Iterator[FactDraft]:
    for draft in drafts:
        if draft.kind in process.draws:
            yield from _with_its_members(unit, process, case, draft)
        else:
            yield draft


def _with_its_members(unit: UnitOfWork, process: Process, case: LoadedCase, draft: FactDraft) -> Iterator[FactDraft]:
    model = process.facts[draft.kind].model
    if typed := sorted(draft.data.keys() & model.FROM_SAMPLE.keys()):
        raise Refused(
            "bad_data",
            f"{', '.join(typed)} is worked out by the drawing, and not given: leave it out",
            field=typed[0],
            wrong_call=True,
        )
    subject = said_before(case.facts, "subject")
    asked = asked_of(model.SAMPLED.get(str(subject), frozenset()), draft.data)
    if asked is None:
        yield draft  # its model says what is missing
        return
    members = members_of(unit.context, unit.connection, asked, None)
    percent = int(said_before(case.facts, "second_mark_percent") or 0)
    frame, seed = members.frame(asked.strata), str(draft.data["seed"])
    drawn = draw(seed, frame, int(draft.data["size"]))
    worked_out = {
        "in_frame": len(frame),
        "left_out": members.left_out,
        "frame_sha256": digest_of(frame),
        "drawn": drawn or None,
    }
    yield draft._replace(data={**draft.data, **worked_out})
    second = share_of(seed, drawn, percent)
    (records,) = set(model.FROM_SAMPLE.values())
    first = len(case.file.items) + 1 if case.facts else 1
    for number, member in enumerate(drawn, first):
        data = {
            **members.known[member],
            "item": f"item_{number}",
            "of_fact": member,
            "about_case": member.partition("/")[0],
            "second_mark": "yes" if member in second else "no",
        }
        yield FactDraft(records, draft.occurred_on, data)


def asked_of(kinds: frozenset[str], data: Mapping[str, Any]) -> Asked | None:
    """What a fact asks a sample of; None where one of its fields is missing or of another form."""
    strata = data.get("strata") or []
    listed = [part.strip() for part in strata.split(",")] if isinstance(strata, str) else list(strata)
    try:
        period = [date.fromisoformat(str(data[field])) for field in ("from_on", "to_on")]
        if int(data["size"]) < 1 or not str(data["seed"]):
            return None
    except (KeyError, ValueError):
        return None
    return Asked(kinds, period[0], period[1], [each for each in listed if each])


def members_of(context: AppContext, connection: Connection, asked: Asked, known_at: str | None) -> Members:
    """Every fact of these kinds in the period, as known at an instant, or now. A history that cannot be read is left
    out.
    """
    known: dict[str, Mapping[str, str]] = {}
    left_out = 0
    refs = list(_cases_with(connection, asked))
    for ref, (facts, _tail) in sorted(ledger.read(connection, refs).items()):
        try:
            found = list(_of_case(context, ref, facts, asked, known_at))
        except UNREADABLE:
            left_out += 1
            continue
        if found and withheld(facts_in_force(facts, None, known_at)) is not None:
            left_out += len(found)
        else:
            known |= found
    return Members(known, left_out)


def _cases_with(connection: Connection, asked: Asked) -> Iterable[str]:
    """The cases that may have such a fact in the period: a correction may have moved one into it."""
    corrected = select(FACT.c.case_ref).where(FACT.c.kind == "fact_corrected")
    # Two comparisons: PostgreSQL takes no COLLATE inside BETWEEN.
    first, last = asked.from_on.isoformat(), asked.to_on.isoformat()
    days = and_(FACT.c.occurred_on >= first, FACT.c.occurred_on <= last)
    query = select(FACT.c.case_ref).where(
        FACT.c.kind.in_(sorted(asked.kinds)), or_(days, FACT.c.case_ref.in_(corrected))
    )
    return sorted(connection.scalars(query.distinct()))


def _of_case(
    context: AppContext, ref: str, facts: Sequence[StoredFact], asked: Asked, known_at: str | None
) -> Iterator[tuple[str, Mapping[str, str]]]:
    if known_at is not None and facts[0].recorded_at > known_at:
        return
    file = replay(ref, facts, None, known_at)
    duties = duties_of(file.lines, context.duty_rules[file.process], context.dates_of, file.claims.values())
    for fact in file.lines:
        if fact.kind in asked.kinds and asked.from_on <= fact.occurred_on <= asked.to_on:
            said = {"la": file.la, "body": fact.data.get("body"), "service": fact.data.get("service")}
            said["on_time"] = _on_time(duties, fact)
            yield f"{ref}/{fact.seq}", {key: value for key, value in said.items() if value is not None}


def _on_time(duties: Iterable[Duty], fact: StoredFact) -> str:
    """Whether what the fact met was met in time: late if any of it was late."""
    met = {
        status_of(duty, fact.occurred_on)
        for duty in duties
        if duty.met_seq == fact.seq and duty.due is not None and duty.bound == "by"
    }
    for status in (DutyStatus.MET_LATE, DutyStatus.EXCUSED, DutyStatus.MET):
        if status in met:
            return BY_TIME[status]
    return UNKNOWN
