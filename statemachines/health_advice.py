"""Advice asked of a body and answered by it: the facts and guards that processes share which ask for it under SEND Regs
2014 reg 8.

Reg 26 applies regs 6 to 9 to a re-assessment as to an assessment, so the same facts serve both. It decides no day: each
body's six weeks run from its own receipt, and the statute file says so. A process says which of its facts asks, and
from which states.
"""

from collections.abc import Collection, Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from models.answers import Answer
from models.casefile import Asked, CaseFile
from models.facts import Code, FactData, FreeTextField, Reference, Service, StoredFact
from statemachines.process import HAS_ARRIVED, IS_DONE, Guard, NoTransition, Role, Says, Warn


class Noted(FactData):
    """Something an authority or a body did; a note goes to a passage."""

    note: FreeTextField | None = None
    FREE_TEXT_FIELDS: ClassVar[frozenset[str]] = frozenset({"note"})


class ByBody(FactData):
    """Something about the advice of one body. The service is needed where the body was asked for several. The body's
    own reference goes into letters to its own posts, so that it finds the child.
    """

    body: Code
    service: Service | None = None
    body_reference: Reference | None = None
    note: FreeTextField | None = None
    FREE_TEXT_FIELDS: ClassVar[frozenset[str]] = frozenset({"note"})


class HealthAdviceRequested(ByBody):
    """A body received the LA's request for advice (reg 6(1)(c), (h)); its day is the body's own receipt (reg 8(1))."""

    asked_because: Literal["request", "order"] | None = None


class HealthAdviceCalledForAgain(ByBody):
    """An order, a concession, an agreement or a reversal began the assessment again, for a body that had been asked
    before it (reg 44(2)(b), reg 8(1)).

    Its six weeks run for the time being from that day; from its own receipt of the authority's new request once that is
    recorded.
    """


class HealthAdviceAnswered(ByBody):
    """A body answered without new advice: its reasons in writing where it declines (CFA 2014 s31(3)); reg 6(4) where
    existing advice suffices.
    """

    answer: Literal["not_known", "discharged", "redirected", "declined_with_reasons", "existing_advice_suffices"]
    redirected_to: Code | None = None
    reason: FreeTextField | None = None
    FREE_TEXT_FIELDS: ClassVar[frozenset[str]] = frozenset({"note", "reason"})


class AppointmentMissed(ByBody):
    """The child missed an appointment that the body made (reg 8(2)(c)). It is an exception only if claimed and
    accepted.
    """


class WaitingListStated(ByBody):
    """The body says that the child is on a waiting list. It is no exception under reg 8(2), and the clock runs
    on.
    """

    weeks: Annotated[int, Field(ge=0, le=520)] | None = None


class Returned(ByBody):
    """What came could not be used, and why. It reopens the same duty with the same due date."""

    reason: FreeTextField
    FREE_TEXT_FIELDS: ClassVar[frozenset[str]] = frozenset({"note", "reason"})


def follows(refusal: str) -> Guard:
    """A guard: what is reversed was refused before. An answer has its question."""

    def guard(casefile: CaseFile, _line: StoredFact) -> str | None:
        if refusal in casefile.seen:
            return None
        return f"nothing was refused by that day that could be reversed: record {refusal} with its own day first"

    return guard


def after(refusal: str, law: str) -> Warn:
    """What is out of order about an order, a concession or an agreement where nothing was refused."""

    def warning(casefile: CaseFile, _line: StoredFact) -> str | None:
        if refusal in casefile.seen:
            return None
        return f"{law}, and this case has none: record {refusal} with its own day, unless it is another case's"

    return warning


def was_asked(request: str) -> Guard:
    """A guard: the fact is about a body that was asked. `request` is the fact kind that asks."""

    def guard(casefile: CaseFile, line: StoredFact) -> str | None:
        if _named(line, casefile.asked):
            return None
        return f"this body was not asked for advice on this case: record {request} with its own day of receipt first"

    return guard


def is_outstanding(request: str, again_from: int | None = None) -> Guard:
    """A guard: an answer comes from a body that was asked and has not answered yet.

    `again_from`: the version of the machine from which a body may answer again, as bodies do that correct themselves.
    """
    asked = was_asked(request)

    def guard(casefile: CaseFile, line: StoredFact) -> str | None:
        if _named(line, casefile.outstanding):
            return None
        if again_from is not None and casefile.machine >= again_from and _asked_before(casefile, line, request):
            return None
        if _named(line, casefile.asked):
            return "nothing is outstanding from this body on that day: it was asked later, or has answered already"
        return asked(casefile, line)

    return guard


