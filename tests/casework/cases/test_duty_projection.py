"""The `duty` table says what its columns are called, and a sweep reads it."""

from __future__ import annotations

from typing import Any

from models.database import reading
from models.tables import DUTY
from tests.support.by_hand import ADVICE
from tests.support.team import Team


def duty_row(team: Team, rule: str) -> dict[str, Any]:
    with reading(team.first.engine) as connection:
        rows = connection.execute(DUTY.select().where(DUTY.c.rule == rule)).mappings().all()
    assert len(rows) == 1
    return dict(rows[0])


def test_a_duty_starts_on_the_day_that_its_fact_names_and_not_on_the_day_of_the_fact(team: Team) -> None:
    """The twelve months of a review run from the last review, which is recorded later."""
    team.record("2 Mar 2026", "plan_reviewed", la="northshire", last_reviewed_on="2026-01-12")
    row = duty_row(team, "annual_review_next")
    assert row["started_on"].isoformat() == "2026-01-12"
    assert row["started_on"].isoformat() == team.duty("2 Mar 2026", "annual_review_next").started_on.isoformat()
    assert row["opened_seq"] == 1
    assert row["evaluated_under"] == team.first.ruleset_digest


def test_the_next_check_of_a_duty_is_the_first_day_with_something_to_say(team: Team) -> None:
    team.opened("2 Feb 2026").asked("2 Mar 2026")
    before = duty_row(team, ADVICE)["next_check_on"]
    report = team.sweep(before.isoformat())
    assert report.facts_written > 0
    assert duty_row(team, ADVICE)["next_check_on"] > before
