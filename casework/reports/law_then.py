"""A case under the law that was active at an instant, beside the law of now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any

from casework.context import AppContext
from casework.reports.case_models import LawThen
from casework.rules.stored_law import active_at, read_stored
from config.law import LawError, NoAnswer
from deadlines.duties import Duty, duties_of
from deadlines.status import days_late, status_of
from models.casefile import CaseFile
from models.database import reading

DutiesThen = Mapping[tuple[str, int], Duty]


def duties_then(context: AppContext, casefile: CaseFile, known_at: str | None) -> tuple[LawThen | None, DutiesThen]:
    """Give the rule set that was active at `known_at`, and the duties under it by rule and opening fact.

    No duties where the rule set of then is the rule set of now, or where its text is not stored.
    """
    if known_at is None:
        return None, {}
    with reading(context.engine) as connection:
        active = active_at(connection, known_at)
        if active is None:
            return None, {}
        if active.digest == context.ruleset_digest:
            return LawThen(number=active.number, digest=active.digest, is_now=True, kept=True), {}
        stored = read_stored(connection, context.settings.home, active)
    shown = LawThen(number=active.number, digest=active.digest, is_now=False, kept=stored is not None)
    if stored is None:
        return shown, {}
    then = replace(context, law=stored[0], calendar=stored[1])
    try:
        claims = casefile.claims.values()
        duties = duties_of(casefile.lines, then.duty_rules[casefile.process], then.dates_of, claims)
    except (LawError, NoAnswer):
        return shown.model_copy(update={"kept": False}), {}
    return shown, {(duty.rule, duty.opened_seq): duty for duty in duties}


def as_then(then: DutiesThen, duty: Duty, day: date) -> dict[str, Any]:
    """Give what was believed of a duty under the law of then; empty where that is not known or is the same law."""
    believed = then.get((duty.rule, duty.opened_seq))
    if believed is None:
        return {}
    return {
        "due_then": believed.dates.due,
        "standing_then": status_of(believed, day).value,
        "days_late_then": days_late(believed, day),
    }
