"""Read the sheets of an Excel workbook: rows of filled cells, with what a person sees of them and a reader would not.

Purpose: a formula that was never calculated, a cell merged with the one above and an error value are no empty cells:
they are doubted. Hidden and struck-through rows are read and named. Rows are read as a stream, so that a sheet costs
what its filled cells cost, wherever on it they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import NamedTuple

from openpyxl.utils import column_index_from_string, get_column_letter
from openpyxl.utils.datetime import CALENDAR_MAC_1904, CALENDAR_WINDOWS_1900, from_excel

from casework.imports.cells import MERGED_BELOW, MERGED_BESIDE, Cell, Doubt, blank, text_doubt
from casework.imports.packed_parts import damaged
from casework.imports.raw_rows import HEADER_WITHIN, RawFile, RawRow, RawSheet, SheetError
from casework.imports.workbook_styles import OFF, SheetEntry, Workbook, read_workbook, relations_of, unescaped
from config.text import counted

ADDRESS = re.compile(r"([A-Z]{1,3})([0-9]{1,7})")
LONGEST_TEXT = 32_767
MOST_MERGED = 20_000
WIDEST_HEADER = 1_000
FORMULA = "="
NO_VALUE = Doubt(
    "no_value",
    "the cell has a formula whose value the file does not contain: open the file in Excel, save it and import it"
    " again; or write the value itself",
)
ERROR_VALUE = Doubt("error_value", "the cell shows an error of its formula: write the value itself, or empty the cell")


class Merged(NamedTuple):
    """A block of merged cells: rows from 1 and places from 0, both ends included."""

    first_row: int
    last_row: int
    first: int
    last: int


class _Seen:
    """What one walk through a sheet has seen besides its rows."""

    def __init__(self) -> None:
        self.merged: list[Merged] = []
        self.hidden_columns: set[int] = set()


class _SheetHandler:
    """Makes rows of a sheet's elements. `rows` are those completed since they were last taken."""

    def __init__(self, book: Workbook) -> None:
        self.seen = _Seen()
        self.rows: list[RawRow] = []
        self._texts = book.texts
        self._styles = book.styles
        self._epoch = CALENDAR_MAC_1904 if book.since_1904 else CALENDAR_WINDOWS_1900
        self._line = 0
        self._place = 0
        self._hidden = False
        self._cells: dict[int, Cell] = {}
        self._doubts: dict[int, Doubt] = {}
        self._row_struck = False
        self._begin_cell({})
        self._into: list[str] | None = None

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name == "c":
            self._begin_cell(attributes)
        elif name in {"v", "t"}:
            self._into = self._pieces
        elif name == "f":
            self._formula = True
        elif name == "row":
            self._begin_row(attributes)
        elif name == "strike" and attributes.get("val") not in OFF:
            self._struck = True
        elif name == "rPh":
            self._phonetic = True
        elif name == "mergeCell":
            self._merge(attributes.get("ref", ""))
        elif name == "col" and _not_shown(attributes, "width"):
            first, last = int(attributes.get("min", "1")), int(attributes.get("max", "1"))
            self.seen.hidden_columns.update(range(first - 1, min(last, 16_384)))

    def text(self, data: str) -> None:
        if self._into is not None and not self._phonetic:
            self._into.append(data)
            self._length += len(data)
            if self._length > LONGEST_TEXT + 1:
                raise SheetError(
                    f"cell {get_column_letter(self._place + 1)}{self._line} holds more text than a spreadsheet can show"
                    f" ({LONGEST_TEXT:,} characters): shorten it, and import the file again"
                )

    def end(self, name: str) -> None:
        if name in {"v", "t"}:
            self._into = None
            self._has_value = True
        elif name == "rPh":
            self._phonetic = False
        elif name == "c":
            self._end_cell()
        elif name == "row" and self._cells:
            self.rows.append(
                RawRow(self._line, self._cells, 0, self._doubts, hidden=self._hidden, struck=self._row_struck)
            )

    def _begin_row(self, attributes: dict[str, str]) -> None:
        self._line = int(attributes["r"]) if "r" in attributes else self._line + 1
        self._place = -1
        self._hidden = _not_shown(attributes, "ht")
        self._row_struck = False
        self._cells, self._doubts = {}, {}

    def _begin_cell(self, attributes: dict[str, str]) -> None:
        found = ADDRESS.fullmatch(attributes.get("r", ""))
        self._place = column_index_from_string(found[1]) - 1 if found else self._place + 1
        self._type = attributes.get("t", "n")
        self._style = int(attributes.get("s", "0"))
        self._pieces: list[str] = []
        self._length = 0
        self._formula = self._has_value = self._struck = self._phonetic = False

    def _end_cell(self) -> None:
        text = "".join(self._pieces)
        if self._formula and not text and not (self._type == "str" and self._has_value):
            cell: Cell = FORMULA
            self._doubts[self._place] = NO_VALUE
        else:
            cell = self._value(text) if text else None
            if isinstance(cell, str) and (doubt := ERROR_VALUE if self._type == "e" else text_doubt(cell)):
                self._doubts[self._place] = doubt
        if blank(cell) and self._place not in self._doubts:
            return
        self._cells[self._place] = cell
        if self._struck or (self._style < len(self._styles.struck) and self._styles.struck[self._style]):
            self._row_struck = True

    def _value(self, text: str) -> Cell:
        match self._type:
            case "s":
                place = int(text)
                self._struck = self._struck or place in self._texts.struck
                return self._texts.found[place]
            case "n":
                return self._number(text)
            case "b":
                return text.strip() not in OFF
            case "d":
                return _iso(text)
            case _:
                return unescaped(text)

    def _number(self, text: str) -> Cell:
        number = int(text) if text.isdecimal() and len(text) < 20 else float(text)
        if not (self._style < len(self._styles.dates) and self._styles.dates[self._style]):
            return number
        try:
            found = from_excel(number, self._epoch)
        except (ValueError, OverflowError):
            return number  # no day of the calendar: it is doubted as a bare number
        return found  # type: ignore[no-any-return]  # openpyxl has no types

    def _merge(self, ref: str) -> None:
        first, _, last = ref.partition(":")
        ends = [found for text in (first, last or first) if (found := ADDRESS.fullmatch(text.replace("$", "")))]
        if len(ends) == 2:
            columns = sorted(column_index_from_string(end[1]) - 1 for end in ends)
            lines = sorted(int(end[2]) for end in ends)
            self.seen.merged.append(Merged(lines[0], lines[1], columns[0], columns[1]))
        if len(self.seen.merged) > MOST_MERGED:
            raise SheetError("the sheet has too many merged cells for a tracker: save only the tracker sheet, as CSV")


