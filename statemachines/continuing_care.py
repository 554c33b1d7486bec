"""A children's continuing-care review (National Framework for Children and Young People's Continuing Care, 2016:
guidance, not law).

What it decides: which facts may follow which, from the referral to the package, its reviews and the hand-over to adult
care. It does not decide by when (the statute file does), and least of all who is eligible: the rule of thumb over the
domains is a remark, and the decision is the board's, with reasons. Where the Framework is silent nothing is refused.
What turns a decision rests until it comes.
"""

from collections import Counter
from collections.abc import Mapping
from datetime import date
from typing import ClassVar, Literal

from statemachine import State

from models.casefile import CaseFile
from models.common_facts import Opening
from models.facts import Code, FactData, FreeTextField, Service, StoredFact
from statemachines.health_advice import ByBody, Noted
from statemachines.process import NoTransition, OpeningFact, StatutoryMachine, Transition, define_process

Level = Literal["none", "low", "moderate", "high", "severe", "priority"]
YesNo = Literal["yes", "no"]


class ContinuingCare(StatutoryMachine):
    """A children's continuing-care review (National Framework 2016).

    Facts without a transition: a checklist, an assessor, evidence, the ten domains, the panel, the family informed, a
    personal health budget offered, reviews, disputes, and the steps towards adult continuing healthcare;
    exceptions; chasing.
    """

    referred = State("Referral received", initial=True)
    declined = State("Referral not accepted")
    accepted = State("Referral accepted")
    assessing = State("Assessment under way")
    recommended = State("Recommendation made")
    not_eligible = State("Found not eligible")
    eligible = State("Found eligible")
    supported = State("Package under way")
    handed_over = State("Handed over to adult care")
    passed = State("Passed to another board", final=True)
    withdrawn = State("Withdrawn", final=True)
    closed = State("Closed", final=True)

    continuing_care_referral_declined = referred.to(declined)
    continuing_care_referral_accepted = referred.to(accepted) | declined.to(accepted)
    continuing_care_assessment_started = accepted.to(assessing)
    recommendation_made = assessing.to(recommended)
    recommendation_returned = recommended.to(assessing)
    continuing_care_agreed = recommended.to(eligible) | not_eligible.to(eligible)
    continuing_care_refused = recommended.to(not_eligible) | supported.to(not_eligible)
    package_started = eligible.to(supported)
    adult_package_started = eligible.to(handed_over) | supported.to(handed_over)
    responsibility_passed = (
        referred.to(passed)
        | declined.to(passed)
        | accepted.to(passed)
        | assessing.to(passed)
        | recommended.to(passed)
        | not_eligible.to(passed)
        | eligible.to(passed)
        | supported.to(passed)
    )
    case_withdrawn = withdrawn.from_.any()
    case_closed = closed.from_.any()


class ReferralReceived(Opening):
    """The board received a referral or a checklist. Its day starts the six weeks, unless the locality counts them from
    a later step.

    `six_weeks_from` says which step that was on the day of recording.
    """

    body: Code
    came_as: Literal["referral", "checklist"] | None = None
    six_weeks_from: str | None = None
    BOUND_BODY_KINDS: ClassVar[frozenset[str]] = frozenset({"integrated_care_board"})
    READING_IN_FORCE: ClassVar[Mapping[str, str]] = {"six_weeks_from": "cypcc_decision_6w"}


class ByBoard(FactData):
    """Something the responsible board did."""

    body: Code
    note: FreeTextField | None = None
    FREE_TEXT_FIELDS: ClassVar[frozenset[str]] = frozenset({"note"})
    BOUND_BODY_KINDS: ClassVar[frozenset[str]] = frozenset({"integrated_care_board"})


class Reasoned(FactData):
    """Something the responsible board decided; its reasons are stored as free text."""

    body: Code
    reason: FreeTextField
    FREE_TEXT_FIELDS: ClassVar[frozenset[str]] = frozenset({"reason"})
    BOUND_BODY_KINDS: ClassVar[frozenset[str]] = frozenset({"integrated_care_board"})


class ChecklistCompleted(Noted):
    """The pre-assessment checklist was completed, and what it points to."""

    points_to: Literal["full_assessment", "no_full_assessment"]


