"""A grace period for facts that are recorded late, holds and releases by a person, and letters that came back.

The shipped ladder has a grace period of 2 working days. A request received on 2 March 2026 is due on 13 April; it is
typed on Wednesday 20 May, so that its letters may leave on Friday 22 May. 25 May is a bank holiday.
"""

from datetime import date
from typing import Any

import pytest

from casework.delivery.came_back import NotSent, came_back
from casework.delivery.holds import NothingToHold, held_notices, hold, release_held
from tests.support.by_hand import SALT, TRUST, day
from tests.support.mail_server import MANAGER, SERVICE
from tests.support.team import Team

ASKED: dict[str, Any] = {"body": TRUST, "service": SALT}
WHO = "dco.team"


def log(team: Team) -> list[tuple[str, str]]:
    return [(letter.written_at.date().isoformat(), letter.mailbox) for letter in team.post.letters]


def days(team: Team, first: str, last: str) -> None:
    for ordinal in range(day(first).toordinal(), day(last).toordinal() + 1):
        team.day(date.fromordinal(ordinal).isoformat())


@pytest.fixture
def late(team: Team) -> Team:
    """An old request is typed on 20 May; the jobs run at once."""
    team.record("20 May 2026", "ehc_assessment_requested", "2 Feb 2026", la="northshire")
    team.record("20 May 2026", "health_advice_requested", "2 Mar 2026", **ASKED)
    team.day("20 May 2026")
    return team


def test_letters_of_an_old_request_wait_while_its_answers_are_typed(late: Team) -> None:
    late.record("20 May 2026", "health_advice_received", "9 Apr 2026", **ASKED)
    days(late, "20 May 2026", "29 May 2026")
    subjects = [letter.subject for letter in late.post.letters]
    assert len(subjects) == 1 and "thank you" in subjects[0]
    assert late.verify("29 May 2026").intact


def test_the_hold_ends_by_itself_and_the_service_is_first(late: Team) -> None:
    days(late, "21 May 2026", "2 Jun 2026")
    assert log(late) == [("2026-05-22", SERVICE), ("2026-05-29", MANAGER)]
    assert late.verify("2 Jun 2026").intact


def test_what_waits_is_listed_with_why_until_when_and_a_preview(late: Team) -> None:
    found = {(each.rung, each.recipient): each for each in held_notices(late.context("20 May 2026"))}
    reminder, breach = found["reminder_5_weeks", "service"], found["breach", "service_manager"]
    assert (reminder.why, str(reminder.until)) == ("recorded_late", "2026-05-22")
    assert "please send health advice" in reminder.subject and "Northshire" in reminder.text
    assert (breach.why, str(breach.until)) == ("recorded_late", "2026-05-22")
    late.day("22 May 2026")
    later = {each.rung: each for each in held_notices(late.context("22 May 2026"))}
    assert (later["breach"].why, str(later["breach"].until)) == ("after_reminder_5_weeks", "2026-05-29")


def test_a_request_recorded_a_day_later_is_no_old_one(team: Team) -> None:
    team.record("3 Mar 2026", "ehc_assessment_requested", "2 Feb 2026", la="northshire")
    team.record("3 Mar 2026", "health_advice_requested", "2 Mar 2026", **ASKED)
    team.day("3 Mar 2026")
    assert log(team) == [("2026-03-03", SERVICE)]


def test_an_outage_is_no_late_fact(team: Team) -> None:
    team.opened("2 Feb 2026").asked("2 Mar 2026")
    team.day("24 Apr 2026")
    assert log(team) == [("2026-04-24", SERVICE)]


def test_a_person_releases_a_case_and_the_fact_says_who(late: Team) -> None:
    report = release_held(late.context("20 May 2026"), late.case, WHO, "nothing more to type")
    assert report.cases == [late.case] and report.notices >= 2
    late.deliver("20 May 2026")
    assert log(late) == [("2026-05-20", SERVICE)]
    fact = next(line for line in late.lines() if line.kind == "letters_released")
    assert (fact.actor, fact.via) == (WHO, "letters")
    assert "nothing more to type" not in str(fact.data)
    assert late.verify("20 May 2026").intact


def test_a_release_is_of_what_waits_then_and_a_later_late_fact_has_its_grace(late: Team) -> None:
    release_held(late.context("20 May 2026"), late.case, WHO, "nothing more to type")
    late.deliver("20 May 2026")
    late.record("21 May 2026", "health_advice_requested", "2 Mar 2026", body=TRUST, service="physiotherapy")
    late.sweep("21 May 2026")
    waits = [each for each in held_notices(late.context("21 May 2026")) if "Physiotherapy" in each.text]
    assert waits and {(each.why, str(each.until)) for each in waits} == {("recorded_late", "2026-05-26")}


