"""A children's continuing-care review (National Framework for Children and Young People's Continuing Care, 2016:
guidance, not law).

What it decides: which facts may follow which, from the referral to the package, its reviews and the hand-over to adult
care. It does not decide by when (the statute file does), and least of all who is eligible: the rule of thumb over the
domains is a remark, and the decision is the board's, with reasons. Where the Framework is silent nothing is refused.
What turns a decision rests until it comes.
"""

from collections import Counter

from statemachine import State

from models.casefile import CaseFile
from models.facts import StoredFact
from statemachines.continuing_care_facts import (
    DOMAINS,
    AdultDecided,
    AdultPackageStarted,
    AssessorNominated,
    BudgetOffered,
    ByBoard,
    ChecklistCompleted,
    DisputeAnswered,
    DomainsAssessed,
    EvidenceReceived,
    FoundEligible,
    Reasoned,
    RecommendationMade,
    ReferralReceived,
    ResponsibilityPassed,
    ReviewArranged,
    Reviewed,
)
from statemachines.health_advice import Noted
from statemachines.process import (
    IS_DONE,
    NoTransition,
    OpeningFact,
    StatutoryMachine,
    Transition,
    before,
    define_process,
    unusual,
)


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
    urgent = State("Package under way before the decision")
    handed_over = State("Handed over to adult care")
    passed = State("Passed to another board", final=True)
    withdrawn = State("Withdrawn", final=True)
    closed = State("Closed", final=True)

    _undecided = (referred, accepted, assessing)

    continuing_care_referral_declined = referred.to(declined) | unusual(
        declined.from_(accepted, assessing, recommended)
    )
    continuing_care_referral_accepted = referred.to(accepted) | declined.to(accepted)
    continuing_care_assessment_started = accepted.to(assessing) | unusual(
        assessing.from_(referred, declined, not_eligible)
    )
    recommendation_made = assessing.to(recommended) | unusual(
        recommended.from_(referred, declined, accepted, not_eligible)
    )
    recommendation_returned = recommended.to(assessing) | unusual(not_eligible.to(assessing))
    continuing_care_agreed = (
        recommended.to(eligible)
        | not_eligible.to(eligible)
        | urgent.to(supported)
        | unusual(eligible.from_(*_undecided, declined))
    )
    continuing_care_refused = (
        recommended.to(not_eligible)
        | supported.to(not_eligible)
        | urgent.to(not_eligible)
        | unusual(not_eligible.from_(*_undecided, declined, eligible))
    )
    # A package that cannot wait starts before the decision; what is left of the way to it is usual from there.
    package_started = eligible.to(supported) | unusual(urgent.from_(*_undecided, recommended))
    adult_package_started = (
        eligible.to(handed_over)
        | supported.to(handed_over)
        | unusual(handed_over.from_(*_undecided, declined, recommended, not_eligible, urgent))
    )
    responsibility_passed = (
        referred.to(passed)
        | declined.to(passed)
        | accepted.to(passed)
        | assessing.to(passed)
        | recommended.to(passed)
        | not_eligible.to(passed)
        | eligible.to(passed)
        | supported.to(passed)
        | urgent.to(passed)
        | unusual(handed_over.to(passed))
    )
    case_withdrawn = withdrawn.from_.any()
    case_closed = closed.from_.any()


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


def _to_dispute(casefile: CaseFile, _line: StoredFact) -> str | None:
    if casefile.seen & DECISIONS:
        return None
    return f"nothing has been decided yet that could be disputed: record one of {', '.join(sorted(DECISIONS))} first"


def _recommended(casefile: CaseFile, _line: StoredFact) -> str | None:
    if "recommendation_made" in casefile.seen:
        return None
    return "only a recommendation that was made is returned: record recommendation_made with its own day first"


def _started(casefile: CaseFile, _line: StoredFact) -> str | None:
    if "package_started" in casefile.seen:
        return None
    return "only a package that has started changes: record package_started with its own day first"


def _of_age(_casefile: CaseFile, line: StoredFact) -> str | None:
    if line.data["under_18"] == "no":
        return (
            "children's continuing care ends with the 18th birthday (National Framework 2016): this is for adult"
            " continuing healthcare"
        )
    return None


def _agreed_after_a_refusal(casefile: CaseFile, line: StoredFact) -> str | None:
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


def _may_be_agreed(casefile: CaseFile, line: StoredFact) -> str | None:
    return _of_age(casefile, line) or before(2, _agreed_after_a_refusal)(casefile, line)


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


DECISIONS = frozenset({"continuing_care_agreed", "continuing_care_refused", "continuing_care_referral_declined"})
STEPS = {
    14: ("adult_commissioner_told",),
    16: ("adult_chc_referred", "adult_checklist_received"),
    17: ("adult_eligibility_agreed", "adult_eligibility_refused"),
}
WORK = ("accepted", "assessing", "recommended", "urgent")
FOUND = ("eligible", "supported")
DECIDED = ("declined", "not_eligible", *FOUND)
# Golden histories quote these words of the first version.
ACCEPTED_FIRST = "A referral is accepted before it is assessed (National Framework 2016)"
RECOMMENDED_FIRST = "A decision follows the nominated assessor's recommendation (National Framework 2016)"
PACKAGE_FIRST = "What is reviewed is a package that has started (National Framework 2016)"
PREPARED = "the assessment is prepared once the referral is accepted, and before the decision (National Framework 2016)"
ADULT = "the way to adult care is taken for a child who was found eligible (National Framework 2016)"

