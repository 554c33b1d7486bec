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
    ReferralRepeated,
    ResponsibilityPassed,
    ReviewArranged,
    Reviewed,
)
from statemachines.continuing_care_guards import (
    adult_agreed_first,
    after_17,
    agreed_after_a_refusal,
    another_board,
    answered_again,
    decided_before,
    domains_first,
    first_of,
    may_be_agreed,
    recommended,
    reviewed_first,
    started,
    to_dispute,
    was_disputed,
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


STEPS = {
    14: ("adult_commissioner_told",),
    16: ("adult_chc_referred", "adult_checklist_received"),
    17: ("adult_eligibility_agreed", "adult_eligibility_refused"),
}
UNDECIDED = ("referred", "accepted", "assessing", "recommended", "urgent")
WORK = ("accepted", "assessing", "recommended", "urgent")
FOUND = ("eligible", "supported")
DECIDED = ("declined", "not_eligible", *FOUND)
# Golden histories quote these words of the first version.
ACCEPTED_FIRST = "A referral is accepted before it is assessed (National Framework 2016)"
RECOMMENDED_FIRST = "A decision follows the nominated assessor's recommendation (National Framework 2016)"
PACKAGE_FIRST = "What is reviewed is a package that has started (National Framework 2016)"
PREPARED = "the assessment is prepared once the referral is accepted, and before the decision (National Framework 2016)"
ADULT = "the way to adult care is taken for a child who was found eligible (National Framework 2016)"

LABELS = {
    "adult_chc_referred": "referred to adult continuing healthcare",
}
PROCESS = define_process(
    ContinuingCare,
    name="continuing_care",
    title="Children's continuing care",
    labels=LABELS,
    record_class="continuing_care",
    version=4,  # further referrals and answers, another board; 3: replies of bodies; 2: facts out of order
    out_of_order_from=2,
    facts=[
        OpeningFact(
            "continuing_care_referral_received",
            ReferralReceived,
            repeated_as="continuing_care_referral_repeated",
            undecided_in=UNDECIDED,
        ),
        NoTransition(
            "continuing_care_referral_repeated",
            ReferralRepeated,
            accepted_in=UNDECIDED,
            warning=another_board,
            order="a referral is a repetition while the first is undecided (National Framework 2016); one that comes"
            " after the decision is a new referral, with six weeks of its own",
        ),
        NoTransition(
            "checklist_completed",
            ChecklistCompleted,
            accepted_in=("referred", "declined", "accepted"),
            order="the checklist comes before the assessment (National Framework 2016)",
        ),
        Transition(
            "continuing_care_referral_accepted",
            ByBoard,
            warning=another_board,
            order="a referral is accepted once, before its assessment (National Framework 2016)",
        ),
        Transition(
            "continuing_care_referral_declined",
            Reasoned,
            warning=another_board,
            order="a referral is declined before its assessment; after it the decision is another (National Framework"
            " 2016)",
        ),
        NoTransition(
            "assessor_nominated", AssessorNominated, accepted_in=("referred", *WORK, "supported"), order=PREPARED
        ),
        Transition(
            "continuing_care_assessment_started",
            ByBoard,
            accepted_in=("urgent",),
            warning=another_board,
            order=ACCEPTED_FIRST,
        ),
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
            guard=before(2, domains_first),
            warning=domains_first,
            order="A recommendation rests on an assessment that was started, and on its ten domains"
            " (National Framework 2016)",
        ),
        Transition(
            "recommendation_returned",
            Noted,
            accepted_in=("urgent",),
            guard=recommended,
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
            guard=may_be_agreed,
            warning=first_of(another_board, agreed_after_a_refusal),
            order=RECOMMENDED_FIRST,
        ),
        Transition(
            "continuing_care_refused",
            Reasoned,
            guard=before(2, reviewed_first),
            warning=first_of(another_board, reviewed_first),
            order=RECOMMENDED_FIRST,
        ),
        NoTransition(
            "family_told",
            ByBoard,
            accepted_in=(*DECIDED, "handed_over"),
            guard=decided_before,
            warning=another_board,
            order="The family is informed of a decision once one has been made (National Framework 2016)",
        ),
        NoTransition(
            "decision_disputed",
            Noted,
            accepted_in=(*DECIDED, "handed_over"),
            guard=to_dispute,
            order="a decision is disputed before another one takes its place (National Framework 2016)",
        ),
        NoTransition(
            "dispute_answered",
            DisputeAnswered,
            accepted_in=(*DECIDED, "handed_over"),
            guard=was_disputed,
            warning=answered_again,
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
            warning=another_board,
            order="A package follows the decision that the child is eligible (National Framework 2016)",
        ),
        NoTransition("package_changed", Noted, accepted_in=("supported", "urgent"), guard=started, order=PACKAGE_FIRST),
        NoTransition("review_arranged", ReviewArranged, accepted_in=("supported", "urgent"), order=PACKAGE_FIRST),
        NoTransition(
            "continuing_care_reviewed",
            Reviewed,
            accepted_in=("supported", "urgent"),
            warning=another_board,
            order=PACKAGE_FIRST,
        ),
        NoTransition("adult_commissioner_told", ByBoard, accepted_in=FOUND, order=ADULT, says=IS_DONE),
        NoTransition("adult_chc_referred", ByBoard, accepted_in=FOUND, order=ADULT, says=IS_DONE),
        NoTransition("adult_checklist_received", ByBoard, accepted_in=FOUND, order=ADULT),
        NoTransition(
            "adult_eligibility_agreed",
            AdultDecided,
            accepted_in=FOUND,
            guard=before(2, after_17),
            warning=after_17,
            order=ADULT,
        ),
        NoTransition(
            "adult_eligibility_refused",
            AdultDecided,
            accepted_in=FOUND,
            guard=before(2, after_17),
            warning=after_17,
            order=ADULT,
        ),
        Transition(
            "adult_package_started",
            AdultPackageStarted,
            guard=before(2, adult_agreed_first),
            warning=adult_agreed_first,
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
