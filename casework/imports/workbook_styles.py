"""Read what a sheet's cells refer to: the list of texts, the styles that make a number a date, and the sheets."""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass, field

from openpyxl.styles.numbers import BUILTIN_FORMATS, is_date_format, is_timedelta_format

from casework.imports.packed_parts import PackedParts
from casework.imports.raw_rows import FORMS, SheetError

OFF = ("0", "false")
MOST_TEXTS = 1_000_000
MOST_CHARACTERS = 40_000_000
ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")


def unescaped(text: str) -> str:
    """A text with the characters that XML cannot hold, which programs write as _x000D_."""
    return ESCAPED.sub(lambda found: chr(int(found[1], 16)), text) if "_x" in text else text


class Texts:
    """The texts that cells share; `struck` are the places of those that are struck through in whole or in part."""

    def __init__(self) -> None:
        self.found: list[str] = []
        self.struck: set[int] = set()
        self._pieces: list[str] = []
        self._size = 0
        self._inside = False
        self._phonetic = False

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name == "t":
            self._inside = not self._phonetic
        elif name == "rPh":
            self._phonetic = True
        elif name == "strike" and attributes.get("val") not in OFF:
            self.struck.add(len(self.found))

    def text(self, data: str) -> None:
        if self._inside:
            self._pieces.append(data)

    def end(self, name: str) -> None:
        if name == "t":
            self._inside = False
        elif name == "rPh":
            self._phonetic = False
        elif name == "si":
            text = unescaped("".join(self._pieces))
            self._pieces.clear()
            self._size += len(text)
            self.found.append(text)
            if self._size > MOST_CHARACTERS or len(self.found) > MOST_TEXTS:
                raise SheetError("the workbook holds too much text for a tracker: save only the tracker sheet, as CSV")


class Styles:
    """For each style of a cell: whether its number is a date, and whether its text is struck through."""

    def __init__(self) -> None:
        self.dates: list[bool] = []
        self.struck: list[bool] = []
        self._fonts: list[bool] = []
        self._formats: dict[str, str] = {}
        self._path: list[str] = []

    def start(self, name: str, attributes: dict[str, str]) -> None:
        parent = self._path[-1] if self._path else ""
        self._path.append(name)
        if name == "numFmt":
            self._formats[attributes.get("numFmtId", "")] = attributes.get("formatCode", "")
        elif name == "font" and parent == "fonts":
            self._fonts.append(False)
        elif name == "strike" and parent == "font" and self._fonts and self._path[-3] == "fonts":
            self._fonts[-1] = attributes.get("val") not in OFF
        elif name == "xf" and parent == "cellXfs":
            number = attributes.get("numFmtId", "0")
            code = self._formats.get(number) or BUILTIN_FORMATS.get(int(number), "")
            self.dates.append(bool(is_date_format(code)) and not is_timedelta_format(code))
            font = int(attributes.get("fontId", "0"))
            self.struck.append(font < len(self._fonts) and self._fonts[font])

    def text(self, data: str) -> None:
        """Styles have no text."""

    def end(self, name: str) -> None:
        self._path.pop()


@dataclass
class SheetEntry:
    """A sheet as the workbook lists it: the name of its part, and whether it is shown."""

    part: str
    visible: bool


@dataclass
class Relations:
    """The parts that a part refers to: kind and name by id."""

    folder: str
    found: dict[str, tuple[str, str]] = field(default_factory=dict)

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name == "Relationship" and attributes.get("TargetMode") != "External":
            target = posixpath.normpath(posixpath.join("/" + self.folder, attributes.get("Target", ""))).lstrip("/")
            self.found[attributes.get("Id", "")] = (attributes.get("Type", "").rpartition("/")[2], target)

    def text(self, data: str) -> None:
        """Relations have no text."""

    def end(self, name: str) -> None:
        """Relations are elements without content."""

    def first(self, kind: str) -> str | None:
        """The first part of this kind."""
        return next((target for found, target in self.found.values() if found == kind), None)


@dataclass
class _Book:
    sheets: list[tuple[str, bool]] = field(default_factory=list)
    since_1904: bool = False

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name == "sheet":
            relation = next((value for key, value in attributes.items() if key.endswith(":id")), "")
            self.sheets.append((relation, attributes.get("state", "visible") == "visible"))
        elif name == "workbookPr":
            self.since_1904 = attributes.get("date1904", "0") not in OFF

    def text(self, data: str) -> None:
        """Of a workbook's text nothing is needed."""

    def end(self, name: str) -> None:
        """Sheets are elements without content."""


@dataclass
class Workbook:
    """All that the cells of a workbook's sheets refer to. `sheets` are by their number from 1, charts left out."""

    parts: PackedParts
    sheets: dict[int, SheetEntry]
    texts: Texts
    styles: Styles
    since_1904: bool


def read_workbook(content: bytes) -> Workbook:
    """Read what the cells refer to. Raises SheetError; other exceptions only for a damaged file."""
    parts = PackedParts(content)
    top = relations_of(parts, "")
    name = top.first("officeDocument") or "xl/workbook.xml"
    if name not in parts.names:
        raise SheetError(f"the file is packed, but no .xlsx workbook: {FORMS}")
    book, texts, styles = _Book(), Texts(), Styles()
    parts.parse(name, book)
    relations = relations_of(parts, name)
    for kind, handler in (("sharedStrings", texts), ("styles", styles)):
        part = relations.first(kind)
        if part is not None and part in parts.names:
            parts.parse(part, handler)
    sheets = {}
    for number, (relation, visible) in enumerate(book.sheets, 1):
        kind, part = relations.found.get(relation, ("", ""))
        if kind == "worksheet":
            sheets[number] = SheetEntry(part, visible)
    return Workbook(parts, sheets, texts, styles, book.since_1904)


def relations_of(parts: PackedParts, name: str) -> Relations:
    """The relations of a part; those of the whole file where `name` is empty."""
    folder, _, file = name.rpartition("/")
    found = Relations(folder)
    listed = posixpath.join(folder, "_rels", f"{file}.rels")
    if listed in parts.names:
        parts.parse(listed, found)
    return found
