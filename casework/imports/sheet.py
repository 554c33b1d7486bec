"""Open a tracker, CSV or XLSX, and give its case rows, each with the line on which a person finds it.

Purpose: the teams' files are read as they are. A title above the header, blank lines, totals, notes and lists on other
sheets are skipped. A file that cannot be read is refused in one sentence, without its name or any of its contents.
"""

from __future__ import annotations

import csv
import hashlib
import io
import warnings
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import openpyxl

from casework.imports.cells import Cell, Doubt, blank, plain_day, words
from casework.imports.unread import HeaderCell, UnreadColumns, plain_header
from config.directory import Directory
from config.tracker_columns import ANSWER, DAYS, NEEDED, TrackerColumns, header_key
from models.errors import Refusal

MEGABYTE = 1024 * 1024
LARGEST_FILE = 200 * MEGABYTE
LARGEST_UNPACKED = 2000 * MEGABYTE
LONGEST_CELL = 10_000_000
HEADER_WITHIN = 40
DELIMITERS = (",", ";", "\t", "|")
OLD_OR_LOCKED = b"\xd0\xcf\x11\xe0"
ZIPPED = b"PK\x03\x04"
FORMS = "expected a CSV file, or an Excel workbook saved as .xlsx without a password"

# openpyxl warns of styles and extensions that it leaves out, with the cell's address and value: not for our
# streams.
warnings.filterwarnings("ignore", module=r"openpyxl\..*")


class SheetError(Refusal):
    """The file cannot be read as a tracker. `exit_code` is 2 where another file is wanted, 3 where this one could not
    be got at.
    """

    default_code = "not_a_tracker"

    def __init__(self, sentence: str, exit_code: int = 2) -> None:
        super().__init__(sentence, exit_code=exit_code)
        self.sentence = sentence


class SheetRow(NamedTuple):
    """One case row: number of the sheet (1 for CSV), physical line or sheet row, cells and headers by column."""

    sheet: int
    line: int
    cells: Mapping[str, Cell]
    headers: Mapping[str, HeaderCell] = MappingProxyType({})
    is_text: bool = True
    doubts: tuple[tuple[str, Doubt], ...] = ()


class _Raw(NamedTuple):
    line: int
    cells: Sequence[Cell]


@dataclass
class TrackerFile:
    """An opened tracker. `rows` may be read more than once; `all_remarks` says afterwards what was skipped."""

    digest: str
    columns: TrackerColumns
    directory: Directory
    sheets: list[tuple[int, Callable[[], Iterator[_Raw]]]]
    remarks: list[str]
    is_text: bool
    found: set[str] = field(default_factory=set)
    skipped: Counter[str] = field(default_factory=Counter)
    unread: UnreadColumns = field(init=False)

    def __post_init__(self) -> None:
        self.unread = UnreadColumns(self.columns, self.directory)

    def rows(self) -> Iterator[SheetRow]:
        """Give the case rows of every sheet that has the header. Raises SheetError if the file is damaged."""
        self.skipped.clear()
        self.unread.found.clear()
        for sheet, raw in self.sheets:
            yield from self._rows_of(sheet, raw())

    def all_remarks(self) -> list[str]:
        """Say which sheets, columns and rows were not read."""
        counted = [f"{number} {what} skipped" for what, number in sorted(self.skipped.items())]
        return [*self.remarks, *self.unread.remarks(), *counted]

    def _rows_of(self, sheet: int, raw: Iterator[_Raw]) -> Iterator[SheetRow]:
        header: dict[int, str] | None = None
        headers: dict[str, HeaderCell] = {}
        width = 0
        for row in raw:
            if header is None:
                header = self._header(row.cells)
                if header is not None:
                    width = len(row.cells)
                    self.found |= set(header.values())
                    self.unread.begin(sheet, row.cells, header)
                    headers = {
                        what: HeaderCell(plain_header(row.cells[place]), place) for place, what in header.items()
                    }
                continue
            cells = {what: row.cells[place] for place, what in header.items() if place < len(row.cells)}
            what = self._no_case(row.cells, cells, header)
            if what is not None:
                if what:
                    self.skipped[what] += 1
                continue
            self.unread.count(sheet, row.cells[:width] if self.is_text else row.cells, header)
            yield SheetRow(sheet, row.line, cells, headers, self.is_text, self._whole_row(row.cells, width))

    def _whole_row(self, cells: Sequence[Cell], width: int) -> tuple[tuple[str, Doubt], ...]:
        if self.is_text and any(not blank(cell) for cell in cells[width:]):
            text = (
                "the row has more cells than the header, so that its cells may have shifted: put text that holds the"
                " separator in quotation marks"
            )
            return (("reference", Doubt("extra_cells", text)),)
        return ()

    def _header(self, cells: Sequence[Cell]) -> dict[int, str] | None:
        meanings = _meanings(cells, self.columns, self.directory)
        return meanings if set(NEEDED) <= set(meanings.values()) else None

    def _no_case(self, row: Sequence[Cell], cells: Mapping[str, Cell], header: Mapping[int, str]) -> str | None:
        """Say why a row is no case: "" for a blank one; None if it is a case."""
        filled = [cell for cell in row if not blank(cell)]
        if not filled:
            return ""
        reference = cells.get("reference")
        looks_so = isinstance(reference, str) and self.columns.meaning(reference, self.directory) == "reference"
        if looks_so and _meanings(row, self.columns, self.directory) == header:
            return "repeated headers"
        if (
            blank(cells.get("nhs_number"))
            and blank(cells.get("date_of_birth"))
            and not any(_is_day(cells.get(what)) for what in _days(cells))
        ):
            first = header_key(words(filled[0]))
            if any(
                first == header_key(word) or first.startswith(("total", "grandtotal"))
                for word in self.columns.words.totals
            ):
                return "rows of totals"
            if blank(cells.get("reference")) and blank(cells.get("la")) and blank(cells.get("requested_on")):
                return "rows of totals or notes"
            if (
                len(filled) == 1
                and " " in words(filled[0])
                and not blank(cells.get("reference"))
                and not words(filled[0])[-1].isdigit()
            ):
                return "rows of totals or notes"
        return None


