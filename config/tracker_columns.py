"""Reads how a tracker's columns are called: the headers that are understood, by what they hold.

Purpose: every team's spreadsheet has headers of its own, so that they are data. It decides nothing about what a cell
may hold.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from functools import cached_property
from itertools import combinations
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from config.directory import Directory
from config.toml_reader import ConfigFault, first_fault, named, read_text, tables_of
from models.facts import Slug

DEFAULT = Path(__file__).with_name("tracker.toml")
NEEDED = ("reference", "la", "requested_on")
KNOWN = frozenset(
    {
        "reference",
        "la_reference",
        "la",
        "nhs_number",
        "date_of_birth",
        "name",
        "requested_on",
        "decided_on",
        "assess",
        "asked_on",
        "services",
        "draft_on",
        "section_g_on",
        "final_on",
        "exception",
        "comments",
    }
)
DAYS = ("requested_on", "decided_on", "asked_on", "draft_on", "section_g_on", "final_on")
ANSWER = "answer:"

Header = Annotated[str, Field(min_length=1, max_length=120)]


class TrackerError(ConfigFault):
    """The column file cannot be used; the text names the entry, says what was expected and gives an example."""

    default_code = "tracker_columns"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Column(_Strict):
    """One column: the headers it goes by, and the fact that its day becomes."""

    names: Annotated[tuple[Header, ...], Field(min_length=1)]
    fact: Slug | None = None


class Answers(_Strict):
    """What may stand behind a service's name in the header of its answers, and the fact that such a day becomes."""

    endings: Annotated[tuple[Header, ...], Field(min_length=1)]
    fact: Slug
    short: Mapping[str, Header] = {}
    noise: tuple[Header, ...] = ()


class Unread(_Strict):
    """Words by which a header that is not understood looks like one of an answer or a status."""

    answers: tuple[Header, ...] = ()


class CellWords(_Strict):
    """Words that a cell may hold: yes, no, and those that mark a row of totals."""

    yes: tuple[Header, ...]
    no: tuple[Header, ...]
    totals: tuple[Header, ...]


class TrackerColumns(_Strict):
    """Every header that is understood."""

    column: Mapping[Slug, Column]
    answers: Answers
    words: CellWords
    unread: Unread = Unread()

    @model_validator(mode="after")
    def _whole(self) -> TrackerColumns:
        if set(self.column) != KNOWN:
            odd = sorted(set(self.column) ^ KNOWN)
            raise ValueError(
                f"[column.{odd[0]}] is missing or not known: expected one table for each of {', '.join(sorted(KNOWN))}"
            )
        self._headers  # noqa: B018 (read once here, so that a header given twice is refused when the file is read)
        return self

    @cached_property
    def _headers(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for what, column in self.column.items():
            for name in column.names:
                if found.setdefault(header_key(name), what) != what:
                    raise ValueError(
                        f"the header {name} stands for {what} and for {found[header_key(name)]}: it can mean one of"
                        " them"
                    )
        return found

    def meaning(self, header: str, directory: Directory) -> str | None:
        """What a header holds: the name of a column, "answer:" and a service's slug, or None where it is not
        understood.
        """
        known = self._headers.get(header_key(header))
        if known is not None:
            return known
        service = self._answered(self._plain_words(header), directory)
        return ANSWER + service if service is not None else None

    def _plain_words(self, header: str) -> list[str]:
        """The words of a header, with the short ones written out and without punctuation at their ends."""
        found = [word.strip("?.:*!()[]") for word in header.casefold().split()]
        return [self.answers.short.get(header_key(word), word) for word in found if word]

    def _answered(self, written: Sequence[str], directory: Directory) -> str | None:
        """The service of a header of answers: its name, and around it an ending and words that say nothing.

        Such a word may be part of a name, as "health" is in Child and Adolescent Mental Health Services.
        """
        noise = {word.casefold() for word in self.answers.noise}
        endings = {ending.casefold() for ending in self.answers.endings}
        plain = [word for word in written if word not in noise]
        for text in (written, plain):
            for first, last in combinations(range(len(text) + 1), 2):
                around = [word for word in (*text[:first], *text[last:]) if word not in noise]
                if " ".join(around) in endings:
                    service = directory.find_service(" ".join(text[first:last]))
                    if service is not None:
                        return service
        return None

    def looks_like_an_answer(self, header: str, directory: Directory) -> bool:
        """Whether a header that is not understood names a service, or has a word of an answer or a status."""
        written = self._plain_words(header)
        listed = {header_key(word) for word in written}
        text = f" {' '.join(written)} "
        if any(header_key(word) in listed or f" {word.casefold()} " in text for word in self.unread.answers):
            return True
        spans = (written[first:last] for first in range(len(written)) for last in range(first + 1, len(written) + 1))
        return any(directory.find_service(" ".join(span)) is not None for span in spans)

    def nearest(self, header: str, directory: Directory) -> str | None:
        """The known header that comes nearest to one that is not understood; None if none resembles it."""
        known = {header_key(name): name for column in self.column.values() for name in column.names}
        for service, entry in directory.service.items():
            for name in (entry.name, *entry.also):
                known.setdefault(header_key(name), self.header(ANSWER + service, directory))
            answer = self.header(ANSWER + service, directory)
            known.setdefault(header_key(answer), answer)
        return next((known[key] for key in get_close_matches(header_key(header), list(known), n=1)), None)

    def known_words(self, directory: Directory) -> frozenset[str]:
        """Every word of a header that is known here: others may be a person's name and are not repeated."""
        texts = [name for column in self.column.values() for name in column.names]
        texts += [*self.answers.endings, *self.unread.answers]
        texts += [name for entry in directory.service.values() for name in (entry.name, *entry.also)]
        return frozenset(word for text in texts for word in re.split(r"[^a-z0-9]+", text.casefold()) if word)

    def header(self, what: str, directory: Directory) -> str:
        """The first header that a column goes by, for naming it to a person."""
        if what.startswith(ANSWER):
            return f"{directory.service_name(what.removeprefix(ANSWER))} {self.answers.endings[0]}"
        return self.column[what].names[0]


def header_key(text: str) -> str:
    """A header or word without case, blanks and punctuation."""
    return re.sub(r"[^a-z0-9]", "", text.casefold())


def load_columns(path: Path | None = None) -> TrackerColumns:
    """Reads a column file (the project's own where `path` is None). Raises TrackerError, never another exception, for
    its content.
    """
    file = path or DEFAULT
    return columns_of(read_text(file, TrackerError), named(file))


def columns_of(text: str, name: str = "tracker.toml") -> TrackerColumns:
    """The columns that a text says; `name` is how errors call it. Raises TrackerError."""
    try:
        return TrackerColumns.model_validate(tables_of(text, name, TrackerError))
    except ValidationError as problem:
        raise TrackerError(
            f"{name}: {first_fault(problem, TrackerColumns)}. config/tracker.toml is an example"
        ) from None