def test_a_person_holds_a_case_and_the_hold_ends_on_its_day(team: Team) -> None:
    team.opened("2 Feb 2026").asked("2 Mar 2026")
    report = hold(team.context("2 Mar 2026"), team.case, WHO, "the parents move", day("6 Mar 2026"))
    assert (report.notices, str(report.until)) == (1, "2026-03-06")
    days(team, "2 Mar 2026", "9 Mar 2026")
    assert log(team) == [("2026-03-09", SERVICE)]
    assert team.verify("9 Mar 2026").intact


def test_a_hold_without_a_day_lasts_the_grace_period(team: Team) -> None:
    team.opened("2 Feb 2026").asked("2 Mar 2026")
    assert str(hold(team.context("2 Mar 2026"), team.case, WHO, "a question").until) == "2026-03-04"
    days(team, "2 Mar 2026", "5 Mar 2026")
    assert log(team) == [("2026-03-05", SERVICE)]


def test_one_notice_is_held_and_the_others_leave(team: Team) -> None:
    team.opened("2 Feb 2026").asked("2 Mar 2026").asked("2 Mar 2026", service="physiotherapy")
    with team.first.engine.connect() as connection:
        query = "SELECT key FROM notice WHERE service = 'physiotherapy'"
        (key,) = connection.exec_driver_sql(query).scalars()
    assert hold(team.context("2 Mar 2026"), key, WHO, "not theirs").notices == 1
    team.day("2 Mar 2026")
    assert log(team) == [("2026-03-02", SERVICE)]


@pytest.mark.parametrize("name", ["NX99999", "20260302-0123456789", "no/such/notice"])
def test_what_is_unknown_or_has_left_cannot_be_held(team: Team, name: str) -> None:
    team.opened("2 Feb 2026").asked("2 Mar 2026")
    team.day("2 Mar 2026")
    left = team.post.letters[0].id
    for each in (name, left):
        with pytest.raises(NothingToHold, match="sendflow letters --held"):
            hold(team.context("2 Mar 2026"), each, WHO, "why")
    assert not [line for line in team.lines() if line.kind == "letters_held"]


def test_a_letter_that_came_back_counts_as_not_delivered_and_the_steps_count_again(team: Team) -> None:
    """The breach left on 14 April and came back on the 16th. It leaves again that day; the lead's waits for it."""
    team.opened("2 Feb 2026").asked("2 Mar 2026")
    days(team, "2 Mar 2026", "15 Apr 2026")
    returned = team.post.letters[-1]
    assert returned.mailbox == MANAGER
    found = came_back(team.context("16 Apr 2026"), returned.message_id, WHO, "5.1.1")
    assert (found.notices, found.again, found.mailbox) == (1, 1, MANAGER)
    days(team, "16 Apr 2026", "24 Apr 2026")
    assert log(team)[-3:-2] == [("2026-04-16", MANAGER)]
    assert {on for on, _mailbox in log(team)[-2:]} == {"2026-04-23"}, "five working days after the second letter"
    assert [state for rung, _to, state in team.notices() if rung == "breach"] == ["came_back", "sent"]
    history = [line for line in team.lines() if line.kind == "notice_came_back"]
    assert [(line.data["rung"], line.actor) for line in history] == [("breach", WHO)]
    assert team.verify("24 Apr 2026").intact


def test_a_letter_that_came_back_twice_is_not_sent_again_and_the_next_step_goes_on(team: Team) -> None:
    team.opened("2 Feb 2026").asked("2 Mar 2026")
    days(team, "2 Mar 2026", "14 Apr 2026")
    came_back(team.context("15 Apr 2026"), team.post.letters[-1].id, WHO, "5.1.1")
    days(team, "15 Apr 2026", "15 Apr 2026")
    assert came_back(team.context("16 Apr 2026"), team.post.letters[-1].id, WHO, "5.1.1").again == 0
    days(team, "16 Apr 2026", "24 Apr 2026")
    assert {on for on, _mailbox in log(team)[-2:]} == {"2026-04-23"}, "five working days after it came back"
    assert team.verify("24 Apr 2026").intact


def test_only_an_accepted_letter_comes_back_and_only_once(team: Team) -> None:
    team.opened("2 Feb 2026").asked("2 Mar 2026")
    team.day("2 Mar 2026")
    letter = team.post.letters[0].id
    came_back(team.context("3 Mar 2026"), letter, WHO, "5.1.1")
    for name in (letter, "20260302-0123456789"):
        with pytest.raises(NotSent, match="sendflow letters lists"):
            came_back(team.context("3 Mar 2026"), name, WHO, "5.1.1")


def test_a_request_whose_letter_came_back_needs_no_correction_when_it_is_withdrawn(team: Team) -> None:
    team.opened("2 Feb 2026").asked("2 Mar 2026")
    team.day("2 Mar 2026")
    came_back(team.context("3 Mar 2026"), team.post.letters[0].id, WHO, "5.1.1")
    team.record("3 Mar 2026", "fact_withdrawn", corrects=3)
    days(team, "3 Mar 2026", "5 Mar 2026")
    assert len(team.post.letters) == 1
