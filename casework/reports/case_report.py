"""One case as an auditor reads it: its facts as they were written, and its duties as they leave it, on any day and as
known at any instant.
"""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from pydantic import BaseModel, ConfigDict

from casework.context import AppContext
from config.rule_schema import Rule
from deadlines.duties import Duty, duties_of
from deadlines.status import days_late, in_days, standing
from models import ledger
from models.casefile import CaseFile
from models.common_facts import CORRECTIONS
from models.database import reading
from models.facts import StoredFact
from statemachines.process import NotPermitted
from statemachines.registry import process_of
from statemachines.replay import facts_in_force, replay


class FactShown(BaseModel):
    """A fact as it was written; `stands` is False where it was withdrawn, `corrected_to` the day that is true now.

    `law` is the digest of the law that it was recorded under, the locality's own choices included.
    """

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
    law: str = ""


class Cause(BaseModel):
    """The fact of another case of the same child that was heard here."""

    model_config = ConfigDict(frozen=True)
    case_ref: str
    seq: int
    kind: str
    process: str


class Origin(BaseModel):
    """A fact of this case that began a clock, and the fact of another case where it was only heard of."""

    model_config = ConfigDict(frozen=True)
    seq: int
    kind: str
    cause: Cause | None = None


class AskAgain(BaseModel):
    """A body whose advice had been asked for before a refusal, and not since an order, a concession, an agreement or a
    reversal began it again.

    Its weeks run from its own receipt of the authority's new request (reg 8(1)): `ask_by` is the last day of receipt
    from which they end by `plan_due`, the day of the final plan by what began it again.
    """

    model_config = ConfigDict(frozen=True)
    rule: str
    body: str | None
    service: str | None
    asked_on: date
    answered_on: date | None
    ask_by: date
    plan_rule: str
    plan_due: date
    because: Origin


class DutyShown(BaseModel):
    """A duty. `days_late` is in calendar days; `knock_on` says what the advice does to the date of the final plan.

    `opened_by` is the kind of the fact that opened it, and `cause` the fact of another case where that was only heard
    of. `again_by` is what began the assessment again, for advice asked since. `goes_on`: what a continuing duty still
    asks once it has been met.
    `provisional`: it runs for the time being from what began the assessment again, until the authority's new request is
    received.
    """

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
    opened_by: str | None = None
    cause: Cause | None = None
    again_by: Origin | None = None
    goes_on: str | None = None
    provisional: bool = False


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
    heard: dict[int, Cause] = {}
    remarks: list[str] = []
    to_ask_again: list[AskAgain] = []


def report(context: AppContext, case_ref: str, as_at: date | None = None, known_at: str | None = None) -> CaseReport:
    """The case on a day, as known at an instant. Raises LookupError where nothing of it was known then."""
    with reading(context.engine) as connection:
        history = ledger.read(connection, [case_ref]).get(case_ref)
    if history is None:
        raise LookupError("there is no such case: its reference stands at the head of its letters, for example NX00042")
    lines = history[0]
    try:
        casefile = replay(case_ref, lines, as_at, known_at)
    except NotPermitted as problem:
        if problem.seq == 0:
            raise LookupError("nothing was known of this case then") from None
        raise
    day = as_at or context.today()
    rules = {rule.id: rule for rule in context.law.duties_of(casefile.process)}
    causes = _causes(context, casefile)
    origins = {line.seq: Origin(seq=line.seq, kind=line.kind, cause=causes.get(line.seq)) for line in casefile.lines}
    duties = duties_of(casefile.lines, context.duty_rules[casefile.process], context.dates_of, casefile.claims.values())
    return CaseReport(
        case_ref=case_ref,
        process=casefile.process,
        state=casefile.state,
        state_name=context.processes[casefile.process].states[casefile.state],
        la=casefile.la,
        la_reference=casefile.la_reference,
        as_at=day,
        known_at=known_at,
        facts=_facts(lines, as_at, known_at),
        duties=[_shown(rules, duty, duties, day, casefile.lines, origins) for duty in duties],
        plan_issued_without=_without(rules, duties),
        claims_to_decide=[claim.seq for claim in casefile.undecided()],
        heard=causes,
        remarks=_remarks(context, casefile),
        to_ask_again=_to_ask_again(context, rules, duties, casefile.lines, origins),
    )


def _remarks(context: AppContext, casefile: CaseFile) -> list[str]:
    say = context.processes[casefile.process].remarks
    return [*(say(casefile) if say is not None else []), *_readings(context, casefile)]


