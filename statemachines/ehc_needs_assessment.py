"""An EHC needs assessment, seen from health (CFA 2014 s36; SEND Regs 2014 regs 3 to 14).

What it decides: which facts may follow which. It does not decide by when (the statute file does), nor who is told (the ladder).
A body may be asked before the LA has decided to assess: reg 8(1) runs from the body's own receipt, so that an early request
binds it too. Refusal, no plan and final plan are resting states: each can be reversed, and late advice still comes.
"""

from typing import Annotated, ClassVar, Literal

from pydantic import Field
from statemachine import State

from models.casefile import Casefile
from models.facts import Code, FactData, Line, Service, Words
from models.shared_facts import Opening
from statemachines.statutory import StatutoryMachine, statutory_process


class EhcNeedsAssessment(StatutoryMachine):
    """An EHC needs assessment (CFA 2014 s36; SEND Regs 2014 regs 3 to 14).

    Facts that do not move the case: advice asked of a body, acknowledged, answered, received or returned; appointments missed;
    waiting lists stated; excuses; chasing. Each body asked is a duty of its own inside the one case.

    {statechart:md}
    """

    requested = State("Request received", initial=True)
    considering = State("LA considering whether to assess")
    refused = State("Assessment refused")
    assessing = State("Assessment under way")
    drafting = State("Draft plan received")
    no_plan = State("Plan refused")
    planned = State("Final plan received")
    withdrawn = State("Withdrawn", final=True)
    closed = State("Closed", final=True)

    la_consideration_notified = requested.to(considering)
    assessment_agreed = requested.to(assessing) | considering.to(assessing)
    assessment_refused = requested.to(refused) | considering.to(refused)
    refusal_reversed = refused.to(assessing)
    plan_refused = assessing.to(no_plan) | drafting.to(no_plan)
    draft_plan_received = assessing.to(drafting) | drafting.to(drafting) | no_plan.to(drafting)
    final_plan_received = assessing.to(planned) | drafting.to(planned) | no_plan.to(planned)
    case_withdrawn = (
        requested.to(withdrawn) | considering.to(withdrawn) | refused.to(withdrawn) | assessing.to(withdrawn)
        | drafting.to(withdrawn) | no_plan.to(withdrawn) | planned.to(withdrawn)
    )  # fmt: skip
    case_closed = (
        requested.to(closed) | considering.to(closed) | refused.to(closed) | assessing.to(closed)
        | drafting.to(closed) | no_plan.to(closed) | planned.to(closed)
    )  # fmt: skip


class EhcAssessmentRequested(Opening):
    """The LA received the request, or became responsible (CFA 2014 s24, s36(1)). Its day starts the 6, 16 and 20 weeks."""


class Noted(FactData):
    """Something the LA did; a note goes to a passage."""

    note: Words | None = None
    WORDS: ClassVar[frozenset[str]] = frozenset({"note"})


class ByBody(FactData):
    """Something about the advice of one body. The service is needed where the body was asked for several."""

    body: Code
    service: Service | None = None
    note: Words | None = None
    WORDS: ClassVar[frozenset[str]] = frozenset({"note"})


class HealthAdviceRequested(ByBody):
    """A body received the LA's request for advice (reg 6(1)(c), (h)); its day is the body's own receipt (reg 8(1))."""

    asked_because: Literal["request", "order"] | None = None


class HealthAdviceAnswered(ByBody):
    """A body answered without new advice: its reasons in writing where it declines (CFA 2014 s31(3)); reg 6(4) where existing advice suffices."""

    answer: Literal["not_known", "discharged", "redirected", "declined_with_reasons", "existing_advice_suffices"]
    redirected_to: Code | None = None
    reason: Words | None = None
    WORDS: ClassVar[frozenset[str]] = frozenset({"note", "reason"})


class AppointmentMissed(ByBody):
    """The child missed an appointment that the body made (reg 8(2)(c)). An excuse only once claimed and accepted."""


class WaitingListStated(ByBody):
    """The body says that the child is on a waiting list. Recorded; it is no excuse under reg 8(2), and the clock runs on."""

    weeks: Annotated[int, Field(ge=0, le=520)] | None = None


class HealthAdviceReturned(ByBody):
    """The advice could not be used, and why. It reopens the same duty with the same due date."""

    reason: Words
    WORDS: ClassVar[frozenset[str]] = frozenset({"note", "reason"})


def _asked(casefile: Casefile, line: Line) -> str | None:
    if _named(casefile, line, casefile.asked):
        return None
    return "this body was not asked for advice on this case: record health_advice_requested with its own day of receipt first"


def _outstanding(casefile: Casefile, line: Line) -> str | None:
    if _named(casefile, line, casefile.outstanding):
        return None
    if _named(casefile, line, casefile.asked):
        return "nothing is outstanding from this body on that day: it was asked later, or has answered already"
    return _asked(casefile, line)


def _answered(casefile: Casefile, line: Line) -> str | None:
    asked = _named(casefile, line, casefile.asked)
    if asked and not _named(casefile, line, casefile.outstanding):
        return None
    return "only advice that was received can be returned: this body's advice is still awaited" if asked else _asked(casefile, line)


def _named(casefile: Casefile, line: Line, among: dict[tuple[str, str | None], list[int]]) -> bool:
    body, service = line.data["body"], line.data.get("service")
    if service is not None:
        return bool(among.get((body, service)) or among.get((body, None)))
    return any(seqs and asked_body == body for (asked_body, _service), seqs in among.items())


BEFORE_PLAN = ("requested", "considering", "assessing", "drafting")
ANY_OPEN = (*BEFORE_PLAN, "refused", "no_plan", "planned")

PROCESS = statutory_process(
    EhcNeedsAssessment,
    name="ehc_needs_assessment",
    title="EHC needs assessment",
    version=1,
    opens="ehc_assessment_requested",
    facts={
        "ehc_assessment_requested": EhcAssessmentRequested,
        "la_consideration_notified": Noted,
        "assessment_agreed": Noted,
        "assessment_refused": Noted,
        "refusal_reversed": Noted,
        "plan_refused": Noted,
        "draft_plan_received": Noted,
        "section_g_agreed": Noted,
        "final_plan_received": Noted,
        "health_advice_requested": HealthAdviceRequested,
        "health_advice_acknowledged": ByBody,
        "health_advice_answered": HealthAdviceAnswered,
        "health_advice_received": ByBody,
        "health_advice_returned": HealthAdviceReturned,
        "appointment_missed": AppointmentMissed,
        "waiting_list_stated": WaitingListStated,
    },
    stays={
        "section_g_agreed": ("assessing", "drafting", "planned"),
        "health_advice_requested": BEFORE_PLAN,
        "health_advice_acknowledged": ANY_OPEN,
        "health_advice_answered": ANY_OPEN,
        "health_advice_received": ANY_OPEN,
        "health_advice_returned": ANY_OPEN,
        "appointment_missed": ANY_OPEN,
        "waiting_list_stated": ANY_OPEN,
    },
    guards={
        "health_advice_acknowledged": _asked,
        "appointment_missed": _asked,
        "waiting_list_stated": _asked,
        "health_advice_answered": _outstanding,
        "health_advice_received": _outstanding,
        "health_advice_returned": _answered,
    },
    asks=("health_advice_requested",),
    answers=("health_advice_received", "health_advice_answered"),
    reopens=("health_advice_returned",),
    contacts=("health_advice_acknowledged", "appointment_missed", "waiting_list_stated", "health_advice_received", "health_advice_answered"),
)
