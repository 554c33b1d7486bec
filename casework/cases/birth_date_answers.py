"""What a fact may say of a birth: a yes or a no, or a month. The date itself stays sealed with the person.

A fact's model lists such particulars in `FROM_BIRTH`: `before:RULE` asks whether the fact's day lies before the day
that the rule gives for the birth (compulsory school age, Education Act 1996 s8); `before_month:RULE` asks the same of
the first day of the month of birth, for a duty that is known by the month only; `month` keeps year and month, as the
first day of the month, and `month_end` as its last, which of every February is the 28th: the 29th would name the
birthday itself, and in other years it ends a day later.
"""

from calendar import monthrange
from collections.abc import Mapping
from datetime import date
from typing import Any

from casework.cases.validation import Refused
from casework.context import AppContext
from config.law import NoAnswer
from deadlines.calculator import calculate
from models.facts import FactData, FactDraft


def with_birth(context: AppContext, model: type[FactData], draft: FactDraft, born: str | None) -> FactDraft:
    """The draft with what it may say of the birth. Raises Refused where the birth is needed and nobody has told it."""
    wanted = {key: how for key, how in model.ANSWERED_FROM_BIRTH_DATE.items() if key in model.model_fields}
    if not wanted:
        return draft
    if any(key in draft.data for key in wanted):
        raise Refused(
            "bad_data", f"{', '.join(wanted)} is worked out from the date of birth, and not given", wrong_call=True
        )
    if born is None:
        if any(model.model_fields[key].is_required() for key in wanted):
            raise Refused(
                "birth_unknown",
                f"{draft.kind} needs the date of birth, which is kept sealed and apart: --data"
                " date_of_birth=2022-07-21",
                field="date_of_birth",
                wrong_call=True,
            )
        return draft
    birth = date.fromisoformat(born)
    if birth > draft.occurred_on:
        raise Refused(
            "bad_data",
            f"the date of birth lies after the day of {draft.kind}: one of the two is not right",
            field="date_of_birth",
        )
    return draft._replace(data={**draft.data, **_said(context, wanted, birth, draft.occurred_on)})


def corrected_day(data: Mapping[str, Any], stood: date) -> date | None:
    """The day that a correction gives, or the one that stood; None where it is no day (which is refused elsewhere, in
    its own words).
    """
    try:
        return date.fromisoformat(str(data["occurred_on"])) if data.get("occurred_on") else stood
    except ValueError:
        return None


def _said(context: AppContext, wanted: Mapping[str, str], born: date, on: date) -> dict[str, Any]:
    said: dict[str, Any] = {}
    for key, how in wanted.items():
        if how == "month":
            said[key] = born.replace(day=1).isoformat()
        elif how == "month_end":
            said[key] = _month_end(born).isoformat()
        else:
            when, _, rule = how.partition(":")
            said[key] = (
                "yes" if _before(context, rule, born.replace(day=1) if when == "before_month" else born, on) else "no"
            )
    return said


def _month_end(born: date) -> date:
    return born.replace(day=28 if born.month == 2 else monthrange(born.year, born.month)[1])


def _before(context: AppContext, rule: str, born: date, on: date) -> bool:
    try:
        due = calculate(context.law, context.calendar, rule, born, {}).due
    except NoAnswer:
        return False  # that day came before the rule's first entry, and is long past
    return due is not None and on < due
