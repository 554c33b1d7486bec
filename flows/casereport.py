"""One case as an auditor reads it: its facts as they were written, and its duties as they leave it, on any day and as known at any instant."""

from datetime import date
from typing import Any

from pydantic import BaseModel, ConfigDict

from deadlines.duty import Duty, duties_of
from deadlines.standing import days_late, in_days, standing
from flows.house import House
from models import ledger
from models.casefile import Casefile
from models.database import reading
from models.facts import Line
from models.shared_facts import CORRECTIONS
from statemachines.replay import effective, fold
from statemachines.statutory import Unlawful


class FactShown(BaseModel):
    """A fact as it was written; `stands` is False where it was withdrawn, `corrected_to` the day that is true now."""

    model_config = ConfigDict(frozen=True)
    seq: int
    kind: str
    version: int
    occurred_on: date
    recorded_at: str
    actor: str
    via: str
    run: str | None
    corrects: int | None
    data: dict[str, Any]
    stands: bool = True
    corrected_to: date | None = None


class DutyShown(BaseModel):
    """A duty. `days_late` is in calendar days; `twenty_weeks` says what the advice does to the date of the final plan."""

    model_config = ConfigDict(frozen=True)
    rule: str
    body: str | None
    service: str | None
    opened_seq: int
    started_on: date
    due: date | None
    strict_due: date | None
    act_by: date | None
    standing: str
    days_late: int
    met_on: date | None
    met_by: str | None
    ended_on: date | None
    excuse: str | None
    citation: str
    basis: str
    knock_on: str | None = None


class CaseReport(BaseModel):
    """See the module."""

    model_config = ConfigDict(frozen=True)
    case_ref: str
    process: str
    state: str
    state_name: str
    la: str | None
    la_reference: str | None
    as_at: date
    known_at: str | None
    facts: list[FactShown]
    duties: list[DutyShown]
    plan_issued_without: list[dict[str, str | None]]
    claims_to_decide: list[int]


def report(house: House, case_ref: str, as_at: date | None = None, known_at: str | None = None) -> CaseReport:
    """The case on a day, as known at an instant. Raises LookupError where nothing of it was known then."""
    with reading(house.engine) as connection:
        history = ledger.read(connection, [case_ref]).get(case_ref)
    if history is None:
        raise LookupError("there is no such case: its reference stands at the head of its letters, for example NX00042")
    lines = history[0]
    try:
        casefile = fold(case_ref, lines, as_at, known_at)
    except Unlawful as problem:
        if problem.seq == 0:
            raise LookupError("nothing was known of this case then") from None
        raise
    day = as_at or house.today()
    duties = duties_of(casefile.lines, house.books[casefile.process], house.dates_of, casefile.claims.values())
    return CaseReport(
        case_ref=case_ref, process=casefile.process, state=casefile.state,
        state_name=house.processes[casefile.process].states[casefile.state], la=casefile.la, la_reference=casefile.la_reference,
        as_at=day, known_at=known_at, facts=_facts(lines, as_at, known_at),
        duties=[_shown(house, duty, duties, day) for duty in duties], plan_issued_without=_without(house, duties),
        claims_to_decide=[claim.seq for claim in casefile.undecided()],
    )  # fmt: skip


def _facts(lines: list[Line], as_at: date | None, known_at: str | None) -> list[FactShown]:
    known = [line for line in lines if known_at is None or line.recorded_at <= known_at]
    standing_now = {line.seq: line for line in effective(lines, None, known_at)}
    shown: list[FactShown] = []
    for line in known:
        now = standing_now.get(line.seq)
        day = now.occurred_on if now else line.occurred_on
        if as_at is not None and day > as_at and line.kind not in CORRECTIONS:
            continue
        shown.append(FactShown(
            seq=line.seq, kind=line.kind, version=line.version, occurred_on=line.occurred_on, recorded_at=line.recorded_at,
            actor=line.actor, via=line.via, run=line.run, corrects=line.corrects, data=dict(line.data), stands=now is not None,
            corrected_to=day if day != line.occurred_on else None,
        ))  # fmt: skip
    return shown


def _shown(house: House, duty: Duty, duties: list[Duty], day: date) -> DutyShown:
    dates = duty.dates
    return DutyShown(
        rule=duty.rule, body=duty.body, service=duty.service, opened_seq=duty.opened_seq, started_on=duty.started_on, due=dates.due,
        strict_due=dates.strict_due, act_by=dates.act_by, standing=standing(duty, day).value, days_late=days_late(duty, day),
        met_on=duty.met_on, met_by=duty.met_by, ended_on=duty.ended_on, excuse=duty.excuse.ground if duty.excuse else None,
        citation=dates.citation, basis=dates.basis, knock_on=_knock_on(house, duty, duties, day),
    )  # fmt: skip


def _held_up(house: House, duty: Duty, duties: list[Duty]) -> Duty | None:
    """The duty that this one feeds (the final plan, for advice): the statute file says which."""
    rule = house.law.rules[duty.rule].holds_up
    return next((other for other in duties if rule is not None and other.rule == rule and other.due is not None), None)


def _knock_on(house: House, duty: Duty, duties: list[Duty], day: date) -> str | None:
    plan = _held_up(house, duty, duties)
    if plan is None or plan.due is None:
        return None
    until = duty.met_on or duty.ended_on or day
    left = (plan.due - until).days
    came = "came" if duty.met_on else "was ended" if duty.ended_on else "is awaited"
    late = days_late(duty, day)
    lateness = f"{in_days(late)} late" if late else "in time"
    if duty.met_on is None and not late:
        lateness = "not yet late"
    room = f"{in_days(left)} before" if left > 0 else "on" if left == 0 else f"{in_days(-left)} after"
    return f"the advice {came} {lateness}, {room} the 20-week date ({plan.due.isoformat()})"


def _without(house: House, duties: list[Duty]) -> list[dict[str, str | None]]:
    """Bodies whose advice had been asked for and had not come when the plan was issued."""
    missing: list[dict[str, str | None]] = []
    for duty in duties:
        plan = _held_up(house, duty, duties)
        if plan is None or plan.met_on is None or duty.started_on > plan.met_on:
            continue
        if duty.met_on is None or duty.met_on > plan.met_on:
            missing.append({"body": duty.body, "service": duty.service, "advice_on": duty.met_on.isoformat() if duty.met_on else None})
    return missing


def file_of(house: House, case_ref: str) -> Casefile:
    """The folded case as it stands. Raises LookupError where there is none."""
    with reading(house.engine) as connection:
        history = ledger.read(connection, [case_ref]).get(case_ref)
    if history is None:
        raise LookupError("there is no such case: its reference stands at the head of its letters, for example NX00042")
    return fold(case_ref, history[0])
