"""What the facts of a transition to adulthood say: its steps by age, and each adult service one by one.

Duty/provision: the CYP continuing-care framework of 2016 for the adult checklist and the decision in principle; the
other steps are local standards after NICE QS140. Facts have the month of birth and no closer. Reasons are free text.
"""

from collections.abc import Mapping
from datetime import date
from typing import ClassVar, Literal

from models.common_facts import Opening
from models.facts import Account, Code, FactData, FreeTextField, Slug
from statemachines.items import ItemCode

YesNo = Literal["yes", "no"]
Known = Literal["yes", "no", "not_known"]


class TransitionOpened(Opening):
    """Our team begins to watch the way of a young person to adult services, from Year 9 on.

    `continuing_care`: whether adult NHS continuing healthcare may be needed; the checklist and the decision in
    principle are then owed. `birth_month` and `born_by` are the first and the last day of the month of birth, and
    `before_N` says whether the month of the Nth birthday was still to come.
    """

    continuing_care: Known = "not_known"
    learning_disability: Known = "not_known"
    birth_month: date
    born_by: date
    before_14: YesNo
    before_16: YesNo
    before_17: YesNo
    before_18: YesNo
    ANSWERED_FROM_BIRTH_DATE: ClassVar[Mapping[str, str]] = {
        "birth_month": "month",
        "born_by": "month_end",
        "before_14": "before_month:transition_planning",
        "before_16": "before_month:transition_capacity",
        "before_17": "before_month:transition_checklist",
        "before_18": "before_month:transition_handover",
    }


class NeedLearned(FactData):
    """It became known on this day whether adult NHS continuing healthcare may be needed. A no ends both its steps."""

    continuing_care: YesNo


class Noted(FactData):
    """A step was taken; a note is free text."""

    note: FreeTextField | None = None
    FREE_TEXT_FIELDS: ClassVar[frozenset[str]] = frozenset({"note"})


class WorkerNamed(Noted):
    """The named worker of the young person, by account or by role."""

    worker: Account


class MeetingHeld(Noted):
    """A transition meeting was held, and whether the young person took part."""

    young_person_took_part: YesNo


class CapacityConsidered(Noted):
    """Somebody considered which decisions the young person makes (Mental Capacity Act 2005 applies from 16)."""

    outcome: Literal["decides", "decides_with_support", "lacks_capacity_for_some", "to_be_assessed"]


class ChecklistDone(Noted):
    """The checklist of adult NHS continuing healthcare was completed, and on what basis."""

    result: Literal["full_assessment", "no_further_assessment"]
    basis: Literal["consent", "best_interests"]


class DecidedInPrinciple(Noted):
    """The adult service decided in principle on adult NHS continuing healthcare."""

    outcome: Literal["eligible", "not_eligible"]
    decided_by: Slug


class CareAssessed(Noted):
    """The authority assessed adult care needs (Care Act 2014 s58), or said why it does not."""

    outcome: Literal["needs_likely", "no_needs_likely", "not_of_significant_benefit_yet", "refused_by_the_person"]


class PaperReady(Noted):
    """A paper or an arrangement for adult life is ready."""

    which: Literal["gp_summary", "hospital_passport", "health_budget_carried_over", "equipment_handed_over"]


class OfService(FactData):
    """A fact about one adult service. `item`: its code, such as adult_epilepsy."""

    item: ItemCode
    note: FreeTextField | None = None
    FREE_TEXT_FIELDS: ClassVar[frozenset[str]] = frozenset({"note"})


class ServiceExpected(OfService):
    """An adult service is expected to take over from a service for children."""

    takes_over_from: Slug | None = None
    adult_body: Code | None = None


class ServiceDeclined(OfService):
    """The adult service declined, and why. Where no service exists, it is a gap for commissioners."""

    why: Literal["criteria_not_met", "no_such_service", "age", "out_of_area", "waiting_list_closed", "other"]


class AppointmentGiven(OfService):
    """The adult service gave the first appointment."""

    appointment_on: date


class FollowedUp(OfService):
    """Somebody followed the missed first appointment up."""

    result: Literal["new_appointment", "declined_by_the_person", "not_reached"]


class HandoverCompleted(Noted):
    """Adult services have taken over, or the young person needs none."""


class TransitionEnded(Noted):
    """Our team no longer watches this way, and why."""

    why: Literal["plan_ceased", "reached_25", "settled", "other"]
