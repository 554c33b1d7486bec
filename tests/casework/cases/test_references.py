"""References that sendflow gives: none is ever given twice, however many there are."""

from datetime import date
from pathlib import Path

from casework.cases.record import RecordCommand as Acted
from casework.cases.record import Recorded, record, record_acts
from models.facts import FactDraft
from tests.support.team import Team

ON = "2 Mar 2026"
OPENING = FactDraft("ehc_assessment_requested", date(2026, 3, 2), {"la": "northshire"})


def minted(team: Team, times: int = 1) -> list[str]:
    """References of cases that were opened without one, in one transaction."""
    outcomes = record_acts(team.context(ON), [Acted(None, [OPENING])] * times, "dco.team", "record")
    return [each.case_ref for each in outcomes if isinstance(each, Recorded)]


def test_after_the_last_of_a_series_comes_the_next_and_none_is_given_twice(tmp_path: Path) -> None:
    team = Team(tmp_path)
    record(team.context(ON), "SF-999998", [OPENING], "dco.team")
    assert minted(team, 3) == ["SF-999999", "SFA-000000", "SFA-000001"]
    assert minted(team) == ["SFA-000002"]
    assert minted(team) == ["SFA-000003"]


def test_a_reference_of_a_teams_own_form_does_not_lead_the_series_astray(tmp_path: Path) -> None:
    team = Team(tmp_path)
    for own in ("SF-5000000", "SF-12345", "SFA-000000", "SG12345", "TX-000009"):
        record(team.context(ON), own, [OPENING], "dco.team")
    assert minted(team, 2) == ["SF-000001", "SF-000002"]
