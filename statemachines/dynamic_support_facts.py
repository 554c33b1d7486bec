"""What the facts of a place on the dynamic support register say: consent, rating, reviews, admission, actions.

Duty/provision: NHS England's policy and guidance on dynamic support registers and care (education) and treatment
reviews (2023); Mental Health Act 2025 s4, which is not in force. Reasons and notes are free text, stored encrypted.
Whether the person is under 18 is a yes or a no in a fact (decision 246); the date of birth is in none.
"""

from collections.abc import Mapping
from datetime import date
from typing import ClassVar, Literal

from models.common_facts import Opening
from models.facts import Account, Code, FactData, FreeTextField, Slug
from models.fields import Slugs
from statemachines.items import ItemCode

YesNo = Literal["yes", "no"]
Known = Literal["yes", "no", "not_known"]
# Whether the person has an EHC plan. From the notice that it is to cease until it ceases, it is `to_cease`.
HasPlan = Literal["yes", "to_cease", "no", "not_known"]
UNDER_18_AT_THE_NEXT = "under:18:cetr_inpatient"
UNDER_18 = "before:transition_handover"


class Referred(Opening):
    """Somebody asked that a person at risk of admission is put on the register. The person may ask too.

    `la`: the authority in whose area the person lives. No diagnosis is in the fact besides the two of the policy.
    """

    referred_by: Literal["the_person", "family", "school", "local_authority", "health_service", "provider", "other"]
    learning_disability: Known = "not_known"
    autism: Known = "not_known"
    has_plan: HasPlan = "not_known"


class Noted(FactData):
    """A step; a note is free text."""

    note: FreeTextField | None = None
    FREE_TEXT_FIELDS: ClassVar[frozenset[str]] = frozenset({"note"})


class ConsentGiven(Noted):
    """Consent to be on the register. `sharing`: whether it covers sharing with the agencies of a review."""

    given_by: Literal["the_person", "parent", "deputy"]
    sharing: YesNo


class BestInterestsDecided(FactData):
    """The person lacks capacity to consent, and it was decided that the register is in their best interests."""

    decided_by: Slug
    sharing: YesNo
    reason: FreeTextField
    FREE_TEXT_FIELDS: ClassVar[frozenset[str]] = frozenset({"reason"})


class ConsentRefused(Noted):
    """Consent was declined, or withdrawn, from this day on. From then on no list and no letter names the case."""

    said_by: Literal["the_person", "parent", "deputy"]


class Rated(FactData):
    """The person was reviewed on the register and rated. A person in hospital is blue: their state says it."""

    rating: Literal["red", "amber", "green"]
    reason: FreeTextField
    FREE_TEXT_FIELDS: ClassVar[frozenset[str]] = frozenset({"reason"})


class KeyworkerNamed(Noted):
    """The keyworker of the person, by account or by role."""

    worker: Account


class ResidenceSettled(Noted):
    """In whose area the person is ordinarily resident, and which board is responsible."""

    residence_la: Slug
    responsible_board: Code


class AdmissionConsidered(Noted):
    """An admission to a mental health hospital is considered. `review_by`: the last day before one that is planned."""

    review_by: date | None = None


class EmergencyMeetingHeld(Noted):
    """A local area emergency protocol meeting was held, because there was no time for a review. It counts as none."""

    outcome: Literal["admission_avoided", "admission_supported", "review_arranged"]


class ReviewHeld(Noted):
    """A care (education) and treatment review was held.

    `present`: who took part besides the chair. `under_act`: whether it was held under MHA 1983 s125A or s125B.
    `secure`: of a review in hospital, whether the hospital is a secure one: adults there are reviewed each year.
    `under_18_at_the_next`: whether the person is under 18 on the day three months later.
    """

    setting: Literal["community", "inpatient"]
    outcome: Literal["stays_in_community", "admission_supported", "stays_in_hospital", "discharge_planned"]
    present: Slugs
    under_act: YesNo = "no"
    secure: YesNo | None = None
    date_of_birth: date | None = None
    under_18_at_the_next: YesNo
    IDENTITY_FIELDS: ClassVar[frozenset[str]] = frozenset({"date_of_birth"})
    ANSWERED_FROM_BIRTH_DATE: ClassVar[Mapping[str, str]] = {"under_18_at_the_next": UNDER_18_AT_THE_NEXT}


class Admitted(Noted):
    """The person was admitted to a mental health hospital.

    `community_review`: whether a review was held in the community before, and `last_review_on` its day. `secure`:
    whether the hospital is a secure one, such as a medium secure unit.
    """

    hospital: Code | None = None
    legal_status: Literal["informal", "detained"]
    secure: YesNo | None = None
    community_review: Literal["held", "not_held"]
    last_review_on: date | None = None
    has_plan: HasPlan
    date_of_birth: date | None = None
    under_18: YesNo
    IDENTITY_FIELDS: ClassVar[frozenset[str]] = frozenset({"date_of_birth"})
    ANSWERED_FROM_BIRTH_DATE: ClassVar[Mapping[str, str]] = {"under_18": UNDER_18}


class ApplicableDayCame(Noted):
    """The applicable day of MHA 1983 s125A(5), from which a first review under the Act is owed, and why.

    An EHC plan decides which review an adult has: within 14 days with one, within 28 days without.
    """

    because: Literal["detained", "second_recommendation", "commissioner_formed_view"]
    has_plan: Literal["yes", "to_cease", "no"]
    date_of_birth: date | None = None
    under_18: YesNo
    IDENTITY_FIELDS: ClassVar[frozenset[str]] = frozenset({"date_of_birth"})
    ANSWERED_FROM_BIRTH_DATE: ClassVar[Mapping[str, str]] = {"under_18": UNDER_18}


class PlanToCease(Noted):
    """The authority decided that the EHC plan of the person is to cease."""

    has_plan: Literal["to_cease"] = "to_cease"


class PlanChecked(Noted):
    """Our team spoke with the authority about ceasing the plan of a person in hospital."""

    outcome: Literal["authority_goes_on", "authority_keeps_the_plan", "authority_considers_again"]


class Discharged(Noted):
    """The person left the hospital."""

    to: Literal["home", "placement", "another_hospital", "other"]


class Removed(Noted):
    """The person is on the register no longer, and why."""

    why: Literal["risk_over", "not_eligible", "moved_away", "twenty_five", "other"]


class ActionAgreed(FactData):
    """An agency is to do something by a day. `item`: the code of the action."""

    item: ItemCode
    agency: Slug
    due_on: date
    what: FreeTextField
    FREE_TEXT_FIELDS: ClassVar[frozenset[str]] = frozenset({"what"})


class OfAction(FactData):
    """A fact about one action."""

    item: ItemCode
    note: FreeTextField | None = None
    FREE_TEXT_FIELDS: ClassVar[frozenset[str]] = frozenset({"note"})
