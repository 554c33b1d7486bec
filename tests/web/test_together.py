"""One act on several cases by the pages: chosen in the list, checked case by case, done, and named where it is not."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from casework.context import AppContext
from tests.support.by_hand import SALT, TRUST
from tests.support.calling import sendflow
from tests.support.team import Team
from tests.web.conftest import Browser, browser_of, with_roles, words_of
from web.installation import Installation

PAUSED = {"reason": "a meeting is arranged", "until-day": "20", "until-month": "3", "until-year": "2026"}
REFS = ("NX90001", "NX90002", "NX90003")
NUMBERS = ("999 000 0018", "999 123 4500", "999 000 0034")


@pytest.fixture
def context(team: Team) -> AppContext:
    for ref, number in zip(REFS, NUMBERS, strict=True):
        team.record("2 Feb 2026", "ehc_assessment_requested", case=ref, la="northshire", nhs_number=number)
        team.record("2 Mar 2026", "health_advice_requested", case=ref, body=TRUST, service=SALT)
    found = team.context("16 Mar 2026")
    return with_roles(found, dco_team="dco", admin_team="administrator", auditor="auditor")


def hidden(page: Any) -> dict[str, str]:
    main = page.text.partition("<main")[2]
    form = next(each for each in re.findall(r"<form.*?</form>", main, re.DOTALL) if 'action="/together"' in each)
    return dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', form))


def press(person: Browser, page: Any, **values: str) -> Any:
    return person.post("/together", data={**hidden(page), **values})


def chosen(person: Browser, *refs: str, act: str) -> Any:
    page = person.get("/cases")
    return press(person, press(person, page, **{f"case.{ref}": "yes" for ref in refs}), act=act)


def test_chosen_cases_are_assigned_after_a_check(team: Team, person: Browser) -> None:
    before = team.dump()
    asked = chosen(person, *REFS[:2], act="assign")
    checked = press(person, asked, owner="admin.team", step="check")
    assert "What it will do" in checked.text and words_of(checked).count("Nobody before, admin.team then") == 2
    assert team.dump() == before
    done = press(person, checked, step="do")
    assert "Done with 2 cases" in words_of(done)
    assert "case owner: admin.team" in person.get("/cases?owner=admin.team").text
    assert "No change" in words_of(press(person, press(person, asked, owner="admin.team", step="check"), step="do"))


def test_the_same_fact_is_recorded_on_each_with_its_effects_shown_before(team: Team, person: Browser) -> None:
    facts = chosen(person, *REFS, act="record")
    assert "health_advice_received" in facts.text and "health_advice_acknowledged" in facts.text
    asked = press(person, facts, fact="health_advice_received", step="fact")
    day = {"on-day": "16", "on-month": "3", "on-year": "2026"}
    checked = press(person, asked, body=TRUST, service=SALT, **day, step="check")
    assert words_of(checked).count("met on") == 3
    done = press(person, checked, step="do")
    assert "Done with 3 cases" in words_of(done)
    for ref in REFS:
        line = team.lines(ref)[-1]
        assert (line.kind, line.actor, line.via) == ("health_advice_received", "dco.team", "page")
    again = press(person, checked, step="do")
    assert "Done with 0 cases, not with 3" in words_of(again) and "changed after you looked" in again.text
    assert len(team.lines(REFS[0])) == 3


def test_a_missing_answer_is_asked_for_beside_its_field(team: Team, person: Browser) -> None:
    before = team.dump()
    page = chosen(person, REFS[0], act="pause")
    wrong = press(person, page, **{"until-day": "31", "until-month": "2", "until-year": "2026"}, step="check")
    assert wrong.status_code == 400 and "Error: " in wrong.text
    assert "enter a real day" in wrong.text and "Why: enter an answer" in wrong.text
    for values in ({"act": "dance", "step": "act"}, {"act": "record", "fact": "dance", "step": "fact"}):
        assert press(person, page, **values).status_code == 400
    nobody = press(person, chosen(person, REFS[0], act="assign"), owner="somebody.else", step="check")
    assert nobody.status_code == 400 and "choose one of the list" in nobody.text
    assert team.dump() == before


def test_another_act_and_other_answers_may_be_chosen_without_the_list(person: Browser) -> None:
    checked = press(person, press(person, chosen(person, *REFS[:2], act="pause")), **PAUSED, step="check")
    main = checked.text.partition("<main")[2]
    forms = [each for each in re.findall(r"<form.*?</form>", main, re.DOTALL) if 'action="/together"' in each]
    do, change, other = (dict(re.findall(r'name="([^"]+)" value="([^"]*)"', each)) for each in forms)
    assert do["step"] == "do" and "step" not in change and "act" not in other
    answers = person.post("/together", data=change)
    assert "a meeting is arranged" in answers.text and "Error: " not in answers.text
    acts = person.post("/together", data=other)
    assert "One act for all of them" in acts.text and all(ref in acts.text for ref in REFS[:2])


def test_e_mails_are_paused_and_what_is_refused_is_named(team: Team, person: Browser) -> None:
    day = {"until-day": "20", "until-month": "3", "until-year": "2026"}
    page = chosen(person, REFS[0], "NX99999", act="pause")
    checked = press(person, page, reason="a meeting is arranged", **day, step="check")
    assert "There is no such case" in checked.text and "Do it with 1 case" in checked.text
    press(person, checked, step="do")
    assert team.lines(REFS[0])[-1].data["until"] == "2026-03-20"


def test_all_of_a_filter_are_chosen_and_none_is_asked_about(person: Browser) -> None:
    page = person.get("/cases?la=northshire")
    everything = press(person, page, all="yes")
    assert all(ref in everything.text for ref in REFS)
    none = press(person, page)
    assert none.url.path == "/cases" and "No case was chosen" in none.text and "Error: Cases" in none.text
    assert "la=northshire" in str(none.url), "the filter of the list is not lost"


def test_who_only_reads_has_no_boxes_and_may_save_views(installation: Installation, person: Browser) -> None:
    reader = browser_of(installation).sign_in("auditor")
    page = reader.get("/cases?show=late&la=northshire")
    assert "/together" not in page.text and "checkbox" not in page.text
    token = re.findall(r'name="token" value="([^"]+)"', page.text)[-1]
    data = {"token": token, "filter": "show=late&la=northshire", "name": "Late at ours"}
    saved = reader.post("/views", data=data)
    assert str(saved.url).endswith("/cases?show=late&la=northshire") and ">Late at ours</a>" in saved.text
    assert "Late at ours" not in person.get("/cases").text
    wrong = reader.post("/views", data={**data, "name": "999 123 4500"})
    assert wrong.status_code == 400 and "seems to hold" in wrong.text and "Error: Cases" in wrong.text
    [id_] = re.findall(r'action="/views/(\w+)"', saved.text)
    other = re.findall(r'name="token" value="([^"]+)"', person.get("/cases").text)[-1]
    assert person.post(f"/views/{id_}", data={"token": other}).status_code == 404
    assert "Late at ours" not in reader.post(f"/views/{id_}", data={"token": token}).text


def command(team: Team, *words: str) -> Any:
    env = {"SENDFLOW_HOME": str(team.home), "SENDFLOW_TODAY": "2026-03-16"}
    return json.loads(sendflow("bulk", *words, "--actor", "dco.team", "--json", env=env).stdout)["cases"]


def test_the_command_says_and_does_what_the_pages_say_and_do(team: Team, person: Browser) -> None:
    team.record("16 Mar 2026", "case_withdrawn", case=REFS[2])
    fields = ("--fact", "health_advice_received", "--on", "2026-03-16", "--data", f"body={TRUST}")
    record = ("record", *fields, "--data", f"service={SALT}")
    said = command(team, *record, *(word for ref in REFS for word in ("--case", ref)), "--try")
    facts = chosen(person, *REFS[:2], act="record")
    day = {"on-day": "16", "on-month": "3", "on-year": "2026"}
    asked = press(person, facts, fact="health_advice_received", step="fact")
    answers = {"body": TRUST, "service": SALT, **day, "step": "check"}
    checked = press(person, asked, **answers)
    words = words_of(checked)
    shown = dict(zip(REFS, re.split("|".join(REFS), words.partition("What it will do")[2])[1:], strict=False))
    assert "health_advice_received" not in chosen(person, *REFS, act="record").text
    assert [line["case_ref"] for line in said if not line["refused"]] == list(shown)
    assert "not in the order of this case" in said[2]["refused"]
    for line in said[:2]:
        text = shown[line["case_ref"]]
        for case in line["effects"]["cases"]:
            assert case["state_name"] in text
            assert all(duty["action"] in text for duty in case["duties"])
    one = press(person, press(person, chosen(person, REFS[0], act="record"), fact="health_advice_received"), **answers)
    press(person, one, step="do")
    command(team, *record, "--case", REFS[1])
    press(person, press(person, chosen(person, REFS[0], act="pause"), **PAUSED, step="check"), step="do")
    command(team, "pause", "--reason", PAUSED["reason"], "--until", "2026-03-20", "--case", REFS[1])
    page, by_command = (
        [(fact.kind, fact.occurred_on, fact.actor, {**fact.data, "reason": ""}) for fact in team.lines(ref)][2:]
        for ref in REFS[:2]
    )
    assert page == by_command
