"""One case as an auditor reads it: its facts as they were written, and its duties, on any day and as known at any
instant.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

from casework.cases.not_yet_shown import NOTHING, not_yet_shown
from casework.context import AppContext, london_day
from casework.reports.case_models import CaseReport, Cause, DutyShown, FactShown, ItemShown, LateDaysShown, Origin
from casework.reports.histories import read_histories
from casework.reports.law_then import as_then, duties_then
from casework.reports.links_shown import links_shown
from casework.reports.plan_effects import PlanEffects
from casework.reports.same_child_then import cases_of_the_child
from casework.retention_holds import Hold, holds_on, holds_on_the_child
from config.rule_schema import Rule
from config.text import full_day, short_day
from deadlines.duties import Duty, duties_of
from deadlines.governing_clock import governing
from deadlines.replies import says_sent
from deadlines.status import days_late, status_of
from deadlines.whose_days import whose_days
from models import ledger
from models.casefile import CaseFile
from models.common_facts import CORRECTIONS, DIED, SENSITIVE
from models.database import one_snapshot, reading
from models.errors import Refusal
from models.facts import StoredFact
from models.owner import OwnerShown
from notifications.recipients import owner
from statemachines.process import NotPermitted
from statemachines.registry import process_of
from statemachines.replay import facts_in_force, replay

CHOSEN_READINGS = {"yes": "in force", "no": "switched off here"}


class NothingKnownThen(Refusal, LookupError):
    """The case was recorded, but nothing of it was known at that instant, or true on that day."""

    default_code = "nothing_known_then"

    def __init__(self, facts: Sequence[StoredFact]) -> None:
        """Say from which day on something was true, and from which day on it was known."""
        true_from = min(fact.occurred_on for fact in facts)
        known_from = london_day(datetime.fromisoformat(min(fact.recorded_at for fact in facts)))
        self.since = f"its first fact is of {full_day(true_from)}, and was recorded on {full_day(known_from)}"
        super().__init__(f"nothing was known of this case then: {self.since}")


class CaseRead(NamedTuple):
    """A case as it was read once: every fact of it, and what those replay to that a view shows.

    `as_at` and `known_at` are the view; both are None for the case of now.
    """

    facts: list[StoredFact]
    casefile: CaseFile
    duties: list[Duty]
    as_at: date | None = None
    known_at: str | None = None


def report(context: AppContext, case_ref: str, as_at: date | None = None, known_at: str | None = None) -> CaseReport:
    """Give a case on the day `as_at`, as known at an instant. Raises NoSuchCase or NothingKnownThen.

    By default the day is that of the instant in London, or today without an instant.
    """
    with one_snapshot(context.engine):
        return report_of(context, read_case(context, case_ref, as_at, known_at))


def read_case(context: AppContext, case_ref: str, as_at: date | None = None, known_at: str | None = None) -> CaseRead:
    """Read and replay a case once, for a report and for what may be recorded. Raises NoSuchCase or NothingKnownThen."""
    with reading(context.engine) as connection:
        [facts] = read_histories(connection, case_ref)
    return _replayed(context, case_ref, facts, as_at, known_at)


def viewed(context: AppContext, read: CaseRead, as_at: date | None, known_at: str | None) -> CaseRead:
    """Another view of a case that was read. Raises NothingKnownThen."""
    return _replayed(context, read.casefile.case_ref, read.facts, as_at, known_at)


def _replayed(
    context: AppContext, case_ref: str, facts: list[StoredFact], as_at: date | None, known_at: str | None
) -> CaseRead:
    if as_at is None and known_at is not None:
        as_at = min(london_day(datetime.fromisoformat(known_at)), context.today())
    try:
        casefile = replay(case_ref, facts, as_at, known_at)
    except NotPermitted as problem:
        if problem.seq == 0:
            raise NothingKnownThen(facts) from None
        raise
    duties = duties_of(casefile.lines, context.duty_rules[casefile.process], context.dates_of, casefile.claims.values())
    return CaseRead(facts, casefile, duties, as_at, known_at)


def report_of(context: AppContext, read: CaseRead) -> CaseReport:
    """Give a case that was read."""
    facts, casefile, duties, as_at, known_at = read
    case_ref = casefile.case_ref
    with reading(context.engine) as connection:
        same_child = cases_of_the_child(connection, case_ref, facts, known_at)
        links = links_shown(context, connection, casefile, as_at, known_at)
        if known_at is None:
            holds = holds_on_the_child(context, connection, case_ref)
        else:
            holds = holds_on(context, connection, [case_ref, *same_child], ended=True)
    day = as_at or context.today()
    rules = {rule.id: rule for rule in context.law.duties_of(casefile.process)}
    causes = _causes(context, casefile)
    origins = {fact.seq: Origin(seq=fact.seq, kind=fact.kind, cause=causes.get(fact.seq)) for fact in casefile.lines}
    effects = PlanEffects(rules, duties, casefile, day)
    law_then, then = duties_then(context, casefile, known_at)
    clocks = governing(duties, rules, casefile.lines)
    return CaseReport(
        case_ref=case_ref,
        process=casefile.process,
        state=casefile.state,
        state_name=context.processes[casefile.process].states[casefile.state],
        la=casefile.la,
        la_reference=casefile.la_reference,
        as_at=day,
        known_at=known_at,
        facts=_facts(read, not_yet_shown(context.processes[casefile.process], facts)),
        duties=[
            _duty(
                duty,
                rules.get(duty.rule),
                effects,
                origins,
                {
                    **as_then(then, duty, day),
                    "governs": clocks.says(duty) if clocks is not None else None,
                    "says_sent": says_sent(casefile.lines, duty),
                },
            )
            for duty in duties
        ],
        plan_issued_without=effects.issued_without(),
        claims_to_decide=[claim.seq for claim in casefile.undecided()],
        heard=causes,
        remarks=[
            *_remarks(context, casefile),
            *_pauses(context, casefile, day),
            *([clocks.sentence()] if clocks is not None else []),
        ],
        to_ask_again=effects.to_ask_again(origins, context.dates_of),
        simulation=context.simulated,
        law_then=law_then,
        same_child=same_child,
        whose_days=_whose_days(context, casefile, duties, rules, day),
        items=_items(context, casefile),
        links=links,
        holds=[each for each in holds if _holds(each, day, known_at)],
    )


def _holds(hold: Hold, day: date, known_at: str | None) -> bool:
    """Whether it holds on a day. Its end counts as known once it is recorded."""
    if known_at is not None and hold.at > known_at:
        return False
    return hold.since <= day and (hold.ended_on is None or hold.ended_on > day)


def _items(context: AppContext, casefile: CaseFile) -> list[ItemShown]:
    items = context.processes[casefile.process].items
    return [
        ItemShown(
            item=each.code,
            called=each.called,
            state=each.state,
            state_name=items.states[each.state],
            since=each.since,
            seq=each.seq,
        )
        for each in casefile.items.values()
        if items is not None
    ]


def _whose_days(
    context: AppContext, casefile: CaseFile, duties: Sequence[Duty], rules: Mapping[str, Rule], day: date
) -> list[LateDaysShown]:
    return [
        LateDaysShown(
            rule=run.rule,
            opened_seq=run.opened_seq,
            first=run.first,
            last=run.last,
            days=run.days,
            holder=run.whose.holder.value,
            body=run.whose.body,
            service=run.whose.service,
            seq=run.whose.seq,
            provision=run.whose.provision,
        )
        for run in whose_days(duties, casefile.lines, rules, context.law.provisions, day)
    ]


def _pauses(context: AppContext, casefile: CaseFile, day: date) -> list[str]:
    """That nobody is reminded on a day, of the whole case, of a body or of one duty, and until when."""
    names = context.directory.body_names
    return [
        f"No reminder or escalation is sent until {short_day(pause.until)}"
        + (f" to {names.get(pause.body, pause.body)}" if pause.body is not None else "")
        + (f", about {context.law.rule(pause.rule).action}" if pause.rule is not None else "")
        + ". Due dates are as they were."
        for pause in dict.fromkeys(casefile.pauses)
        if pause.began <= day <= pause.until
    ]


def _remarks(context: AppContext, casefile: CaseFile) -> list[str]:
    remarks = context.processes[casefile.process].remarks
    own = remarks(casefile) if remarks is not None else []
    return [*_of_the_child(casefile), *own, *_readings(context, casefile)]


def _of_the_child(casefile: CaseFile) -> list[str]:
    died = [f"The child died on {full_day(fact.occurred_on)}." for fact in casefile.lines if fact.kind == DIED]
    flagged = [
        f"This child was flagged as sensitive on {full_day(fact.occurred_on)}."
        for fact in casefile.lines
        if fact.kind == SENSITIVE
    ]
    rest = "No e-mail about any case of the child leaves until a person releases it, and no file or digest names them."
    return [" ".join([*died[:1], *flagged[:1], rest])] if died or flagged else []


def _readings(context: AppContext, casefile: CaseFile) -> list[str]:
    """Say which reading of the law was in force when a fact was recorded, and now, if the locality may choose one."""
    definitions = context.processes[casefile.process].facts
    return [
        _reading(context.law.rule(rule_id), fact, str(fact.data.get(key, "not said")))
        for fact in casefile.lines
        for key, rule_id in definitions[fact.kind].model.READING_IN_FORCE.items()
    ]


def _reading(rule: Rule, fact: StoredFact, then: str) -> str:
    if rule.starts_by_locality:
        choice = f"The locality chooses from which step the time is counted to {rule.action}"
    else:
        choice = f"The locality chooses whether this time limit is in force: {rule.action}"
    text = (
        f"{choice} ({rule.period[-1].cite}). When fact {fact.seq} was recorded, under law {fact.law}, it was"
        f" {_chosen(then)}."
    )
    if then != rule.reading:
        text += f" It is {_chosen(rule.reading)} now, which decides for the dates above."
    if rule.strict_start:
        text += f" The stricter reading counts from {rule.inputs[rule.strict_start].meaning}."
    return text


def _chosen(reading: str) -> str:
    return CHOSEN_READINGS.get(reading, reading.replace("_", " "))


def _causes(context: AppContext, casefile: CaseFile) -> dict[int, Cause]:
    """The facts on other cases from which facts here were copied, by the number of the fact here."""
    caused = {fact.seq: fact.caused_by.rsplit("/", 1) for fact in casefile.lines if fact.caused_by}
    copied = {seq: (ref, int(number)) for seq, (ref, number) in caused.items() if ref != casefile.case_ref}
    if not copied:
        return {}
    with reading(context.engine) as connection:
        histories = ledger.read(connection, sorted({ref for ref, _number in copied.values()}))
    found: dict[int, Cause] = {}
    for seq, (ref, number) in copied.items():
        facts = histories.get(ref, ([], None))[0]
        cause = next((fact for fact in facts if fact.seq == number), None)
        if cause is not None:
            found[seq] = Cause(case_ref=ref, seq=cause.seq, kind=cause.kind, process=process_of(facts).name)
    return found


def _facts(read: CaseRead, hidden: Mapping[int, frozenset[str]]) -> list[FactShown]:
    facts, casefile, _duties, as_at, known_at = read
    in_force = {fact.seq: fact for fact in facts_in_force(facts, None, known_at)}
    shown: list[FactShown] = []
    for fact in facts:
        if known_at is not None and fact.recorded_at > known_at:
            continue
        corrected = in_force.get(fact.seq)
        day = corrected.occurred_on if corrected else fact.occurred_on
        if as_at is not None and day > as_at and fact.kind not in CORRECTIONS:
            continue
        later = hidden.get(fact.seq, NOTHING)
        shown.append(
            FactShown(
                seq=fact.seq,
                kind=fact.kind,
                version=fact.version,
                occurred_on=fact.occurred_on,
                recorded_at=fact.recorded_at,
                actor=fact.actor,
                via=fact.via,
                run=fact.run,
                corrects=fact.corrects,
                data={key: value for key, value in fact.data.items() if key not in later},
                stands=corrected is not None,
                corrected_to=day if day != fact.occurred_on else None,
                law=fact.law,
                out_of_order=casefile.out_of_order.get(fact.seq),
                not_yet_shown=sorted(later & fact.data.keys()),
            )
        )
    return shown


def _duty(
    duty: Duty, rule: Rule | None, effects: PlanEffects, origins: Mapping[int, Origin], further: Mapping[str, Any]
) -> DutyShown:
    dates, opening, restart = duty.dates, origins[duty.opened_seq], effects.restart_before(duty)
    return DutyShown(
        rule=duty.rule,
        body=duty.body,
        service=duty.service,
        opened_seq=duty.opened_seq,
        started_on=duty.started_on,
        due=dates.due,
        strict_due=dates.strict_due,
        act_by=dates.act_by,
        standing=status_of(duty, effects.day).value,
        days_late=days_late(duty, effects.day),
        met_on=duty.met_on,
        met_by=duty.met_by,
        ended_on=duty.ended_on,
        excuse=duty.excuse.ground if duty.excuse else None,
        citation=dates.citation,
        basis=dates.basis,
        knock_on=effects.knock_on(duty),
        opened_by=opening.kind,
        cause=opening.cause,
        again_by=origins[restart.opened_seq] if restart is not None else None,
        provisional=duty.provisional,
        goes_on=rule.goes_on if duty.met_on and rule is not None else None,
        item=duty.item,
        owner=OwnerShown(**owner(duty, effects.la)._asdict()),
        **further,
    )
