"""Read a file of separated values: its encoding, its separator, and its rows with their physical lines."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from itertools import islice

from casework.imports.cells import blank, text_doubt
from casework.imports.raw_rows import FORMS, HEADER_WITHIN, RawFile, RawRow, RawSheet, SheetError

LONGEST_CELL = 10_000_000
DELIMITERS = (",", ";", "\t", "|")
END_OF_FILE = b"\x1a"  # old programs mark the end of a file so
NO_SPREADSHEET = f"the file is no spreadsheet that can be read: {FORMS}"


class _Broken(SheetError):
    """A quotation mark that never closes."""


def read_raw_text(content: bytes, is_header: Callable[[RawRow], bool]) -> RawFile:
    """Read a file of text; `is_header` may raise SheetError. Its one sheet has no header if no separator gives one.

    Raises SheetError, and no other exception.
    """
    text = decoded(content)
    best: list[RawRow] = []
    for delimiter in DELIMITERS:
        read = partial(_rows, text, delimiter)
        top = _top(read)
        if any(is_header(row) for row in top):
            return RawFile([RawSheet(1, read, top)], is_text=True)
        best = max(best, top, key=lambda rows: max((len(row.cells) for row in rows), default=0))
    return RawFile([RawSheet(1, lambda: iter(best), best)], is_text=True)


def decoded(content: bytes) -> str:
    """Decode a file, line by line if it has two encodings: then the bytes of the rarer one become lone surrogates.

    One byte of another encoding so leaves the letters of all other lines as they were written.
    """
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        try:
            return content.decode("utf-16")
        except UnicodeDecodeError:
            raise SheetError(NO_SPREADSHEET) from None
    head = content[:4096]
    # one among many is a slip of some export; many are another sort of file
    if head.count(b"\0") * 50 > len(head):
        raise SheetError(NO_SPREADSHEET)
    content = content.removeprefix(b"\xef\xbb\xbf")
    body = content.rstrip(END_OF_FILE + b"\r\n")
    if END_OF_FILE in content[len(body) :]:
        content = body
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return _line_by_line(content.splitlines(keepends=True))


def _line_by_line(lines: list[bytes]) -> str:
    kinds = [_is_utf8(line) for line in lines]
    if kinds.count(True) >= kinds.count(False):
        return "".join(line.decode("utf-8", "surrogateescape") for line in lines)
    return "".join(
        line.decode("ascii" if kind else "cp1252", "surrogateescape") for line, kind in zip(lines, kinds, strict=True)
    )


def _is_utf8(line: bytes) -> bool | None:
    """Whether a line has letters of UTF-8 (True) or of another encoding (False); None if it has neither."""
    if line.isascii():
        return None
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _top(read: Callable[[], Iterator[RawRow]]) -> list[RawRow]:
    """The first rows; under another separator than the file's, a quotation mark may end them early."""
    rows: list[RawRow] = []
    with suppress(_Broken):
        rows.extend(islice(read(), HEADER_WITHIN))
    return rows


def _rows(text: str, delimiter: str) -> Iterator[RawRow]:
    csv.field_size_limit(LONGEST_CELL)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    line = 1
    try:
        for row in reader:
            cells = {place: cell for place, cell in enumerate(row) if not blank(cell) or "\0" in cell}
            doubts = {place: doubt for place, cell in cells.items() if (doubt := text_doubt(cell)) is not None}
            yield RawRow(line, cells, len(row), doubts)
            line = reader.line_num + 1
    except csv.Error:
        raise _Broken(
            f"the row that begins on line {line} cannot be separated from those after it: a quotation mark is open, or"
            " is inside its cell; expected text with quotation marks doubled, as a spreadsheet saves it; nothing"
            " was imported"
        ) from None
