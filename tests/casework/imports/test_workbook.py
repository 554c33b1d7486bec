"""Workbooks as people see them: what a reader would take for empty is doubted, what a person does not see is named."""

# ruff: noqa: DTZ001 (the days of a sheet have no zone)

import re
import subprocess
import sys
import zipfile
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from openpyxl.comments import Comment
from openpyxl.styles import Font
from openpyxl.worksheet.worksheet import Worksheet

from casework.context import AppContext
from casework.imports.raw_rows import SheetError
from casework.imports.sheet import SheetRow, open_tracker
from casework.imports.tracker_import import import_file
from config.directory import load_directory
from config.tracker_columns import load_columns
from tests.support.team import Team
from tests.support.trackers import codes

HEADER = [
    "Ref",
    "Council",
    "Request received by LA",
    "LA decision",
    "Assess?",
    "Health asked",
    "Services",
    "SALT returned",
]
FIRST = ["AB00001", "Northshire", datetime(2026, 3, 5), datetime(2026, 3, 20), "Yes", datetime(2026, 4, 1), "SALT"]
Change = Callable[[Worksheet], None]


@pytest.fixture
def context(team: Team) -> AppContext:
    return team.context("1 Nov 2026")


def saved(folder: Path, rows: list[list[Any]], change: Change = lambda sheet: None) -> Path:
    book = openpyxl.Workbook()
    for row in [HEADER, *rows]:
        book.active.append(row)
    change(book.active)
    book.save(folder / "tracker.xlsx")
    return folder / "tracker.xlsx"


def rows(path: Path) -> list[SheetRow]:
    return list(open_tracker(path, load_columns(), load_directory()).rows())


def with_sheet(path: Path, change: Callable[[str], str], part: str = "xl/worksheets/sheet1.xml") -> Path:
    """The workbook with a part of it written otherwise."""
    other = path.with_name("other.xlsx")
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(other, "w", zipfile.ZIP_DEFLATED) as new:
        for each in old.infolist():
            content = old.read(each)
            new.writestr(each.filename, change(content.decode()) if each.filename == part else content)
    return other


def test_a_formula_without_a_stored_value_is_doubted_by_its_cell(context: AppContext, tmp_path: Path) -> None:
    report = import_file(context, saved(tmp_path, [[*FIRST, "=F2+30"], ["AB00002", *FIRST[1:]]]))
    assert codes(report) == {2: ["no_value"]} and report.accepted == 1
    assert report.refusals[0].message.startswith("SALT returned (cell H2): the cell has a formula whose value")


@pytest.mark.parametrize(
    ("cell", "found"),
    [
        ('<c r="H2"><f>F2+30</f><v>46143</v></c>', 46143),
        ('<c r="H2" t="str"><f>IF(1,"","")</f><v></v></c>', None),
        ('<c r="H2" t="str"><f>IF(1,"x","")</f><v>28/04/2026</v></c>', "28/04/2026"),
        ('<c r="H2" t="inlineStr"><is><r><t>28/04</t></r><r><t>/2026</t></r></is></c>', "28/04/2026"),
        ('<c r="H2" t="d"><v>2026-04-28</v></c>', datetime(2026, 4, 28)),
        ('<c r="H2" t="b"><v>1</v></c>', True),
        ("", None),
    ],
)
def test_a_stored_value_is_read_as_it_is_shown(tmp_path: Path, cell: str, found: Any) -> None:
    path = saved(tmp_path, [[*FIRST, None]])
    [row] = rows(with_sheet(path, lambda text: text.replace("</row></sheetData>", cell + "</row></sheetData>")))
    assert row.cells["answer:speech_and_language_therapy"] == found and not row.doubts


