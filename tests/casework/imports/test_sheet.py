"""Trackers as files: encodings, separators, titles, totals and other sheets skipped, and one clear line for what is
no tracker.
"""

# ruff: noqa: DTZ001 (the days of a sheet have no zone)

import io
import os
import zipfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl.chart import BarChart

from casework.imports.cells import words
from casework.imports.raw_rows import SheetError
from casework.imports.sheet import SheetRow, TrackerFile, open_tracker
from config.directory import load_directory
from config.tracker_columns import load_columns
from tests.support.examples import examples
from tests.support.paths import GOLDEN

FILES = GOLDEN / "imports"
COLUMNS, DIRECTORY = load_columns(), load_directory()
HEADER = ["Ref", "Local authority", "Request received by LA", "Comments"]
SECRET = "Maisie Canary 999 123 4500"


def opened(path: Path) -> TrackerFile:
    return open_tracker(path, COLUMNS, DIRECTORY)


def rows(path: Path) -> list[SheetRow]:
    return list(opened(path).rows())


def refused(path: Path) -> SheetError:
    with pytest.raises(SheetError) as problem:
        rows(path)
    assert "Canary" not in str(problem.value) and path.name not in str(problem.value) and "\n" not in str(problem.value)
    return problem.value


Save = Callable[..., Path]


@pytest.fixture
def save(tmp_path: Path) -> Save:
    """Saves sheets (lists of rows) as a workbook."""

    def saved(*sheets: list[list[Any]], hidden: tuple[int, ...] = ()) -> Path:
        book = openpyxl.Workbook()
        for number, sheet in enumerate(sheets, 1):
            page = book.active if number == 1 else book.create_sheet(f"Sheet {number}")
            for row in sheet:
                page.append(row)
            if number in hidden:
                page.sheet_state = "hidden"
        path = tmp_path / "our tracker.xlsx"
        book.save(path)
        return path

    return saved


def test_a_csv_with_a_mark_and_quoted_newlines_gives_physical_lines() -> None:
    found = rows(FILES / "plain.csv")
    assert [row.line for row in found] == [2, 3, 5, 6]
    assert (
        found[1].cells["exception"] == "Family abroad, five weeks"
        and found[1].cells["comments"] == "two\nlines of comment"
    )


def test_a_windows_file_with_semicolons_a_title_and_totals() -> None:
    tracker = opened(FILES / "windows.csv")
    found = list(tracker.rows())
    assert [row.line for row in found] == [5, 6]
    assert found[0].cells["comments"] == "café’s phone" and found[0].cells["la_reference"] == "NS-04412"
    assert found[0].cells["answer:speech_and_language_therapy"] == "30-03-2026"
    assert tracker.all_remarks() == [
        "2 rows above the header were not read: lines 1 and 2",
        "1 row of totals was not read: line 8",
    ]


@pytest.mark.parametrize(
    ("encoding", "delimiter"), [("utf-8", ","), ("utf-8-sig", "\t"), ("cp1252", ";"), ("utf-16", "|"), ("utf-16", ",")]
)
def test_encodings_and_separators(tmp_path: Path, encoding: str, delimiter: str) -> None:
    path = tmp_path / "t.csv"
    lines = [HEADER, ["NX001", "Northshire", "05/03/2026", "Renée £5"]]
    path.write_bytes("\r\n".join(delimiter.join(line) for line in lines).encode(encoding))
    [row] = rows(path)
    assert row.line == 2 and row.cells["comments"] == "Renée £5"


