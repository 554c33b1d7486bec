"""Count the cells of columns that were not read, and say which of them may hold answers.

Purpose: a column that is dropped silently makes advice late that has come. A header is repeated only where it cannot be
a number or a date of a person.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from openpyxl.utils import get_column_letter

from casework.imports.cells import Cell, words
from casework.imports.raw_rows import RawSheet
from config.directory import Directory
from config.text import counted, noun
from config.tracker_columns import TrackerColumns

LONGEST_HEADER = 60
LOOKS_PERSONAL = re.compile(r"[0-9][0-9 /.\-]{5,}")


class HeaderCell(str):
    """A header as the file has it, with the place of its column from 0."""

    __slots__ = ("place",)
    place: int

    def __new__(cls, text: str, place: int) -> HeaderCell:
        made = super().__new__(cls, text)
        made.place = place
        return made

    @property
    def letter(self) -> str:
        """The letters of its column."""
        return str(get_column_letter(self.place + 1))


@dataclass
class UnreadColumn:
    """A column that was not read: its header (empty where it has none), and the number of filled cells."""

    sheet: int
    header: HeaderCell
    filled: int = 0
    hidden: bool = False


@dataclass
class Lines:
    """Some lines of a file, in the order of the file."""

    spans: list[tuple[int, int]] = field(default_factory=list)
    number: int = 0

    def add(self, line: int) -> None:
        """Add a line after those before it."""
        self.number += 1
        if self.spans and self.spans[-1][1] == line - 1:
            self.spans[-1] = (self.spans[-1][0], line)
        else:
            self.spans.append((line, line))

    def named(self, sheet: int) -> str:
        """Name the lines, as "lines 3, 5 to 9 and 12 of sheet 2"."""
        texts: list[str] = []
        for first, last in self.spans:
            texts += [f"{first} to {last}"] if last > first + 1 else [str(line) for line in range(first, last + 1)]
        listed = " and ".join(filter(None, (", ".join(texts[:-1]), texts[-1])))
        return f"{noun(self.number, 'line')} {listed}" + (f" of sheet {sheet}" if sheet > 1 else "")

    def say(self, what: str, many: str, one: str) -> str:
        """Count the rows in a sentence: `one` follows a single row, `many` several."""
        return counted(self.number, f"row {what}{one}", f"rows {what}{many}")


@dataclass
class UnreadColumns:
    """The columns of a file that were not read, by sheet and place, and those that were read though hidden."""

    columns: TrackerColumns
    directory: Directory
    found: dict[tuple[int, int], UnreadColumn] = field(default_factory=dict)
    hidden: dict[tuple[int, int], UnreadColumn] = field(default_factory=dict)

    def begin(self, sheet: RawSheet, header: Mapping[int, Cell], meanings: Mapping[int, str]) -> None:
        """Take the header row of a sheet."""
        for place, cell in header.items():
            column = self._column(sheet, place, plain_header(cell))
            if place not in meanings:
                self.found[sheet.number, place] = column
            elif column.hidden:
                self.hidden[sheet.number, place] = column

    def count(self, sheet: RawSheet, row: Mapping[int, Cell], meanings: Mapping[int, str]) -> int:
        """Count the filled cells of a case row that no column is read for."""
        places = [place for place in row if place not in meanings]
        for place in places:
            if (sheet.number, place) not in self.found:
                self.found[sheet.number, place] = self._column(sheet, place, "")
            self.found[sheet.number, place].filled += 1
        return len(places)

    def remarks(self) -> list[str]:
        """Name each column that was not read, with the nearest header that is known, and each that is hidden."""
        hidden = [
            f"column {self.named(column)} is hidden in the sheet, and was read like the others"
            for _, column in sorted(self.hidden.items())
        ]
        return [*(self._remark(column) for column in self._sorted()), *hidden]

    def _column(self, sheet: RawSheet, place: int, header: str) -> UnreadColumn:
        return UnreadColumn(sheet.number, HeaderCell(header, place), hidden=place in sheet.hidden_columns)

    def like_answers(self) -> list[UnreadColumn]:
        """The columns with values whose header looks like one of an answer or a status."""
        return [
            column
            for column in self._sorted()
            if column.filled and self.columns.looks_like_an_answer(column.header, self.directory)
        ]

    def named(self, column: UnreadColumn) -> str:
        """The letters of a column and its header; a word that is not known here may be a name and is left out."""
        sheet = f" of sheet {column.sheet}" if column.sheet > 1 else ""
        shown = shown_header(column.header, self.columns.known_words(self.directory)) if column.header else ""
        return f"{column.header.letter}{sheet}" + (f" '{shown}'" if shown.strip(". ") else "")

    def _sorted(self) -> list[UnreadColumn]:
        return [column for _, column in sorted(self.found.items())]

    def _remark(self, column: UnreadColumn) -> str:
        hidden = ", hidden in the sheet," if column.hidden else ""
        named = f"column {self.named(column)}{hidden} was not read ({cells_filled(column.filled)})"
        if not column.header:
            return f"{named}: it has no header"
        return f"{named}; {self.near(column)}"

    def near(self, column: UnreadColumn) -> str:
        """The known header that comes nearest to a column's, in words."""
        nearest = self.columns.nearest(column.header, self.directory)
        return f"the nearest known header is '{nearest}'" if nearest is not None else "no known header is like it"


def cells_filled(number: int) -> str:
    """The number of filled cells in words."""
    return counted(number, "filled cell")


def shown_header(header: str, known: frozenset[str]) -> str:
    """A header as it may be repeated: words that are not known are left out, as "... returned"."""
    words_shown = [
        word if {part for part in re.split(r"[^a-z0-9]+", word.casefold()) if part} <= known else "..."
        for word in header.split()
    ]
    return re.sub(r"(\.\.\. )+(?=\.\.\.)", "", " ".join(words_shown))


def plain_header(cell: Cell) -> str:
    """A header on one line, short, and without what may be a number or date of a person."""
    text = " ".join(words(cell).split())
    if not text.isprintable() or LOOKS_PERSONAL.search(text):
        return "(not shown)"
    return text if len(text) <= LONGEST_HEADER else text[:LONGEST_HEADER] + "..."
