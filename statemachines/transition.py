"""The way of a young person to adult services: steps at 14, 16, 17 and 18, and each adult service one by one.

What it decides: which facts may follow which, and which step is missing in which month. It reads no birthday: the
opening fact has the month of birth, and a step is missing from the month after the birthday's month on.
"""

from collections import Counter
from collections.abc import Iterator
from datetime import date
from typing import NamedTuple

from statemachine import State

from config.text import in_words
from models.casefile import CaseFile
from statemachines.items import ItemMove, Items
from statemachines.process import NoTransition, OpeningFact, StatutoryMachine, Transition, define_process, unusual
from statemachines.transition_facts import (
    AppointmentGiven,
    CapacityConsidered,
    CareAssessed,
    ChecklistDone,
    DecidedInPrinciple,
    FollowedUp,
    HandoverCompleted,
    MeetingHeld,
    NeedLearned,
    Noted,
    OfService,
    PaperReady,
    ServiceDeclined,
    ServiceExpected,
    TransitionEnded,
    TransitionOpened,
    WorkerNamed,
)

OPENED, BEGUN, HANDOVER = "transition_opened", "planning_begun", "handover_completed"
EXPECTED, REFERRED = "adult_service_expected", "adult_service_referred"
NEED = "continuing_care_need_learned"


class WayToAdulthood(StatutoryMachine):
    """The way to adult services (NICE QS140; CYP continuing-care framework 2016; local transition pathway).

    Facts without a transition: every step besides the beginning and the handover, and everything about a service.
    """

    opened = State("Planning not begun", initial=True)
    planning = State("Planning")
    handed_over = State("Handed over")
    ended = State("Ended")
    withdrawn = State("Withdrawn", final=True)
    closed = State("Closed", final=True)

    planning_begun = opened.to(planning)
    handover_completed = planning.to(handed_over) | unusual(opened.to(handed_over))
    transition_ended = handed_over.to(ended) | unusual(ended.from_(opened, planning))
    case_withdrawn = withdrawn.from_.any()
    case_closed = closed.from_.any()


LOCAL = "(local transition pathway)"
OPEN = ("opened", "planning", "handed_over")
OVER_STATES = frozenset({"ended"})
OVER = f"the way to adult services had ended {LOCAL}"
ITEM_STATES = {
    "expected": "Expected",
    "referred": "Referred",
    "accepted": "Accepted",
    "declined": "Declined",
    "appointment": "First appointment given",
    "attended": "First appointment attended",
    "missed": "First appointment missed",
}
# States in which an adult service has answered a referral.
ANSWERED = ("accepted", "declined", "appointment", "attended", "missed")
ITEMS = Items(
    "adult service",
    ITEM_STATES,
    (
        ItemMove(EXPECTED, "expected"),
        ItemMove(REFERRED, "referred", ("expected", "declined"), f"a service is referred to before it answers {LOCAL}"),
        ItemMove("adult_service_accepted", "accepted", ("referred",), f"a service accepts a referral, once {LOCAL}"),
        ItemMove("adult_service_declined", "declined", ("referred",), f"a service declines a referral, once {LOCAL}"),
        ItemMove(
            "adult_practitioner_met",
            None,
            ("expected", "referred", "accepted", "appointment"),
            "a practitioner is met before the first appointment (NICE QS140)",
        ),
        ItemMove(
            "first_appointment_given",
            "appointment",
            ("accepted", "missed"),
            f"a first appointment follows the acceptance {LOCAL}",
        ),
        ItemMove(
            "first_appointment_attended", "attended", ("appointment",), f"an appointment is given before it {LOCAL}"
        ),
        ItemMove("first_appointment_missed", "missed", ("appointment",), f"an appointment is given before it {LOCAL}"),
        ItemMove("missed_appointment_followed_up", None, ("missed",), f"what was missed is followed up {LOCAL}"),
    ),
)


class Step(NamedTuple):
    """A step of the way: from how many months of age it is missing, the facts that take it, and its words."""

    months: int
    taken_by: tuple[str, ...]
    words: str
    continuing_care_only: bool = False


STEPS = (
    Step(14 * 12, (BEGUN, HANDOVER), "planning has not begun"),
    Step(16 * 12, ("capacity_considered",), "capacity was not considered"),
    Step(16 * 12, (EXPECTED,), "no adult service is named"),
    Step(17 * 12, ("adult_checklist_done",), "the adult checklist was not completed", continuing_care_only=True),
    Step(17 * 12, ("adult_care_assessed",), "adult care needs were not assessed"),
    Step(17 * 12 + 6, ("decided_in_principle",), "nothing is decided in principle", continuing_care_only=True),
    Step(18 * 12, (HANDOVER,), "the handover is not completed"),
)
SERVICES_AT = 17 * 12 + 6
AGES = {14 * 12: "14", 16 * 12: "16", 17 * 12: "17", 17 * 12 + 6: "17 and a half", 18 * 12: "18"}


def months_of_age(casefile: CaseFile, as_at: date) -> int:
    """The age in whole months by the month of birth alone: in the month of the 14th birthday, 168."""
    born = date.fromisoformat(next(fact.data["birth_month"] for fact in casefile.lines if fact.kind == OPENED))
    return (as_at.year - born.year) * 12 + as_at.month - born.month


