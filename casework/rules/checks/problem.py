"""One word of a configuration file that names nothing, and its place."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NamedTuple

HEADER = re.compile(r"^\s*\[\[?\s*([^\]]+?)\s*\]?\]")


class Problem(NamedTuple):
    """A word that names nothing. `file`: with its folder; `line`: from 1; `nearest`: the right word, if one is near.

    `word` is empty where the file cannot be read; `why` then has the whole sentence.
    """

    file: str
    line: int
    table: str
    key: str
    word: str
    why: str
    nearest: str | None
    help: str

    @property
    def sentence(self) -> str:
        """Say what is wrong, where, what was expected, and which command helps."""
        place = f"{self.file}, line {self.line}" if self.line else self.file
        if not self.word:
            return f"{place}: {self.why}"
        near = f' Did you mean "{self.nearest}"?' if self.nearest else ""
        return f'{place}: [{self.table}] `{self.key}` names "{self.word}", {self.why}.{near} {self.help}'


class Known(NamedTuple):
    """The right words of one sort: what a wrong one is not, and what lists them."""

    words: frozenset[str]
    why: str
    help: str

    def nearest(self, word: str) -> str | None:
        """The right word that comes nearest; None if none is near.

        A word is near if it has at least 0.7 of the letters in the same order.
        """
        return next(iter(get_close_matches(word, sorted(self.words), n=1, cutoff=0.7)), None)


class Source:
    """One file: its name with its folder, its tables, and the lines of its words."""

    def __init__(self, path: Path, text: str, tables: dict[str, Any]) -> None:
        """Keep the text, so that a problem can name its line."""
        self.name = f"{path.parent.name}/{path.name}"
        self.process = path.name.split(".")[0]
        self.tables = tables
        self._lines = text.splitlines()

    def unknown(self, table: str, key: str, words: Any, known: Known, number: int = 0) -> Iterator[Problem]:
        """The words under one key that are not among the right ones. `number`: of tables of that name, from 0."""
        for word in _words(words):
            if word not in known.words:
                line = self.line(table, key, word, number)
                yield Problem(self.name, line, table, key, word, known.why, known.nearest(word), known.help)

    def line(self, table: str, key: str, word: str, number: int = 0) -> int:
        """The line of a word: below the table's header, at or after its key. The header's line if it is not found."""
        header = self._header(table, number)
        last, asked = header, key.split(".")[-1]
        seen = asked == table.split(".")[-1]
        for index in range(header, len(self._lines)):
            line = self._lines[index]
            if index > header and (found := HEADER.match(line)) and not _plain(found[1]).startswith(f"{table}."):
                break
            if re.search(rf"(?<![\w]){re.escape(asked)}\s*=", line) or f".{asked}]" in line:
                last, seen = index + 1, True
            if seen and re.search(rf"(?<![\w]){re.escape(word)}(?![\w])", line):
                return index + 1
        return max(last, 1)

    def _header(self, table: str, number: int) -> int:
        """The line of the table's header, from 1. Of a table written inside another, that of the outer one."""
        left = number
        for index, line in enumerate(self._lines, 1):
            found = HEADER.match(line)
            if found is not None and _plain(found[1]) == table:
                if left == 0:
                    return index
                left -= 1
        outer = table.rpartition(".")[0]
        return self._header(outer, 0) if outer else 0


def _plain(header: str) -> str:
    return header.replace('"', "").replace(" ", "")


def _words(value: Any) -> Iterable[str]:
    """Every text of a value, however a file nests it in lists."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _words(each)


def unreadable(fault: Exception) -> Problem:
    """A file that its reader refuses, in the reader's own words."""
    where, _, why = str(fault).partition(": ")
    return Problem(where, 0, "", "", "", why or where, None, "")