class AssessorNominated(FactData):
    """A children and young people's health assessor was nominated: the body and service that they work for, never their
    name.
    """

    body: Code
    service: Service | None = None
    note: FreeTextField | None = None
    FREE_TEXT_FIELDS: ClassVar[frozenset[str]] = frozenset({"note"})


class EvidenceReceived(ByBody):
    """One of the areas of evidence is there, apart from the decision support tool itself, which is domains_assessed."""

    area: Literal["family_preferences", "holistic_assessment", "professional_reports"]


class DomainsAssessed(Noted):
    """The decision support tool: the level of need in each of the ten domains for children. Levels are codes; clinical
    words have no place here.
    """

    breathing: Level
    eating_and_drinking: Level
    mobility: Level
    continence: Level
    skin: Level
    communication: Level
    medicines: Level
    psychological: Level
    seizures: Level
    behaviour: Level


class RecommendationMade(FactData):
    """The nominated assessor's recommendation to the panel, with its grounds."""

    recommends: Literal["eligible", "not_eligible"]
    reason: FreeTextField | None = None
    FREE_TEXT_FIELDS: ClassVar[frozenset[str]] = frozenset({"reason"})


class FoundEligible(Reasoned):
    """The board decided that the child is eligible. From here the way to adult care is known: by the month of birth,
    and no closer.

    `birth_month` and `born_by` are the first and the last day of that month: people act by the one, and nothing is
    called late before the other.
    `under_18` says whether the child was under 18 on the day; `before_N` whether the month of the Nth birthday was
    still to come.
    """

    date_of_birth: date | None = None
    birth_month: date
    born_by: date | None = None
    under_18: YesNo
    before_14: YesNo
    before_16: YesNo
    before_17: YesNo
    before_18: YesNo
    IDENTITY_FIELDS: ClassVar[frozenset[str]] = frozenset({"date_of_birth"})
    ANSWERED_FROM_BIRTH_DATE: ClassVar[Mapping[str, str]] = {
        "birth_month": "month",
        "born_by": "month_end",
        "under_18": "before:cypcc_transition_18",
        "before_14": "before_month:cypcc_transition_14",
        "before_16": "before_month:cypcc_transition_16",
        "before_17": "before_month:cypcc_transition_17",
        "before_18": "before_month:cypcc_transition_18",
    }


class Reviewed(ByBoard):
    """The board reviewed the package and the eligibility. It meets the review that was owed and starts the next."""

    outcome: Literal["continues", "package_changes", "eligibility_in_doubt"]


class ReviewArranged(Noted):
    """A review was arranged for a day to come."""

    meeting_on: date


class DisputeAnswered(FactData):
    """The board answered the family's dispute, by its local process."""

    outcome: Literal["upheld", "changed", "to_be_assessed_again"]
    reason: FreeTextField | None = None
    FREE_TEXT_FIELDS: ClassVar[frozenset[str]] = frozenset({"reason"})


class BudgetOffered(Noted):
    """A personal health budget was offered, and what the family said (SI 2012/2996 regs 32A and 32B)."""

    answer: Literal["taken", "taken_in_part", "declined", "thinking"] | None = None


class AdultDecided(Noted):
    """The adult service decided on eligibility in principle, which the Framework asks for as soon as possible after the
    17th birthday.

    `before_17` says whether the month of that birthday was still to come.
    """

    before_17: YesNo | None = None
    ANSWERED_FROM_BIRTH_DATE: ClassVar[Mapping[str, str]] = {"before_17": "before_month:cypcc_transition_17"}


class AdultPackageStarted(Noted):
    """The adult package took over. `under_18` says whether the 18th birthday was still to come on the day."""

    under_18: YesNo | None = None
    ANSWERED_FROM_BIRTH_DATE: ClassVar[Mapping[str, str]] = {"under_18": "before:cypcc_transition_18"}


class ResponsibilityPassed(Noted):
    """Another board became responsible for the child; it opens a case of its own, and this one ends."""

    passed_to: Code | None = None


