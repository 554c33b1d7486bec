"""Why a duty of a case has its date: the count step by step, its provision and the version of the law."""

from datetime import date

from casework.context import AppContext
from casework.reports.case_models import CaseReport, DutyShown
from config.law import LawError, NoAnswer
from deadlines.calculator import Answer, calculate


def why_this_date(context: AppContext, found: CaseReport, duty: DutyShown) -> Answer | None:
    """The answer of the law to the start of a duty, as `sendflow due` gives it; None if the law has none.

    The further days that the rule takes come from the fact that opened the duty, as they do in the duty itself.
    """
    rule = context.law.rules.get(duty.rule)
    opening = next((fact for fact in found.facts if fact.seq == duty.opened_seq), None)
    if rule is None or opening is None:
        return None
    given = {name: date.fromisoformat(opening.data[name]) for name in rule.inputs if opening.data.get(name)}
    try:
        return calculate(context.law, context.calendar, duty.rule, duty.started_on, given)
    except (LawError, NoAnswer):
        return None
