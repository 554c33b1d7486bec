"""Read the XML parts of a packed workbook as streams, under limits. Pure but for the bytes that it is given.

Purpose: 300 kB may unpack to 300 MB, in one cell or in a million. No part is ever in memory whole, no piece of one is
longer than a cell may be, and what is packed too densely for a sheet that people fill is refused first.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from typing import Protocol
from xml.parsers import expat

from casework.imports.raw_rows import FORMS, MEGABYTE, SheetError

LARGEST_UNPACKED = 1000 * MEGABYTE
# Sheets that people fill shrink to a tenth; those with a million empty formatted rows to a fortieth.
DENSEST = 100
NEVER_TOO_DENSE = 8 * MEGABYTE
# A cell holds 32,767 characters at most, of up to six bytes each where they are written as &#10;
LONGEST_PIECE = 256 * 1024
CHUNK = 64 * 1024
DAMAGED = f"the workbook is damaged and cannot be read: {FORMS}"


class PartHandler(Protocol):
    """Takes the elements of one part, by their names without a prefix."""

    def start(self, name: str, attributes: dict[str, str]) -> None: ...

    def text(self, data: str) -> None: ...

    def end(self, name: str) -> None: ...


class damaged:
    """Turns every exception of a damaged workbook's reader into one sentence."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, problem: BaseException | None, _trace: object) -> None:
        if isinstance(problem, Exception) and not isinstance(problem, SheetError):
            raise SheetError(DAMAGED) from None


class PackedParts:
    """The parts of a workbook by name. Raises SheetError, and no other exception, inside `damaged`."""

    def __init__(self, content: bytes) -> None:
        self._packed = zipfile.ZipFile(io.BytesIO(content))
        self._size = len(content)
        self._unpacked: dict[str, int] = {}
        self.names = frozenset(self._packed.namelist())

    def parse(self, name: str, handler: PartHandler) -> None:
        """Give a whole part to the handler."""
        for _ in self.steps(name, handler):
            pass

    def steps(self, name: str, handler: PartHandler) -> Iterator[None]:
        """Give a part to the handler piece by piece, so that what it has collected can be taken in between."""
        self._check_size(name)
        parser = _parser(handler)
        since = 0
        with damaged(), self._packed.open(name) as part:
            while chunk := part.read(CHUNK):
                first, last = chunk.find(b"<"), chunk.rfind(b"<")
                since = since + len(chunk) if last < 0 else len(chunk) - last
                if max(since, first) > LONGEST_PIECE:
                    raise SheetError(
                        "a cell of the workbook holds more text than a spreadsheet can show (32,767 characters):"
                        " shorten it, or save only the tracker sheet, as CSV"
                    )
                parser.Parse(chunk, False)
                yield
            parser.Parse(b"", True)
        yield

    def _check_size(self, name: str) -> None:
        with damaged():
            self._unpacked[name] = self._packed.getinfo(name).file_size
        unpacked = sum(self._unpacked.values())
        if unpacked > LARGEST_UNPACKED or unpacked > max(NEVER_TOO_DENSE, DENSEST * self._size):
            raise SheetError(
                f"the workbook unpacks to {unpacked // MEGABYTE} MB, which is more than its size of"
                f" {max(1, self._size // 1024)} kB lets expect of a tracker: save only the tracker sheet, as CSV"
            )


def parse_document(content: bytes, handler: PartHandler) -> None:
    """Give a whole XML document, which is no part of a workbook, to the handler. Raises SheetError."""
    parser = _parser(handler)
    try:
        parser.Parse(content, True)
    except (expat.ExpatError, LookupError, ValueError, SheetError):
        raise SheetError("the XML is damaged and cannot be read: expected a person-level SEN2 return") from None


def _parser(handler: PartHandler) -> expat.XMLParserType:
    parser = expat.ParserCreate()
    parser.buffer_text = True
    local: dict[str, str] = {}

    def name_of(tag: str) -> str:
        found = local.get(tag)
        return found if found is not None else local.setdefault(tag, tag.rpartition(":")[2])

    def refuse(*_: object) -> None:
        raise SheetError(DAMAGED)  # no program writes a document type, whose entities may grow without bound

    def start(tag: str, attributes: dict[str, str]) -> None:
        handler.start(name_of(tag), attributes)

    def end(tag: str) -> None:
        handler.end(name_of(tag))

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = handler.text
    parser.StartDoctypeDeclHandler = refuse
    return parser