def _domains_first(casefile: CaseFile, _line: StoredFact) -> str | None:
    if "domains_assessed" in casefile.seen:
        return None
    return (
        "a recommendation rests on the ten domains of the decision support tool (National Framework 2016): record"
        " domains_assessed first"
    )


def _decided_before(casefile: CaseFile, _line: StoredFact) -> str | None:
    if casefile.seen & DECISIONS:
        return None
    return f"nothing has been decided yet to inform the family of: record one of {', '.join(sorted(DECISIONS))} first"


def _may_be_agreed(casefile: CaseFile, line: StoredFact) -> str | None:
    if line.data["under_18"] == "no":
        return (
            "children's continuing care ends with the 18th birthday (National Framework 2016): this is for adult"
            " continuing healthcare"
        )
    if casefile.state != "not_eligible":
        return None
    last = (casefile.facts_before(line, "continuing_care_refused") or [line])[-1]
    turned = [
        each
        for each in casefile.facts_before(line, "dispute_answered")
        if each.data["outcome"] != "upheld" and each.seq > last.seq
    ]
    if turned:
        return None
    return (
        "the child was found not eligible: that decision turns with dispute_answered (outcome changed), and a new"
        " referral opens a case of its own"
    )


def _reviewed_first(casefile: CaseFile, _line: StoredFact) -> str | None:
    if casefile.state != "supported" or "continuing_care_reviewed" in casefile.seen:
        return None
    return (
        "a package that has started ends after a review of it (National Framework 2016): record"
        " continuing_care_reviewed first"
    )


def _dispute_open(casefile: CaseFile, line: StoredFact) -> str | None:
    if len(casefile.facts_before(line, "decision_disputed")) > len(casefile.facts_before(line, "dispute_answered")):
        return None
    return "no dispute waits for an answer on that day: record decision_disputed first"


def _after_17(_casefile: CaseFile, line: StoredFact) -> str | None:
    if line.data.get("before_17") != "yes":
        return None
    return (
        "eligibility for adult care is decided in principle once the child is 17 (National Framework 2016), and the"
        " month of that birthday was still to come: record it with the day of a decision made since"
    )


def _adult_agreed_first(casefile: CaseFile, line: StoredFact) -> str | None:
    if line.data.get("under_18") == "yes":
        return (
            "an adult package takes over on the 18th birthday (National Framework 2016), which was still to come on"
            " that day; until then the child's own package goes on: record it with the day on which the adult one took"
            " over"
        )
    if "adult_eligibility_agreed" in casefile.seen:
        return None
    return (
        "an adult package follows the adult decision (National Framework for NHS continuing healthcare): record"
        " adult_eligibility_agreed first"
    )


def remarks(casefile: CaseFile) -> list[str]:
    """What a reader of the case should know besides its dates. Levels are counted here, and nothing is
    decided by them.
    """
    said: list[str] = []
    tool = next((line for line in reversed(casefile.lines) if line.kind == "domains_assessed"), None)
    if tool is not None:
        levels = Counter(str(tool.data[domain]) for domain in DOMAINS)
        counted = (
            ", ".join(f"{levels[level]} {level}" for level in ("priority", "severe", "high") if levels[level])
            or "none of them high, severe or priority"
        )
        reached = levels["priority"] >= 1 or levels["severe"] >= 1 or levels["high"] >= 3
        said.append(
            f"Domains (fact {tool.seq}): {counted}. The rule of thumb (one priority, one severe or three high) is"
            f" {'' if reached else 'not '}reached. It informs and never decides: the decision is the board's, with"
            " reasons."
        )
    if casefile.state in ("eligible", "supported"):
        if "personal_health_budget_offered" not in casefile.seen:
            said.append(
                "No personal health budget has been offered yet: an eligible child has a right to one (SI"
                " 2012/2996 regs 32A and 32B)."
            )
        found = next((line for line in reversed(casefile.lines) if line.kind == "continuing_care_agreed"), None)
        for age, steps in STEPS.items():
            if found is not None and found.data.get(f"before_{age}") == "no" and not casefile.seen & set(steps):
                said.append(
                    f"The child had reached the month of the {age}th birthday when found eligible, so no day is"
                    f" counted: record {steps[0]} as soon as it is done."
                )
    return said


