"""What may be recorded now is what the state of a case accepts, with every field that a person has to give."""

import pytest

from casework.reports.recordable import fields_of, openings, recordable
from models.common_facts import ENGINE_ONLY
from models.errors import NoSuchCase
from statemachines.registry import opened_by, processes
from tests.support.team import Team


def test_exactly_the_facts_that_the_state_accepts_are_listed(team: Team) -> None:
    team.opened("2 Feb 2026")
    found = recordable(team.context("2 Feb 2026"), team.case)
    process = processes()["ehc_needs_assessment"]
    usual = {fact.kind for fact in found.facts if fact.group != "out of order"}
    assert usual == set(process.permitted("assessing")) - ENGINE_ONLY
    assert {fact.kind for fact in found.facts} - usual == set(process.out_of_order("assessing"))


def test_what_meets_a_duty_of_health_comes_before_what_meets_the_authoritys(team: Team) -> None:
    team.opened("2 Feb 2026").asked("2 Mar 2026")
    usual = [fact.kind for fact in recordable(team.context("2 Mar 2026"), team.case).facts if fact.group == "usual"]
    assert usual.index("health_advice_received") < usual.index("final_plan_received")
    assert "fact_corrected" not in usual


def test_a_case_that_does_not_exist_is_named_as_such(team: Team) -> None:
    with pytest.raises(NoSuchCase):
        recordable(team.context("2 Feb 2026"), "NX99999")


@pytest.mark.all_processes
def test_every_opening_fact_of_every_process_is_listed() -> None:
    assert {fact.kind for fact in openings().facts} == set(opened_by())


@pytest.mark.each_process
@pytest.mark.parametrize("name", processes())
def test_every_field_of_every_fact_has_a_form(name: str) -> None:
    for fact in processes()[name].facts.values():
        for form in fields_of(fact.model):
            assert form.choices or form.kind != "choice", f"{fact.kind}.{form.name} is a choice of nothing"
            assert form.hidden == (form.name in fact.model.IDENTITY_FIELDS)