def _days(cells: Mapping[str, Cell]) -> Iterable[str]:
    return (what for what in cells if what in DAYS or what.startswith(ANSWER))


def _is_day(cell: Cell) -> bool:
    try:
        plain_day(cell)
    except Doubt as doubt:
        return doubt.code in {"ambiguous_date", "impossible_date"}
    return True


def _meanings(cells: Sequence[Cell], columns: TrackerColumns, directory: Directory) -> dict[int, str]:
    found = {}
    for place, cell in enumerate(cells):
        if isinstance(cell, str) and not blank(cell):
            what = columns.meaning(words(cell), directory)
            if what is not None:
                found[place] = what
    return found


def open_tracker(path: Path, columns: TrackerColumns, directory: Directory) -> TrackerFile:
    """Open a tracker and find its header. Raises SheetError, and no other exception."""
    content = _content(path)
    digest = hashlib.sha256(content).hexdigest()
    if content.startswith(OLD_OR_LOCKED):
        raise SheetError(f"the file is an old .xls workbook or is locked with a password: {FORMS}")
    if content.startswith(ZIPPED):
        sheets, remarks = _workbook(content, columns, directory)
        return TrackerFile(digest, columns, directory, sheets, remarks, is_text=False)
    text = _decoded(content.rstrip(b"\x1a"))  # old programs mark the end of a file so
    delimiter = _delimiter(text, columns, directory)
    return TrackerFile(digest, columns, directory, [(1, lambda: _text_rows(text, delimiter))], [], is_text=True)


def _content(path: Path) -> bytes:
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
    if not content.strip():
        raise SheetError(f"the file is empty: {FORMS}")
    return content


def _decoded(content: bytes) -> str:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        try:
            return content.decode("utf-16")
        except UnicodeDecodeError:
            raise SheetError(f"the file is no spreadsheet that can be read: {FORMS}") from None
    head = content[:4096]
    # one among many is a slip of some export; many are another sort of file
    if head.count(b"\0") * 50 > len(head):
        raise SheetError(f"the file is no spreadsheet that can be read: {FORMS}")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", errors="replace")


def _delimiter(text: str, columns: TrackerColumns, directory: Directory) -> str:
    """Find the separator that gives a header row among the first rows. Raises SheetError if none does."""
    best: tuple[int, set[str]] = (0, set())
    for delimiter in DELIMITERS:
        try:
            for number, row in enumerate(_text_rows(text, delimiter)):
                if number >= HEADER_WITHIN:
                    break
                meanings = _meanings(row.cells, columns, directory)
                if set(NEEDED) <= set(meanings.values()):
                    _no_doubles(meanings, columns, directory)
                    return delimiter
                if len(meanings) > len(best[1]):
                    best = (row.line, set(meanings.values()))
        except _Broken:
            continue
    raise _no_header(best, columns, directory)


