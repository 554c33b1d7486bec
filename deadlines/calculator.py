"""Calculate the last lawful day of a rule from a start day, and explain the calculation.

The answer names the provision. `calculate` explains each step; `dates_for` gives the same dates without the sentences.
Pure: no clock, no database.
"""

from __future__ import annotations

from datetime import date, datetime, time
from functools import lru_cache
from types import MappingProxyType

from pydantic import BaseModel, ConfigDict, field_serializer

from config.law import Law, Rule
from deadlines.due_dates import CalculatedDates, Given, Question, calculate_dates, check_given
from deadlines.duty_rule import Dates
from deadlines.explanation import explain
from deadlines.working_calendar import LONDON, OutsideCalendarRange, WorkingCalendar

NOTHING_GIVEN: Given = MappingProxyType({})
FIVE_PM = time(17)
END_OF_DAY = time(23, 59, 59)


class Answer(BaseModel):
    """The answer to one question, as `sendflow due` prints it. Dates are days in London; `due_at` is an instant with an
    offset.

    `due` is the last lawful day, `strict_due` the same on the earlier arguable reading, `act_by` the last working day
    on or before that; null where they do not apply, and `reason` then says why. `version_from` is the first day of the
    version that answered.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    rule: str
    on: date
    due: date | None
    strict_due: date | None
    act_by: date | None
    due_at: datetime | None
    period: str
    counts: str
    basis: str
    citation: str | None
    url: str | None
    version_from: date | None
    enabled: bool
    excuses: tuple[str, ...]
    reason: str | None
    steps: tuple[str, ...]

    @field_serializer("due_at", when_used="json-unless-none")
    def _with_offset(self, instant: datetime) -> str:
        return instant.isoformat()  # +00:00 in winter, never Z: the offset of London is always written


def calculate(law: Law, calendar: WorkingCalendar, rule_id: str, on: date, given: Given = NOTHING_GIVEN) -> Answer:
    """Answer one question in full.

    `given` holds the further days of the rule by name. Raises LawError (UnknownRule) for a wrong question, NoAnswer for
    a day before the rule's first entry, and OutsideCalendarRange (a NoAnswer) if the count needs a day that the
    working-day calendar does not know.
    """
    rule = law.rule(rule_id)
    check_given(rule, given)
    period, dates = calculate_dates(law, calendar, rule, on, given)
    act_by, unknown = _act_by(calendar, rule, dates)
    return Answer(
        rule=rule.id,
        on=on,
        due=dates.due,
        strict_due=dates.strict,
        act_by=act_by,
        due_at=due_at(dates.due, period.basis),
        period=period.text,
        counts=period.counts,
        basis=period.basis,
        citation=period.cite,
        url=period.url,
        version_from=period.since,
        enabled=rule.enabled,
        excuses=rule.excuses_on(period, dates.due, dates.how),
        reason=dates.reason or unknown,
        steps=tuple(explain(Question(law, calendar, rule, period, on, given), dates, act_by)),
    )


def dates_for(law: Law, calendar: WorkingCalendar, rule_id: str, on: date, given: Given = NOTHING_GIVEN) -> Dates:
    """The dates, provision and exceptions of one answer, for duties. Same dates and errors as `calculate`."""
    return _dates_plain(law, calendar, rule_id, on) if not given else _dates(law, calendar, rule_id, on, given)


@lru_cache(maxsize=1 << 17)
def _dates_plain(law: Law, calendar: WorkingCalendar, rule_id: str, on: date) -> Dates:
    return _dates(law, calendar, rule_id, on, NOTHING_GIVEN)


def _dates(law: Law, calendar: WorkingCalendar, rule_id: str, on: date, given: Given) -> Dates:
    rule = law.rule(rule_id)
    check_given(rule, given)
    period, dates = calculate_dates(law, calendar, rule, on, given)
    act_by, _ = _act_by(calendar, rule, dates)
    exceptions = rule.excuses_on(period, dates.due, dates.how)
    return Dates(dates.due, dates.strict, act_by, period.basis, period.cite or "", period.url, exceptions, period.since)


def due_at(due: date | None, basis: str) -> datetime | None:
    """The instant in London at which the day ends for this kind of law: 17:00 under the Tribunal's rules (r12(1)) or
    directions.
    """
    if due is None:
        return None
    at = FIVE_PM if basis in ("tribunal_rule", "tribunal_direction") else END_OF_DAY
    return datetime.combine(due, at, LONDON)


def _act_by(calendar: WorkingCalendar, rule: Rule, dates: CalculatedDates) -> tuple[date | None, str | None]:
    """The last working day on or before the strict date, or why it is not known."""
    if dates.strict is None or rule.bound != "by":
        return None, None
    try:
        return calendar.working_day_on_or_before(dates.strict), None
    except OutsideCalendarRange:
        return (
            None,
            (
                f"act_by is not known: the calendar has the bank holidays of England and Wales from {calendar.first} to"
                f" {calendar.last} only."
            ),
        )