def answered_already(answers: Collection[str], returned: str, law: str = "SEND Regs 2014 reg 8(1)") -> Warn:
    """What is out of order about an answer of a body that has answered, and whose answer was not returned since."""

    def warning(casefile: CaseFile, line: StoredFact) -> str | None:
        if _named(line, casefile.outstanding):
            return None
        said = [each.kind for each in _before(casefile, line) if each.kind in answers or each.kind == returned]
        if not said or said[-1] == returned:
            return None
        return (
            f"this body has answered already, and its duty was met on that day ({law}); what comes later is on the"
            " record and changes no date"
        )

    return warning


def has_answered(request: str) -> Guard:
    """A guard: only what was received can be returned."""
    asked = was_asked(request)

    def guard(casefile: CaseFile, line: StoredFact) -> str | None:
        if not _named(line, casefile.asked):
            return asked(casefile, line)
        return (
            "only advice that was received can be returned: this body's advice is still awaited"
            if _named(line, casefile.outstanding)
            else None
        )

    return guard


def _asked_before(casefile: CaseFile, line: StoredFact, request: str) -> bool:
    """Whether this body was asked before the fact, for its service or for none by name."""
    service = line.data.get("service")
    return any(
        each.kind == request and (service is None or each.data.get("service") in (None, service))
        for each in _before(casefile, line)
    )


def _before(casefile: CaseFile, line: StoredFact) -> list[StoredFact]:
    """The facts of the body that a fact names, before that fact."""
    place = (line.occurred_on, line.seq)
    return [
        each
        for each in casefile.lines
        if each.data.get("body") == line.data["body"] and (each.occurred_on, each.seq) < place
    ]


def _named(line: StoredFact, among: Mapping[Asked, list[int]]) -> bool:
    body, service = line.data["body"], line.data.get("service")
    if service is not None:
        return bool(among.get((body, service)) or among.get((body, None)))
    return any(seqs and asked_body == body for (asked_body, _service), seqs in among.items())


REQUEST = "health_advice_requested"
REPEATED = "health_advice_request_repeated"
CALLED_FOR_AGAIN = "health_advice_called_for_again"
ANSWERS = ANSWERED, RECEIVED = "health_advice_answered", "health_advice_received"
RETURNED = "health_advice_returned"
# Beside "health advice received" the stored word does not say that no advice came.
LABELS = {ANSWERED: "answer without health advice"}


ASKED_OF_AN_ASSESSMENT = (
    "advice is sought for an assessment that is under way or may be, and before the plan is made of it (SEND Regs 2014"
    " regs 6(1), 8(1)); a body that is asked all the same has its six weeks"
)


NOT_FOR_US: Says = {
    Answer.NOT_KNOWN: {"answer": "not_known"},
    Answer.DISCHARGED: {"answer": "discharged"},
    Answer.OTHER_SERVICE: {"answer": "redirected"},
}


def advice_facts(asked_in: Collection[str], answered_in: Collection[str], again_from: int) -> tuple[NoTransition, ...]:
    """The facts about advice under reg 8. `asked_in`: states in which a request is usual; `answered_in`: all the
    others. `again_from`: the version of the machine from which a body may answer a second time.
    """
    asked, outstanding, answered = was_asked(REQUEST), is_outstanding(REQUEST, again_from), has_answered(REQUEST)
    already = answered_already(ANSWERS, RETURNED)

    def fact(
        kind: str,
        model: type[FactData],
        guard: Guard | None,
        *roles: Role,
        warning: Warn | None = None,
        says: Says | None = None,
    ) -> NoTransition:
        return NoTransition(
            kind, model, accepted_in=answered_in, guard=guard, warning=warning, roles=roles, says=says or {}
        )

    return (
        NoTransition(
            REQUEST,
            HealthAdviceRequested,
            accepted_in=asked_in,
            order=ASKED_OF_AN_ASSESSMENT,
            order_from=again_from,
            roles=("asks",),
            repeated_as=REPEATED,
        ),
        fact(REPEATED, HealthAdviceRequested, asked),
        fact(CALLED_FOR_AGAIN, HealthAdviceCalledForAgain, None, "reopens"),
        fact("health_advice_acknowledged", ByBody, asked, "contacts", says=HAS_ARRIVED),
        fact(ANSWERED, HealthAdviceAnswered, outstanding, "answers", "contacts", warning=already, says=NOT_FOR_US),
        fact(RECEIVED, ByBody, outstanding, "answers", "contacts", warning=already, says=IS_DONE),
        fact(RETURNED, Returned, answered, "reopens"),
        fact("appointment_missed", AppointmentMissed, asked, "contacts", says={Answer.MISSED_APPOINTMENT: {}}),
        fact("waiting_list_stated", WaitingListStated, asked, "contacts"),
    )