def test_the_texts_that_cells_share_are_read_without_their_reading_aids(tmp_path: Path) -> None:
    path = saved(tmp_path, [[*FIRST, None]])
    cells = '<c r="H2" t="s"><v>0</v></c><c r="I2" t="s"><v>1</v></c></row></sheetData>'
    path = with_sheet(path, lambda text: text.replace("</row></sheetData>", cells))
    shared = (
        "<sst><si><r><t>28/04</t></r><r><t>/2026</t></r><rPh><t>aid</t></rPh></si>"
        "<si><r><rPr><strike/></rPr><t>gone_x000D_</t></r></si></sst>"
    )
    relation = '<Relationship Id="rId9" Type="http://x/sharedStrings" Target="sharedStrings.xml"/></Relationships>'
    with_shared = with_sheet(
        path.rename(tmp_path / "shared.xlsx"),
        lambda text: text.replace("</Relationships>", relation),
        "xl/_rels/workbook.xml.rels",
    )
    with zipfile.ZipFile(with_shared, "a") as packed:
        packed.writestr("xl/sharedStrings.xml", shared)
    tracker = open_tracker(with_shared, load_columns(), load_directory())
    [row] = tracker.rows()
    assert row.cells["answer:speech_and_language_therapy"] == "28/04/2026"
    assert "1 row has text that is struck through, and was read like the others: line 2" in tracker.all_remarks()


def test_an_error_value_is_doubted_in_every_column(context: AppContext, tmp_path: Path) -> None:
    path = saved(tmp_path, [FIRST])
    cell = '<c r="A2" t="e"><v>#REF!</v></c>'
    path = with_sheet(path, lambda text: text.replace('<row r="2">', '<row r="2">' + cell))
    assert ("reference", "error_value") in [
        (column, doubt.code) for [row] in [rows(path)] for column, doubt in row.doubts
    ]


def test_the_second_row_of_a_merged_block_is_doubted_and_no_note(context: AppContext, tmp_path: Path) -> None:
    def merge(sheet: Worksheet) -> None:
        for column in "ABCDEF":
            sheet.merge_cells(f"{column}2:{column}3")

    report = import_file(context, saved(tmp_path, [FIRST, [None] * 6 + ["CAMHS"]], merge))
    assert (report.rows, report.accepted, codes(report)) == (2, 1, {3: ["merged_below"]})
    assert "Ref (cell A3): the cell is merged with cell A2" in report.refusals[0].message
    assert report.cells.filled == report.cells.headings + report.cells.accepted_rows + report.cells.refused_rows


def test_a_cell_merged_with_the_one_beside_it_is_doubted(context: AppContext, tmp_path: Path) -> None:
    path = saved(tmp_path, [FIRST], lambda sheet: sheet.merge_cells("G2:H2"))
    assert codes(import_file(context, path)) == {2: ["merged_beside"]}


def test_a_merged_title_and_a_merged_note_doubt_nothing(context: AppContext, tmp_path: Path) -> None:
    path = saved(tmp_path, [FIRST, ["last seen by Sam"]], lambda sheet: sheet.merge_cells("A3:F3"))
    report = import_file(context, path)
    assert (report.accepted, report.refused) == (1, 0)
    assert "1 row of totals or notes was not read: line 3" in report.remarks


def test_hidden_rows_and_columns_and_struck_rows_are_named(context: AppContext, tmp_path: Path) -> None:
    def hide(sheet: Worksheet) -> None:
        sheet.row_dimensions[3].hidden = True
        sheet.row_dimensions[4].hidden = True
        sheet.column_dimensions["H"].hidden = True
        for cell in sheet[2]:
            cell.font = Font(strike=True)
        sheet["A2"].comment = Comment("moved away", "Sam")

    report = import_file(context, saved(tmp_path, [FIRST, ["AB00002", *FIRST[1:]], ["AB00003", *FIRST[1:]]], hide))
    assert report.accepted == 3
    assert report.remarks == [
        "1 note on a cell (a comment of Excel) was not read",
        "column H 'SALT returned' is hidden in the sheet, and was read like the others",
        "2 rows are hidden in the sheet, and were read like the others: lines 3 and 4",
        "1 row has text that is struck through, and was read like the others: line 2",
    ]


def test_dates_go_by_the_format_and_the_calendar_of_the_workbook(tmp_path: Path) -> None:
    path = saved(tmp_path, [FIRST])
    old = with_sheet(
        path, lambda text: re.sub("<workbookPr[^>]*>", '<workbookPr date1904="1"/>', text), "xl/workbook.xml"
    )
    [row], [later] = rows(path), rows(old)
    assert row.cells["requested_on"] == datetime(2026, 3, 5)
    assert isinstance(later.cells["requested_on"], datetime) and later.cells["requested_on"].date() == date(2030, 3, 6)


