"""E-mails to who asked: where the case has their mailbox, without a name, and the mailbox is nowhere in clear."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from casework.context import AppContext
from casework.privacy.erasure import Ground
from casework.rule_packs import adopt
from casework.rules.checks.files import SHIPPED
from models.database import reading
from models.tables import LETTER, NOTICE
from tests.support.erasing import erase
from tests.support.team import Team

CASE, ADDRESS = "EQ90001", "alex.quill@post.example"
PLACE = f"party.{CASE}@case.invalid"
SAID: dict[str, Any] = {"sorted_as": "enquiry", "sender_is": "parent", "topic": "waiting_list", "sender": "Alex Quill"}


@pytest.fixture
def asked(team: Team) -> Team:
    """An enquiry of Monday 2 March from somebody with a mailbox, of a child whose number is known."""
    team.case = CASE
    given = {**SAID, "sender_mailbox": ADDRESS, "la": "northshire", "nhs_number": "9990000018"}
    team.record("2 Mar 2026", "enquiry_received", **given)
    return team


def letters(team: Team) -> list[tuple[str, str, str]]:
    return [each for each in team.post.log() if "northernvales" not in each[1]]


def test_who_asked_is_written_to_when_it_has_come_takes_longer_and_is_answered(asked: Team) -> None:
    asked.record("3 Mar 2026", "enquiry_acknowledged")
    asked.day("3 Mar 2026")
    asked.record("6 Mar 2026", "holding_reply_sent", received_on="2026-03-02")
    asked.day("6 Mar 2026")
    asked.record("17 Mar 2026", "enquiry_answered")
    asked.day("17 Mar 2026")
    assert letters(asked) == [
        ("2026-03-03", ADDRESS, f"{CASE}: we have what you sent us"),
        ("2026-03-06", ADDRESS, f"{CASE}: our answer takes longer, until 16 March 2026"),
        ("2026-03-17", ADDRESS, f"{CASE}: we answered on 17 March 2026"),
    ]
    texts = [" ".join(letter.text.split()) for letter in asked.post.letters if letter.mailbox == ADDRESS]
    assert "We answer by 9 March 2026, or write to you by then that it takes longer." in texts[0]
    assert "We answer by Monday 16 March 2026." in texts[1]
    assert "1 day after the time that we give ourselves" in texts[2]
    for letter in asked.post.letters:
        assert "Alex" not in letter.subject + letter.text and "9990000018" not in letter.text
    assert asked.verify("17 Mar 2026").intact


def test_the_mailbox_is_encrypted_and_only_the_message_has_it(asked: Team) -> None:
    asked.record("3 Mar 2026", "enquiry_acknowledged")
    asked.day("3 Mar 2026")
    with reading(asked.first.engine) as connection:
        assert {*connection.scalars(select(NOTICE.c.mailbox)), *connection.scalars(select(LETTER.c.mailbox))} == {PLACE}
    assert asked.post.letters[-1].mailbox == ADDRESS
    for path in asked.home.rglob("*"):
        if path.is_file() and path.name != "person.key":
            assert ADDRESS.encode() not in path.read_bytes(), path.name


def test_without_a_mailbox_nobody_is_written_to_and_a_later_one_is_for_later_letters(team: Team) -> None:
    team.case = CASE
    team.record("2 Mar 2026", "enquiry_received", **SAID)
    team.record("3 Mar 2026", "enquiry_acknowledged")
    team.record("4 Mar 2026", "sender_mailbox_given", sender_mailbox=ADDRESS)
    team.day("4 Mar 2026")
    assert letters(team) == []
    team.record("5 Mar 2026", "enquiry_answered")
    team.day("5 Mar 2026")
    assert letters(team) == [("2026-03-05", ADDRESS, f"{CASE}: we answered on 5 March 2026")]


def test_who_wants_no_more_e_mails_gets_none(asked: Team) -> None:
    asked.record("3 Mar 2026", "enquiry_acknowledged")
    asked.record("3 Mar 2026", "sender_emails_stopped")
    asked.record("5 Mar 2026", "enquiry_answered")
    asked.day("5 Mar 2026")
    assert letters(asked) == []


def test_of_two_letters_that_wait_the_newer_one_leaves_and_of_two_duties_one_letter(asked: Team) -> None:
    """An answer on the day of the acknowledgement; it meets the times for both."""
    asked.record("3 Mar 2026", "enquiry_acknowledged")
    asked.record("3 Mar 2026", "enquiry_answered")
    asked.day("3 Mar 2026")
    assert letters(asked) == [("2026-03-03", ADDRESS, f"{CASE}: we answered on 3 March 2026")]
    asked.record("4 Mar 2026", "enquiry_received", **{**SAID, "sender_mailbox": ADDRESS}, case="EQ90002")
    asked.record("5 Mar 2026", "enquiry_answered", case="EQ90002")
    asked.day("5 Mar 2026")
    assert letters(asked)[1:] == [("2026-03-05", ADDRESS, "EQ90002: we answered on 5 March 2026")]


def test_a_complaint_is_acknowledged_with_the_offer_that_the_regulations_ask_for(team: Team) -> None:
    team.case = CASE
    team.record("2 Mar 2026", "enquiry_received", **{**SAID, "sorted_as": "nhs_complaint"}, sender_mailbox=ADDRESS)
    team.record("3 Mar 2026", "enquiry_acknowledged")
    team.day("3 Mar 2026")
    text = " ".join(team.post.letters[-1].text.split())
    assert "We handle it as a complaint (SI 2009/309 reg 13(3)). We offer to discuss with you how we do that" in text


def test_of_a_withheld_child_nothing_leaves_and_after_an_erasure_nothing_can(asked: Team) -> None:
    asked.record("3 Mar 2026", "person_flagged_sensitive", reason="words")
    asked.record("3 Mar 2026", "enquiry_acknowledged")
    asked.day("3 Mar 2026")
    assert letters(asked) == []
    asked.record("4 Mar 2026", "case_closed")
    erase(asked.context("4 Mar 2026"), CASE, "dco.team", Ground.COURT_ORDER)
    from casework.delivery.party_mailbox import address_of

    assert address_of(asked.context(date(2026, 3, 4)), PLACE) is None
    assert address_of(asked.context(date(2026, 3, 4)), "dco@icb.example") == "dco@icb.example"


@pytest.mark.parametrize("wrong", ["Alex Quill", "alex@", "a@b", "a@b.example, c@d.example", "a\n@b.example"])
def test_what_is_no_address_is_refused_and_not_repeated(team: Team, wrong: str) -> None:
    from casework.cases.fact_form import Refused

    team.case = CASE
    with pytest.raises(Refused) as refused:
        team.record("2 Mar 2026", "enquiry_received", **SAID, sender_mailbox=wrong)
    assert "sender_mailbox is not in the form expected: one e-mail address was expected" in refused.value.message
    assert "name@example.org" in refused.value.message and wrong not in refused.value.message


RULE = """
[enquiry_sender_reply]
per = "case"
owner = "party:sender"
starts = ["sender_asked"]
met_by = ["sender_replied"]
ends = ["enquiry_answered", "enquiry_redirected", "case_withdrawn", "case_closed"]
bound = "by"
clock_starts = "we asked the sender"
duty_on = "the sender"
action = "answer what we asked"
source_status = "read"

