"""Organisations: a mailbox counts after its test message, days are checked first, and each change is recorded."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import date
from functools import partial

import pytest

from audit.verify import verify
from casework.delivery.ladder import ladder
from casework.month_ahead import month_ahead
from casework.own_file_changes import history
from casework.pack_letters import AHEAD
from casework.rules.config_held import DIRECTORY
from config.directory import DEFAULT, directory_of, load_directory
from config.directory_edit import Entry, Place, changed, mailboxes
from models.database import transact
from tests.support.team import Team
from tests.web.conftest import Browser, browser_of
from tests.web.test_children_pages import _give
from tests.web.test_retention_page import post
from tests.web.test_same_as_the_commands import text_of
from web.installation import Installation

TODAY = "10 Feb 2026"
BODY, NEW = "QX101", "new.slt@northshire-community.example"
PLACE = f"{BODY}:mailbox:speech_and_language_therapy"


@pytest.fixture
def place(team: Team) -> Iterator[Installation]:
    team.opened("2 Feb 2026")
    context = team.context(TODAY)
    for account, role in (("dco.team", "dco"), ("admin.team", "administrator"), ("aud", "auditor")):
        transact(context.engine, partial(_give, account=account, role=role))
    installation = Installation(context.settings, context)
    yield installation
    installation.close()


@pytest.fixture
def person(place: Installation) -> Callable[[str], Browser]:
    return lambda account: browser_of(place).sign_in(account)


def code_sent(place: Installation, to: str) -> str:
    """The code of the newest test message to a mailbox, as its reader sees it."""
    home = place.context().settings.home
    mails = [each.read_text("utf-8") for each in home.rglob("*.eml")]
    found = [re.search(r"code to the team: (?:=\s)?([0-9]{6})", each) for each in mails if to in each]
    return next(each[1] for each in found[::-1] if each is not None)


@pytest.mark.parametrize("entry", mailboxes(load_directory()), ids=lambda each: each.place.word)
def test_each_mailbox_can_be_changed_and_nothing_else_changes(entry: Entry) -> None:
    text, where = DEFAULT.read_text("utf-8"), entry.place
    found = {each.place: each.value for each in mailboxes(directory_of(changed(text, [(where, NEW)])))}
    before = {each.place: each.value for each in mailboxes(directory_of(text))}
    assert found == {**before, where: NEW}
    assert [each for each in text.splitlines() if each.startswith("#")] == [
        each for each in changed(text, [(where, NEW)]).splitlines() if each.startswith("#")
    ]


def test_days_are_set_and_taken_away() -> None:
    text = DEFAULT.read_text("utf-8")
    ended = changed(text, [(Place(BODY, "last_day"), date(2026, 3, 31)), (Place(BODY, "successor"), "QX102")])
    body = next(each for each in directory_of(ended).body_ if each.body == BODY)
    assert (body.last_day, body.successor) == (date(2026, 3, 31), "QX102")
    back = changed(ended, [(Place(BODY, "last_day"), None), (Place(BODY, "successor"), None)])
    assert directory_of(back).body_ == directory_of(text).body_


def test_a_new_mailbox_counts_once_the_code_of_its_test_message_is_given(
    place: Installation, person: Callable[[str], Browser]
) -> None:
    dco, before = person("dco.team"), place.context().directory.digest
    asked = post(dco, "/organisations/mailboxes", place=PLACE, mailbox=NEW)
    assert asked.url.path.startswith("/organisations/mailboxes/") and "Nothing is changed yet" in asked.text
    assert place.context().directory.digest == before
    code = code_sent(place, NEW)
    wrong = post(dco, asked.url.path, code="000000" if code != "000000" else "111111")
    assert (wrong.status_code, "The code is another one" in wrong.text) == (400, True)
    assert code not in wrong.text
    done = post(person("admin.team"), asked.url.path, code=f" {code} ")
    assert "The change is recorded" in done.text and "by admin.team on this page" in text_of(done.text)
    found = {each.place.word: each.value for each in mailboxes(place.context().directory)}
    assert found[PLACE] == NEW
    newest = history(place.context(), DIRECTORY)[0]
    assert (newest.actor, newest.via) == ("admin.team", "page")
    assert verify(place.context()).intact


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"place": PLACE, "mailbox": "nobody"}, "That is no mailbox"),
        ({"place": "QX999:mailbox:", "mailbox": NEW}, "There is no such mailbox in the directory"),
        ({}, "Choose whose mailbox it is."),
    ],
    ids=["no mailbox", "unknown", "empty"],
)
def test_a_wrong_mailbox_is_refused_and_nothing_leaves(
    place: Installation, person: Callable[[str], Browser], form: dict[str, str], said: str
) -> None:
    refused = post(person("dco.team"), "/organisations/mailboxes", **form)
    assert (refused.status_code, said in text_of(refused.text)) == (400, True)
    assert not list(place.context().settings.home.rglob("test-*.eml"))


def test_a_last_day_says_what_it_changes_and_is_then_recorded(
    place: Installation, person: Callable[[str], Browser]
) -> None:
    dco, path = person("dco.team"), f"/organisations/bodies/{BODY}"
    form = {"last_day-day": "1", "last_day-month": "2", "last_day-year": "2026"}
    check = post(dco, path, **form)
    assert "Check before it is recorded" in check.text and "app-warn" in check.text, "nobody follows it"
    with_successor = post(dco, path, **form, successor="QX102")
    assert "Check before it is recorded" in with_successor.text
    assert place.context().directory.body(BODY).last_day is None
    done = post(dco, path, **form, successor="QX102", step="record")
    assert "The change is recorded" in done.text
    body = place.context().directory.body(BODY)
    assert (body.last_day, body.successor) == (date(2026, 2, 1), "QX102")
    for wrong in ({"successor": "QX102"}, {**form, "last_day-year": "x"}, {**form, "successor": "QX999"}):
        refused = post(dco, path, **{"last_day-day": "", "last_day-month": "", "last_day-year": "", **wrong})
        assert (refused.status_code, "There is a problem" in refused.text) == (400, True)


def test_an_auditor_reads_and_changes_nothing(person: Callable[[str], Browser]) -> None:
    auditor = person("aud")
    page = auditor.get("/organisations").text
    assert BODY in page and "Send a test message" not in page
    assert post(auditor, "/organisations/mailboxes", place=PLACE, mailbox=NEW).status_code == 403
    assert auditor.get("/organisations/bodies/none").status_code == 404
    assert person("dco.team").get("/organisations/mailboxes/none").status_code == 404


def test_the_month_ahead_counts_what_the_ladder_of_the_case_says(
    place: Installation, person: Callable[[str], Browser], team: Team
) -> None:
    team.asked("9 Feb 2026")
    context = place.context()
    found = month_ahead(context)
    until = context.today() + AHEAD
    said = [each for each in ladder(context, team.case).steps if context.today() < each.on <= until]
    assert found and said
    assert {each.rung for each in found} == {each.rung for each in said}
    page = text_of(person("aud").get("/organisations/month").text)
    assert all(f"{each.letters}, on {each.cases} case" in page for each in found)
