"""What an act did: each duty that it opened, met, ended, reopened or moved, and each letter that it causes."""

from casework.reports.effects import Effects, effects
from tests.support.by_hand import SALT, day
from tests.support.team import Team

ADVICE = "ehc_body_advice_respond"


def of(team: Team, today: str, after: int) -> Effects:
    return effects(team.context(today), team.case, after)


def changes(found: Effects) -> set[tuple[str, str]]:
    return {(each.rule, each.change) for each in found.duties}


def test_a_request_opens_the_authoritys_duties_and_writes_to_nobody(team: Team) -> None:
    team.opened("2 Feb 2026")
    found = of(team, "2 Feb 2026", 0)
    assert ("ehc_final_plan_send", "opened") in changes(found)
    assert {each.due for each in found.duties if each.rule == "ehc_final_plan_send"} == {day("22 Jun 2026")}
    assert found.letters == []


def test_asking_a_body_opens_six_weeks_and_writes_to_the_service(team: Team) -> None:
    team.opened("2 Feb 2026").asked("2 Mar 2026")
    found = of(team, "2 Mar 2026", len(team.lines()) - 1)
    assert [(each.rule, each.change, each.due, each.due_was) for each in found.duties] == [
        (ADVICE, "opened", day("13 Apr 2026"), None)
    ]
    assert [(each.rung, each.recipient) for each in found.letters] == [("request_received", "service")]


def test_an_answer_meets_the_duty_and_its_return_opens_it_again(team: Team) -> None:
    team.opened("2 Feb 2026").asked("2 Mar 2026")
    team.record("9 Mar 2026", "health_advice_received", body="QX101", service=SALT)
    answered = len(team.lines())
    assert changes(of(team, "9 Mar 2026", answered - 1)) == {(ADVICE, "met")}
    team.record("10 Mar 2026", "health_advice_returned", body="QX101", service=SALT, reason="not_specific")
    assert changes(of(team, "10 Mar 2026", answered)) == {(ADVICE, "reopened")}


def test_a_corrected_day_moves_the_due_date_and_says_which_it_was(team: Team) -> None:
    team.opened("2 Feb 2026").asked("2 Mar 2026")
    asked = len(team.lines())
    team.record("4 Mar 2026", "fact_corrected", corrects=asked, occurred_on="2026-03-03")
    (moved,) = of(team, "4 Mar 2026", asked).duties
    assert (moved.change, moved.due, moved.due_was) == ("moved", day("14 Apr 2026"), day("13 Apr 2026"))


def test_a_request_that_was_taken_back_is_no_longer_owed(team: Team) -> None:
    team.opened("2 Feb 2026").asked("2 Mar 2026")
    asked = len(team.lines())
    team.record("4 Mar 2026", "fact_withdrawn", corrects=asked, reason="wrong case")
    (gone,) = of(team, "4 Mar 2026", asked).duties
    assert (gone.rule, gone.change, gone.due, gone.due_was) == (ADVICE, "removed", None, day("13 Apr 2026"))