[[enquiry_sender_reply.period]]
from = 2014-09-01
text = "5 working days"
working_days = 5
counts = "working_days_after"
cite = "our promise, clause 9"
basis = "local_standard"
"""
STEP = """
[[rung.enquiry_sender_reply]]
id = "enquiry_sender_late"
fact = "breached"
after = "due"
days = 1
template = "enquiry_late"
withdrawal = "enquiry_withdrawn"
to = ["owner"]
"""


def test_a_locality_may_remind_who_asked_of_what_they_owe(asked: Team, tmp_path: Path) -> None:
    """A duty that a party owes is chased as any other, where the policy has a step for it and the case a mailbox."""
    pack = tmp_path / "pack"
    for file, more in (("statute/enquiry.toml", RULE), ("ladder/enquiry.toml", STEP)):
        (pack / file).parent.mkdir(parents=True)
        (pack / file).write_text((SHIPPED / file).read_text("utf-8") + more, "utf-8")
    adopt(asked.context("2 Mar 2026"), pack, "dco.team")
    asked.first = AppContext.load(asked.first.settings)
    asked._contexts.clear()
    asked.record("3 Mar 2026", "sender_asked")
    asked.day("11 Mar 2026")
    asked.day("12 Mar 2026")
    assert letters(asked) == [("2026-03-11", ADDRESS, f"{CASE}: the time for an enquiry passed on 10 March 2026")]
    assert asked.verify("12 Mar 2026").intact
