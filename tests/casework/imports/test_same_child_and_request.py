"""The same child under a name typed otherwise, and a second request that corrects nothing."""

from pathlib import Path

import pytest

from casework.imports.identity import same_value
from casework.imports.tracker_import import import_file
from tests.support.team import Team
from tests.support.trackers import TODAY, codes, facts, tracker


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Aoife O'Brien", "Aoife O’Brien"),
        ("Zo\u00eb Hart", "Zoe\u0308 Hart"),
        ("SAM  HART", "Sam Hart"),
        ("Sam\u00a0Hart", "Sam Hart"),
        ("Ann\u2013Marie Hart", "Ann-Marie Hart"),
    ],
)
def test_a_name_typed_otherwise_is_the_same(one: str, other: str) -> None:
    assert same_value("name", one, other)
    assert not same_value("date_of_birth", one, other)


def test_another_name_is_another() -> None:
    assert not same_value("name", "Sam Hart", "Sam Hartley")
    assert not same_value("name", "Zoë Hart", "Zoe Hart")


def test_the_new_answer_of_a_child_whose_name_is_typed_otherwise_is_recorded(team: Team, tmp_path: Path) -> None:
    context = team.context(TODAY)
    row = {
        "Ref": "AB00001",
        "Local authority": "Northshire",
        "NHS number": "9991234500",
        "DOB": "02/03/2015",
        "Request received by LA": "05/01/2026",
        "LA decision to assess": "09/02/2026",
        "Assess?": "Yes",
        "Health request received": "16/02/2026",
        "Services asked": "CAMHS",
    }
    import_file(context, tracker(tmp_path, row | {"Name": "Aoife O'Brien"}))
    report = import_file(context, tracker(tmp_path, row | {"Name": "Aoife O’Brien", "CAMHS returned": "16/03/2026"}))
    assert (report.refused, report.corrections) == (0, 0)
    assert ("health_advice_received", "2026-03-16") in facts(context, "AB00001")


@pytest.mark.parametrize("accept_changes", [False, True])
def test_a_second_request_after_a_refusal_is_never_a_correction(
    team: Team, tmp_path: Path, accept_changes: bool
) -> None:
    context = team.context(TODAY)
    row = {"Ref": "AB00001", "Local authority": "Northshire", "NHS number": "9991234500", "DOB": "02/03/2015"}
    first = {"Request received by LA": "09/01/2025", "LA decision to assess": "18/02/2025", "Assess?": "No"}
    import_file(context, tracker(tmp_path, row | first))
    before = facts(context, "AB00001")
    second = row | {"Request received by LA": "12/01/2026"}
    report = import_file(context, tracker(tmp_path, second), accept_changes=accept_changes)
    assert codes(report) == {2: ["differs"]} and facts(context, "AB00001") == before
    assert "a reference of its own" in report.refusals[0].message
    assert import_file(context, tracker(tmp_path, second | {"Ref": "AB00002"})).refused == 0
    assert facts(context, "AB00002")[0] == ("ehc_assessment_requested", "2026-01-12")
