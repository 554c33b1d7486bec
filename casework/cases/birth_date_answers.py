"""What a fact may say of the date of birth: a yes or a no, or a month. The date itself is stored with the person only,
encrypted.

A fact's model lists such fields in `ANSWERED_FROM_BIRTH_DATE`, with how each is answered:
- `before:RULE`: is the fact's day before the day that the rule gives (compulsory school age, Education Act 1996 s8)?
- `before_month:RULE`: the same, calculated from the first day of the month of birth.
- `under:YEARS:RULE`: will the child be under so many years on the day that the rule gives from the fact's day? An
  interval that changes at a birthday is chosen by it: six months while the child is under five when they end, else
  twelve (SI 2010/959 reg 7(3)). So the birthday times it, and the day of the birth is in no fact.
- `under_on:YEARS:FIELD`: will the child be under so many years on the day in that field of the fact? It is left out
  where the fact leaves that day out.
- `month`: year and month, as the first day of the month.
- `month_end`: the last day of the month, and 28 February in every year: the 29th would name the birthday itself.
"""

from calendar import monthrange
from collections.abc import Mapping
from datetime import date
from typing import Any

from casework.cases.validation import Refused
from casework.context import AppContext
from config.law import NoAnswer
from deadlines.calculator import calculate
from deadlines.counting_rules import birthday
from models.facts import FactData, FactDraft

ON_A_DAY = "under_on:"


def answered(context: AppContext, model: type[FactData], draft: FactDraft, born: str | None) -> FactDraft:
    """The draft with its answers. Raises Refused if the date of birth is needed and not known."""
    wanted = {key: how for key, how in model.ANSWERED_FROM_BIRTH_DATE.items() if key in model.model_fields}
    if not wanted:
        return draft
    if any(key in draft.data for key in wanted):
        raise Refused(
            "bad_data",
            f"{', '.join(wanted)} is worked out from the date of birth, and not given: leave it out",
            wrong_call=True,
        )
    if born is None:
        if any(model.model_fields[key].is_required() for key in wanted):
            way = "--data date_of_birth=-"
            if "date_of_birth" not in model.IDENTITY_FIELDS:
                way = f"first correct the fact that opened the case: fact_corrected --corrects 1 {way}"
            raise Refused(
                "birth_unknown",
                f"{draft.kind} needs the date of birth, which is stored encrypted and typed unseen: {way}",
                field="date_of_birth",
                wrong_call=True,
            )
        return draft
    birth_date = date.fromisoformat(born)
    if birth_date > draft.occurred_on:
        raise Refused(
            "bad_data",
            f"the date of birth is after the day of {draft.kind}: correct one of the two",
            field="date_of_birth",
        )
    days = {key: how for key, how in wanted.items() if how.startswith(ON_A_DAY)}
    said = {key: _on_a_day(how, birth_date, draft.data) for key, how in days.items()}
    others = {key: how for key, how in wanted.items() if key not in days}
    said |= _answers(context, others, birth_date, draft.occurred_on)
    return draft._replace(data={**draft.data, **{key: value for key, value in said.items() if value is not None}})


def _on_a_day(how: str, birth_date: date, data: Mapping[str, Any]) -> str | None:
    """Whether the child is under an age on the day in a field; None where it has none, or where it is no day."""
    _, years, field = how.split(":")
    try:
        day = date.fromisoformat(str(data.get(field)))
    except ValueError:
        return None
    return "yes" if day < birthday(birth_date, int(years)).due else "no"


def days_asked_about(model: type[FactData]) -> set[str]:
    """The fields with the days about which a fact's model asks the date of birth."""
    asked = model.ANSWERED_FROM_BIRTH_DATE.values()
    return {how.rpartition(":")[2] for how in asked if how.startswith(ON_A_DAY)}


def corrected_day(data: Mapping[str, Any], before: date) -> date | None:
    """The day that a correction gives, else the day before it; None if the text is no day, which validation refuses."""
    try:
        return date.fromisoformat(str(data["occurred_on"])) if data.get("occurred_on") else before
    except ValueError:
        return None


def _answers(context: AppContext, wanted: Mapping[str, str], birth_date: date, on: date) -> dict[str, Any]:
    return {key: _answer(context, how, birth_date, on) for key, how in wanted.items()}


def _answer(context: AppContext, how: str, birth_date: date, on: date) -> str:
    first = birth_date.replace(day=1)
    if how == "month":
        return first.isoformat()
    if how == "month_end":
        return _month_end(birth_date).isoformat()
    when, _, rule = how.partition(":")
    if when == "under":
        years, _, rule = rule.partition(":")
        return "yes" if _is_under(context, int(years), rule, birth_date, on) else "no"
    return "yes" if _is_before(context, rule, first if when == "before_month" else birth_date, on) else "no"


def _month_end(day: date) -> date:
    return day.replace(day=28 if day.month == 2 else monthrange(day.year, day.month)[1])


def _is_under(context: AppContext, years: int, rule: str, birth_date: date, on: date) -> bool:
    """Whether the birthday comes after the day that the rule gives from `on`. On the birthday itself it has come."""
    due = calculate(context.law, context.calendar, rule, on, {}).due
    return due is not None and due < birthday(birth_date, years).due


def _is_before(context: AppContext, rule: str, start: date, on: date) -> bool:
    try:
        due = calculate(context.law, context.calendar, rule, start, {}).due
    except NoAnswer:
        return False  # that day is before the rule's first entry, so it is past
    return due is not None and on < due