DOMAINS = tuple(name for name in DomainsAssessed.model_fields if name != "note")
DECISIONS = frozenset({"continuing_care_agreed", "continuing_care_refused", "continuing_care_referral_declined"})
STEPS = {
    14: ("adult_commissioner_told",),
    16: ("adult_chc_referred", "adult_checklist_received"),
    17: ("adult_eligibility_agreed", "adult_eligibility_refused"),
}
WORK = ("accepted", "assessing", "recommended")
FOUND = ("eligible", "supported")
DECIDED = ("declined", "not_eligible", *FOUND)

PROCESS = define_process(
    ContinuingCare,
    name="continuing_care",
    title="Children's continuing care",
    version=1,
    out_of_order_from=None,
    facts=[
        OpeningFact("continuing_care_referral_received", ReferralReceived),
        NoTransition("checklist_completed", ChecklistCompleted, accepted_in=("referred", "declined", "accepted")),
        Transition("continuing_care_referral_accepted", ByBoard),
        Transition("continuing_care_referral_declined", Reasoned),
        NoTransition("assessor_nominated", AssessorNominated, accepted_in=("referred", *WORK, "supported")),
        Transition(
            "continuing_care_assessment_started",
            ByBoard,
            order="A referral is accepted before it is assessed (National Framework 2016)",
        ),
        NoTransition("evidence_received", EvidenceReceived, accepted_in=(*WORK, "supported")),
        NoTransition(
            "domains_assessed",
            DomainsAssessed,
            accepted_in=("assessing", "recommended", "supported"),
            order="The ten domains are assessed once the assessment has started (National Framework 2016)",
        ),
        Transition(
            "recommendation_made",
            RecommendationMade,
            guard=_domains_first,
            order="A recommendation rests on an assessment that was started, and on its ten domains"
            " (National Framework 2016)",
        ),
        Transition("recommendation_returned", Noted),
        NoTransition("panel_held", Noted, accepted_in=("recommended", "not_eligible", "supported")),
        Transition(
            "continuing_care_agreed",
            FoundEligible,
            guard=_may_be_agreed,
            order="A decision follows the nominated assessor's recommendation (National Framework 2016)",
        ),
        Transition(
            "continuing_care_refused",
            Reasoned,
            guard=_reviewed_first,
            order="A decision follows the nominated assessor's recommendation (National Framework 2016)",
        ),
        NoTransition(
            "family_told",
            ByBoard,
            accepted_in=(*DECIDED, "handed_over"),
            guard=_decided_before,
            order="The family is informed of a decision once one has been made (National Framework 2016)",
        ),
        NoTransition("decision_disputed", Noted, accepted_in=(*DECIDED, "handed_over")),
        NoTransition("dispute_answered", DisputeAnswered, accepted_in=(*DECIDED, "handed_over"), guard=_dispute_open),
        NoTransition(
            "personal_health_budget_offered",
            BudgetOffered,
            accepted_in=FOUND,
            order="The right to a personal health budget comes with eligibility (SI 2012/2996 reg 32A)",
        ),
        Transition(
            "package_started",
            ByBoard,
            order="A package follows the decision that the child is eligible (National Framework 2016)",
        ),
        NoTransition("package_changed", Noted, accepted_in=("supported",)),
        NoTransition("review_arranged", ReviewArranged, accepted_in=("supported",)),
        NoTransition(
            "continuing_care_reviewed",
            Reviewed,
            accepted_in=("supported",),
            order="What is reviewed is a package that has started (National Framework 2016)",
        ),
        NoTransition("adult_commissioner_told", ByBoard, accepted_in=FOUND),
        NoTransition("adult_chc_referred", ByBoard, accepted_in=FOUND),
        NoTransition("adult_checklist_received", ByBoard, accepted_in=FOUND),
        NoTransition("adult_eligibility_agreed", AdultDecided, accepted_in=FOUND, guard=_after_17),
        NoTransition("adult_eligibility_refused", AdultDecided, accepted_in=FOUND, guard=_after_17),
        Transition("adult_package_started", AdultPackageStarted, guard=_adult_agreed_first),
        Transition("responsibility_passed", ResponsibilityPassed),
    ],
    remarks=remarks,
)