def needs_continuing_care(casefile: CaseFile) -> bool:
    """Whether adult NHS continuing healthcare may be needed, by the newest fact that says it."""
    said = [fact.data["continuing_care"] for fact in casefile.lines if fact.kind in (OPENED, NEED)]
    return bool(said) and said[-1] == "yes"


def reached(months: int) -> str | None:
    """The last age of the list that is reached: 14, 16, 17, 17 and a half, or 18; None before the month of the 14th."""
    return next((AGES[at] for at in sorted(AGES, reverse=True) if months >= at), None)


def missing(casefile: CaseFile, as_at: date) -> list[str]:
    """Which steps are missing on a day: those whose month has come, and adult services without an answer."""
    months, seen = months_of_age(casefile, as_at), casefile.seen
    due = [step for step in STEPS if months >= step.months]
    if not needs_continuing_care(casefile):
        due = [step for step in due if not step.continuing_care_only]
    said = [step.words for step in due if seen.isdisjoint(step.taken_by)]
    if months >= SERVICES_AT:
        waiting = [_called(each.code) for each in casefile.items.values() if each.state not in ANSWERED]
        said += [f"no answer of {', '.join(waiting)}"] if waiting else []
    missed = [_called(each.code) for each in casefile.items.values() if each.state == "missed"]
    return said + ([f"a first appointment was missed: {', '.join(missed)}"] if missed else [])


def _called(code: str) -> str:
    """A service's code as words: `adult_therapy` is adult therapy."""
    return in_words(code)


def remarks(casefile: CaseFile) -> list[str]:
    """How the adult services answered, which gap a refusal shows, and which step has no date."""
    return [*_services(casefile), *_gaps(casefile), *_undated(casefile)]


def _services(casefile: CaseFile) -> Iterator[str]:
    if casefile.items:
        states = Counter(ITEM_STATES[each.state].lower() for each in casefile.items.values())
        counted = ", ".join(f"{number} {state}" for state, number in states.items())
        yield f"Adult services: {len(casefile.items)}. They are at: {counted}."


def _gaps(casefile: CaseFile) -> Iterator[str]:
    for fact in casefile.lines:
        if fact.kind == "adult_service_declined" and fact.data["why"] == "no_such_service":
            yield f"No adult service takes over for {_called(fact.data['item'])}: a gap to put to commissioners."


def _undated(casefile: CaseFile) -> Iterator[str]:
    opening = next(fact for fact in casefile.lines if fact.kind == OPENED)
    for age, taken_by in ((14, (BEGUN, HANDOVER)), (16, ("capacity_considered",)), (18, (HANDOVER,))):
        if opening.data[f"before_{age}"] == "no" and casefile.seen.isdisjoint(taken_by):
            yield (
                f"The month of the {age}th birthday had come when the case was opened, so no day is counted: record"
                f" {taken_by[0]} as soon as it is done."
            )


STARTED = f"planning begins once {LOCAL}"
PROCESS = define_process(
    WayToAdulthood,
    name="transition",
    title="Transition to adulthood",
    version=1,
    items=ITEMS,
    remarks=remarks,
    facts=[
        OpeningFact(OPENED, TransitionOpened),
        Transition(BEGUN, Noted, order=STARTED),
        NoTransition(NEED, NeedLearned, accepted_in=OPEN, order=OVER),
        NoTransition("worker_named", WorkerNamed, accepted_in=OPEN, order=OVER),
        NoTransition("transition_meeting_held", MeetingHeld, accepted_in=OPEN, order=OVER),
        NoTransition("capacity_considered", CapacityConsidered, accepted_in=OPEN, order=OVER),
        NoTransition("adult_checklist_done", ChecklistDone, accepted_in=OPEN, order=OVER),
        NoTransition("decided_in_principle", DecidedInPrinciple, accepted_in=OPEN, order=OVER),
        NoTransition("adult_care_assessed", CareAssessed, accepted_in=OPEN, order=OVER),
        NoTransition("adult_paper_ready", PaperReady, accepted_in=OPEN, order=OVER),
        NoTransition(EXPECTED, ServiceExpected, accepted_in=OPEN, order=OVER),
        NoTransition(REFERRED, OfService, accepted_in=OPEN, order=OVER),
        NoTransition("adult_service_accepted", OfService, accepted_in=OPEN, order=OVER),
        NoTransition("adult_service_declined", ServiceDeclined, accepted_in=OPEN, order=OVER),
        NoTransition("adult_practitioner_met", OfService, accepted_in=OPEN, order=OVER),
        NoTransition("first_appointment_given", AppointmentGiven, accepted_in=OPEN, order=OVER),
        NoTransition("first_appointment_attended", OfService, accepted_in=OPEN, order=OVER),
        NoTransition("first_appointment_missed", OfService, accepted_in=OPEN, order=OVER),
        NoTransition("missed_appointment_followed_up", FollowedUp, accepted_in=OPEN, order=OVER),
        Transition(HANDOVER, HandoverCompleted, order=f"a handover follows planning, and is completed once {LOCAL}"),
        Transition("transition_ended", TransitionEnded, order=f"it ends once, after the handover {LOCAL}"),
    ],
)