class _Broken(SheetError):
    """A quotation mark that never closes."""


def _text_rows(text: str, delimiter: str) -> Iterator[_Raw]:
    csv.field_size_limit(LONGEST_CELL)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    line = 1
    try:
        for row in reader:
            yield _Raw(line, row)
            line = reader.line_num + 1
    except csv.Error:
        raise _Broken(
            f"the row that begins on line {line} cannot be separated from those after it: a quotation mark is open, or"
            " is inside its cell; expected text with quotation marks doubled, as a spreadsheet saves it; nothing"
            " was imported"
        ) from None


def _workbook(
    content: bytes, columns: TrackerColumns, directory: Directory
) -> tuple[list[tuple[int, Callable[[], Iterator[_Raw]]]], list[str]]:
    with _damaged():
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            names = set(packed.namelist())
            if "xl/workbook.xml" not in names:
                raise SheetError(f"the file is packed, but no .xlsx workbook: {FORMS}")
            if sum(part.file_size for part in packed.infolist()) > LARGEST_UNPACKED:
                raise SheetError(
                    f"the workbook unpacks to more than {LARGEST_UNPACKED // MEGABYTE} MB: save only the tracker sheet,"
                    " as CSV"
                )
        book: Any = openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=True, keep_links=False)
        sheets: list[tuple[int, Callable[[], Iterator[_Raw]]]] = []
        remarks: list[str] = []
        best: tuple[int, set[str]] = (0, set())
        for number, name in enumerate(book.sheetnames, 1):
            sheet = book[name]
            if not hasattr(sheet, "iter_rows"):
                continue  # a sheet that is a chart
            if sheet.sheet_state != "visible":
                remarks.append(f"sheet {number} is hidden and was not read")
                continue
            found = _find_header(sheet, columns, directory)
            if found[0]:
                sheets.append((number, lambda sheet=sheet: _sheet_rows(sheet)))  # type: ignore[misc]  # mypy cannot infer a lambda's default
            else:
                remarks.append(f"sheet {number} has no tracker header and was not read")
                best = max(best, found[1:], key=lambda one: len(one[1]))
        if not sheets:
            raise _no_header(best, columns, directory)
        return sheets, remarks


def _find_header(sheet: Any, columns: TrackerColumns, directory: Directory) -> tuple[bool, int, set[str]]:
    best: tuple[int, set[str]] = (0, set())
    for row in _sheet_rows(sheet, HEADER_WITHIN):
        meanings = _meanings(row.cells, columns, directory)
        if set(NEEDED) <= set(meanings.values()):
            _no_doubles(meanings, columns, directory)
            return True, row.line, set(meanings.values())
        if len(meanings) > len(best[1]):
            best = (row.line, set(meanings.values()))
    return False, *best


def _sheet_rows(sheet: Any, up_to: int | None = None) -> Iterator[_Raw]:
    sheet.reset_dimensions()  # a workbook's own statement of its size is not reliable
    walk = sheet.iter_rows(values_only=True, max_row=up_to)
    number = 0
    while True:
        with _damaged():
            row = next(walk, None)
        if row is None:
            return
        number += 1
        yield _Raw(number, row)


class _damaged:
    """Turns every exception of a damaged workbook's reader into one sentence."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, problem: BaseException | None, _trace: object) -> None:
        if isinstance(problem, Exception) and not isinstance(problem, SheetError):
            raise SheetError(f"the workbook is damaged and cannot be read: {FORMS}; nothing was imported") from None


def _no_doubles(meanings: Mapping[int, str], columns: TrackerColumns, directory: Directory) -> None:
    for what, number in Counter(meanings.values()).items():
        if number > 1:
            places = " and ".join(str(place + 1) for place, meaning in meanings.items() if meaning == what)
            header = columns.header(what, directory)
            raise SheetError(
                f"columns {places} both hold '{header}': keep one of them, as only one can be right; nothing was"
                " imported"
            )


def _no_header(best: tuple[int, set[str]], columns: TrackerColumns, directory: Directory) -> SheetError:
    looked_for = ", ".join(f"'{columns.header(what, directory)}'" for what in NEEDED)
    line, found = best
    if found:
        missing = ", ".join(f"'{columns.header(what, directory)}'" for what in NEEDED if what not in found)
        near = f"; row {line} comes nearest and lacks {missing}"
    else:
        near = ""
    return SheetError(
        f"no header row was found in the first {HEADER_WITHIN} rows: looked for columns headed {looked_for}{near}"
    )
