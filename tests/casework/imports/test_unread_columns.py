"""Columns that are not understood: named with the nearest known one; one that looks like answers stops the import."""

from pathlib import Path

import pytest

from casework.context import AppContext
from casework.imports.raw_rows import SheetError
from casework.imports.tracker_import import import_file
from config.directory import load_directory
from config.tracker_columns import load_columns
from tests.support.team import Team
from tests.support.trackers import TODAY, facts, scalar

COLUMNS, DIRECTORY = load_columns(), load_directory()
BASE = "Ref,Local authority,Request received by LA,LA decision to assess,Assess?,Health request received,Services asked"
ROW = "AB00001,Northshire,05/01/2026,09/02/2026,Yes,16/02/2026,SALT; OT; CAMHS"


@pytest.fixture
def context(team: Team) -> AppContext:
    return team.context(TODAY)


def saved(folder: Path, headers: str, cells: str) -> Path:
    path = folder / "tracker.csv"
    path.write_text(f"{BASE},{headers}\n{ROW},{cells}\n", encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("header", "service"),
    [
        ("SALT date returned", "speech_and_language_therapy"),
        ("SALT Returned Date", "speech_and_language_therapy"),
        ("SLT report rec'd", "speech_and_language_therapy"),
        ("S&LT returned", "speech_and_language_therapy"),
        ("Date OT received", "occupational_therapy"),
        ("OT Returned?", "occupational_therapy"),
        ("Advice received from OT", "occupational_therapy"),
        ("CAMHS Rec'd", "camhs"),
        ("Paeds rcvd", "community_paediatrics"),
    ],
)
def test_a_header_of_answers_is_known_in_many_spellings(header: str, service: str) -> None:
    assert COLUMNS.meaning(header, DIRECTORY) == f"answer:{service}"


@pytest.mark.parametrize("header", ["SALT", "SALT requested", "Returned", "Date", "Dentist received", "Received", ""])
def test_what_is_no_answer_of_a_known_service_is_not_read_as_one(header: str) -> None:
    assert COLUMNS.meaning(header, DIRECTORY) is None


@pytest.mark.parametrize(
    ("header", "stops"),
    [
        ("SALT", True),
        ("Status", True),
        ("Date advice sent to LA", True),
        ("Dentist Rec'd", True),
        ("Closed on", True),
        ("Outcome", True),
        ("SALT chased", True),
        ("School", False),
        ("Year group", False),
        ("Key worker", False),
    ],
)
def test_a_header_that_names_a_service_or_an_ending_looks_like_an_answer(header: str, stops: bool) -> None:
    assert COLUMNS.looks_like_an_answer(header, DIRECTORY) is stops


@pytest.mark.parametrize("dry_run", [True, False])
def test_a_column_that_looks_like_an_answer_stops_the_import(
    context: AppContext, tmp_path: Path, dry_run: bool
) -> None:
    path = saved(tmp_path, "SALT,SLT report rec'd,Status,School", "28/04/2026,01/04/2026,Withdrawn,Hill")
    with pytest.raises(SheetError) as stopped:
        import_file(context, path, dry_run)
    said = stopped.value.sentence
    assert stopped.value.exit_code == 1 and "--ignore-columns" in said
    assert "column H" not in said and "H 'SALT' (1 filled cell" in said and "J 'Status'" in said
    assert "'Speech and Language Therapy returned'" in said and "School" not in said and "Withdrawn" not in said
    assert scalar(context, "SELECT count(*) FROM fact") == 0


def test_a_person_may_go_on_without_these_columns_and_each_is_named(context: AppContext, tmp_path: Path) -> None:
    path = saved(tmp_path, "SALT,SLT report rec'd,Status,School", "28/04/2026,01/04/2026,Withdrawn,Hill")
    report = import_file(context, path, ignore_columns=True)
    assert (report.accepted, report.refused) == (1, 0)
    assert ("health_advice_received", "2026-04-01") in facts(context, "AB00001")
    assert [remark.split(";")[0] for remark in report.remarks] == [
        "column H 'SALT' was not read (1 filled cell)",
        "column J 'Status' was not read (1 filled cell)",
        "column K was not read (1 filled cell)",
    ]


def test_an_empty_column_and_one_of_another_kind_stop_nothing_and_are_named(
    context: AppContext, tmp_path: Path
) -> None:
    report = import_file(context, saved(tmp_path, "Status,School,999 123 4500", ",Hill,"))
    assert report.accepted == 1
    assert [remark.split(";")[0] for remark in report.remarks] == [
        "column H 'Status' was not read (0 filled cells)",
        "column I was not read (1 filled cell)",
        "column J was not read (0 filled cells)",
    ]


def test_a_refusal_names_the_header_of_the_file_and_the_column(context: AppContext, tmp_path: Path) -> None:
    path = tmp_path / "tracker.csv"
    path.write_text("Ref,Council,Date of request\nAB00001,Elsewhere,31/02/2026\n", encoding="utf-8")
    report = import_file(context, path)
    assert [refusal.message.split(":")[0] for refusal in report.refusals] == [
        "Council (column B)",
        "Date of request (column C)",
    ]
    assert [refusal.field for refusal in report.refusals] == ["Local authority", "Request received by LA"]
