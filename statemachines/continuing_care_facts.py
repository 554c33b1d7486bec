"""What is recorded of children's continuing care (National Framework 2016): the fields of its facts.

It decides nothing. Levels of need are codes, and clinical words have no place in them.
"""

from collections.abc import Mapping
from datetime import date
from typing import ClassVar, Literal

from models.common_facts import Opening
from models.facts import Code, FactData, FreeTextField, Reference, Service
from statemachines.health_advice import ByBody, Noted

Level = Literal["none", "low", "moderate", "high", "severe", "priority"]
YesNo = Literal["yes", "no"]


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


class ReferralRepeated(FactData):
    """Another referral for the same care while the first is undecided, or the same once more. The first receipt starts
    the six weeks.
    """

    body: Code | None = None
    came_as: Literal["referral", "checklist"] | None = None
    la_reference: Reference | None = None
    note: FreeTextField | None = None
    FREE_TEXT_FIELDS: ClassVar[frozenset[str]] = frozenset({"note"})
    BOUND_BODY_KINDS: ClassVar[frozenset[str]] = frozenset({"integrated_care_board"})


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


DOMAINS = tuple(name for name in DomainsAssessed.model_fields if name != "note")
