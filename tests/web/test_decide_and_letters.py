"""To decide, what would leave next, templates, and what became of an e-mail."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from shutil import copytree

import pytest
from sqlalchemy import update

from casework.access import accounts
from casework.context import AppContext
from casework.delivery import next_day_letters as module
from casework.delivery.next_day_letters import next_day_letters
from casework.reports.letters import letters
from casework.reports.today import today_of
from casework.simulated_day import go_to_next_working_day
from config.settings import Settings
from models.change_log import log_keys
from models.database import transact, writing
from models.locks import LEDGER, lock_cases, lock_exclusive
from models.tables import CASE as CASE_TABLE
from notifications.render import shelf
from tests.support.by_hand import CASE, PAEDS, SALT, TRUST
from tests.support.mail_server import ScriptedMailServer, run_delivery
from tests.support.sample_home import TODAY
from tests.support.team import Team
from tests.web.conftest import Browser, browser_of
from tests.web.test_recording import fields
from web import simulation
from web.installation import Installation
from web.labels import first_capital, template, why_not


@pytest.fixture
def person(team: Team) -> Iterator[Browser]:
    """The DCO's browser over a case with two claimed exceptions."""
    team.opened("2 Feb 2026").asked("2 Mar 2026")
    team.record("9 Mar 2026", "excuse_claimed", ground="absent_4_weeks", body=TRUST, service=SALT, evidence="in Wales")
    team.record("10 Mar 2026", "excuse_claimed", body=TRUST, service=SALT)
    context = team.context("16 Mar 2026")
    transact(context.engine, context.keep_time)
    transact(context.engine, lambda each: accounts.change_role(each, "dco.team", "dco", "", "test"))
    installation = Installation(context.settings)
    yield browser_of(installation).sign_in("dco.team")
    installation.close()


def test_claims_are_decided_in_place_and_the_next_one_follows(team: Team, person: Browser) -> None:
    page = person.get("/decide").text
    assert "2 things wait" in page
    assert "in Wales" not in page
    token = {"token": fields(page)["token"]}
    words = person.post(f"/decide/{CASE}/4", data={**token, "step": "words"}).text
    assert "in Wales" in words
    assert "To decide whether an exception is accepted" in person.get(f"/cases/{CASE}/looks").text
    refused = person.post(f"/decide/{CASE}/4", data=token)
    assert (refused.status_code, "Choose: accept or refuse" in refused.text) == (400, True)
    parts = {"look_again_on-day": "20", "look_again_on-month": "4", "look_again_on-year": "2026"}
    accepted = {**token, **parts, "decision": "accepted", "ground": "absent_4_weeks", "reason": "the mother wrote"}
    followed = person.post(f"/decide/{CASE}/4", data=accepted)
    assert followed.url.path == "/decide"
    assert "is recorded" in followed.text
    assert "1 thing waits" in followed.text
    assert f"/decide/{CASE}/5" in followed.text
    fact = team.lines()[-1]
    assert (fact.kind, fact.actor, fact.data["claim"], fact.data["decision"]) == (
        "excuse_decided",
        "dco.team",
        4,
        "accepted",
    )
    assert person.get("/decide?open=none").status_code == 200
    assert person.post(f"/decide/{CASE}/4", data=accepted).status_code == 404


def test_an_acceptance_without_a_ground_is_refused_beside_its_field(team: Team, person: Browser) -> None:
    token = {"token": fields(person.get("/decide").text)["token"]}
    answer = person.post(f"/decide/{CASE}/5", data={**token, "decision": "accepted", "reason": "as they say"})
    assert answer.status_code == 400
    assert "An accepted exception needs its ground" in answer.text
    assert "as they say" in answer.text
    assert len(team.lines()) == 5
    person.post(f"/decide/{CASE}/5", data={**token, "decision": "refused"})
    assert team.lines()[-1].data["decision"] == "refused"


