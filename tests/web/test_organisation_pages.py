"""Organisations: a mailbox counts after its test message, days are checked first, and each change is recorded."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from functools import partial
from html.parser import HTMLParser

import pytest
from sqlalchemy import Connection, select

from audit.verify import verify
from casework.delivery.ladder import ladder
from casework.month_ahead import month_ahead
from casework.own_file_changes import history
from casework.pack_letters import AHEAD, letters_ahead
from casework.rule_packs import live_duties
from casework.rules.config_held import DIRECTORY
from config.directory import DEFAULT, directory_of, load_directory
from config.directory_edit import Entry, Place, changed, mailboxes
from models import ledger
from models.database import reading, transact
from models.enums import Party
from models.facts import StoredFact
from models.ledger import Tail
from models.tables import DUTY
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
    wrong = post(dco, asked.url.path, **{"code-1": "000000" if code != "000000" else "111111"})
    assert (wrong.status_code, "The code is another one" in wrong.text) == (400, True)
    assert code not in wrong.text
    done = post(person("admin.team"), asked.url.path, **{"code-1": f" {code} "})
    assert "The change is recorded" in done.text and "by admin.team on a page" in text_of(done.text)
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
    dco, path = person("dco.team"), f"/organisations/entries/body/{BODY}"
    form = sent(dco, path) | days("last_day", 1, 2, 2026)
    check = post(dco, path, **form)
    assert "Check before it is recorded" in check.text and "app-warn" in check.text, "nobody follows it"
    with_successor = post(dco, path, **form | {"successor": "QX102"})
    assert "Check before it is recorded" in with_successor.text
    assert place.context().directory.body(BODY).last_day is None
    done = post(dco, path, **form | {"successor": "QX102", "step": "record"})
    assert "The change is recorded" in done.text
    body = place.context().directory.body(BODY)
    assert (body.last_day, body.successor) == (date(2026, 2, 1), "QX102")
    again = sent(dco, path)
    for wrong in (days("last_day", "", "", ""), {"last_day-year": "x"}, {"successor": "QX999"}, {"base": "older"}):
        refused = post(dco, path, **again | wrong)
        assert (refused.status_code, "There is a problem" in refused.text) == (400, True), wrong


class _Form(HTMLParser):
    """What each form of a page would send, were it sent back as it is."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[dict[str, str]] = []
        self.select = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        name, value = given.get("name") or "", given.get("value") or ""
        if tag == "form":
            self.forms.append({})
        elif tag == "input" and name and (given.get("type") != "checkbox" or "checked" in given):
            self.forms[-1][name] = value
        elif tag == "select":
            self.select = name
            self.forms[-1][name] = ""
        elif tag == "option" and "selected" in given:
            self.forms[-1][self.select] = value


def sent(visitor: Browser, path: str) -> dict[str, str]:
    """What the form of an entry would send, without its token."""
    return form_sent(visitor, path, "base")


def form_sent(visitor: Browser, path: str, field: str) -> dict[str, str]:
    """What the first form of a page that has a field would send, were it sent back as it is, without its token."""
    page = _Form()
    page.feed(visitor.get(path).text)
    found = next(each for each in page.forms if field in each)
    return {name: value for name, value in found.items() if name != "token"}


def days(name: str, day: object, month: object, year: object) -> dict[str, str]:
    return {f"{name}-day": str(day), f"{name}-month": str(month), f"{name}-year": str(year)}


