"""The list of cases: late is what the worklist calls late, and a duty whose start is not confirmed is not."""

from casework.reports.case_list import CaseFilter, Show, case_list
from casework.reports.worklists import overdue
from tests.support.by_hand import ADVICE, CASE, SALT, TRUST, day
from tests.support.team import Team


def late(team: Team, today: str) -> set[str]:
    found = case_list(team.context(today), CaseFilter(show=Show.LATE), day(today), 0)
    return {row.case_ref for row in found.rows}


def test_advice_that_an_order_calls_for_again_is_late_only_once_it_was_asked_for(team: Team) -> None:
    team.record("2 Feb 2026", "ehc_assessment_requested", la="northshire")
    team.record("9 Feb 2026", "health_advice_requested", body=TRUST, service=SALT)
    team.record("23 Feb 2026", "assessment_refused")
    team.record("2 Mar 2026", "refusal_reversed")
    today = "29 Apr 2026"
    [duty] = [each for each in team.report(today).duties if each.rule == ADVICE and each.provisional]
    assert duty.due is not None and duty.due < day(today)
    assert late(team, today) == {row.case_ref for row in overdue(team.context(today), day(today))} == set()
    team.record("3 Mar 2026", "health_advice_requested", body=TRUST, service=SALT)
    assert late(team, today) == {CASE}
