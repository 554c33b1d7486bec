"""`sendflow bulk` and `views`: one act on several cases, tried first, with the exit codes of every command."""

from __future__ import annotations

import json
import os
from typing import Any

import pytest
from typer.testing import Result

from tests.support.by_hand import SALT, TRUST
from tests.support.calling import sendflow
from tests.support.team import Team

REFS = ("NX90001", "NX90002", "NX90003")
NUMBERS = ("999 000 0018", "999 123 4500", "999 000 0034")
ACTOR = ("--actor", "dco.team")
RECEIVED = (
    *("record", "--fact", "health_advice_received", "--on", "2026-03-16"),
    *("--data", f"body={TRUST}", "--data", f"service={SALT}"),
)


@pytest.fixture
def cases(team: Team) -> Team:
    for ref, number in zip(REFS, NUMBERS, strict=True):
        team.record("2 Feb 2026", "ehc_assessment_requested", case=ref, la="northshire", nhs_number=number)
        team.record("2 Mar 2026", "health_advice_requested", case=ref, body=TRUST, service=SALT)
    return team


def call(team: Team, *words: str) -> Result:
    env = {"SENDFLOW_HOME": str(team.home), "SENDFLOW_TODAY": "2026-03-16"}
    url = team.first.settings.database_url
    return sendflow(*words, *ACTOR, env=env | ({"SENDFLOW_DATABASE_URL": url} if url else {}))


def bulk(team: Team, *words: str) -> tuple[int, list[dict[str, Any]]]:
    result = call(team, "bulk", *words, "--json")
    return result.exit_code, json.loads(result.stdout)["cases"]


def chosen(*refs: str) -> list[str]:
    return [word for ref in refs for word in ("--case", ref)]


def test_a_trial_says_what_it_would_do_and_writes_no_fact_and_no_owner(cases: Team) -> None:
    kinds = {ref: [fact.kind for fact in cases.lines(ref)] for ref in REFS}
    said = call(cases, "bulk", *RECEIVED, *chosen(*REFS[:2]), "--try")
    assert said.exit_code == 0
    assert "this was a trial. It would be done with 2 cases, not with 0." in said.stdout
    assert said.stdout.count("met on Mon 16 Mar 2026") == 2
    assert bulk(cases, "assign", "--owner", "admin.team", *chosen(*REFS), "--try")[0] == 0
    assert {ref: [fact.kind for fact in cases.lines(ref)] for ref in REFS} == kinds
    assert "admin.team before" not in call(cases, "bulk", "assign", "--nobody", *chosen(*REFS), "--try").stdout


def test_each_act_is_done_as_the_command_for_one_case_does_it(cases: Team) -> None:
    code, lines = bulk(cases, "assign", "--owner", "admin.team", *chosen(*REFS))
    assert code == 0 and [(line["owner"], line["unchanged"]) for line in lines] == [(None, False)] * 3
    code, lines = bulk(cases, *RECEIVED, *chosen("nx90001", REFS[1]))
    assert code == 0 and [line["case_ref"] for line in lines] == list(REFS[:2])
    one = ("--data", f"body={TRUST}", "--data", f"service={SALT}")
    call(cases, "record", REFS[2], "health_advice_received", "--on", "2026-03-16", *one)
    facts = [[(fact.kind, fact.actor, fact.via, fact.data) for fact in cases.lines(ref)][1:] for ref in REFS]
    assert facts == [facts[0]] * 3
    code, lines = bulk(cases, "pause", "--reason", "a meeting is arranged", "--until", "2026-03-20", *chosen(REFS[0]))
    assert code == 0 and lines[0]["until"] == "2026-03-20"
    assert bulk(cases, "release", "--reason", "it took place", *chosen(REFS[0]))[0] == 0
    assert [fact.kind for fact in cases.lines(REFS[0])][-2:] == ["letters_held", "letters_released"]
    assert bulk(cases, "assign", "--nobody", *chosen(*REFS))[1][0]["owner"] == "admin.team"


def test_what_one_case_refuses_is_named_the_others_are_done_and_the_exit_code_is_1(cases: Team) -> None:
    cases.record("9 Mar 2026", "case_closed", case=REFS[1])
    code, lines = bulk(cases, *RECEIVED, *chosen(*REFS))
    assert code == 1
    assert [bool(line["refused"]) for line in lines] == [False, True, False]
    assert cases.lines(REFS[2])[-1].kind == "health_advice_received"
    assert cases.lines(REFS[1])[-1].kind == "case_closed"


def test_the_cases_of_a_view_or_of_filters_are_chosen(cases: Team) -> None:
    saved = call(cases, "views", "save", "Ours", "--filter", "la=northshire", "--filter", "show=open")
    assert saved.exit_code == 0 and "Saved the view Ours: la=northshire." in saved.stdout
    assert call(cases, "views").stdout == "Ours: la=northshire\n"
    assign = ("assign", "--owner", "admin.team", "--try")
    for selected in (("--view", "ours"), ("--filter", "la=northshire")):
        assert [line["case_ref"] for line in bulk(cases, *assign, *selected)[1]] == list(REFS)
    assert call(cases, "bulk", *assign, "--filter", "la=southmere").exit_code == 2, "no case of a selection"
    assert call(cases, "bulk", *assign, "--view", "Theirs").exit_code == 2
    assert call(cases, "views", "delete", "Ours").exit_code == 0
    assert call(cases, "views", "delete", "Ours").exit_code == 2
    assert "has saved no view" in call(cases, "views").stdout


@pytest.mark.parametrize(
    "words",
    [
        ("dance", "--case", REFS[0]),
        ("assign", "--case", REFS[0]),
        ("assign", "--owner", "a", "--nobody", "--case", REFS[0]),
        ("assign", "--owner", "Mary Jones", "--case", REFS[0]),
        ("assign", "--owner", "999 123 4500", "--case", REFS[0]),
        ("assign", "--nobody"),
        ("assign", "--nobody", "--case", REFS[0], "--filter", "show=late"),
        ("assign", "--nobody", "--case", "NX99999"),
        ("assign", "--nobody", "--filter", "colour=red"),
        ("assign", "--nobody", "--filter", "show=tomorrow"),
        ("assign", "--nobody", "--filter", "late"),
        ("pause", "--case", REFS[0]),
        ("pause", "--reason", "why", "--until", "soon", "--case", REFS[0]),
        ("release", "--reason", "why", "--until", "2026-03-20", "--case", REFS[0]),
        ("record", "--fact", "health_advice_received", "--case", REFS[0]),
        ("record", "--fact", "fact_withdrawn", "--on", "2026-03-16", "--case", REFS[0]),
        ("record", "--fact", "No Fact", "--on", "2026-03-16", "--case", REFS[0]),
    ],
)
def test_a_wrong_call_does_nothing_and_shows_an_example(cases: Team, words: tuple[str, ...]) -> None:
    before = [cases.lines(ref) for ref in REFS]
    said = call(cases, "bulk", *words)
    assert said.exit_code == 2 and said.stdout == "" and said.stderr
    assert "Jones" not in said.stderr and "4500" not in said.stderr
    assert [cases.lines(ref) for ref in REFS] == before


def test_a_second_person_is_asked_for(cases: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, "SENDFLOW_SECOND_PERSON", "releases")
    release = ("release", "--reason", "they may leave", *chosen(REFS[0]))
    code, [line] = bulk(cases, *release, "--try")
    assert (code, line["asked"], line["refused"]) == (1, True, None)
    code, [line] = bulk(cases, *release)
    assert code == 1 and line["asked"] and line["refused"]
