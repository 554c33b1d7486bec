"""What the facts of the yearly health check for people of 14 and over with a learning disability say.

Duty/provision: an enhanced service of GP practices; a practice offers it, and nobody has to take it. Facts have words
and days only.
"""

from collections.abc import Mapping
from datetime import date
from typing import Annotated, ClassVar, Literal

from models.common_facts import Opening
from models.facts import FactData, FreeTextField
from models.fields import CaseLink, LinkRole

YesNo = Literal["yes", "no"]


class CheckWatched(Opening):
    """Our team watches the yearly check of a young person with a learning disability.

    `on_register`: whether the practice has them on its learning-disability register. `born_by` is the last day of the
    month of birth; `before_14` says whether the month of the 14th birthday was still to come.
    """

    on_register: Literal["yes", "no", "not_known"]
    birth_month: date
    born_by: date
    before_14: YesNo
    ANSWERED_FROM_BIRTH_DATE: ClassVar[Mapping[str, str]] = {
        "birth_month": "month",
        "born_by": "month_end",
        "before_14": "before_month:ld_check_register",
    }


class Noted(FactData):
    """A step; a note is free text."""

    note: FreeTextField | None = None
    FREE_TEXT_FIELDS: ClassVar[frozenset[str]] = frozenset({"note"})


class CheckDone(Noted):
    """The yearly check was done, and whether a health action plan came of it, as the service asks.

    `where`: at the practice or at a hub of practices. National figures leave hubs out, so local ones may be higher.
    """

    where: Literal["practice", "hub", "elsewhere"]
    action_plan: YesNo


class CheckDeclined(Noted):
    """The young person declined the check of this year. They may take it next year."""

    declined_by: Literal["young_person", "parent", "best_interests"]


class PlanShared(Noted):
    """The health action plan went into the annual review of the plan, whose case may be named."""

    annual_review: (
        Annotated[CaseLink, LinkRole("plan_shared_with", "gave its action plan to", "has the action plan of")] | None
    ) = None


class NoLongerOwed(Noted):
    """Our team no longer watches the check, and why."""

    why: Literal["no_learning_disability", "plan_ceased", "moved_practice", "reached_25", "other"]
