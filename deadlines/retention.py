"""The day from which records may be erased: pure, from dates alone.

Purpose: UK GDPR art 5(1)(e); NHS Records Management Code, Appendix II. A child's records are retained until the 25th
birthday, or the 26th if the child was 17 at their conclusion; those of an adult for years after it. Where two readings
differ, the later day governs, because an erasure cannot be undone.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import NamedTuple

from config.retention import RecordClass, RetentionPeriod
from deadlines.counting_rules import birthday

SEVENTEEN, ADULT = 17, 18


class Concluded(NamedTuple):
    """The records of one matter: their class, the day of their first fact and the day of their conclusion.

    A hold that ended is such a matter, too: `first_on` and `concluded_on` are the day on which it ended.
    """

    record_class: str
    first_on: date
    concluded_on: date


class Ripe(NamedTuple):
    """From which day records may be erased. `how` says by which of the rules, and `source` where the rule is from."""

    on: date
    record_class: str
    how: str
    source: str


def ripe_on(word: str, record_class: RecordClass, concluded: Concluded, born: date | None, as_at: date) -> Ripe:
    """The day for one matter, by the period that governs on `as_at`.

    Without a date of birth, the latest day that any child can have who was born by the first fact.
    """
    period = record_class.period_on(as_at)
    day, how = _counted(period, concluded, born)
    return Ripe(day, word, how, period.source)


def least_years(record_class: RecordClass, as_at: date) -> int:
    """How many years after its first fact a matter is ripe at the earliest, for any date of birth and
    conclusion, by the period that governs on `as_at`.
    """
    period = record_class.period_on(as_at)
    years = [period.years]
    if period.birthday is not None and period.birthday_if_17 is not None:
        years += [period.birthday - SEVENTEEN, period.birthday_if_17 - ADULT]
    return max(0, min(years))


def last_ripe(found: Iterable[Ripe]) -> Ripe | None:
    """The matter that is retained longest; None for none."""
    return max(found, key=lambda each: each.on, default=None)


def _counted(period: RetentionPeriod, concluded: Concluded, born: date | None) -> tuple[date, str]:
    end = birthday(concluded.concluded_on, period.years).due
    after = f"{period.years} years after the conclusion"
    if period.birthday is None or period.birthday_if_17 is None:
        return end, after
    if born is None or born > concluded.concluded_on:
        latest = birthday(concluded.first_on, period.birthday_if_17).due
        how = f"no date of birth is known: {period.birthday_if_17} years after the first fact, or {after}"
        return max(latest, end, birthday(concluded.first_on, period.birthday).due), how
    if concluded.concluded_on < birthday(born, SEVENTEEN).strict:
        return birthday(born, period.birthday).due, f"until the birthday number {period.birthday}"
    if concluded.concluded_on < birthday(born, ADULT).due:
        day = birthday(born, period.birthday_if_17).due
        return day, f"until the birthday number {period.birthday_if_17}, because the child was 17 at the conclusion"
    return end, after