def test_a_cell_at_the_end_of_the_sheet_costs_nothing(tmp_path: Path) -> None:
    path = saved(tmp_path, [FIRST])
    far = '<row r="1048576"><c r="XFD1048576" t="inlineStr"><is><t>seen</t></is></c></row></sheetData>'
    path = with_sheet(path, lambda text: text.replace("</sheetData>", far))
    tracker = open_tracker(path, load_columns(), load_directory())
    assert [row.line for row in tracker.rows()] == [2]
    assert "1 row of totals or notes was not read: line 1048576" in tracker.all_remarks()


MEASURED = """
import re, sys
from pathlib import Path
from casework.imports.raw_rows import SheetError
from casework.imports.sheet import open_tracker
from config.directory import load_directory
from config.tracker_columns import load_columns
try:
    print(len(list(open_tracker(Path(sys.argv[1]), load_columns(), load_directory()).rows())))
except SheetError as problem:
    print(problem.sentence)
# ru_maxrss would count the parent's memory at the start as well
print(int(re.search("VmHWM:\\s+([0-9]+) kB", Path("/proc/self/status").read_text())[1]) // 1024)
"""


def peak(path: Path) -> tuple[str, int]:
    """What the reader of a file says, and its most memory in MB."""
    done = subprocess.run([sys.executable, "-c", MEASURED, str(path)], capture_output=True, text=True, check=True)
    said, megabytes = done.stdout.strip().rsplit("\n", 1)
    return said, int(megabytes)


def dense(folder: Path, begin: bytes, repeated: bytes, megabytes: int, end: bytes) -> Path:
    """A workbook whose sheet unpacks to so many megabytes."""
    path = saved(folder, [FIRST])
    other = folder / "dense.xlsx"
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(other, "w", zipfile.ZIP_DEFLATED) as new:
        for each in old.infolist():
            if each.filename != "xl/worksheets/sheet1.xml":
                new.writestr(each.filename, old.read(each))
                continue
            before, after = old.read(each).split(b"</sheetData>")
            with new.open(each.filename, "w") as part:
                part.write(before + begin)
                block = repeated * (1_048_576 // len(repeated))
                for _ in range(megabytes):
                    part.write(block)
                part.write(end + b"</sheetData>" + after)
    return other


@pytest.mark.parametrize(
    ("begin", "repeated", "end"),
    [
        (b'<row r="3"><c r="A3" t="inlineStr"><is><t>', b"a", b"</t></is></c></row>"),
        (b"", b'<row><c t="s"><v>0</v></c><c t="s"><v>1</v></c><c><v>46000</v></c></row>', b""),
    ],
)
def test_a_small_file_that_unpacks_to_300_megabytes_takes_under_200(
    tmp_path: Path, begin: bytes, repeated: bytes, end: bytes
) -> None:
    path = dense(tmp_path, begin, repeated, 300, end)
    assert path.stat().st_size < 2_000_000
    said, megabytes = peak(path)
    assert "save only the tracker sheet, as CSV" in said and megabytes < 200


def test_a_cell_of_a_megabyte_and_entities_are_refused(tmp_path: Path) -> None:
    path = dense(tmp_path, b'<row r="3"><c r="A3" t="inlineStr"><is><t>', b"a", 1, b"</t></is></c></row>")
    with pytest.raises(SheetError, match="more text than a spreadsheet can show"):
        rows(path)
    doctype = '<!DOCTYPE x [<!ENTITY a "aaaa">]><worksheet'
    with pytest.raises(SheetError, match="damaged"):
        rows(with_sheet(saved(tmp_path, [FIRST]), lambda text: text.replace("<worksheet", doctype, 1)))


def test_as_many_rows_as_a_small_file_may_hold_take_under_200_megabytes(tmp_path: Path) -> None:
    row = "<row>" + '<c t="str"><v>A</v></c><c t="str"><v>B</v></c>' + "<c><v>46000</v></c>" * 6 + "</row>"
    said, megabytes = peak(dense(tmp_path, b"", row.encode(), 4, b""))
    assert said.isdecimal() and int(said) > 15_000 and megabytes < 200
