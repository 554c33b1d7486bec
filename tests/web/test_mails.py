"""The replies tray on the pages: the list without a word, one mail with its words and a log of the look, decisions."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from casework.access import accounts
from casework.mailbox.imap import Fetched
from casework.mailbox.read import AllNames
from casework.mailbox.receive import receive
from casework.privacy.case_looks import looks_at
from models.database import transact
from tests.casework.mailbox.samples import reply
from tests.support.by_hand import CASE
from tests.support.mail_server import SERVICE
from tests.support.team import Team
from tests.web.conftest import Browser, browser_of
from tests.web.test_recording import fields
from web.installation import Installation

DAY = "3 Mar 2026"
SECRET = "<b>Dysphagia</b> of a child"


@pytest.fixture
def person(team: Team) -> Iterator[Browser]:
    """The administrator's browser; the request has left to the service."""
    team.opened("2 Feb 2026").asked("2 Mar 2026")
    team.day("2 Mar 2026")
    context = team.context(DAY)
    transact(context.engine, context.keep_time)
    transact(context.engine, lambda each: accounts.change_role(each, "admin.team", "administrator", "", "test"))
    installation = Installation(context.settings)
    yield browser_of(installation).sign_in("admin.team")
    installation.close()


def comes_in(team: Team, text: str, uid: int = 1) -> str:
    raw = reply(text, SERVICE, team.post.letters[0].message_id, Subject=SECRET, Message_ID=f"<{uid}@trust.example>")
    context = team.context(DAY)
    return receive(context, Fetched(f"dco@imap/INBOX/1/{uid}", str(uid), raw, len(raw)), AllNames(context)).id


def settle(person: Browser, id_: str, **form: str) -> str:
    token = fields(person.get(f"/mails/{id_}").text)["token"]
    return str(person.post(f"/mails/{id_}", data={"token": token, **form}).text)


def test_the_list_and_today_name_each_mail_and_no_word_of_it(team: Team, person: Browser) -> None:
    assert "No mail waits." in person.get("/mails").text
    id_ = comes_in(team, "Please call us")
    for page in ("/mails", "/today", "/decide"):
        text = person.get(page).text
        assert "/mails" in text and "Dysphagia" not in text and "Please call" not in text and SERVICE not in text
    listed = person.get("/mails").text
    assert f'href="/mails/{id_}"' in listed and "It waits because it has no code line on top." in listed


def test_a_mail_is_shown_as_text_and_the_look_is_logged(team: Team, person: Browser) -> None:
    id_ = comes_in(team, "<script>alert(1)</script> Please call us")
    shown = person.get(f"/mails/{id_}").text
    assert "&lt;script&gt;alert(1)&lt;/script&gt; Please call us" in shown
    assert "&lt;b&gt;Dysphagia&lt;/b&gt; of a child" in shown
    looks = [(look.actor, look.what) for look in looks_at(team.context(DAY), CASE)]
    assert looks[0] == ("admin.team", "mail")


def test_a_person_records_what_a_mail_says_of_a_duty(team: Team, person: Browser) -> None:
    id_ = comes_in(team, "It will be there on 1 April")
    page = person.get(f"/mails/{id_}").text
    (value,) = set(re.findall(r'value="([^"]*\.expected)"', page))
    refused = settle(person, id_, what=value)
    assert "There is a problem" in refused and "give the day" in refused.lower()
    date = {"on-day": "1", "on-month": "4", "on-year": "2026"}
    assert "The mail is settled." in settle(person, id_, what=value, **date)
    fact = team.lines()[-1]
    assert (fact.kind, fact.data["said"], fact.actor) == ("body_replied", "expected", "admin.team")
    assert "This mail does not wait" in settle_again(person, id_)
    assert team.verify("5 Mar 2026").intact


def settle_again(person: Browser, id_: str) -> str:
    token = fields(person.get("/password").text)["token"]
    return str(person.post(f"/mails/{id_}", data={"token": token, "what": "not_ours"}).text)


def test_decisions_without_an_answer(team: Team, person: Browser) -> None:
    before = len(team.lines())
    for uid, form in enumerate(
        ({"what": "not_ours"}, {"what": "nothing_to_record"}, {"what": "belongs_to", "case": CASE})
    ):
        id_ = comes_in(team, "Hello", uid)
        assert "The mail is settled." in settle(person, id_, **form)
    id_ = comes_in(team, "Hello", 9)
    assert "Choose what the mail says" in settle(person, id_)
    assert "Enter the case that the mail belongs to" in settle(person, id_, what="belongs_to")
    assert "There is no such case" in settle(person, id_, what="belongs_to", case="NX99999")
    assert len(team.lines()) == before
