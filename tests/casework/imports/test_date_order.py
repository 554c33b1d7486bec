"""A day is never guessed from one cell alone: its neighbours and its time of day may doubt it."""

# ruff: noqa: DTZ001 (the days of a sheet have no zone)

from datetime import date, datetime
from pathlib import Path

import pytest

from casework.context import AppContext
from casework.imports.cells import Cell, Doubt, plain_day
from casework.imports.tracker_import import import_file
from tests.support.team import Team
from tests.support.trackers import codes, facts


@pytest.fixture
def context(team: Team) -> AppContext:
    return team.context("1 Nov 2026")


def saved(folder: Path, *days: str) -> Path:
    path = folder / "tracker.csv"
    rows = [f"AB0000{number},Northshire,{day}\n" for number, day in enumerate(days, 1)]
    path.write_text("Ref,Local authority,Request received by LA\n" + "".join(rows), encoding="utf-8")
    return path


def test_one_cell_with_the_month_first_doubts_the_ambiguous_ones_of_its_column(
    context: AppContext, tmp_path: Path
) -> None:
    report = import_file(context, saved(tmp_path, "03/05/2026", "03/16/2026", "03/09/2026", "03/03/2026", "27/03/2026"))
    assert codes(report) == {2: ["ambiguous_date"], 3: ["impossible_date"], 4: ["ambiguous_date"]}
    assert "line 3 of this column has the month first" in report.refusals[0].message
    assert facts(context, "AB00004") == [("ehc_assessment_requested", "2026-03-03")]
    assert facts(context, "AB00005") == [("ehc_assessment_requested", "2026-03-27")]


def test_without_such_a_cell_the_day_comes_first(context: AppContext, tmp_path: Path) -> None:
    assert import_file(context, saved(tmp_path, "03/05/2026")).refused == 0
    assert facts(context, "AB00001") == [("ehc_assessment_requested", "2026-05-03")]


@pytest.mark.parametrize(
    "cell",
    [datetime(2026, 6, 4, 23, 59, 12), datetime(2026, 6, 4, 23, 0), "04/06/2026 23:59:12", "04/06/2026 11:30 pm"],
)
def test_a_time_just_before_midnight_doubts_the_day(cell: Cell) -> None:
    with pytest.raises(Doubt) as doubt:
        plain_day(cell)
    assert doubt.value.code == "ambiguous_date" and "midnight" in doubt.value.expected


@pytest.mark.parametrize(
    "cell", [datetime(2026, 6, 5), datetime(2026, 6, 5, 9, 30), "05/06/2026 09:30", "05/06/2026 11:30 am"]
)
def test_another_time_of_day_changes_nothing(cell: Cell) -> None:
    assert plain_day(cell) == date(2026, 6, 5)


@pytest.mark.parametrize("cell", ["N/A", "n/a", "NA", "None", "nil"])
def test_a_word_for_no_date_is_refused_with_what_to_do(cell: str) -> None:
    with pytest.raises(Doubt) as doubt:
        plain_day(cell)
    assert "leave the cell empty" in doubt.value.expected


def test_a_mark_for_the_end_of_the_file_is_no_row(context: AppContext, tmp_path: Path) -> None:
    path = saved(tmp_path, "05/03/2026")
    path.write_bytes(path.read_bytes() + b"\x1a")
    report = import_file(context, path)
    assert (report.rows, report.accepted, report.refused) == (1, 1, 0)