def test_what_would_leave_next_is_what_leaves_on_that_day_and_asking_changes_nothing(team: Team) -> None:
    team.opened("2 Feb 2026").asked("2 Mar 2026")
    context = team.context("20 Mar 2026")
    transact(context.engine, context.keep_time)
    before = team.dump()
    expected = next_day_letters(context)
    assert team.dump() == before
    assert expected.day == date(2026, 3, 23)
    done = go_to_next_working_day(context)
    left = {each.mailbox for each in letters(context) if each.on == done.day and not each.id.startswith("digest-")}
    assert {each.mailbox for each in expected.letters} == left
    assert left
    subjects = {each.mailbox: each.subject for each in letters(context)}
    for each in expected.letters:
        assert subjects[each.mailbox].endswith(each.subject.removeprefix("SIMULATION: "))


def test_the_page_of_what_would_leave_says_to_whom_before_it_is_opened(sample: Installation) -> None:
    expected = next_day_letters(sample.context())
    page = browser_of(sample).sign_in("dco.team").get("/tomorrow").text
    said = [re.sub(r"<[^>]+>", "", each) for each in re.findall(r"<summary.*?</summary>", page)]
    assert expected.letters
    for each in expected.letters:
        assert any(line.startswith(f"To {each.mailbox}: ") for line in said), each.mailbox


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("smtp_550", "the mail server refused it (code 550)"),
        ("smtp_451", "the mail server did not take it yet (code 451)"),
        ("unreachable", "the mail server cannot be reached"),
        ("on_hold", "on hold"),
    ],
)
def test_why_an_e_mail_has_not_left_is_said_in_words(code: str, said: str) -> None:
    """The page said "smtp 550"."""
    assert why_not(code) == said


def test_what_would_leave_next_in_the_sample_is_what_leaves(sample: Installation, tmp_path: Path) -> None:
    copytree(sample.context().settings.home, tmp_path / "var")
    context = AppContext.load(Settings(home=tmp_path / "var", today=TODAY))
    expected = next_day_letters(context)
    done = go_to_next_working_day(context)
    assert expected.steps == done.sweep.facts_written > 0
    assert expected.day == done.day
    left = {each.mailbox for each in letters(context) if each.on == done.day and not each.id.startswith("digest-")}
    assert {each.mailbox for each in expected.letters if not each.in_digest} == left
    assert left
    context.engine.dispose()


def test_the_page_after_the_next_working_day_says_the_new_day(team: Team, person: Browser) -> None:
    token = {"token": fields(person.get("/sign-out").text)["token"]}
    page = person.post("/next-day", data=token).text
    assert "the day is 17 March 2026" in page and "16 March" not in page


