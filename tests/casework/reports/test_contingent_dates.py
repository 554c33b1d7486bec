"""A date that binds only if something is decided so, or once it is, is no late line of an authority."""

from __future__ import annotations

from collections import Counter

from sqlalchemy import select

from casework.reports.worklists import overdue
from models.database import reading
from models.tables import DUTY
from tests.support.by_hand import day
from tests.support.team import Team

UNDECIDED = 61
DECIDE = "ehc_assess_decision_notify"


def test_sixty_one_undecided_requests_are_sixty_one_late_lines(team: Team) -> None:
    """On a board of 220 lines, 61 once said that an authority was late to notify a decision that nobody had made."""
    for number in range(UNDECIDED):
        team.record("2 Feb 2026", "ehc_assessment_requested", case=f"NX9{number:04d}", la="northshire")
    late = day("1 Jun 2026")
    context = team.context("1 Jun 2026")
    with reading(context.engine) as connection:
        past = Counter(connection.scalars(select(DUTY.c.rule).where(DUTY.c.closed_on.is_(None), DUTY.c.due < late)))
    contingent = {rule: count for rule, count in past.items() if context.law.rules[rule].contingent}
    assert contingent and set(contingent.values()) == {UNDECIDED}, past
    assert Counter(row.rule for row in overdue(context, late)) == {DECIDE: UNDECIDED}
    assert {row.days for row in overdue(context, late)} == {(late - day("16 Mar 2026")).days}
