"""A cell that begins like a formula is text, in CSV and in Excel."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from types import SimpleNamespace

from openpyxl import load_workbook

from casework.access.sessions import Session
from casework.reports.case_list import CaseFilter
from casework.reports.today import Wanted
from tests.support.team import Team
from web.asked import Asked
from web.export import Column, Sheet, as_file, filter_words

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


def test_a_file_says_its_filter_in_words() -> None:
    assert filter_words(Wanted()) == "none"
    assert filter_words(Wanted(la="northshire", body="QX101")) == "authority northshire, body QX101"
    assert filter_words(CaseFilter(search="x", page=2), "page", "search") == "show open"
