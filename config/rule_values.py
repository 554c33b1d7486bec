"""Values in the statute files that take more than one form: a day of the year, and a word in place of a list."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)


def month_day(text: str) -> tuple[int, int]:
    """A day of the year written as "31 March", as (month, day). Raises ValueError where it is none; 29 February is
    none.
    """
    day, _, month = str(text).partition(" ")  # a file may hold anything in its place
    if month not in MONTHS or not day.isdecimal():
        raise ValueError('a day of the year was expected, such as "31 March"')
    found = date(2001, MONTHS.index(month) + 1, int(day))
    return found.month, found.day


def one_or_several(value: Any) -> Any:
    """A word alone is a list of one."""
    return (value,) if isinstance(value, str) else tuple(value) if isinstance(value, list) else value


def listed_clauses(value: Any) -> Any:
    """Several conditions on the fields of a fact, each a table of fields and words."""
    return tuple(listed_words(each) for each in value) if isinstance(value, list | tuple) else value


def listed_words(value: Any) -> Any:
    """The words that a field of an opening fact may have: a word alone is a list of one."""
    if not isinstance(value, Mapping):
        return value
    return {key: one_or_several(words) for key, words in value.items()}