def _readings(context: AppContext, casefile: CaseFile) -> list[str]:
    """Which reading of the law was in force where the locality may choose one: when the fact was recorded, and now."""
    facts = context.processes[casefile.process].facts
    words = {"yes": "in force", "no": "switched off here"}
    said: list[str] = []
    for line in casefile.lines:
        for key, rule_id in facts[line.kind].model.READING_IN_FORCE.items():
            rule = context.law.rule(rule_id)
            then, now = str(line.data.get(key, "not said")), rule.reading
            changed = (
                "" if then == now else f" It is {words.get(now, _step(now))} now, which decides for the dates above."
            )
            choice = (
                "is counted from a step that the locality chooses"
                if rule.starts_by_locality
                else "is a reading that the locality may switch off"
            )
            strict = (
                f" The stricter reading counts from {rule.inputs[rule.strict_start].meaning}."
                if rule.strict_start
                else ""
            )
            said.append(
                f"{rule_id} ({rule.period[-1].cite}) {choice}. When fact {line.seq} was recorded, under law"
                f" {line.law}, it was {words.get(then, _step(then))}.{changed}{strict}"
            )
    return said


def _step(chosen: str) -> str:
    return chosen.replace("_", " ")


def _causes(context: AppContext, casefile: CaseFile) -> dict[int, Cause]:
    """What was heard of other cases, by the number of the fact here."""
    caused = {line.seq: line.caused_by.rsplit("/", 1) for line in casefile.lines if line.caused_by}
    heard = {seq: (ref, number) for seq, (ref, number) in caused.items() if ref != casefile.case_ref}
    if not heard:
        return {}
    with reading(context.engine) as connection:
        histories = ledger.read(connection, sorted({ref for ref, _seq in heard.values()}))
    found: dict[int, Cause] = {}
    for seq, (ref, number) in heard.items():
        told = histories.get(ref, ([], None))[0]
        cause = next((line for line in told if line.seq == int(number)), None)
        if cause is not None:
            found[seq] = Cause(case_ref=ref, seq=cause.seq, kind=cause.kind, process=process_of(told).name)
    return found


def _facts(lines: list[StoredFact], as_at: date | None, known_at: str | None) -> list[FactShown]:
    known = [line for line in lines if known_at is None or line.recorded_at <= known_at]
    standing_now = {line.seq: line for line in facts_in_force(lines, None, known_at)}
    shown: list[FactShown] = []
    for line in known:
        now = standing_now.get(line.seq)
        day = now.occurred_on if now else line.occurred_on
        if as_at is not None and day > as_at and line.kind not in CORRECTIONS:
            continue
        shown.append(
            FactShown(
                seq=line.seq,
                kind=line.kind,
                version=line.version,
                occurred_on=line.occurred_on,
                recorded_at=line.recorded_at,
                actor=line.actor,
                via=line.via,
                run=line.run,
                corrects=line.corrects,
                data=dict(line.data),
                stands=now is not None,
                corrected_to=day if day != line.occurred_on else None,
                law=line.law,
            )
        )
    return shown


def _shown(
    rules: Mapping[str, Rule],
    duty: Duty,
    duties: list[Duty],
    day: date,
    lines: list[StoredFact],
    origins: Mapping[int, Origin],
) -> DutyShown:
    dates, opening = duty.dates, origins[duty.opened_seq]
    again = max(
        (plan for plan in _begun_again(rules, duty.rule, duties, lines) if _opening(plan) < _opening(duty)),
        key=_opening,
        default=None,
    )
    return DutyShown(
        rule=duty.rule,
        body=duty.body,
        service=duty.service,
        opened_seq=duty.opened_seq,
        started_on=duty.started_on,
        due=dates.due,
        strict_due=dates.strict_due,
        act_by=dates.act_by,
        standing=standing(duty, day).value,
        days_late=days_late(duty, day),
        met_on=duty.met_on,
        met_by=duty.met_by,
        ended_on=duty.ended_on,
        excuse=duty.excuse.ground if duty.excuse else None,
        citation=dates.citation,
        basis=dates.basis,
        knock_on=_knock_on(rules, duty, duties, day),
        opened_by=opening.kind,
        cause=opening.cause,
        again_by=origins[again.opened_seq] if again is not None else None,
        provisional=duty.provisional,
        goes_on=rules[duty.rule].goes_on if duty.met_on and duty.rule in rules else None,
    )


def _held_up(rules: Mapping[str, Rule], duty: Duty, duties: list[Duty]) -> Duty | None:
    """The duty that this one feeds (the final plan, for advice): the statute file says which, and of several the first
    that stood before it.
    """
    rule = rules.get(duty.rule)
    for held_up in rule.holds_up if rule is not None else ():
        for other in duties:
            if other.rule == held_up and other.due is not None and other.opened_seq < duty.opened_seq:
                return other
    return None


