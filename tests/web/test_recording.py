"""Recording by a page: a form of the fact's own fields, errors beside them, a check page, then the fact."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from casework.access import accounts, passwords
from models.database import transact
from tests.support.by_hand import CASE, SALT
from tests.support.team import Team
from tests.web.conftest import Browser, browser_of
from web.installation import Installation


@pytest.fixture
def person(team: Team, monkeypatch: pytest.MonkeyPatch) -> Iterator[Browser]:
    """The DCO's browser over an installation of one case whose advice is asked for."""
    from argon2 import PasswordHasher

    monkeypatch.setattr(passwords, "hasher", lambda: PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    passwords.digest_of_nobody.cache_clear()
    team.opened("2 Feb 2026").asked("2 Mar 2026")
    context = team.context("16 Mar 2026")
    transact(context.engine, context.keep_time)
    transact(context.engine, lambda each: accounts.change_role(each, "dco.team", "dco", "", "test"))
    transact(context.engine, lambda each: accounts.change_role(each, "admin.team", "administrator", "", "test"))
    installation = Installation(context.settings)
    yield browser_of(installation).sign_in("dco.team")
    installation.close()


def fields(html: str) -> dict[str, str]:
    """What the form of a page would send."""
    form = html.partition("<main")[2].partition("<form")[2].partition("</form>")[0]
    inputs = [each for each in re.findall(r"<input[^>]*>", form) if 'type="radio"' not in each or " checked" in each]
    values = dict(re.findall(r'<input[^>]* name="([^"]+)"[^>]* value="([^"]*)"', "".join(inputs)))
    values |= dict.fromkeys(re.findall(r'<textarea[^>]* name="([^"]+)"', form), "")
    return values


def send(person: Browser, path: str, **values: str) -> str:
    """Answer every question and go to the check page."""
    page = person.get(path).text
    return str(person.post(path.partition("?")[0], data={**fields(page), **values, "step": "check"}).text)


def test_an_answer_is_checked_and_then_recorded(team: Team, person: Browser) -> None:
    path = f"/cases/{CASE}/record/health_advice_received"
    checked = send(person, path, body="QX101", service=SALT)
    assert "Check before it is recorded" in checked
    assert "met on" in checked
    before = len(team.lines())
    done = person.post(path, data={**fields(checked), "step": "record"})
    assert done.url.path == f"/cases/{CASE}"
    assert "Recorded" in done.text
    [line] = team.lines()[before:]
    assert (line.kind, line.actor, line.via, line.occurred_on.isoformat()) == (
        "health_advice_received",
        "dco.team",
        "page",
        "2026-03-16",
    )


def test_a_form_sends_the_day_under_the_names_that_are_read(team: Team, person: Browser) -> None:
    path = f"/cases/{CASE}/record/health_advice_received"
    names = fields(person.get(path).text)
    assert {"on-day", "on-month", "on-year"} <= set(names)
    checked = send(person, path, **{each: {"on-day": "9"}.get(each, value) for each, value in names.items()})
    assert 'datetime="2026-03-09"' in checked


def test_checking_records_nothing(team: Team, person: Browser) -> None:
    before = team.dump()
    assert "What it will do" in send(person, f"/cases/{CASE}/record/health_advice_received", body="QX101", service=SALT)
    assert team.dump() == before


def test_an_error_is_beside_its_field_and_nothing_typed_is_lost(team: Team, person: Browser) -> None:
    path = f"/cases/{CASE}/record/health_advice_received"
    page = send(person, path, **{"on-day": "31", "on-month": "2", "on-year": "2026", "note": "Mum rang"})
    assert "There is a problem" in page
    assert "enter a real day" in page
    assert 'value="31"' in page
    assert "Error: " in page
    assert fields(page)["note"] == "Mum rang"
    page = str(
        person.post(path, data={**fields(page), "on-month": "3", "on-day": "12", "body": "", "step": "check"}).text
    )
    assert "Organisation: choose an answer" in page
    assert (fields(page)["on-day"], fields(page)["note"]) == ("12", "Mum rang")
    assert len(team.lines()) == 3


def test_a_day_of_the_future_is_refused_at_its_own_question(person: Browser) -> None:
    path = f"/cases/{CASE}/record/health_advice_received"
    later = {"on-day": "1", "on-month": "1", "on-year": "2027"}
    for step in ("", "check"):
        page = person.post(path, data={**fields(person.get(path).text), **later, "body": "QX101", "step": step}).text
        assert "enter a day that has come, 16 March 2026 at the latest" in page
        assert "question 1 of" in page and 'value="2027"' in page


@pytest.mark.parametrize(
    ("kind", "field", "typed", "expected"),
    [
        ("waiting_list_stated", "weeks", "many", "How many weeks: a whole number was expected"),
        ("waiting_list_stated", "weeks", "-4", "How many weeks: a number of 0 or more was expected"),
        ("case_linked", "to_case", "Sam", "To case: the reference of a case was expected, for example NX00042"),
        ("health_advice_answered", "redirected_to", "them", "Redirected to: an organisation code of capital letters"),
    ],
)
def test_an_answer_of_another_form_is_refused_at_its_own_question(
    person: Browser, kind: str, field: str, typed: str, expected: str
) -> None:
    """A person read `Input should be a valid integer` at the end of the form, after four more questions."""
    path = f"/cases/{CASE}/record/{kind}"
    given = {**fields(person.get(path).text), "body": "QX101", field: typed, "question": field}
    page = person.post(path, data=given)
    assert page.status_code == 400
    shown = re.search(r'<a href="#[^"]*">([^<]*)</a>', page.text.partition("There is a problem")[2])
    assert shown is not None and shown[1].strip().startswith(expected)
    assert "Input should" not in page.text and "--data" not in page.text


def test_a_correction_of_the_day_alone_is_two_questions(person: Browser) -> None:
    path = f"/cases/{CASE}/record/fact_corrected?corrects=3"
    first = person.get(path).text
    second = person.post(path.partition("?")[0], data={**fields(first), "on-day": "9"}).text
    assert "question 2 of" in second and 'id="reason"' in second
    assert "Leave the rest as it is" in second
    answered = {**fields(second), "reason": "the stamp says so"}
    assert "Leave the rest as it is" in second.replace("Continue", "") or "Leave the rest as it is" in first
    checked = person.post(path.partition("?")[0], data={**answered, "step": "check"}).text
    assert "Check before it is recorded" in checked and "not <time" in checked


def test_the_check_page_says_whom_it_writes_to_and_has_a_way_back(person: Browser) -> None:
    checked = send(person, f"/cases/{CASE}/record/health_advice_received", body="QX101", service=SALT)
    assert "<li>To the service: thanks for the advice</li>" in checked
    assert "It stays at <strong>" in checked
    assert f'<a href="/cases/{CASE}">Back to {CASE} without recording it</a>' in checked
    opened = send(person, "/cases/new/record/ehc_assessment_requested", la="northshire", nhs_number="9990000034")
    assert "It will be at <strong>" in opened and '<a href="/today">Leave without opening a case</a>' in opened


def test_of_two_answers_to_a_request_the_advice_itself_comes_first(person: Browser) -> None:
    """The first button was `Health advice answered`, which is the answer of a body that sends no advice."""
    page = person.get(f"/cases/{CASE}").text
    buttons = re.findall(r'<a class="nhsuk-button[^>]*>([^<]*)</a>', page)
    assert buttons[:2] == ["Health advice received", "Answer without health advice"]


def test_sending_the_same_form_twice_records_one_fact(team: Team, person: Browser) -> None:
    path = f"/cases/{CASE}/record/health_advice_received"
    checked = fields(send(person, path, body="QX101", service=SALT))
    person.post(path, data={**checked, "step": "record"})
    again = person.post(path, data={**checked, "step": "record"})
    assert "There is a problem" in again.text
    assert [line.kind for line in team.lines()].count("health_advice_received") == 1


def test_a_correction_says_what_moves_before_it_is_recorded(team: Team, person: Browser) -> None:
    path = f"/cases/{CASE}/record/fact_corrected?corrects=3"
    page = person.get(path).text
    assert 'value="2"' in page
    assert "QX101" in page
    values = {"on-day": "9", "on-month": "3", "on-year": "2026", "reason": "the stamp says so"}
    checked = send(person, path, **values)
    assert "not <time" in checked
    person.post(path.partition("?")[0], data={**fields(checked), "step": "record"})
    assert team.lines()[-1].data["occurred_on"] == "2026-03-09"
    html = person.get(f"/cases/{CASE}").text
    assert "(corrected)" in html
    assert 'See <a href="#fact-4">fact 4</a>' in html


def test_a_withdrawal_needs_a_reason_and_is_shown_struck(team: Team, person: Browser) -> None:
    path = f"/cases/{CASE}/record/fact_withdrawn?corrects=3"
    assert "Reason: enter an answer" in send(person, path)
    checked = send(person, path, reason="recorded on the wrong case")
    assert "no longer there" in checked
    person.post(path.partition("?")[0], data={**fields(checked), "step": "record"})
    assert "<del>Health advice requested</del>" in person.get(f"/cases/{CASE}").text


def test_a_case_is_opened_by_a_page(team: Team, person: Browser) -> None:
    assert "opens a case of" in person.get("/cases/new/record").text
    path = "/cases/new/record/ehc_assessment_requested"
    checked = send(person, path, la="northshire", la_reference="NS-11111", nhs_number="9990000034")
    assert "The new case" in checked
    done = person.post(path, data={**fields(checked), "step": "record"})
    assert re.fullmatch(r"/cases/SF-\d{6}", done.url.path), done.text[-3000:]
    assert "9990000034" not in done.text


def test_every_fact_of_every_process_has_a_form(team: Team, person: Browser) -> None:
    kinds = re.findall(rf'href="/cases/{CASE}/record/(\w+)"', person.get(f"/cases/{CASE}/record").text)
    assert len(kinds) > 15
    opening = re.findall(r'href="/cases/new/record/(\w+)"', person.get("/cases/new/record").text)
    for path in [f"/cases/{CASE}/record/{kind}" for kind in kinds] + [f"/cases/new/record/{kind}" for kind in opening]:
        assert person.get(path).status_code == 200, path
    for kind in kinds:
        answer = person.post(f"/cases/{CASE}/record/{kind}", data=fields(person.get("/cases/new/record").text))
        assert answer.status_code < 500


def test_an_identity_is_shown_for_a_purpose_only_and_the_look_is_logged(team: Team, person: Browser) -> None:
    path = f"/cases/{CASE}/identity"
    token = fields(person.get(path).text)
    for given in ({}, {"purpose": "Ada asked"}):
        refused = person.post(path, data={**token, **given})
        assert (refused.status_code, "Say why you need to know it: choose" in refused.text) == (400, True)
        assert "Ada" not in refused.text
    assert "This access is logged" in person.post(path, data={**token, "purpose": "which_child"}).text
    assert "A provider or an authority asks which child it is" in person.get(f"/cases/{CASE}/looks").text


def test_a_role_that_is_taken_away_ends_the_sessions(team: Team, person: Browser) -> None:
    admin = browser_of(person.installation).sign_in("admin.team")
    token = fields(admin.get("/people").text)
    assert "sign-in?token=" in admin.post("/people", data={**token, "account": "new.person", "role": "auditor"}).text
    assert "choose it" in admin.post("/people", data={**token, "account": "x", "role": "provider"}).text
    assert "own role" in admin.post("/people", data={**token, "account": "admin.team", "role": ""}).text
    admin.post("/people", data={**token, "account": "dco.team", "role": ""})
    assert person.get("/today").status_code == 401
    assert "has no role" in person.sign_in_again("dco.team")


def test_a_password_signs_in_and_wrong_ones_lock_the_account(person: Browser) -> None:
    token = fields(person.get("/password").text)
    assert "12 to 200" in person.post("/password", data={**token, "password": "short", "again": "short"}).text
    words = "three green bicycles"
    assert "is stored" in person.post("/password", data={**token, "password": words, "again": words}).text
    other = browser_of(person.installation)
    form = fields(other.get("/sign-in").text)
    assert other.post("/sign-in", data={**form, "account": "dco.team", "password": words}).url.path == "/today"
    third = browser_of(person.installation)
    form = fields(third.get("/sign-in").text)
    wrong = third.post("/sign-in", data={**form, "account": "dco.team", "password": "x" * 12}).text
    unknown = third.post("/sign-in", data={**form, "account": "nobody.here", "password": "x" * 12}).text
    assert wrong.replace("dco.team", "") == unknown.replace("nobody.here", "") or re.sub(
        r'nonce="[^"]+"', "", wrong.replace("dco.team", "")
    ) == re.sub(r'nonce="[^"]+"', "", unknown.replace("nobody.here", ""))
    for _attempt in range(4):
        third.post("/sign-in", data={**form, "account": "dco.team", "password": "x" * 12})
    assert "locked" in third.post("/sign-in", data={**form, "account": "dco.team", "password": words}).text
    assert third.get("/today").status_code == 401


def test_the_next_working_day_of_a_simulation_sweeps_and_delivers(team: Team, person: Browser) -> None:
    token = {"token": fields(person.get("/password").text)["token"]}
    html = person.get("/today").text
    assert "Go to the next working day" in html
    days = [person.post("/next-day", data=token).text for _day in range(6)]
    assert ["What happened until" in each for each in days] == [True] * 6
    [shown] = [each for each in days if "What happened until Monday 23 March 2026" in each]
    # What fell due, who was chased with which words, and what became of each e-mail.
    due = shown.partition("<h2>What fell due</h2>")[2].partition("<h2>E-mails of the day</h2>")
    assert "<strong>a reminder fell due</strong>" in due[0]
    mails = r'<a href="/letters/[^"]+">(SIMULATION: [^<]*)</a>, to \S+example: (\w+)</li>'
    said = re.findall(mails, "".join(days).replace("<wbr>", ""))
    assert {state for _subject, state in said} == {"sent"} and len(said) >= 6
    assert any("Daily digest 23 March 2026" in subject for subject, _state in said)
    assert re.search(r"\d+ notices? (is|are) no longer needed", shown)
    assert "Tuesday 24 March 2026" in person.get("/today").text
    assert "a reminder fell due" in person.get(f"/cases/{CASE}").text.lower()