PROCESS = define_process(
    ContinuingCare,
    name="continuing_care",
    title="Children's continuing care",
    record_class="continuing_care",
    version=3,  # replies of bodies; version 2: facts out of order; a package before the decision
    out_of_order_from=2,
    facts=[
        OpeningFact("continuing_care_referral_received", ReferralReceived),
        NoTransition(
            "checklist_completed",
            ChecklistCompleted,
            accepted_in=("referred", "declined", "accepted"),
            order="the checklist comes before the assessment (National Framework 2016)",
        ),
        Transition(
            "continuing_care_referral_accepted",
            ByBoard,
            order="a referral is accepted once, before its assessment (National Framework 2016)",
        ),
        Transition(
            "continuing_care_referral_declined",
            Reasoned,
            order="a referral is declined before its assessment; after it the decision is another (National Framework"
            " 2016)",
        ),
        NoTransition(
            "assessor_nominated", AssessorNominated, accepted_in=("referred", *WORK, "supported"), order=PREPARED
        ),
        Transition("continuing_care_assessment_started", ByBoard, accepted_in=("urgent",), order=ACCEPTED_FIRST),
        NoTransition("evidence_received", EvidenceReceived, accepted_in=(*WORK, "supported"), order=PREPARED),
        NoTransition(
            "domains_assessed",
            DomainsAssessed,
            accepted_in=("assessing", "recommended", "supported", "urgent"),
            order="The ten domains are assessed once the assessment has started (National Framework 2016)",
        ),
        Transition(
            "recommendation_made",
            RecommendationMade,
            accepted_in=("urgent",),
            guard=before(2, _domains_first),
            warning=_domains_first,
            order="A recommendation rests on an assessment that was started, and on its ten domains"
            " (National Framework 2016)",
        ),
        Transition(
            "recommendation_returned",
            Noted,
            accepted_in=("urgent",),
            guard=_recommended,
            order="a recommendation is returned before the decision that rests on it (National Framework 2016)",
        ),
        NoTransition(
            "panel_held",
            Noted,
            accepted_in=("recommended", "not_eligible", "supported", "urgent"),
            order="the panel meets on a recommendation (National Framework 2016)",
        ),
        Transition(
            "continuing_care_agreed",
            FoundEligible,
            guard=_may_be_agreed,
            warning=_agreed_after_a_refusal,
            order=RECOMMENDED_FIRST,
        ),
        Transition(
            "continuing_care_refused",
            Reasoned,
            guard=before(2, _reviewed_first),
            warning=_reviewed_first,
            order=RECOMMENDED_FIRST,
        ),
        NoTransition(
            "family_told",
            ByBoard,
            accepted_in=(*DECIDED, "handed_over"),
            guard=_decided_before,
            order="The family is informed of a decision once one has been made (National Framework 2016)",
        ),
        NoTransition(
            "decision_disputed",
            Noted,
            accepted_in=(*DECIDED, "handed_over"),
            guard=_to_dispute,
            order="a decision is disputed before another one takes its place (National Framework 2016)",
        ),
        NoTransition(
            "dispute_answered",
            DisputeAnswered,
            accepted_in=(*DECIDED, "handed_over"),
            guard=_dispute_open,
            order="a dispute is answered before the work on another decision (National Framework 2016)",
        ),
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
        NoTransition(
            "package_changed", Noted, accepted_in=("supported", "urgent"), guard=_started, order=PACKAGE_FIRST
        ),
        NoTransition("review_arranged", ReviewArranged, accepted_in=("supported", "urgent"), order=PACKAGE_FIRST),
        NoTransition("continuing_care_reviewed", Reviewed, accepted_in=("supported", "urgent"), order=PACKAGE_FIRST),
        NoTransition("adult_commissioner_told", ByBoard, accepted_in=FOUND, order=ADULT, says=IS_DONE),
        NoTransition("adult_chc_referred", ByBoard, accepted_in=FOUND, order=ADULT, says=IS_DONE),
        NoTransition("adult_checklist_received", ByBoard, accepted_in=FOUND, order=ADULT),
        NoTransition(
            "adult_eligibility_agreed",
            AdultDecided,
            accepted_in=FOUND,
            guard=before(2, _after_17),
            warning=_after_17,
            order=ADULT,
        ),
        NoTransition(
            "adult_eligibility_refused",
            AdultDecided,
            accepted_in=FOUND,
            guard=before(2, _after_17),
            warning=_after_17,
            order=ADULT,
        ),
        Transition(
            "adult_package_started",
            AdultPackageStarted,
            guard=before(2, _adult_agreed_first),
            warning=_adult_agreed_first,
            order="an adult package takes over from the child's own (National Framework 2016)",
        ),
        Transition(
            "responsibility_passed",
            ResponsibilityPassed,
            order="another board takes over a child's care, not an adult's (National Framework 2016)",
        ),
    ],
    remarks=remarks,
)
