"""The lists of words of a tracker's columns, and the text with one of them changed; comments and the rest stay."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import tomlkit

from config.toml_edit import edited
from config.tracker_columns import TrackerColumns, TrackerError, columns_of, header_key

SHORT = "answers.short"
OTHER = {
    "answers.endings": "What follows a service's name in the header of its answers",
    SHORT: "Short ways to write a word of such a header, as: recd = received",
    "answers.noise": "Words of such a header that say nothing",
    "unread.answers": "Words by which a header that is not understood looks like one of an answer",
    "words.yes": "Words of a cell that mean yes",
    "words.no": "Words of a cell that mean no",
    "words.totals": "Words that mark a row of totals",
}


class WordList(NamedTuple):
    """One list: its place in the file, such as `column.reference`; what it is in words; the words."""

    place: str
    title: str
    words: tuple[str, ...]


def lists(columns: TrackerColumns) -> list[WordList]:
    """Every list that may be changed, in the order of the file."""
    found = [
        WordList(f"column.{name}", f"Headers of: {each.names[0] if each.names else name.replace('_', ' ')}", each.names)
        for name, each in columns.column.items()
    ]
    for place, title in OTHER.items():
        table, _, key = place.partition(".")
        words = getattr(getattr(columns, table), key)
        found.append(
            WordList(place, title, tuple(f"{one} = {all_}" for one, all_ in words.items()) if place == SHORT else words)
        )
    return found


def with_words(text: str, place: str, words: Sequence[str]) -> str:
    """The text with other words in one list. Raises TrackerError, which says what was expected."""
    if place not in {each.place for each in lists(columns_of(text))}:
        raise TrackerError("there is no such list of words: sendflow columns lists them")
    first = [_pair(word)[0] for word in words] if place == SHORT else words
    if len({word.casefold() for word in first}) != len(words):
        raise TrackerError("a word is there twice: expected each once")
    made = edited(text, lambda content: _put(content, place, words), TrackerError)
    columns_of(made)
    return made


def _put(content: Any, place: str, words: Sequence[str]) -> None:
    table, _, key = place.partition(".")
    if table == "column":
        content["column"][key]["names"] = list(words)
    elif place == SHORT:
        pairs = dict(map(_pair, words))
        made: Any = tomlkit.inline_table() if isinstance(content, tomlkit.TOMLDocument) else {}
        made.update(pairs)
        content[table][key] = made
    else:
        content.setdefault(table, {})[key] = list(words)


def _pair(line: str) -> tuple[str, str]:
    """A short way to write a word and the word. The short one is compared without case, blanks and punctuation."""
    short, sign, whole = line.partition("=")
    if not sign or not header_key(short) or not whole.strip():
        raise TrackerError(f"{line}: expected a short word, = and the whole word, for example recd = received")
    return header_key(short), whole.strip().casefold()
