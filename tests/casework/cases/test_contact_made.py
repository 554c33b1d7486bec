"""A call or a meeting is a fact: it moves no date, is accepted in every open state, and the next letter names it."""

from __future__ import annotations

from typing import Any

import pytest

from casework.cases.fact_form import Refused
from casework.reports.recordable import recordable
from models.common_facts import CONTACT
from statemachines.registry import processes
from tests.support.by_hand import CASE, SALT, TRUST
from tests.support.team import Team

OF_SALT = {"body": TRUST, "service": SALT}
SPOKEN: dict[str, Any] = {
    "with_whom": "service_manager",
    "how": "call",
    "agreed": "an_answer",
    "agreed_by": "2026-04-20",
    **OF_SALT,
}


def test_every_open_state_of_every_process_accepts_it_and_none_changes() -> None:
    for process in processes().values():
        assert process.facts[CONTACT].accepted_in == process.facts["chasing_paused"].accepted_in
        assert all(kind != CONTACT for _state, kind in process.table)


def test_it_moves_no_date_and_its_words_are_encrypted(team: Team) -> None:
    team.opened().asked()
    before = [(duty.rule, duty.due, duty.standing) for duty in team.report("10 Apr 2026").duties]
    team.record("10 Apr 2026", CONTACT, **SPOKEN, note="Ms Example rings back on Monday")
    assert [(duty.rule, duty.due, duty.standing) for duty in team.report("10 Apr 2026").duties] == before
    fact = team.lines()[-1]
    assert (fact.kind, fact.data["with_whom"], fact.data["agreed_by"]) == (CONTACT, "service_manager", "2026-04-20")
    assert "rings back" not in str(team.dump())


def test_the_next_letters_history_says_with_whom_what_and_by_when(team: Team) -> None:
    team.opened().asked()
    team.record("10 Apr 2026", CONTACT, **SPOKEN, note="Ms Example rings back on Monday")
    team.record("11 Apr 2026", CONTACT, **{**SPOKEN, "with_whom": "other", "agreed": "nothing"})
    team.sweep("14 Apr 2026")
    text = team.letter("breach")[1]
    said = "contact made (call, service manager: there will be an answer by 20 April 2026)"
    assert f"10 April 2026: {said}" in _flat(text)
    assert "11 April 2026: contact made (call, other: nothing was agreed)" in _flat(text)
    assert "Ms Example" not in text


def _flat(text: str) -> str:
    return " ".join(text.split())


def test_it_is_offered_at_any_time_and_refused_without_its_words(team: Team) -> None:
    team.opened().asked()
    fact = next(each for each in recordable(team.first, CASE).facts if each.kind == CONTACT)
    assert fact.group == "at any time"
    assert {field.name for field in fact.fields if field.required} == {"with_whom", "how", "agreed"}
    with pytest.raises(Refused):
        team.record("10 Apr 2026", CONTACT, with_whom="service")
