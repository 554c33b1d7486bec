"""Open a tracker, CSV or XLSX, and give its case rows, each with the line on which a person finds it.

Purpose: the teams' files are read as they are. A title above the header, blank lines, totals, notes and lists on other
sheets are skipped, and each is named. Every filled cell is counted once: as read in a case row, or as not read. A file
that cannot be read is refused in one sentence, without its name or any of its contents.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict

from casework.imports.cells import MERGED_BELOW, Cell, Doubt, blank, plain_day, words
from casework.imports.raw_rows import FORMS, HEADER_WITHIN, MEGABYTE, RawFile, RawRow, RawSheet, SheetError
from casework.imports.text_table import read_raw_text
from casework.imports.unread import HeaderCell, Lines, UnreadColumns, cells_filled, plain_header
from casework.imports.workbook import read_raw_workbook
from config.directory import Directory
from config.tracker_columns import ANSWER, DAYS, NEEDED, TrackerColumns, header_key

LARGEST_FILE = 64 * MEGABYTE
OLD_OR_LOCKED = b"\xd0\xcf\x11\xe0"
ZIPPED = b"PK\x03\x04"
WORKBOOKS = (".xlsx", ".xlsm")
ABOVE, REPEATED, TOTALS, NOTES = "above the header", "with the headers again", "of totals", "of totals or notes"
# What a person sees otherwise than a reader, of several rows and of one.
HIDDEN = (
    "are hidden in the sheet, and were read like the others",
    "is hidden in the sheet, and was read like the others",
)
STRUCK = (
    "have text that is struck through, and were read like the others",
    "has text that is struck through, and was read like the others",
)


class SheetRow(NamedTuple):
    """One case row: number of the sheet (1 for CSV), physical line or sheet row, cells and headers by column.

    `filled` counts its filled cells in columns that are read.
    """

    sheet: int
    line: int
    cells: Mapping[str, Cell]
    headers: Mapping[str, HeaderCell] = MappingProxyType({})
    is_text: bool = True
    doubts: tuple[tuple[str, Doubt], ...] = ()
    filled: int = 0


class CellCount(BaseModel):
    """The filled cells of a file. `filled` is the sum of the others: no cell is left out without being counted."""

    model_config = ConfigDict(frozen=True)
    filled: int
    accepted_rows: int
    refused_rows: int
    headings: int
    unread_columns: int
    unread_rows: int
    unread_sheets: int


@dataclass
class _Counts:
    """The filled cells that no case row has, and the lines on which they are."""

    headings: int = 0
    unread_columns: int = 0
    unread_rows: int = 0
    skipped: dict[tuple[str, int], Lines] = field(default_factory=dict)
    hidden: dict[int, Lines] = field(default_factory=dict)
    struck: dict[int, Lines] = field(default_factory=dict)

    def skip(self, what: str, sheet: int, row: RawRow) -> None:
        self.unread_rows += len(row.cells)
        if row.cells:
            self.skipped.setdefault((what, sheet), Lines()).add(row.line)


@dataclass
class TrackerFile:
    """An opened tracker. `rows` may be read more than once; `all_remarks` says afterwards what was skipped."""

    digest: str
    columns: TrackerColumns
    directory: Directory
    raw: RawFile
    found: set[str] = field(default_factory=set)
    read_columns: dict[tuple[int, str], HeaderCell] = field(default_factory=dict)
    counts: _Counts = field(default_factory=_Counts)
    unread: UnreadColumns = field(init=False)

    def __post_init__(self) -> None:
        self.unread = UnreadColumns(self.columns, self.directory)
        self.sheets = [sheet for sheet in self.raw.sheets if sheet.visible and self._has_header(sheet)]

    def rows(self) -> Iterator[SheetRow]:
        """Give the case rows of every sheet that has the header. Raises SheetError if the file is damaged."""
        self.counts = _Counts()
        self.unread.found.clear()
        for sheet in self.sheets:
            yield from self._rows_of(sheet)

    def count(self, accepted: int, refused: int) -> CellCount:
        """Count the filled cells, of which so many were in accepted and in refused rows."""
        counts = self.counts
        sheets = sum(sheet.filled for sheet in self._sheets_not_read())
        other = counts.headings + counts.unread_columns + counts.unread_rows + sheets
        return CellCount(
            filled=accepted + refused + other,
            accepted_rows=accepted,
            refused_rows=refused,
            headings=counts.headings,
            unread_columns=counts.unread_columns,
            unread_rows=counts.unread_rows,
            unread_sheets=sheets,
        )

    def all_remarks(self) -> list[str]:
        """Say which sheets, columns and rows were not read, and what a person may not see or mean."""
        counts = self.counts
        sheets = [
            f"sheet {sheet.number} {'has no tracker header' if sheet.visible else 'is hidden'} and was not read"
            f" ({cells_filled(sheet.filled)})"
            for sheet in self._sheets_not_read()
        ]
        skipped = [
            f"{lines.say(what, ' were not read', ' was not read')}: {lines.named(sheet)}"
            for (what, sheet), lines in sorted(counts.skipped.items())
        ]
        hidden = [
            f"{lines.say('', HIDDEN[0], HIDDEN[1])}: {lines.named(sheet)}"
            for sheet, lines in sorted(counts.hidden.items())
        ]
        struck = [
            f"{lines.say('', STRUCK[0], STRUCK[1])}: {lines.named(sheet)}"
            for sheet, lines in sorted(counts.struck.items())
        ]
        return [*self.raw.remarks, *sheets, *self.unread.remarks(), *skipped, *hidden, *struck]

    def _sheets_not_read(self) -> list[RawSheet]:
        return [sheet for sheet in self.raw.sheets if sheet not in self.sheets]

    def _has_header(self, sheet: RawSheet) -> bool:
        return any(_is_header(row, self.columns, self.directory) for row in sheet.top)

    def _rows_of(self, sheet: RawSheet) -> Iterator[SheetRow]:
        header: dict[int, str] | None = None
        headers: dict[str, HeaderCell] = {}
        width = 0
        for row in sheet.read():
            if header is None:
                if not _is_header(row, self.columns, self.directory):
                    self.counts.skip(ABOVE, sheet.number, row)
                    continue
                header, width = _meanings(row.cells, self.columns, self.directory), row.width
                self.found |= set(header.values())
                self.unread.begin(sheet, row.cells, header)
                headers = {what: HeaderCell(plain_header(row.cells[place]), place) for place, what in header.items()}
                self.read_columns |= {(sheet.number, what): own for what, own in headers.items()}
                self.counts.headings += len(row.cells)
                continue
            cells = {what: row.cells[place] for place, what in header.items() if place in row.cells}
            what = self._no_case(row, cells, header)
            if what is not None:
                self.counts.skip(what, sheet.number, row)
                continue
            self._note(sheet, row, header)
            yield self._case_row(sheet, row, header, headers, width)

    def _case_row(
        self, sheet: RawSheet, row: RawRow, header: Mapping[int, str], headers: Mapping[str, HeaderCell], width: int
    ) -> SheetRow:
        """A case row. A column is among its cells, empty or not, unless a row of text ends before it."""
        cells = {
            what: row.cells.get(place) for place, what in header.items() if place < row.width or not self.raw.is_text
        }
        doubts = [(what, row.doubts[place]) for place, what in header.items() if place in row.doubts]
        if self.raw.is_text and any(place >= width for place in row.cells):
            text = (
                "the row has more cells than the header, so that its cells may have shifted: put text that holds the"
                " separator in quotation marks"
            )
            doubts.append(("reference", Doubt("extra_cells", text)))
        filled = sum(place in row.cells for place in header)
        return SheetRow(sheet.number, row.line, cells, headers, self.raw.is_text, tuple(doubts), filled)

    def _note(self, sheet: RawSheet, row: RawRow, header: Mapping[int, str]) -> None:
        """Count what a person may not see, and the cells of the row in columns that are not read."""
        self.counts.unread_columns += self.unread.count(sheet, row.cells, header)
        if row.hidden:
            self.counts.hidden.setdefault(sheet.number, Lines()).add(row.line)
        if row.struck:
            self.counts.struck.setdefault(sheet.number, Lines()).add(row.line)

    def _no_case(self, row: RawRow, cells: Mapping[str, Cell], header: Mapping[int, str]) -> str | None:
        """Say why a row is no case: "" for a blank one; None if it is a case, or may be one."""
        if not row.cells:
            return ""
        reference = cells.get("reference")
        looks_so = isinstance(reference, str) and self.columns.meaning(reference, self.directory) == "reference"
        if looks_so and _meanings(row.cells, self.columns, self.directory) == header:
            return REPEATED
        if any(row.doubts[place].code == MERGED_BELOW for place in header if place in row.doubts):
            return None
        named = any(not blank(cells.get(what)) for what in ("nhs_number", "date_of_birth"))
        return None if named or any(_is_day(cells.get(what)) for what in _days(cells)) else self._totals(row, cells)

    def _totals(self, row: RawRow, cells: Mapping[str, Cell]) -> str | None:
        """Whether a row without a day and without a child is one of totals or a note."""
        first = next(iter(row.cells.values()))
        key = header_key(words(first))
        totals = self.columns.words.totals
        if key.startswith(("total", "grandtotal")) or any(key == header_key(word) for word in totals):
            return TOTALS
        if not any(what in cells for what in NEEDED):
            return NOTES
        alone = len(row.cells) == 1 and "reference" in cells
        return NOTES if alone and " " in words(first) and not words(first)[-1].isdigit() else None


def _days(cells: Mapping[str, Cell]) -> Iterable[str]:
    return (what for what in cells if what in DAYS or what.startswith(ANSWER))


def _is_day(cell: Cell) -> bool:
    try:
        plain_day(cell)
    except Doubt as doubt:
        return doubt.code in {"ambiguous_date", "impossible_date"}
    return True


def _meanings(cells: Mapping[int, Cell], columns: TrackerColumns, directory: Directory) -> dict[int, str]:
    found = {}
    for place, cell in cells.items():
        if isinstance(cell, str):
            what = columns.meaning(words(cell), directory)
            if what is not None:
                found[place] = what
    return found


def _is_header(row: RawRow, columns: TrackerColumns, directory: Directory) -> bool:
    return set(NEEDED) <= set(_meanings(row.cells, columns, directory).values())


def open_tracker(source: Path | bytes, columns: TrackerColumns, directory: Directory) -> TrackerFile:
    """Open a tracker, a file or its content, and find its header. Raises SheetError, and no other exception."""
    content = source if isinstance(source, bytes) else read_content(source)
    if not content.strip():
        raise SheetError(f"the file is empty: {FORMS}")
    digest = hashlib.sha256(content).hexdigest()
    if content.startswith(OLD_OR_LOCKED):
        raise SheetError(f"the file is an old .xls workbook or is locked with a password: {FORMS}")
    if content.startswith(ZIPPED):
        raw = read_raw_workbook(content)
    elif isinstance(source, Path) and source.suffix.lower() in WORKBOOKS:
        raise SheetError(f"the file is named {source.suffix.lower()} and is no Excel workbook: {FORMS}")
    else:
        raw = read_raw_text(content, lambda row: _is_header(row, columns, directory))
    tracker = TrackerFile(digest, columns, directory, raw)
    if not tracker.sheets:
        raise _no_header(raw, columns, directory)
    for sheet in tracker.sheets:
        row = next(row for row in sheet.top if _is_header(row, columns, directory))
        _no_doubles(_meanings(row.cells, columns, directory), row)
    return tracker


def headers_of(source: Path | bytes, columns: TrackerColumns, directory: Directory) -> list[str]:
    """The headers of a tracker, as its own person may see them. Raises SheetError if it is no tracker."""
    tracker = open_tracker(source, columns, directory)
    rows = [next(row for row in sheet.top if _is_header(row, columns, directory)) for sheet in tracker.sheets]
    return list(dict.fromkeys(plain_header(cell) for row in rows for cell in row.cells.values()))


def read_content(path: Path) -> bytes:
    """The bytes of a file that a person named. Raises SheetError for what is no file, or is too large."""
    try:
        if path.is_dir():
            raise SheetError(f"that is a folder, not a file: {FORMS}")
        if path.exists() and not path.is_file():
            raise SheetError(f"that is no ordinary file: {FORMS}")
        if path.stat().st_size > LARGEST_FILE:
            raise SheetError(
                f"the file is larger than {LARGEST_FILE // MEGABYTE} MB: split it, and import the parts one after"
                " another"
            )
        content = path.read_bytes()
    except FileNotFoundError:
        raise SheetError(f"there is no such file: {FORMS}") from None
    except (OSError, ValueError) as problem:
        why = getattr(problem, "strerror", None) or type(problem).__name__
        raise SheetError(f"the file cannot be read ({why}): {FORMS}", 3) from None
    return content


def _no_doubles(meanings: Mapping[int, str], row: RawRow) -> None:
    """Refuse two columns of one meaning, by the file's own headers."""
    for what, number in Counter(meanings.values()).items():
        if number > 1:
            same = [
                HeaderCell(plain_header(row.cells[place]), place) for place, each in meanings.items() if each == what
            ]
            places = " and ".join(f"{header.letter} '{header}'" for header in same)
            raise SheetError(f"columns {places} mean the same: keep one of them, as only one can be right")


def _no_header(raw: RawFile, columns: TrackerColumns, directory: Directory) -> SheetError:
    looked_for = ", ".join(f"'{columns.header(what, directory)}'" for what in NEEDED)
    found = [
        (row.line, set(_meanings(row.cells, columns, directory).values()))
        for sheet in raw.sheets
        if sheet.visible
        for row in sheet.top
    ]
    line, best = max(found, key=lambda each: len(each[1]), default=(0, set[str]()))
    near = ""
    if best:
        missing = ", ".join(f"'{columns.header(what, directory)}'" for what in NEEDED if what not in best)
        near = f"; row {line} comes nearest and lacks {missing}"
    return SheetError(
        f"no header row was found in the first {HEADER_WITHIN} rows: looked for columns headed {looked_for}{near}"
    )