def read_raw_workbook(content: bytes) -> RawFile:
    """Read a workbook. Raises SheetError, and no other exception."""
    with damaged():
        book = read_workbook(content)
        sheets = [_sheet(book, number, entry) for number, entry in book.sheets.items()]
        return RawFile(sheets, is_text=False, remarks=_remarks(book))


def _sheet(book: Workbook, number: int, entry: SheetEntry) -> RawSheet:
    """Walk through a sheet once: merged blocks and hidden columns are written behind the rows, or may be."""
    top: list[RawRow] = []
    filled = filled_rows = 0
    handler = _SheetHandler(book)
    for row in _walk(book, entry, handler):
        if row.line <= HEADER_WITHIN:
            top.append(row)
        filled += len(row.cells)
        filled_rows += 1
    merged = [block for block in handler.seen.merged if block.first_row < block.last_row or block.first < block.last]
    return RawSheet(
        number,
        partial(_rows, book, entry, sorted(merged)),
        top,
        filled=filled,
        filled_rows=filled_rows,
        visible=entry.visible,
        hidden_columns=frozenset(handler.seen.hidden_columns),
    )


def _walk(book: Workbook, entry: SheetEntry, handler: _SheetHandler) -> Iterator[RawRow]:
    for _ in book.parts.steps(entry.part, handler):
        yield from handler.rows
        handler.rows.clear()


def _rows(book: Workbook, entry: SheetEntry, merged: Sequence[Merged]) -> Iterator[RawRow]:
    """The rows, with a doubt for each cell that is merged with another one and so looks empty."""
    place = 0
    active: list[Merged] = []
    for row in _walk(book, entry, _SheetHandler(book)):
        while place < len(merged) and merged[place].first_row <= row.line:
            active.append(merged[place])
            place += 1
        active = [block for block in active if block.last_row >= row.line]
        yield row._replace(doubts={**_merged_doubts(row, active), **row.doubts}) if active else row


def _merged_doubts(row: RawRow, blocks: Sequence[Merged]) -> Mapping[int, Doubt]:
    doubts: dict[int, Doubt] = {}
    for block in blocks:
        below = row.line > block.first_row
        places = range(block.first if below else block.first + 1, min(block.last + 1, WIDEST_HEADER))
        if places:
            doubts.update(dict.fromkeys(places, _merged_doubt(block, below=below)))
    return doubts


def _merged_doubt(block: Merged, *, below: bool) -> Doubt:
    expected = (
        f"the cell is merged with cell {get_column_letter(block.first + 1)}{block.first_row}, so that it has no value"
        " of its own: unmerge the cells, and "
    )
    if below:
        return Doubt(MERGED_BELOW, expected + "give each case one row (a cell may name several services)")
    return Doubt(MERGED_BESIDE, expected + "write each value in its own cell")


def _remarks(book: Workbook) -> list[str]:
    """Notes that hang on cells: a person sees them, and they are not read."""
    counter = _Notes()
    for entry in book.sheets.values():
        part = relations_of(book.parts, entry.part).first("comments")
        if part is not None and part in book.parts.names:
            book.parts.parse(part, counter)
    if not counter.found:
        return []
    notes = counted(counter.found, "note on a cell (a comment of Excel) was", "notes on cells were")
    return [f"{notes} not read"]


class _Notes:
    def __init__(self) -> None:
        self.found = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self.found += name == "comment"

    def text(self, data: str) -> None:
        """What a note says is not read."""

    def end(self, name: str) -> None:
        """A note is counted where it begins."""


def _not_shown(attributes: Mapping[str, str], size: str) -> bool:
    return attributes.get("hidden", "0") not in OFF or attributes.get(size) in {"0", "0.0"}


def _iso(text: str) -> Cell:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return text
