"""The page of a case says what stops the erasure of the child's records, until it has ended."""

from __future__ import annotations

from casework.retention_holds import begin_hold, end_hold
from tests.support.by_hand import CASE
from tests.support.team import Team
from tests.web.conftest import Browser
from tests.web.test_recording import person

__all__ = ["person"]
SAID = "Complaint, also to an ombudsman (NX90001)."


def test_a_case_says_what_stops_an_erasure_until_it_has_ended(team: Team, person: Browser) -> None:
    assert SAID not in person.get(f"/cases/{CASE}").text
    hold = begin_hold(team.context("16 Mar 2026"), CASE, "complaint", "dco.team")
    assert SAID in person.get(f"/cases/{CASE}").text
    end_hold(team.context("16 Mar 2026"), hold.number, "dco.team")
    assert SAID not in person.get(f"/cases/{CASE}").text
