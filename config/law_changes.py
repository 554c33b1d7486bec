"""Which periods of a rule that is in force another version of the law changes in place, without a `from` of their own.

Purpose: a later period with its own `from` leaves running cases as they are. A number changed in place moves their due
dates too, and the past with them. The person who changes it says why: the law changed, or it was misread. The own
standards of a locality are not law, and are left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import NamedTuple

from config.law import Law
from config.period_schema import Period
from config.rule_schema import Rule
from config.text import short_day

# What a period says without moving a date or a status.
_WORDS = {"text", "cite", "url", "excuses_cite", "basis"}


class ChangedPeriod(NamedTuple):
    """A period that is in force and would say something else. `after` is None where it would be gone."""

    rule: str
    since: date | None
    before: str
    after: str | None

    @property
    def sentence(self) -> str:
        """The rule, the day from which the period holds, and what it says before and after."""
        since = f" from {short_day(self.since)}" if self.since is not None else ""
        after = "gone" if self.after is None else "another exception or count" if self.same_words else self.after
        return f"{self.rule}{since}: {self.before}, then {after}"

    @property
    def same_words(self) -> bool:
        """Whether the length is the same in words, so that something else of the period changes."""
        return self.before == self.after


def changed_in_force(before: Law, after: Law, day: date) -> list[ChangedPeriod]:
    """Give each period that is in force on `day` in `before` and has no equal with the same `from` in `after`."""
    return [
        change
        for rule_id, rule in sorted(before.rules.items())
        for change in _changed(rule, after.rules.get(rule_id), day)
    ]


def _changed(rule: Rule, later: Rule | None, day: date) -> Iterator[ChangedPeriod]:
    periods = {period.since: period for period in later.period} if later is not None else {}
    if any(each.basis == "local_standard" for each in (*rule.period, *periods.values())):
        return
    for period in rule.period:
        other = periods.get(period.since)
        if period.since is not None and period.since > day:
            continue
        if other is None or period.model_dump(exclude=_WORDS) != other.model_dump(exclude=_WORDS):
            yield ChangedPeriod(rule.id, period.since, _said(period), _said(other) if other is not None else None)


def _said(period: Period) -> str:
    if period.repealed:
        return "no duty"
    lengths = " or ".join(each.said for each in period.alternatives if each.amounts)
    return lengths or period.before or " or ".join(period.prescribed) or "no number"
