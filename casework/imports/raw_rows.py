"""What every sort of tracker file gives: rows of filled cells by place, and one error for a file that is no tracker."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple

from casework.imports.cells import Cell, Doubt
from models.errors import Refusal

MEGABYTE = 1024 * 1024
HEADER_WITHIN = 40
FORMS = "expected a CSV file, or an Excel workbook saved as .xlsx without a password"


class SheetError(Refusal):
    """The file cannot be read as a tracker. `exit_code` is 2 where another file is wanted, 3 where this one could not
    be got at.
    """

    default_code = "not_a_tracker"

    def __init__(self, sentence: str, exit_code: int = 2) -> None:
        super().__init__(sentence, exit_code=exit_code)
        self.sentence = sentence


class RawRow(NamedTuple):
    """One row: its physical line or sheet row, its filled cells by place from 0, and what is to be doubted of them.

    `width` counts the cells of a row of text, empty ones included. A hidden or struck-through row is read like others.
    """

    line: int
    cells: Mapping[int, Cell]
    width: int = 0
    doubts: Mapping[int, Doubt] = MappingProxyType({})
    hidden: bool = False
    struck: bool = False


@dataclass
class RawSheet:
    """One sheet of a file (a file of text has one): its number from 1, and its rows, which may be read again.

    `top` are the first rows, in which the header is looked for.
    """

    number: int
    read: Callable[[], Iterator[RawRow]]
    top: list[RawRow]
    filled: int = 0
    filled_rows: int = 0
    visible: bool = True
    hidden_columns: frozenset[int] = frozenset()


@dataclass
class RawFile:
    """The sheets of a file, and what it holds besides cells, in words."""

    sheets: list[RawSheet]
    is_text: bool
    remarks: list[str] = field(default_factory=list)
