"""The same child under a name typed otherwise, and a second request that corrects nothing."""

from pathlib import Path

import pytest

from casework.cases.references import reference_meant
from casework.context import AppContext
from casework.imports.identity import same_value
from casework.imports.tracker_import import import_file
from casework.reports.worklists import overdue
from tests.support.by_hand import day
from tests.support.team import Team
from tests.support.trackers import TODAY, case_of, codes, facts, tracker


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


def test_a_new_request_after_a_withdrawal_is_no_correction_and_not_open_already(team: Team, tmp_path: Path) -> None:
    """The row of a request that was withdrawn gets the days of the next one: once they were read as a correction."""
    context = team.context("15 Jun 2026")
    row = {"Ref": "AB00001", "Local authority": "Northshire", "NHS number": "9992000074", "DOB": "01/05/2018"}
    asked = {"Assess?": "Yes", "Services asked": "SALT"}
    first = {"Request received by LA": "09/01/2026", "LA decision to assess": "18/02/2026"}
    import_file(context, tracker(tmp_path, row | asked | first | {"Health request received": "20/02/2026"}))
    team.record("15 Jun 2026", "case_withdrawn", on="1 Apr 2026", case="AB00001")
    before = facts(context, "AB00001")
    second = {"Request received by LA": "12/05/2026", "LA decision to assess": "01/06/2026"}
    report = import_file(context, tracker(tmp_path, row | asked | second | {"Health request received": "08/06/2026"}))
    assert codes(report) == {2: ["differs"]} and facts(context, "AB00001") == before
    assert "ended on 01/04/2026, so that the request of 12/05/2026 is a new one" in report.refusals[0].message


CHILD = {"Local authority": "Northshire", "NHS number": "9991234500", "DOB": "02/03/2015"}
SCHOOLS = CHILD | {"Ref": "AB00001", "Request received by LA": "05/01/2026"}
PARENTS = CHILD | {"Ref": "AB00002", "Request received by LA": "12/01/2026"}


def references(context: AppContext) -> list[str]:
    with context.engine.begin() as connection:
        return [row[0] for row in connection.exec_driver_sql("SELECT case_ref FROM case_file ORDER BY 1")]


@pytest.mark.parametrize("at_once", [True, False])
@pytest.mark.parametrize("own", ["AB00002", "EHC-2026-17"])
def test_a_schools_request_and_then_a_parents_are_one_case_with_two_requesters(
    team: Team, tmp_path: Path, at_once: bool, own: str
) -> None:
    context = team.context(TODAY)
    rows = (SCHOOLS, PARENTS | {"Ref": own})
    if not at_once:
        import_file(context, tracker(tmp_path, SCHOOLS))
    report = import_file(context, tracker(tmp_path, *rows))
    assert report.refused == 0 and references(context) == ["AB00001"]
    requests = [("ehc_assessment_requested", "2026-01-05"), ("ehc_assessment_request_repeated", "2026-01-12")]
    assert [fact for fact in facts(context, "AB00001") if "request" in fact[0]] == requests
    late = [row.rule for row in overdue(context, day(TODAY))]
    assert late == ["ehc_assess_decision_notify"]
    assert reference_meant(context, own) == "AB00001"
    # The same file again changes nothing, and the rest of the case goes on in the row of the first request.
    assert import_file(context, tracker(tmp_path, *rows)).unchanged == 2
    decided = SCHOOLS | {"LA decision to assess": "09/02/2026", "Assess?": "Yes"}
    again = import_file(context, tracker(tmp_path, decided, rows[1]))
    assert (again.refused, again.facts_added) == (0, 1)


def test_what_followed_a_repeated_request_belongs_to_the_row_of_the_first(team: Team, tmp_path: Path) -> None:
    context = team.context(TODAY)
    decided = PARENTS | {"LA decision to assess": "09/02/2026", "Assess?": "Yes"}
    report = import_file(context, tracker(tmp_path, SCHOOLS, decided))
    assert codes(report) == {3: ["undecided_already"]} and references(context) == ["AB00001"]
    assert "in the row of AB00001" in report.refusals[0].message


def test_a_request_of_a_time_at_which_the_first_was_undecided_opens_no_second_case(team: Team, tmp_path: Path) -> None:
    context = team.context(TODAY)
    decided = SCHOOLS | {"LA decision to assess": "09/02/2026", "Assess?": "No"}
    report = import_file(context, tracker(tmp_path, decided, PARENTS))
    assert codes(report) == {3: ["undecided_already"]} and references(context) == ["AB00001"]
    assert "until 2026-02-09" in report.refusals[0].message
    later = PARENTS | {"Request received by LA": "16/02/2026"}
    assert import_file(context, tracker(tmp_path, decided, later)).refused == 0
    assert references(context) == ["AB00001", "AB00002"]


def test_without_a_date_of_birth_the_child_is_confirmed_first(team: Team, tmp_path: Path) -> None:
    context = team.context(TODAY)
    rows = [{key: value for key, value in row.items() if key != "DOB"} for row in (SCHOOLS, PARENTS)]
    report = import_file(context, tracker(tmp_path, *rows))
    assert codes(report) == {3: ["confirm_child"]}
    assert import_file(context, tracker(tmp_path, *rows), confirmed=True).refused == 0
    assert references(context) == ["AB00001"]


def test_a_case_without_a_usable_reference_is_linked_to_the_other_cases_of_its_child(
    team: Team, tmp_path: Path
) -> None:
    context = team.context(TODAY)
    refused = SCHOOLS | {"LA decision to assess": "09/02/2026", "Assess?": "No"}
    later = PARENTS | {"Ref": "EHC-2026-17", "Request received by LA": "16/02/2026"}
    import_file(context, tracker(tmp_path, refused))
    assert import_file(context, tracker(tmp_path, refused, later)).refused == 0
    assert case_of(context, "AB00001").same_child == ["SF-000001"]


def test_a_birth_date_that_a_row_makes_known_of_other_cases_is_a_note_of_its_line(team: Team, tmp_path: Path) -> None:
    context = team.context(TODAY)
    refused = SCHOOLS | {"LA decision to assess": "09/02/2026", "Assess?": "No", "DOB": ""}
    later = PARENTS | {"Request received by LA": "16/02/2026", "DOB": ""}
    import_file(context, tracker(tmp_path, refused, later), confirmed=True)
    report = import_file(context, tracker(tmp_path, refused, later | {"DOB": CHILD["DOB"]}))
    assert report.refused == 0
    assert report.remarks[-1].startswith("line 3: the date of birth, unknown before, now holds for case AB00001 (")
