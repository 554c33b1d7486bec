"""A person changes how the columns of a tracker are called, and asks what a header would mean."""

from __future__ import annotations

from collections.abc import Sequence

from casework.context import AppContext
from casework.own_file_changes import Change, WrongChange, own_text, put_in_force
from casework.rules.config_held import TRACKER
from config.toml_reader import read_text
from config.tracker_columns import DEFAULT, TrackerColumns, TrackerError, columns_of
from config.tracker_edit import WordList, lists, with_words


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


def record_words(context: AppContext, place: str, words: Sequence[str], actor: str, via: str) -> None:
    """Record other words for one list, in the name of a person. Raises WrongChange."""
    before = _text(context)
    try:
        text = with_words(before, place, [word.strip() for word in words if word.strip()])
    except TrackerError as problem:
        raise WrongChange(str(problem).removeprefix("tracker.toml: ")) from None
    if columns_of(text) == columns_of(before):
        raise WrongChange("the list says so already: nothing was changed")
    put_in_force(context, Change(TRACKER, text, actor, via))


def _text(context: AppContext) -> str:
    own = own_text(context, TRACKER)
    return own if own is not None else read_text(DEFAULT)
