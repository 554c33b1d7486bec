"""The officer's own part is on the record: a panel, a review or a hearing, with the view given, in every open state."""

from models.common_facts import ATTENDED
from statemachines.registry import processes
from tests.support.team import Team


def test_every_open_state_of_every_process_accepts_it_and_none_changes() -> None:
    for process in processes().values():
        assert process.facts[ATTENDED].accepted_in == process.facts["chasing_paused"].accepted_in
        assert all(kind != ATTENDED for _state, kind in process.table)


def test_it_moves_no_date_is_shown_on_the_case_and_its_view_is_encrypted(team: Team) -> None:
    team.opened()
    before = [(duty.rule, duty.due, duty.standing) for duty in team.report("10 Apr 2026").duties]
    recorded = team.record("10 Apr 2026", ATTENDED, what="panel", view="health supports the placement", body="QX900")
    assert recorded.unheard == []
    shown = team.report("10 Apr 2026")
    assert [(duty.rule, duty.due, duty.standing) for duty in shown.duties] == before
    fact = shown.facts[-1]
    assert (fact.kind, fact.data["what"], fact.data["body"], fact.out_of_order) == (ATTENDED, "panel", "QX900", None)
    assert "supports the placement" not in str(team.dump())
