"""A cell that begins like a formula is text, in CSV and in Excel."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from types import SimpleNamespace

from openpyxl import load_workbook

from casework.access.sessions import Session
from casework.reports.case_list import CaseFilter
from casework.reports.today import Wanted
from tests.support.by_hand import day
from tests.support.team import Team
from web.asked import Asked
from web.export import Column, Sheet, as_file, filter_words

SERVICE, PROCESS, KIND = "speech_and_language_therapy", "ehc_needs_assessment", "health_advice_requested"
EVIL = ("=1+1", "+1", "-1", "@SUM(A1)", "\t=1")
UNREADABLE = "\x00\x0bNS-1\x1f"


def test_no_cell_of_a_file_is_a_formula(team: Team) -> None:
    rows = [SimpleNamespace(word=word) for word in (UNREADABLE, *EVIL)]
    sheet = Sheet("x", "=a title", [Column("=Heading", "word")], rows)
    asked = Asked(team.first, "/", {}, {}, {}, Session("dco.team", "", datetime.now(UTC)), "")
    text = as_file(asked, sheet, "csv").content.decode("utf-8-sig")
    assert not [line for line in text.splitlines() if line.lstrip('"').startswith(("=", "+", "-", "@", "\t"))]
    book = load_workbook(io.BytesIO(as_file(asked, sheet, "xlsx").content))
    cells = [cell for row in book.active.iter_rows() for cell in row if cell.value is not None]
    assert {cell.data_type for cell in cells} == {"s"}
    assert [cell.value for cell in cells[-len(EVIL) - 1 :]] == ["NS-1", *EVIL]


def test_a_code_has_its_name_in_a_column_beside_it(team: Team) -> None:
    """The page gave the name, and its file the code alone."""
    columns = [Column("Authority", "la"), Column("Body", "body"), Column("Service", "service"), Column("Day", "on")]
    columns += [Column("Process", "process"), Column("Fact", "kind")]
    rows = [
        SimpleNamespace(
            la="northshire", body="QX101", service=SERVICE, on=day("2 Mar 2026"), process=PROCESS, kind=KIND
        ),
        SimpleNamespace(la=None, body="ZZ999", service=None, on=None, process=PROCESS, kind=KIND),
    ]
    asked = Asked(team.first, "/", {}, {}, {}, Session("dco.team", "", datetime.now(UTC)), "")
    content = as_file(asked, Sheet("x", "rows", columns, rows), "xlsx").content
    found = [list(row) for row in load_workbook(io.BytesIO(content)).active.iter_rows(values_only=True)]
    heading = next(place for place, row in enumerate(found) if row[0] == "Authority")
    first, second = ([str(cell or "") for cell in row] for row in found[heading + 1 : heading + 3])
    assert found[heading][:3] == ["Authority", "Name of the authority", "Body"]
    assert first[:3] == ["northshire", "Northshire", "QX101"]
    assert first[3:6] == ["Northshire Community Health NHS Trust", SERVICE, "Speech and Language Therapy"]
    assert first[7:] == [PROCESS, team.first.processes[PROCESS].title, KIND, "health advice requested"]
    assert second[:6] == ["", "", "ZZ999", "ZZ999", "", ""], "a code that the directory does not have is its own name"


def test_a_file_says_its_filter_in_words() -> None:
    assert filter_words(Wanted()) == "none"
    assert filter_words(Wanted(la="northshire", body="QX101")) == "authority northshire, body QX101"
    assert filter_words(CaseFilter(search="x", page=2), "page", "search") == "show open"
