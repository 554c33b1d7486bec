"""A place on the dynamic support register: consent, rating, reviews before and after admission, actions, discharge.

What it decides: which facts may follow which, and in which states nothing names the case because consent was declined
or withdrawn. It decides no date. C(E)TR: care, education and treatment review; without education for adults.
"""

from collections.abc import Iterator

from statemachine import State

from models.casefile import CaseFile
from models.facts import StoredFact
from statemachines.dynamic_support_facts import (
    ActionAgreed,
    AdmissionConsidered,
    Admitted,
    ApplicableDayCame,
    BestInterestsDecided,
    ConsentGiven,
    ConsentRefused,
    Discharged,
    EmergencyMeetingHeld,
    KeyworkerNamed,
    Noted,
    OfAction,
    PlanChecked,
    PlanToCease,
    Rated,
    Referred,
    Removed,
    ResidenceSettled,
    ReviewHeld,
)
from statemachines.items import ItemMove, Items
from statemachines.process import (
    NoTransition,
    OpeningFact,
    Reaction,
    StatutoryMachine,
    Transition,
    define_process,
    unusual,
)

OPENED, RATED, REVIEWED = "dsr_referred", "dsr_rated", "cetr_held"
CONSENTED, BEST_INTERESTS = "dsr_consent_given", "dsr_best_interests_decided"
ADMITTED, DISCHARGED = "admitted_to_hospital", "discharged_from_hospital"
TO_CEASE, TO_CEASE_INSIDE = "dsr_plan_to_cease", "inpatient_plan_to_cease"
GOES_ON, CEASED = "dsr_plan_goes_on", "dsr_plan_ceased"


class DynamicSupport(StatutoryMachine):
    """A place on the dynamic support register (NHS England policy 2023).

    Facts without a transition: ratings, reviews, emergency meetings, actions, the keyworker, residence, and the plan.
    """

    referred = State("Consent awaited", initial=True)
    referred_inside = State("In hospital, consent awaited")
    listed = State("On the register")
    in_hospital = State("On the register, in hospital")
    declined = State("Consent declined")
    consent_withdrawn = State("Consent withdrawn")
    withdrawn_inside = State("Consent withdrawn in hospital")
    removed = State("No longer on the register")
    withdrawn = State("Withdrawn", final=True)
    closed = State("Closed", final=True)
    ended_without_consent = State("Ended without consent", final=True)

    _named = (referred, referred_inside, listed, in_hospital, removed)
    _unnamed = (declined, consent_withdrawn, withdrawn_inside)
    dsr_consent_given = listed.from_(referred, listed, declined, consent_withdrawn, removed) | in_hospital.from_(
        referred_inside, in_hospital, withdrawn_inside
    )
    dsr_best_interests_decided = listed.from_(
        referred, listed, declined, consent_withdrawn, removed
    ) | in_hospital.from_(referred_inside, in_hospital, withdrawn_inside)
    # A person who says no is named no longer, by which of the two facts it is recorded.
    dsr_consent_declined = (
        declined.from_(referred, referred_inside)
        | unusual(declined.from_(listed, removed))
        | unusual(in_hospital.to(withdrawn_inside))
    )
    dsr_consent_withdrawn = (
        consent_withdrawn.from_(listed, removed)
        | in_hospital.to(withdrawn_inside)
        | unusual(referred.to(consent_withdrawn))
        | unusual(referred_inside.to(withdrawn_inside))
    )
    admitted_to_hospital = (
        listed.to(in_hospital)
        | referred.to(referred_inside)
        | unusual(consent_withdrawn.to(withdrawn_inside))
        | unusual(removed.to(in_hospital))
    )
    discharged_from_hospital = (
        in_hospital.to(listed) | referred_inside.to(referred) | unusual(withdrawn_inside.to(consent_withdrawn))
    )
    dsr_removed = removed.from_(referred, referred_inside, listed) | unusual(in_hospital.to(removed))
    case_withdrawn = withdrawn.from_(*_named) | ended_without_consent.from_(*_unnamed)
    case_closed = closed.from_(*_named) | ended_without_consent.from_(*_unnamed)


POLICY = "(NHS England policy on dynamic support registers, 2023)"
BEFORE, ON = ("referred", "referred_inside"), ("listed", "in_hospital")
UNNAMED = frozenset({"declined", "consent_withdrawn", "withdrawn_inside", "ended_without_consent"})
OVER_STATES = frozenset({"removed"}) | UNNAMED
NEEDS_CONSENT = f"the register and its reviews rest on consent or best interests {POLICY}"
OVER = f"the person was on the register no longer {POLICY}"
INSIDE = f"it is of a person in hospital {POLICY}"
ITEMS = Items(
    "action",
    {"open": "Open", "done": "Done", "dropped": "No longer needed"},
    (
        ItemMove("action_agreed", "open"),
        ItemMove("action_done", "done", ("open",), f"an action is done once {POLICY}"),
        ItemMove("action_dropped", "dropped", ("open",), f"an action that is done is not dropped {POLICY}"),
    ),
)