def test_a_row_with_more_cells_than_the_header_is_doubted_and_trailing_separators_are_not(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(
        "Ref,LA,Request received,Comments\nNX001,Northshire,05/03/2026,said so, and"
        " more\nNX002,Northshire,05/03/2026,,,,\nNX003,Northshire\n"
    )
    first, second, third = rows(path)
    assert [doubt.code for _, doubt in first.doubts] == ["extra_cells"] and not second.doubts and not third.doubts
    assert "requested_on" not in third.cells


def test_old_line_ends_and_blank_lines_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(b"Ref,LA,Request received\r\rNX001,Northshire,05/03/2026\r,,\rNX002,Northshire,05/03/2026\r")
    assert [row.line for row in rows(path)] == [3, 5]


def test_a_header_printed_again_and_notes_are_no_cases(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(
        "Ref,LA,NHS number,Request received,Comments\nNX001,Northshire,,05/03/2026,\nRef,LA,NHS number,Request"
        " received,Comments\nGrand total,,,12,\n,,,,please keep up to date\nlast seen by"
        " Sam,,,,\nSubtotal,4,,,\nCount,,,3,\nNX002,,,,\n,,9991234500,,\n,Northshire,,,\n"
    )
    tracker = opened(path)
    assert [row.line for row in tracker.rows()] == [2, 9, 10, 11]
    assert tracker.all_remarks() == [
        "3 rows of totals were not read: lines 4, 7 and 8",
        "2 rows of totals or notes were not read: lines 5 and 6",
        "1 row with the headers again was not read: line 3",
    ]


def test_a_workbook_with_a_title_dates_numbers_and_other_sheets(save: Save) -> None:
    path = save(
        [
            ["SEND health tracker"],
            [],
            HEADER,
            ["NX001", "Northshire", datetime(2026, 3, 5), None],
            [],
            ["NX002", "Tarnford", "05/03/2026", 12],
        ],
        [["Services"], ["CAMHS"]],
        [HEADER, ["NX003", "Eastmere", datetime(2026, 3, 6), SECRET]],
        [HEADER, ["NX004", "Eastmere", datetime(2026, 3, 6), None]],
        hidden=(4,),
    )
    tracker = opened(path)
    found = list(tracker.rows())
    assert [(row.sheet, row.line) for row in found] == [(1, 4), (1, 6), (3, 2)]
    assert found[0].cells["requested_on"] == datetime(2026, 3, 5) and words(found[1].cells["comments"]) == "12"
    assert tracker.all_remarks() == [
        "sheet 2 has no tracker header and was not read (2 filled cells)",
        "sheet 4 is hidden and was not read (7 filled cells)",
        "1 row above the header was not read: line 1",
    ]


def test_a_chart_does_no_harm_and_a_formula_without_a_value_is_doubted(save: Save) -> None:
    path = save([HEADER, ["NX001", "Northshire", "=TODAY()", None]])
    book = openpyxl.load_workbook(path)
    book.create_chartsheet("Chart").add_chart(BarChart())
    book.save(path)
    [row] = rows(path)
    assert [(column, doubt.code) for column, doubt in row.doubts] == [("requested_on", "no_value")]


def test_what_a_workbook_says_of_its_size_is_not_relied_on(save: Save, tmp_path: Path) -> None:
    path = save([HEADER, ["NX001", "Northshire", "05/03/2026", None], ["NX002", "Northshire", "05/03/2026", None]])
    lying = tmp_path / "lying.xlsx"
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(lying, "w") as new:
        for part in old.infolist():
            new.writestr(part, old.read(part).replace(b'ref="A1:D3"', b'ref="A1:A1"'))
    assert [row.line for row in rows(lying)] == [2, 3]


def test_a_device_and_a_pipe_are_refused_before_anything_is_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.csv")
    for path in (tmp_path / "pipe.csv", Path("/dev/zero")):
        fault = refused(path)
        assert fault.exit_code == 2 and "that is no ordinary file" in fault.sentence


def test_a_file_that_is_not_there_a_folder_or_empty(tmp_path: Path) -> None:
    assert refused(tmp_path / "Maisie Canary.csv").exit_code == 2
    assert "folder" in refused(tmp_path).sentence
    (tmp_path / "empty.csv").write_bytes(b" \n")
    assert "empty" in refused(tmp_path / "empty.csv").sentence
    assert refused(tmp_path / ("x" * 300)).exit_code == 3
    assert refused(Path("odd\0name")).exit_code in {2, 3}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\xd0\xcf\x11\xe0" + b"\0" * 600, "locked with a password"),
        (b"PK\x03\x04 Maisie Canary", "damaged"),
        (b"\x00\x01\x02Maisie Canary" * 50, "no spreadsheet"),
        (b"\xff\xfeM", "no spreadsheet"),
        (b"Name,Notes\nMaisie Canary,rang", "no header row"),
        (b"<html><body>Maisie Canary</body></html>", "no header row"),
        (
            b"Ref,NHS number,Comments\nNX001,9991234500,Maisie Canary",
            "row 1 comes nearest and lacks 'Local authority', 'Request received by LA'",
        ),
        (
            b"Ref,LA,Request received,Date of request\nNX001,Northshire,,Maisie Canary",
            "columns C 'Request received' and D 'Date of request' mean the same",
        ),
        (
            b'Ref,LA,Request received\nNX001,Northshire,05/03/2026\nNX002,"Maisie Canary,05/03/2026\nNX003,x,y\n',
            "row that begins on line 3",
        ),
        (b'Ref,LA,Request received\nNX001,"Maisie" Canary,05/03/2026\n', "row that begins on line 2"),
    ],
)
def test_what_is_no_tracker_is_one_clear_line(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "Maisie Canary.csv"
    path.write_bytes(content)
    problem = refused(path)
    assert said in problem.sentence and problem.exit_code == 2 and problem.code == "not_a_tracker"


def test_a_packed_file_that_is_no_workbook_and_a_truncated_one(tmp_path: Path, save: Save) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as made:
        made.writestr("content.xml", SECRET)
    (tmp_path / "other.ods").write_bytes(packed.getvalue())
    assert "no .xlsx workbook" in refused(tmp_path / "other.ods").sentence
    path = save([HEADER, *[["NX001", "Northshire", "05/03/2026", SECRET]] * 50])
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    assert "damaged" in refused(path).sentence


def test_a_workbook_damaged_within_a_sheet_is_refused_whole(save: Save, tmp_path: Path) -> None:
    path = save([HEADER, *[["NX001", "Northshire", "05/03/2026", SECRET]] * 200])
    damaged = tmp_path / "damaged.xlsx"
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(damaged, "w") as new:
        for part in old.infolist():
            content = old.read(part)
            new.writestr(part, content[: len(content) * 3 // 4] if part.filename.endswith("sheet1.xml") else content)
    assert "damaged" in refused(damaged).sentence


@settings(max_examples=examples(60), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.one_of(
        st.binary(max_size=400),
        st.binary(max_size=300).map(lambda tail: b"PK\x03\x04" + tail),
        st.text(max_size=300).map(lambda tail: ("Ref,LA,Request received\n" + tail).encode("utf-8", "surrogatepass")),
        st.text(alphabet='"\n\r,;ab', max_size=80).map(lambda tail: ("Ref;LA;Request received\n" + tail).encode()),
    )
)
def test_no_bytes_make_the_reader_raise_anything_but_its_own_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "any.csv"
    path.write_bytes(content)
    try:
        rows(path)
    except SheetError as problem:
        assert problem.exit_code in {2, 3} and problem.sentence
