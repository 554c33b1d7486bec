"""A letter that has not left is addressed by the directory of the day on which it leaves. A request that is withdrawn,
or was made of another body, is taken back where its letter had left, and only there.
"""

from dataclasses import replace
from typing import Any

import pytest

from config.directory import DEFAULT, load_directory
from tests.support.by_hand import PHYSIO, SALT, TRUST
from tests.support.mail_server import MANAGER
from tests.support.team import Team

OT, NEW = "ot.advice@northshire-community.example", "ot.new@northshire-community.example"
PHYSIO_BOX = "physio.advice@northshire-community.example"
ASKED: dict[str, Any] = {"body": TRUST, "service": "occupational_therapy"}


def moved(team: Team, before: str, after: str) -> None:
    """From now on the directory has another mailbox in place of one."""
    path = team.home / "directory.toml"
    text = (path if path.exists() else DEFAULT).read_text("utf-8")
    assert before in text
    path.write_text(text.replace(before, after), "utf-8")
    team.first = replace(team.first, directory=load_directory(path))
    team._contexts.clear()


def log(team: Team) -> list[tuple[str, str]]:
    return [(letter.written_at.date().isoformat(), letter.mailbox) for letter in team.post.letters]


@pytest.fixture
def asked(team: Team) -> Team:
    """A request that arrived on Friday 6 March and was recorded on Saturday: its letter waits for Monday."""
    team.record("7 Mar 2026", "ehc_assessment_requested", "2 Feb 2026", la="northshire")
    team.record("7 Mar 2026", "health_advice_requested", "6 Mar 2026", **ASKED)
    return team


def test_a_waiting_letter_goes_to_the_mailbox_of_the_day_on_which_it_leaves(asked: Team) -> None:
    asked.deliver("7 Mar 2026")
    moved(asked, OT, NEW)
    asked.deliver("9 Mar 2026")
    assert log(asked) == [("2026-03-09", NEW)]
    assert asked.verify("9 Mar 2026").intact


def test_a_letter_that_the_mail_server_did_not_accept_moves_with_the_mailbox(asked: Team) -> None:
    asked.post.down = True
    asked.deliver("9 Mar 2026")
    moved(asked, OT, NEW)
    asked.post.down = False
    asked.deliver("10 Mar 2026")
    assert log(asked) == [("2026-03-10", NEW)]
    with asked.first.engine.connect() as connection:
        states = connection.exec_driver_sql("SELECT mailbox, state FROM letter ORDER BY id").all()
    assert sorted(map(tuple, states)) == [(OT, "withdrawn"), (NEW, "sent")]
    assert asked.verify("10 Mar 2026").intact


def test_a_recipient_without_an_address_gets_the_letter_once_the_directory_has_one(asked: Team) -> None:
    asked.without_body(TRUST)
    moved(asked, '"QX199"', f'"{TRUST}"')
    asked.deliver("9 Mar 2026")
    assert log(asked) == [("2026-03-09", OT)]


def test_a_request_that_is_withdrawn_before_its_letter_left_takes_the_letter_with_it(asked: Team) -> None:
    asked.record("9 Mar 2026", "fact_withdrawn", corrects=2)
    asked.day("9 Mar 2026")
    assert log(asked) == []
    assert asked.notices() == [("request_received", "service", "withdrawn")]


def test_a_request_that_is_withdrawn_after_its_letter_left_is_taken_back_once(asked: Team) -> None:
    asked.day("9 Mar 2026")
    asked.record("10 Mar 2026", "fact_withdrawn", corrects=2)
    for today in ("10 Mar 2026", "11 Mar 2026", "27 Apr 2026"):
        asked.day(today)
    assert log(asked) == [("2026-03-09", OT), ("2026-03-10", OT)]
    text = " ".join(asked.post.letters[-1].text.split())
    assert "Please disregard our earlier letter of 9 March 2026" in text and "does not stand" in text
    assert asked.verify("27 Apr 2026").intact


def test_the_request_is_in_force_again_and_the_service_learns_that_it_is_needed_after_all(asked: Team) -> None:
    asked.day("9 Mar 2026")
    withdrawal = asked.record("10 Mar 2026", "fact_withdrawn", corrects=2).seq
    asked.day("10 Mar 2026")
    asked.record("11 Mar 2026", "fact_withdrawn", corrects=withdrawal)
    asked.day("11 Mar 2026")
    assert log(asked)[2:] == [("2026-03-11", OT)]
    assert "needed after all" in asked.post.letters[-1].subject


def test_a_request_of_another_service_is_taken_back_from_the_first_and_the_second_gets_its_own(asked: Team) -> None:
    asked.day("9 Mar 2026")
    asked.record("10 Mar 2026", "fact_corrected", corrects=2, service=PHYSIO)
    asked.day("10 Mar 2026")
    assert sorted(log(asked)) == [("2026-03-09", OT), ("2026-03-10", OT), ("2026-03-10", PHYSIO_BOX)]
    subjects = {letter.mailbox: letter.subject for letter in asked.post.letters}
    assert "withdrawn" in subjects[OT] and "please acknowledge" in subjects[PHYSIO_BOX]
    assert asked.verify("10 Mar 2026").intact


def test_a_request_of_another_service_that_had_not_left_goes_to_the_second_alone(asked: Team) -> None:
    asked.record("8 Mar 2026", "fact_corrected", corrects=2, service=PHYSIO)
    asked.day("9 Mar 2026")
    assert log(asked) == [("2026-03-09", PHYSIO_BOX)]


def test_the_recipient_of_a_reminder_gets_the_correction_of_the_reminder_alone(asked: Team) -> None:
    for today in ("9 Mar 2026", "11 Mar 2026", "27 Mar 2026"):
        asked.day(today)
    before = len(asked.post.letters)
    asked.record("30 Mar 2026", "fact_withdrawn", corrects=2)
    for today in ("30 Mar 2026", "31 Mar 2026"):
        asked.day(today)
    assert log(asked)[before:] == [("2026-03-30", OT)]


@pytest.mark.parametrize("gone", [True, False])
def test_what_takes_a_letter_back_goes_to_the_mailbox_that_got_it_while_the_directory_has_it(
    team: Team, gone: bool
) -> None:
    """The manager's mailbox changes after the breach. The old one is read as long as somebody else has it."""
    team.opened("2 Feb 2026").asked("2 Mar 2026").asked("2 Mar 2026", service=PHYSIO)
    for today in ("2 Mar 2026", "5 Mar 2026", "23 Mar 2026", "7 Apr 2026", "14 Apr 2026"):
        team.day(today)
    assert MANAGER in {letter.mailbox for letter in team.post.letters}
    new = "new.manager@northshire-community.example"
    path = team.home / "directory.toml"
    text = DEFAULT.read_text("utf-8")
    path.write_text(text.replace(MANAGER, new) if gone else text.replace(MANAGER, new, 1), "utf-8")
    team.first = replace(team.first, directory=load_directory(path))
    team._contexts.clear()
    team.record("15 Apr 2026", "health_advice_received", "10 Apr 2026", body=TRUST, service=SALT)
    team.day("15 Apr 2026")
    sent = {letter.mailbox for letter in team.post.letters if "withdrawn" in letter.subject}
    assert sent == {new if gone else MANAGER}