def last(casefile: CaseFile, *kinds: str) -> StoredFact | None:
    """The last fact of these kinds, in the order of replay."""
    return next((fact for fact in reversed(casefile.lines) if fact.kind in kinds), None)


def rating(casefile: CaseFile) -> str | None:
    """The rating: blue in hospital, else that of the last review of the register; None where there is none."""
    if casefile.state in ("in_hospital", "referred_inside"):
        return "blue"
    rated = last(casefile, RATED)
    return str(rated.data["rating"]) if rated is not None else None


def plan_to_cease(casefile: CaseFile) -> bool:
    """Whether the plan of the person is to cease, by the newest fact that says so."""
    said = next((fact for fact in reversed(casefile.lines) if fact.kind in (GOES_ON, CEASED) or _says(fact)), None)
    return said is not None and said.data.get("has_plan") in ("to_cease",)


def _says(fact: StoredFact) -> bool:
    return fact.data.get("has_plan") in ("yes", "to_cease", "no")


def may_share(casefile: CaseFile) -> bool:
    """Whether the last consent, or decision in best interests, covers sharing with agencies."""
    agreed = last(casefile, CONSENTED, BEST_INTERESTS)
    return agreed is not None and agreed.data["sharing"] == "yes" and casefile.state not in UNNAMED


def without_community_review(casefile: CaseFile) -> list[StoredFact]:
    """The admissions without a community review before them. Policy expects none."""
    return [fact for fact in casefile.lines if fact.kind == ADMITTED and fact.data["community_review"] == "not_held"]


def remarks(casefile: CaseFile) -> list[str]:
    """What a reader should know: the rating's history, consent, admissions without a review, a plan that ceases."""
    if casefile.state in UNNAMED:
        return ["Consent was declined or withdrawn. No list, e-mail or digest names this case."]
    return [*_of_consent(casefile), *_ratings(casefile), *_of_reviews(casefile), *_of_the_plan(casefile)]


def _of_consent(casefile: CaseFile) -> Iterator[str]:
    agreed = last(casefile, CONSENTED, BEST_INTERESTS)
    if agreed is not None and agreed.data["sharing"] == "no":
        yield "What was agreed covers the register alone: share nothing with other agencies."
    if casefile.state in ON and last(casefile, "ordinary_residence_settled") is None:
        yield "Ordinary residence is not recorded."


def _ratings(casefile: CaseFile) -> Iterator[str]:
    rated = [fact for fact in casefile.lines if fact.kind == RATED]
    if rated:
        yield (
            "Ratings: " + ", ".join(f"{fact.data['rating']} on {fact.occurred_on.isoformat()}" for fact in rated) + "."
        )


def _of_reviews(casefile: CaseFile) -> Iterator[str]:
    for fact in without_community_review(casefile):
        yield (
            f"Admitted on {fact.occurred_on.isoformat()} without a community review before it, which the policy asks"
            " for."
        )
    if last(casefile, "laep_held") is not None:
        yield "An emergency protocol meeting counts as no review."


def _of_the_plan(casefile: CaseFile) -> Iterator[str]:
    if casefile.state == "in_hospital" and plan_to_cease(casefile):
        yield (
            "The EHC plan of this person is to cease while they are in hospital. Once MHA 1983 s125A is in force, an"
            " adult without a plan waits 28 days for a first review, and one with a plan 14."
        )


def _reviewed_before(casefile: CaseFile, fact: StoredFact) -> str | None:
    if fact.data["community_review"] == "held" and fact.data.get("last_review_on") is None:
        return "a community review that was held has a day: give last_review_on"
    return None


def _on_record(casefile: CaseFile, fact: StoredFact) -> str | None:
    held = [each for each in casefile.facts_before(fact, REVIEWED) if each.data["setting"] == "community"]
    if fact.data["community_review"] == "not_held":
        return f"no community review was held before the admission {POLICY}"
    return None if held else f"the community review before the admission is not recorded {POLICY}"


def _shared(casefile: CaseFile, fact: StoredFact) -> str | None:
    agreed = casefile.facts_before(fact, CONSENTED, BEST_INTERESTS)
    if agreed and agreed[-1].data["sharing"] == "no":
        return f"consent covers the register and no sharing with agencies {POLICY}"
    return None


def _report_of_a_review(casefile: CaseFile, fact: StoredFact) -> str | None:
    if casefile.facts_before(fact, REVIEWED):
        return None
    return "a report is of a review that was held: record cetr_held first"


