"""What the facts of a looked-after child's health assessments say.

Duty/provision: SI 2010/959 regs 7 and 13. Whether a child is under five on the day of the next review is a yes or a no
in the fact of an assessment (decision 246); the date of birth is stored encrypted, and in no fact.
"""

from collections.abc import Mapping
from datetime import date
from typing import ClassVar, Literal

from models.common_facts import Opening
from models.facts import Code, FactData, FreeTextField, Service, Slug

YesNo = Literal["yes", "no"]
UNDER_5 = "under:5:looked_after_review_under_5"


class BecameLookedAfter(Opening):
    """The authority began to look after the child on this day.

    `emergency`: an emergency placement, of which health is notified within five working days (reg 13). `placing_la`:
    the authority that places, where the child lives in the area of another. `host_body` is the board of that area.
    """

    emergency: YesNo
    has_plan: Literal["yes", "no", "not_known"] = "not_known"
    placing_la: Slug | None = None
    host_body: Code | None = None


class Noted(FactData):
    """A step; a note is free text."""

    note: FreeTextField | None = None
    FREE_TEXT_FIELDS: ClassVar[frozenset[str]] = frozenset({"note"})


class Consented(Noted):
    """Consent to the assessment was received, and from whom."""

    given_by: Literal["parent", "local_authority", "young_person", "court"]


class ProviderAsked(Noted):
    """A provider was asked to assess the child."""

    body: Code
    service: Service | None = None


class Refused(Noted):
    """The child, who understands enough, refused the assessment that was owed (reg 7(4)). It is not owed any more."""

    understands: Literal["yes"]


class Assessed(Noted):
    """The child was assessed. A medical practitioner does the first, and a nurse or a midwife may do a review (reg 7).

    `under_five_then`: whether the child is under five on the day six months later.
    """

    assessed_by: Literal["medical_practitioner", "nurse", "midwife"]
    date_of_birth: date | None = None
    under_five_then: YesNo
    IDENTITY_FIELDS: ClassVar[frozenset[str]] = frozenset({"date_of_birth"})
    ANSWERED_FROM_BIRTH_DATE: ClassVar[Mapping[str, str]] = {"under_five_then": UNDER_5}


class PlacedElsewhere(Noted):
    """The child was placed in the area of another board."""

    host_body: Code


class CeasedToBe(Noted):
    """The child is looked after no longer, and why."""

    why: Literal["returned_home", "adopted", "special_guardianship", "eighteen", "other"]
