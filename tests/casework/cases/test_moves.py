"""A child moves while the old authority's assessment is open: a person is asked, and the old trust is not breached."""

from typing import Any

import pytest

from statemachines.replay import facts_in_force
from tests.support.by_hand import SALT, day
from tests.support.team import Team

MOVE = "TF90001"
ASKED: dict[str, Any] = {"body": "QX101", "service": SALT}


@pytest.fixture
def asked(team: Team) -> Team:
    """The old authority's assessment, in which a trust was asked on 2 March: due 13 April."""
    return team.opened().asked("2 Mar 2026")


def move(team: Team, on: str) -> list[str]:
    """It becomes known that the child moved on this day."""
    fields: dict[str, Any] = {"la": "northshire", "moved_on": day(on).isoformat(), "linked_to": team.case}
    return team.record(on, "move_known", case=MOVE, confirmed=True, **fields).unheard


def pauses(team: Team) -> list[str]:
    return [fact.data["until"] for fact in facts_in_force(team.lines()) if fact.kind == "chasing_paused"]


def test_the_old_trust_is_not_breached_while_a_person_is_asked(asked: Team) -> None:
    said = asked.record(
        "8 Apr 2026",
        "move_known",
        "7 Apr 2026",
        case=MOVE,
        la="northshire",
        moved_on="2026-04-07",
        linked_to=asked.case,
    ).unheard
    assert any(f"sendflow record {MOVE} child_moved" in line and "2026-04-22" in line for line in said)
    assert pauses(asked) == ["2026-04-22"]
    for on in ("14 Apr 2026", "21 Apr 2026"):
        asked.day(on)
    assert [kind for kind, *_rest in asked.escalations("breached", "escalation_due")] == []
    asked.record("22 Apr 2026", "child_moved", "7 Apr 2026", case=MOVE)
    asked.day("24 Apr 2026")
    assert asked.escalations("breached") == [] and asked.verify("24 Apr 2026").intact


def test_where_the_request_goes_on_its_steps_come_back(asked: Team) -> None:
    move(asked, "8 Apr 2026")
    paused = next(fact.seq for fact in asked.lines() if fact.kind == "chasing_paused")
    asked.record("9 Apr 2026", "fact_withdrawn", corrects=paused, reason="the old authority goes on")
    asked.day("14 Apr 2026")
    assert asked.escalations("breached")


def test_a_move_to_come_pauses_nothing_and_the_move_itself_ends_what_the_old_area_owes(asked: Team) -> None:
    asked.record("30 Mar 2026", "move_known", case=MOVE, la="northshire", moved_on="2026-04-07", linked_to=asked.case)
    asked.record("7 Apr 2026", "child_moved", case=MOVE)
    assert pauses(asked) == [] and asked.duty("7 Apr 2026").ended_on == day("7 Apr 2026")
    asked.day("14 Apr 2026")
    assert asked.escalations("breached") == []


def test_what_was_answered_or_asked_by_another_authority_is_not_paused(asked: Team) -> None:
    asked.record("9 Mar 2026", "health_advice_received", **ASKED)
    assert move(asked, "8 Apr 2026") == [] and pauses(asked) == []
