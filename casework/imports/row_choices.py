"""What a person answered about single rows of a tracker: cells that were corrected, and choices. Pure.

Purpose: a refused row needs no other file. The answers are of one reading of one file, where a row is found by its
sheet and line. A corrected cell is read as if the file had it, so that it is checked like any other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from pydantic import TypeAdapter

from casework.imports.sheet import SheetRow

LONGEST_TYPED = 2_000
Place = tuple[int, int]  # the number of the sheet, and the line


class RowChoice(StrEnum):
    """A person's choice for one row.

    OLD: the record stays where a cell differs from it, and what is new is recorded. NEW: the row's cells correct the
    record. BOTH: the row is a case of its own, such as a twin's, and gets a reference of its own. SAME: the cases that
    the row reaches by its NHS number are about one child. LEAVE: the row is not recorded.
    """

    OLD = "old"
    NEW = "new"
    BOTH = "both"
    SAME = "same"
    LEAVE = "leave"


@dataclass(frozen=True)
class Answers:
    """The corrected cells by row and column, and the choices by row."""

    cells: Mapping[Place, Mapping[str, str]] = field(default_factory=lambda: MappingProxyType({}))
    rows: Mapping[Place, RowChoice] = field(default_factory=lambda: MappingProxyType({}))

    def choice(self, row: SheetRow) -> RowChoice | None:
        """The choice for a row; None where nobody chose."""
        return self.rows.get((row.sheet, row.line))

    def corrected(self, rows: Sequence[SheetRow]) -> list[SheetRow]:
        """The rows with the cells that were corrected. A corrected cell is doubted no more for how the file had it."""
        return [self._corrected(row) for row in rows] if self.cells else list(rows)

    def _corrected(self, row: SheetRow) -> SheetRow:
        own = self.cells.get((row.sheet, row.line))
        if not own:
            return row
        doubts = tuple(doubt for doubt in row.doubts if doubt[0] not in own)
        return row._replace(cells={**row.cells, **own}, doubts=doubts)

    def with_row(self, place: Place, cells: Mapping[str, str], choice: RowChoice | None) -> Answers:
        """These answers with those of one row instead of what was answered about it before."""
        other_cells = {each: corrected for each, corrected in self.cells.items() if each != place}
        other_rows = {each: chosen for each, chosen in self.rows.items() if each != place}
        return Answers(
            {**other_cells, place: dict(cells)} if cells else other_cells,
            {**other_rows, place: choice} if choice is not None else other_rows,
        )

    def as_json(self) -> str:
        """The answers as text, which may hold names: it is stored encrypted only."""
        cells = [(*place, dict(corrected)) for place, corrected in sorted(self.cells.items())]
        rows = [(*place, choice) for place, choice in sorted(self.rows.items())]
        return _STORED.dump_json((cells, rows)).decode()

    @classmethod
    def of_json(cls, text: str) -> Answers:
        """What `as_json` wrote."""
        cells, rows = _STORED.validate_json(text)
        return cls(
            {(sheet, line): corrected for sheet, line, corrected in cells},
            {(sheet, line): choice for sheet, line, choice in rows},
        )


_STORED = TypeAdapter(tuple[list[tuple[int, int, dict[str, str]]], list[tuple[int, int, RowChoice]]])
NO_ANSWERS = Answers()