def _begun_again(rules: Mapping[str, Rule], rule: str, duties: list[Duty], lines: list[StoredFact]) -> list[Duty]:
    """The plan duties that advice feeds and that began after a fact which had ended the advice: an order after a
    refusal, or its reversal.
    """
    fed, ends = (
        (rules[rule].holds_up, {*rules[rule].ends, *rules[rule].superseded_by}) if rule in rules else ((), set())
    )
    stops = [(line.occurred_on, line.seq) for line in lines if line.kind in ends]
    return [
        duty
        for duty in duties
        if duty.rule in fed and duty.due is not None and any(stop < _opening(duty) for stop in stops)
    ]


def _opening(duty: Duty) -> tuple[date, int]:
    return duty.opened_on, duty.opened_seq


def _to_ask_again(
    context: AppContext,
    rules: Mapping[str, Rule],
    duties: list[Duty],
    lines: list[StoredFact],
    origins: Mapping[int, Origin],
) -> list[AskAgain]:
    """Who was asked before the assessment began again and not since, in the order in which they were asked; nobody once
    the plan is out.
    """
    latest = {
        (duty.rule, duty.body, duty.service): duty
        for duty in duties
        if duty.rule in rules and rules[duty.rule].holds_up and not duty.provisional
    }
    found: list[AskAgain] = []
    for asked in latest.values():
        open_plans = [
            duty
            for duty in _begun_again(rules, asked.rule, duties, lines)
            if duty.closed_on is None and _opening(asked) < _opening(duty)
        ]
        plan = max(open_plans, key=_opening, default=None)
        if plan is None or plan.due is None:
            continue
        found.append(
            AskAgain(
                rule=asked.rule,
                body=asked.body,
                service=asked.service,
                asked_on=asked.started_on,
                answered_on=asked.met_on,
                ask_by=_last_start(context, asked.rule, plan.due),
                plan_rule=plan.rule,
                plan_due=plan.due,
                because=origins[plan.opened_seq],
            )
        )
    return found


def _last_start(context: AppContext, rule: str, by: date) -> date:
    """The last day from which the rule's own time ends on or before a day."""
    start = by
    while (due := context.dates_of(rule, start, {}).due) is not None and due > by:
        start -= timedelta(days=1)
    return start


def _knock_on(rules: Mapping[str, Rule], duty: Duty, duties: list[Duty], day: date) -> str | None:
    plan = _held_up(rules, duty, duties)
    if plan is None or plan.due is None:
        return None
    until = duty.met_on or duty.ended_on or day
    left = (plan.due - until).days
    came = "came" if duty.met_on else "was ended" if duty.ended_on else "is awaited"
    late = days_late(duty, day)
    lateness = f"{in_days(late)} late" if late else "in time"
    if duty.met_on is None and not late:
        lateness = "not yet late"
    if plan.met_on is not None and duty.started_on <= plan.met_on < until:
        # Once the plan is out, its date can be kept or missed no more: what counts is that the advice was not in it.
        return f"the advice {came} {lateness}; the final plan was issued without it on {plan.met_on.isoformat()}"
    room = f"{in_days(left)} before" if left > 0 else "on" if left == 0 else f"{in_days(-left)} after"
    unit, number = rules[plan.rule].period_on(plan.started_on).limbs[0].amounts[0]
    return f"the advice {came} {lateness}, {room} the {number}-{unit.removesuffix('s')} date ({plan.due.isoformat()})"


def _without(rules: Mapping[str, Rule], duties: list[Duty]) -> list[dict[str, str | None]]:
    """Bodies whose advice had been asked for and had not come when the plan was issued."""
    missing: list[dict[str, str | None]] = []
    for duty in duties:
        plan = _held_up(rules, duty, duties)
        if plan is None or plan.met_on is None or duty.started_on > plan.met_on or duty.provisional:
            continue
        if duty.ended_on is not None and duty.ended_on <= plan.met_on:
            continue  # a refusal had ended it, and nobody owed it any more
        if duty.met_on is None or duty.met_on > plan.met_on:
            missing.append(
                {
                    "body": duty.body,
                    "service": duty.service,
                    "advice_on": duty.met_on.isoformat() if duty.met_on else None,
                }
            )
    return missing


def file_of(context: AppContext, case_ref: str) -> CaseFile:
    """The folded case as it stands. Raises LookupError where there is none."""
    with reading(context.engine) as connection:
        history = ledger.read(connection, [case_ref]).get(case_ref)
    if history is None:
        raise LookupError("there is no such case: its reference stands at the head of its letters, for example NX00042")
    return replay(case_ref, history[0])
