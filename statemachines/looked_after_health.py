"""Health assessments of a looked-after child: notified, consent, the initial one, and reviews by age.

What it decides: which facts may follow which, and which party used how many days. It decides no date.
"""

from collections.abc import Iterator

from statemachine import State

from models.casefile import CaseFile
from models.facts import StoredFact
from statemachines.looked_after_health_facts import (
    Assessed,
    BecameLookedAfter,
    CeasedToBe,
    Consented,
    Noted,
    PlacedElsewhere,
    ProviderAsked,
    Refused,
)
from statemachines.process import NoTransition, OpeningFact, StatutoryMachine, Transition, define_process, unusual

OPENED, NOTIFIED, CONSENT = "became_looked_after", "health_notified", "assessment_consent_received"
INITIAL, REVIEW = "initial_assessment_done", "review_assessment_done"


class LookedAfterHealth(StatutoryMachine):
    """Health assessments of a looked-after child (SI 2010/959 reg 7).

    Facts without a transition: health was notified, consent, a provider was asked, a refusal, the report, a placement.
    """

    looked_after = State("Initial assessment to come", initial=True)
    assessed = State("Assessed")
    ceased = State("No longer looked after")
    withdrawn = State("Withdrawn", final=True)
    closed = State("Closed", final=True)

    initial_assessment_done = looked_after.to(assessed)
    review_assessment_done = assessed.to(assessed) | unusual(looked_after.to(assessed))
    ceased_to_be_looked_after = ceased.from_(looked_after, assessed)
    case_withdrawn = withdrawn.from_.any()
    case_closed = closed.from_.any()


OPEN = ("looked_after", "assessed")
OVER = "the child was looked after no longer by that day (SI 2010/959 reg 7)"
# Who uses the time from each fact to the next until the initial assessment.
PARTIES = (
    (OPENED, NOTIFIED, "the authority, until it notified health"),
    (NOTIFIED, CONSENT, "until consent was received"),
    (CONSENT, INITIAL, "health, until the assessment"),
)


def _first(casefile: CaseFile, kind: str) -> StoredFact | None:
    return next((fact for fact in casefile.lines if fact.kind == kind), None)


def days_used(casefile: CaseFile) -> list[tuple[str, int]]:
    """How many calendar days each party used of the time to the initial assessment, in their order.

    A step that is not recorded, or that came before the one it follows, gives none.
    """
    used: list[tuple[str, int]] = []
    for start, end, words in PARTIES:
        one, other = _first(casefile, start), _first(casefile, end)
        if one is not None and other is not None and other.occurred_on >= one.occurred_on:
            used.append((words, (other.occurred_on - one.occurred_on).days))
    return used


def remarks(casefile: CaseFile) -> list[str]:
    """Which party used how many days, and what a joint review could save."""
    return [*_parties(casefile), *_with_a_plan(casefile)]


def _parties(casefile: CaseFile) -> Iterator[str]:
    used = days_used(casefile)
    if used:
        said = "; ".join(f"{number} {words}" for words, number in used)
        yield f"Calendar days of the initial assessment: {said}."


def _with_a_plan(casefile: CaseFile) -> Iterator[str]:
    opening = _first(casefile, OPENED)
    if opening is not None and opening.data["has_plan"] == "yes" and casefile.state == "assessed":
        yield "The child has a plan: sendflow joint-review proposes one day for this review and the annual review."


def _by_a_doctor(casefile: CaseFile, fact: StoredFact) -> str | None:
    del casefile
    if fact.data["assessed_by"] == "medical_practitioner":
        return None
    return "a registered medical practitioner does the initial assessment (SI 2010/959 reg 7(1))"


def _consented(casefile: CaseFile, fact: StoredFact) -> str | None:
    if casefile.facts_before(fact, CONSENT):
        return None
    return "no consent to the assessment is recorded before it (statutory guidance)"


def _warned(casefile: CaseFile, fact: StoredFact) -> str | None:
    said = [each for each in (_by_a_doctor(casefile, fact), _consented(casefile, fact)) if each is not None]
    return "; ".join(said) or None


LABELS = {
    "under_five_then": "under five when the next review is due",
    "has_plan": "EHC plan",
}
PROCESS = define_process(
    LookedAfterHealth,
    name="looked_after_health",
    title="Health of a looked-after child",
    labels=LABELS,
    version=1,
    remarks=remarks,
    facts=[
        OpeningFact(OPENED, BecameLookedAfter),
        NoTransition(NOTIFIED, Noted, accepted_in=OPEN, order=OVER),
        NoTransition(CONSENT, Consented, accepted_in=OPEN, order=OVER),
        NoTransition("assessment_provider_asked", ProviderAsked, accepted_in=OPEN, order=OVER),
        NoTransition("assessment_refused_by_child", Refused, accepted_in=OPEN, order=OVER),
        Transition(
            INITIAL,
            Assessed,
            warning=_warned,
            order="the initial assessment is done once, and reviews follow it (SI 2010/959 reg 7)",
        ),
        Transition(REVIEW, Assessed, order="the initial assessment comes before a review (SI 2010/959 reg 7)"),
        NoTransition(
            "assessment_report_returned",
            Noted,
            accepted_in=("assessed",),
            order="a report is of an assessment that was done (SI 2010/959 reg 7)",
        ),
        NoTransition("placed_in_another_area", PlacedElsewhere, accepted_in=OPEN, order=OVER),
        Transition("ceased_to_be_looked_after", CeasedToBe, order=OVER),
    ],
)