def test_the_page_after_the_next_working_day_says_what_it_leaves_out(
    person: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before, the lists ended after a hundred lines, as if there were no more."""
    monkeypatch.setattr(simulation, "MOST", 1)
    token = {"token": fields(person.get("/sign-out").text)["token"]}
    pages = [person.post("/next-day", data=token).text for _day in range(12)]
    cut = [page for page in pages if "These are the newest 1 of " in page]
    assert cut and all('href="/lists/changed"' in page for page in cut)
    assert all(page.count('<ol class="app-lines">') == 1 and page.count("<strong>") >= 1 for page in cut)
    assert any("There are more than these 1" in page and 'href="/letters"' in page for page in pages)
    assert any("These are" not in page and "There are more" not in page for page in pages)


def test_who_asks_what_would_leave_next_waits_for_nobody_and_nobody_waits(team: Team) -> None:
    team.opened("2 Feb 2026").asked("2 Mar 2026")
    context = team.context("20 Mar 2026")
    transact(context.engine, context.keep_time)
    with writing(context.engine) as connection:
        lock_exclusive(connection, LEDGER)
        lock_cases(connection, [CASE])
        log_keys(connection, CASE_TABLE, [CASE])
        connection.execute(update(CASE_TABLE).values(la_reference="NS-1"))
        with ThreadPoolExecutor(1) as beside:
            found = beside.submit(next_day_letters, context).result(timeout=20)
        assert found.total > 0
    assert next_day_letters(context).letters == found.letters


def test_what_would_leave_next_says_its_totals_a_page_at_a_time(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    team.opened("2 Feb 2026").asked("2 Mar 2026", SALT).asked("2 Mar 2026", PAEDS)
    team.record("2 Feb 2026", "ehc_assessment_requested", case="NX90002", la="northshire")
    team.record("2 Mar 2026", "health_advice_requested", case="NX90002", body=TRUST, service="physiotherapy")
    context = team.context("20 Mar 2026")
    transact(context.engine, context.keep_time)
    whole = next_day_letters(context)
    assert (whole.total, whole.pages, whole.cases, whole.more) == (len(whole.letters), 1, 2, 0)
    assert whole.total > 1
    monkeypatch.setattr(module, "PAGE", 1)
    pages = [next_day_letters(context, page + 1) for page in range(whole.total)]
    assert [each.letters[0] for each in pages] == whole.letters
    assert {(each.total, each.pages) for each in pages} == {(whole.total, whole.total)}
    assert next_day_letters(context, 99).page == whole.total
    monkeypatch.setattr(module, "MOST_CASES", 1)
    part = next_day_letters(context)
    assert (part.cases, part.more) == (1, 1)


def test_every_template_has_a_page_with_its_versions(browsers: Callable[[str], Browser]) -> None:
    dco = browsers("dco.team")
    names = {each.id for each in shelf().templates.values()}
    shown = dco.get("/templates").text
    assert sorted(re.findall(r'href="/templates/(\w+)"', shown)) == sorted(names), "each is in one group"
    groups = re.findall(r'summary-text">([^<:]*): (\d+) templates?<', shown)
    assert sum(int(number) for _group, number in groups) == len(names) and len(groups) > 10
    assert {"EHC needs assessment", "Any process", "Tribunal case"} <= {group for group, _number in groups}
    page = dco.get("/templates/breach").text
    assert page.count("<h2>Version") == len([each for each in shelf().templates.values() if each.id == "breach"])
    assert all(each in page for each in ("Reading age: ", "<code>dco.mailbox</code>", "Added: <ins>", "Removed: <del>"))
    assert dco.get("/templates/none").status_code == 404


def test_a_state_that_there_is_not_is_answered_with_those_that_there_are(browsers: Callable[[str], Browser]) -> None:
    """Before, the page showed every e-mail, as if it had understood."""
    answer = browsers("dco.team").get("/letters", params={"state": "held"})
    assert answer.status_code == 400 and "Sent, Waiting" in answer.text


def test_an_email_says_what_became_of_it(sample: Installation, browsers: Callable[[str], Browser]) -> None:
    dco = browsers("dco.team")
    sent = next(each for each in letters(sample.context()) if each.id.startswith("20260304"))
    page = dco.get(f"/letters/{sent.id}").text
    assert "It was tried 1 time." in page
    assert "The mail server accepted it" in page
    assert 'href="/cases/SP90001"' in page
    named = re.search(r'href="/templates/(\w+)">([^<]+)</a>, version', page)
    assert named is not None
    assert named[2] == first_capital(template(named[1])) and "_" not in named[2], "the template is named in words"
    assert today_of(sample.context(), date(2026, 4, 14)).letters == []


def test_a_failed_e_mail_is_on_the_queue_and_its_page_says_why(
    team: Team, person: Browser, mail_server: ScriptedMailServer
) -> None:
    mail_server.answer_rcpt = "550 no such mailbox"
    assert run_delivery(team, "16 Mar 2026", mail_server).failed > 0
    failed = today_of(team.context("16 Mar 2026"), date(2026, 3, 16)).letters
    assert failed
    queue = person.get("/decide").text
    for each in failed:
        assert f"E-mail to {each['to']}</strong>: {each['what']}" in queue
        assert f'href="/letters/{each["id"]}"' in queue
        page = person.get(f"/letters/{each['id']}").text
        assert "Failed: the mail server refused it (code 550)" in page
        assert "It was tried 1 time." in page
        assert "its reader was not notified" in page
