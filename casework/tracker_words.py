"""A person changes how the columns of a tracker are called; what each header would mean is shown before it is recorded.

Purpose: a header that is no longer understood makes advice late that has come. Headers of a person's own tracker may
identify a child: they are given to that person alone, and nothing of them is stored here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from casework.context import AppContext
from casework.imports.raw_rows import SheetError
from casework.imports.sheet import headers_of
from casework.own_file_changes import Change, WrongChange, own_text, put_in_force
from casework.rules.config_held import TRACKER
from config.directory import Directory
from config.toml_reader import read_text
from config.tracker_columns import DEFAULT, NEEDED, TrackerColumns, TrackerError, columns_of
from config.tracker_edit import WordList, lists, with_words


class HeaderRead(BaseModel):
    """One header: the column that it is understood as now, and after the change; None where it is not read."""

    model_config = ConfigDict(frozen=True)
    header: str
    now: str | None
    then: str | None


class ProposedWords(BaseModel):
    """What other words for a list would do.

    `added` and `left_out` are the words that differ. `differ` has each header that sendflow knows, now or then, and
    that would mean something else; `same` counts the others. `own` has every header of the person's tracker, and
    `problems` what an import of it would refuse or ask. Headers that would no longer be read come first.
    """

    model_config = ConfigDict(frozen=True)
    added: list[str]
    left_out: list[str]
    differ: list[HeaderRead]
    same: int
    own: list[HeaderRead]
    problems: list[str]


def columns_in_force(context: AppContext) -> TrackerColumns:
    """The columns that an import would understand now."""
    return columns_of(_text(context))


def word_lists(context: AppContext) -> list[WordList]:
    """Every list of words that may be changed."""
    return lists(columns_in_force(context))


def meaning(context: AppContext, header: str) -> str:
    """What a header would hold, in words; or that it is not understood, with the nearest one that is."""
    columns, directory = columns_in_force(context), context.directory
    found = columns.meaning(header, directory)
    if found is not None:
        return f"understood as: {columns.header(found, directory)}"
    near = columns.nearest(header, directory)
    return "not understood" + (f"; the nearest known header is {near}" if near else "")


def propose_words(context: AppContext, place: str, words: Sequence[str], own: Sequence[str] = ()) -> ProposedWords:
    """Say what other words for one list would do, also to the headers of a tracker (`own`).

    Writes nothing. Raises WrongChange for what `record_words` would refuse.
    """
    before, directory = columns_in_force(context), context.directory
    after = columns_of(_changed(context, place, words))
    old, new = (next(each.words for each in lists(columns) if each.place == place) for columns in (before, after))
    shipped = columns_of(read_text(DEFAULT))
    known = dict.fromkeys(header for columns in (shipped, before, after) for header in _known(columns, directory))
    read = [_read(header, before, after, directory) for header in known]
    differ = [each for each in read if each.now != each.then]
    return ProposedWords(
        added=[word for word in new if word not in old],
        left_out=[word for word in old if word not in new],
        differ=sorted(differ, key=lambda each: each.then is not None),
        same=sum(each.now == each.then is not None for each in read),
        own=[_read(header, before, after, directory) for header in own],
        problems=list(_problems(own, before, after, directory)),
    )


def headers_in(context: AppContext, place: str, words: Sequence[str], tracker: Path) -> list[str]:
    """The headers of a tracker that can be read now, or with other words for a list.

    Raises WrongChange for words that would be refused, and SheetError if it is no tracker either way.
    """
    after = columns_of(_changed(context, place, words))
    try:
        return headers_of(tracker, columns_in_force(context), context.directory)
    except SheetError:
        return headers_of(tracker, after, context.directory)


def record_words(context: AppContext, place: str, words: Sequence[str], actor: str, via: str) -> None:
    """Record other words for one list, in the name of a person. Raises WrongChange."""
    put_in_force(context, Change(TRACKER, _changed(context, place, words), actor, via))


def _changed(context: AppContext, place: str, words: Sequence[str]) -> str:
    before = _text(context)
    try:
        text = with_words(before, place, [word.strip() for word in words if word.strip()])
    except TrackerError as problem:
        raise WrongChange(str(problem).removeprefix("tracker.toml: ")) from None
    if columns_of(text) == columns_of(before):
        raise WrongChange("the list says so already: nothing was changed")
    return text


def _text(context: AppContext) -> str:
    own = own_text(context, TRACKER)
    return own if own is not None else read_text(DEFAULT)


def _known(columns: TrackerColumns, directory: Directory) -> Iterator[str]:
    """Every header of the lists; and those of answers, by each name of a service and each word around it."""
    for column in columns.column.values():
        yield from column.names
    answers = columns.answers
    for entry in directory.service.values():
        for name in (entry.name, *entry.also):
            yield from (f"{name} {ending}" for ending in (*answers.endings, *answers.short))
            yield from (f"{name} {answers.endings[0]} {word}" for word in answers.noise)


def _read(header: str, before: TrackerColumns, after: TrackerColumns, directory: Directory) -> HeaderRead:
    now, then = before.meaning(header, directory), after.meaning(header, directory)
    # Both are named as now, so that a list with another first word is not taken for another meaning.
    called = {what: before.header(what, directory) for what in (now, then) if what is not None}
    return HeaderRead(header=header, now=called.get(now or ""), then=called.get(then or ""))


def _problems(own: Sequence[str], before: TrackerColumns, after: TrackerColumns, directory: Directory) -> Iterator[str]:
    """What an import of a tracker with these headers would refuse, or ask a person."""
    found: dict[str, list[str]] = {}
    for header in own:
        what = after.meaning(header, directory)
        if what is not None:
            found.setdefault(what, []).append(header)
        elif after.looks_like_an_answer(header, directory):
            yield f"{header} would not be read and may hold answers: the import would ask before it goes on"
    for headers in found.values():
        if len(headers) > 1:
            yield f"{' and '.join(headers)} would mean the same: the import would refuse the file"
    for what in NEEDED if own else ():
        if what not in found:
            yield f"no header would mean {before.header(what, directory)}: the import would refuse the file"
