"""Why a duty of a case has its date: the count step by step, its provision and the version of the law."""

from datetime import date

from casework.context import AppContext
from casework.reports.case_models import CaseReport, DutyShown
from config.law import LawError, NoAnswer
from config.rule_schema import Rule
from config.text import full_weekday
from deadlines.calculator import Answer, calculate

ACT_BY = "Act by"  # as the calculator begins this step


def why_this_date(context: AppContext, found: CaseReport, duty: DutyShown) -> Answer | None:
    """The answer of the law to the start of a duty, as `sendflow due` gives it; None if the law has none, or another
    date than the duty has.

    The further days that the rule takes come from the fact that opened the duty, or from those that supply them.
    """
    rule = context.law.rules.get(duty.rule)
    opening = next((fact for fact in found.facts if fact.seq == duty.opened_seq), None)
    if rule is None or opening is None:
        return None
    given = _supplied(rule, found) | {
        name: date.fromisoformat(opening.data[name]) for name in rule.inputs if opening.data.get(name)
    }
    latest = opening.data.get(rule.start_by) if rule.start_by is not None else None
    try:
        answer = calculate(context.law, context.calendar, duty.rule, duty.started_on, given)
        if latest is not None:
            last = date.fromisoformat(latest)
            answer = _of_a_range(answer, calculate(context.law, context.calendar, duty.rule, last, given))
    except (LawError, NoAnswer):
        return None
    return answer if answer.due == duty.due else None


def _supplied(rule: Rule, found: CaseReport) -> dict[str, date]:
    """The further days that facts in force supply; the newest fact holds."""
    days: dict[str, date] = {}
    for name, expected in rule.inputs.items():
        for fact in found.facts:
            if fact.stands and fact.kind in expected.told_by and fact.data.get("rule") in (None, rule.id):
                said = fact.data.get(expected.told_as or name)
                days[name] = date.fromisoformat(said) if said else fact.corrected_to or fact.occurred_on
    return days


def _of_a_range(first: Answer, last: Answer) -> Answer:
    """The count where the start is known as a range of days: the due date counts from the last of them, and the
    stricter reading from the first, for example where only the month of birth is recorded.
    """
    counted, _act_by = _before_act_by(last.steps)
    steps = [
        f"The start is recorded as a range, from {full_weekday(first.on)} to {full_weekday(last.on)}. The due date is"
        " counted from the last of these days, and the stricter reading from the first.",
        *counted,
    ]
    if first.strict_due is not None:
        steps.append(f"Stricter reading: {full_weekday(first.strict_due)}.")
    _counted, act_by = _before_act_by(first.steps)
    return first.model_copy(update={"due": last.due, "due_at": last.due_at, "steps": (*steps, *act_by)})


def _before_act_by(steps: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    place = next((place for place, step in enumerate(steps) if step.startswith(ACT_BY)), len(steps))
    return steps[:place], steps[place:]