AS_TO_PLAN = f"it is said of the plan of a person who is or may be on the register {POLICY}"
LABELS = {
    "under_18_at_the_next": "under 18 when the next review is due",
    "under_act": "held under the Mental Health Act 2025",
    "has_plan": "EHC plan",
    "present": "who took part",
    "residence_la": "authority of ordinary residence",
    OPENED: "referred to the dynamic support register",
    CONSENTED: "consent to the register given",
    BEST_INTERESTS: "register decided on in best interests",
    "dsr_consent_declined": "consent to the register declined",
    "dsr_consent_withdrawn": "consent to the register withdrawn",
    RATED: "risk of admission rated",
    "laep_held": "emergency protocol meeting held",
    REVIEWED: "C(E)TR held",
    "cetr_report_sent": "report of the C(E)TR sent",
    "mha_applicable_day_came": "first day of the review under the Mental Health Act",
    TO_CEASE: "EHC plan is to cease",
    TO_CEASE_INSIDE: "EHC plan of a person in hospital is to cease",
    GOES_ON: "EHC plan goes on",
    CEASED: "EHC plan ceased",
    "inpatient_plan_checked": "spoke with the authority about the plan",
    "dsr_removed": "taken off the dynamic support register",
}
PROCESS = define_process(
    DynamicSupport,
    name="dynamic_support",
    title="Dynamic support register",
    labels=LABELS,
    version=1,
    items=ITEMS,
    remarks=remarks,
    unnamed_in=UNNAMED,
    may_share=may_share,
    facts=[
        OpeningFact(OPENED, Referred),
        Transition(CONSENTED, ConsentGiven),
        Transition(BEST_INTERESTS, BestInterestsDecided),
        Transition("dsr_consent_declined", ConsentRefused, order=f"consent that was given is withdrawn {POLICY}"),
        Transition("dsr_consent_withdrawn", ConsentRefused, order=f"consent is withdrawn after it was given {POLICY}"),
        NoTransition(RATED, Rated, accepted_in=ON, order=NEEDS_CONSENT),
        NoTransition("keyworker_named", KeyworkerNamed, accepted_in=(*BEFORE, *ON), order=OVER),
        NoTransition("ordinary_residence_settled", ResidenceSettled, accepted_in=(*BEFORE, *ON), order=OVER),
        NoTransition("admission_considered", AdmissionConsidered, accepted_in=("referred", "listed"), order=OVER),
        NoTransition("laep_held", EmergencyMeetingHeld, accepted_in=("referred", "listed"), order=OVER),
        NoTransition(REVIEWED, ReviewHeld, accepted_in=ON, warning=_shared, order=NEEDS_CONSENT),
        NoTransition("cetr_report_sent", Noted, accepted_in=ON, guard=_report_of_a_review, order=NEEDS_CONSENT),
        Transition(ADMITTED, Admitted, guard=_reviewed_before, warning=_on_record, order=OVER),
        NoTransition(
            "mha_applicable_day_came", ApplicableDayCame, accepted_in=("referred_inside", "in_hospital"), order=INSIDE
        ),
        Transition(DISCHARGED, Discharged, order=INSIDE),
        NoTransition(TO_CEASE, PlanToCease, accepted_in=("referred", "listed"), order=AS_TO_PLAN),
        NoTransition(TO_CEASE_INSIDE, PlanToCease, accepted_in=("referred_inside", "in_hospital"), order=INSIDE),
        NoTransition(GOES_ON, Noted, accepted_in=(*BEFORE, *ON), order=AS_TO_PLAN),
        NoTransition(CEASED, Noted, accepted_in=(*BEFORE, *ON), order=AS_TO_PLAN),
        NoTransition(
            "inpatient_plan_checked", PlanChecked, accepted_in=("referred_inside", "in_hospital"), order=INSIDE
        ),
        NoTransition("action_agreed", ActionAgreed, accepted_in=ON, warning=_shared, order=NEEDS_CONSENT),
        NoTransition("action_done", OfAction, accepted_in=ON, order=NEEDS_CONSENT),
        NoTransition("action_dropped", OfAction, accepted_in=ON, order=NEEDS_CONSENT),
        Transition("dsr_removed", Removed, order=OVER),
    ],
    reactions=[
        Reaction("annual_review", "cease_decided", TO_CEASE, optional=True),
        Reaction("annual_review", "cease_decided", TO_CEASE_INSIDE, optional=True),
        Reaction("annual_review", "cease_reversed", GOES_ON, optional=True),
        Reaction("annual_review", "plan_ceased", CEASED, optional=True),
        Reaction("reassessment", "cease_decided", TO_CEASE, optional=True),
        Reaction("reassessment", "cease_decided", TO_CEASE_INSIDE, optional=True),
        Reaction("reassessment", "cease_reversed", GOES_ON, optional=True),
        Reaction("reassessment", "plan_ceased", CEASED, optional=True),
    ],
)