def test_a_therapy_service_moves_to_a_new_provider_next_month_with_two_new_mailboxes(
    place: Installation, person: Callable[[str], Browser], team: Team
) -> None:
    admin = person("admin.team")
    team.asked("9 Feb 2026")
    old, new = f"/organisations/entries/provides/{BODY}.2", "/organisations/entries/provides/QX103.new"
    # The new provider first: refused, with the way out, because the old one has no last day yet.
    form = sent(admin, new) | {"service": "speech_and_language_therapy", "la-northshire": "yes", "la-tarnford": "yes"}
    form |= {"mailbox": NEW, "manager": "new.manager@lowmoor-therapies.example"} | days("first_day", 1, 3, 2026)
    refused = post(admin, new, **form)
    assert refused.status_code == 400 and "Give the one that ends a last_day" in refused.text
    # The old one's last day, with its successor: no mailbox is new, so it is recorded at once.
    ends = sent(admin, old) | days("last_day", 28, 2, 2026)
    check = text_of(post(admin, old, **ends).text)
    assert "From 1 March 2026, the directory has no body that provides Speech and Language Therapy" in check
    assert "The change is recorded" in post(admin, old, **ends | {"successor": "QX103", "step": "record"}).text
    # Then the new one: two test messages, two codes, and only then it counts.
    form["base"] = sent(admin, new)["base"]
    check = post(admin, new, **form).text
    assert "Send the test messages" in check
    assert "to another mailbox" in check, "the reminders of March go to the new mailbox"
    asked = post(admin, new, **form | {"step": "record"})
    assert asked.url.path.startswith("/organisations/mailboxes/")
    codes = sorted([NEW, form["manager"]])
    one, two = (code_sent(place, each) for each in codes)
    wrong = post(admin, asked.url.path, **{"code-1": one, "code-2": "x"})
    assert (wrong.status_code, "test message to" in wrong.text) == (400, True)
    assert 'href="#code-2"' in wrong.text and 'id="code-2-error"' in wrong.text, "the error is beside its field"
    assert f'value="{one}"' in wrong.text, "what was typed is not lost"
    assert place.context().directory.provider("northshire", "speech_and_language_therapy", date(2026, 3, 1)) is None
    done = post(admin, asked.url.path, **{"code-1": one, "code-2": two})
    assert "The change is recorded" in done.text
    directory = place.context().directory
    assert directory.provider("northshire", "speech_and_language_therapy", date(2026, 3, 1)) == "QX103"
    mailbox = directory.mailbox("northshire", BODY, "speech_and_language_therapy", Party.SERVICE, date(2026, 3, 1))
    assert mailbox == NEW, "of the requests before, too"
    page = text_of(admin.get(f"/organisations/bodies/{BODY}").text)
    assert "until Sat 28 Feb 2026" in page and "then Lowmoor Children" in page
    listed = text_of(admin.get("/organisations").text)
    assert "Speech and Language Therapy: Northshire, Tarnford until Sat 28 Feb 2026" in listed
    assert verify(place.context()).intact


def test_a_person_and_an_absence_are_recorded_and_shown(place: Installation, person: Callable[[str], Browser]) -> None:
    dco, path = person("dco.team"), "/organisations/entries/person/new"
    empty = post(dco, path, **sent(dco, path))
    assert empty.status_code == 400 and "Name: enter an answer" in empty.text and "Role: choose an answer" in empty.text
    form = sent(dco, path) | {"name": "Jo Hart", "role": f"{BODY}:send_lead"}
    assert "The change is recorded" in post(dco, path, **form | {"step": "record"}).text
    path = "/organisations/entries/absence/1.new"
    form = sent(dco, path) | days("first_day", 9, 2, 2026) | days("last_day", 13, 2, 2026)
    form |= {"deputy": "therapies.manager@northshire-community.example"}
    assert "The change is recorded" in post(dco, path, **form | {"step": "record"}).text
    page = text_of(dco.get(f"/organisations/bodies/{BODY}").text)
    assert "Jo Hart" in page and "Away from Mon 9 Feb 2026 to Fri 13 Feb 2026" in page
    lead = place.context().directory.mailbox(None, BODY, None, Party.PROVIDER_SEND_LEAD, date(2026, 2, 10))
    assert lead == "therapies.manager@northshire-community.example"


@pytest.mark.parametrize(
    "path", ["none/new", "body/QX999", "icb/new", "provides/QX999.new", "absence/7.new", "la/none"]
)
def test_an_entry_that_is_not_there_has_no_page(person: Callable[[str], Browser], path: str) -> None:
    assert person("dco.team").get(f"/organisations/entries/{path}").status_code == 404


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


def test_the_month_ahead_reads_the_cases_with_a_step_in_it_and_no_others(
    sample: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It replayed every live case: 10 seconds for 100,000 cases, most of which have no step in four weeks."""
    context, read = sample.context(), list[str]()
    until, expected = context.today() + AHEAD, Counter[tuple[str, str, str]]()
    for file, now, _then in live_duties(context, context, []):
        for letter, on in letters_ahead(context, file, now, until).items():
            if on > context.today():
                expected[file.process, letter.rung, letter.recipient] += 1
    of_all = ledger.read

    def noted(connection: Connection, refs: Sequence[str]) -> dict[str, tuple[list[StoredFact], Tail]]:
        read.extend(refs)
        return of_all(connection, refs)

    monkeypatch.setattr(ledger, "read", noted)
    assert sum(1 for _case in live_duties(context, context, [])) == len(read)
    everything = len(read)
    read.clear()
    found = month_ahead(context)
    assert {(each.process, each.rung, each.recipient): each.letters for each in found} == expected
    assert 0 < len(read) < everything / 2
    with reading(context.engine) as connection:
        due = select(DUTY.c.case_ref).where(DUTY.c.next_check_on <= until).distinct()
        assert set(read) <= set(connection.scalars(due))
