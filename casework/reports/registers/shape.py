"""What the list of a register is: its columns, how its rows are read, and how a cell is written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict

from casework.context import AppContext
from casework.reports.table_files import Column
from config.text import full_day, short_weekday, with_days
from models.fields import in_pounds


class By(StrEnum):
    """How long the periods of a list of counts are; `whole` is the time from the first day to the last."""

    WHOLE = "whole"
    MONTH = "month"
    QUARTER = "quarter"


class Wanted(BaseModel):
    """What a list shows: both days are included. `days`: how many calendar days from today a list of what comes reads.

    `la`: of one authority only.
    """

    model_config = ConfigDict(frozen=True)
    today: date
    from_on: date
    to_on: date
    by: By = By.WHOLE
    days: int = 90
    la: str = ""

    @classmethod
    def of(cls, today: date, from_on: date | None = None, to_on: date | None = None, **others: Any) -> Wanted:
        """What is wanted; without days the year that ends today."""
        last = to_on or today
        return cls(today=today, from_on=from_on or last - timedelta(days=364), to_on=last, **others)

    def has(self, la: str | None) -> bool:
        """Whether a row of this authority is wanted."""
        return self.la in ("", la)


class Listed(NamedTuple):
    """The rows, each of the list's own model, and how many more no list may name."""

    rows: Sequence[Any]
    not_named: int


class Of(StrEnum):
    """What days a list is of: today, a time from one day to another, or the days to come."""

    TODAY = "today"
    TIME = "time"
    TO_COME = "to_come"


class RegisterList(NamedTuple):
    """One list. `says`: what is in it, in a sentence. `of_counts`: it counts, by period; no row is a case.

    `by_authority`: its rows may be those of one authority.
    """

    name: str
    title: str
    says: str
    columns: Sequence[Column]
    rows: Callable[[AppContext, Wanted], Listed]
    of: Of = Of.TODAY
    of_counts: bool = False
    by_authority: bool = True

    def when(self, wanted: Wanted) -> str:
        """What days the list is of, as a sentence goes on with it."""
        if self.of is Of.TIME:
            return f"from {full_day(wanted.from_on)} to {full_day(wanted.to_on)}"
        return f"in the next {wanted.days} days" if self.of is Of.TO_COME else f"on {full_day(wanted.today)}"

    def cells(self, row: BaseModel) -> list[Any]:
        """The values of a row for a file: text, numbers and days; money in pounds."""
        return [_value(column, getattr(row, column.name)) for column in self.columns]

    def words(self, row: BaseModel) -> list[str]:
        """The values of a row as a page and a terminal show them; nothing is an empty text."""
        return [_words(column, getattr(row, column.name)) for column in self.columns]

    def document(self, listed: Listed, wanted: Wanted) -> dict[str, Any]:
        """The list for programs. A row has its values, and under `cells` its words by the key of their column."""
        keys = [column.name.removesuffix("_name") for column in self.columns]
        return {
            "name": self.name,
            "title": self.title,
            "says": self.says,
            "as_at": wanted.today.isoformat(),
            "columns": dict(zip(keys, (column.heading for column in self.columns), strict=True)),
            **wanted.model_dump(mode="json", exclude={"today"}),
            "rows": [
                {**row.model_dump(mode="json"), "cells": dict(zip(keys, self.words(row), strict=True))}
                for row in listed.rows
            ],
            "not_named": listed.not_named,
        }


def _value(column: Column, value: Any) -> Any:
    if isinstance(value, list):
        return _joined(value)
    if value is not None and column.name.endswith("_pence"):
        return Decimal(value) / 100
    return value


def _words(column: Column, value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, list):
        return _joined(value)
    if column.name.endswith("_pence"):
        return in_pounds(value)
    if column.name == "days" and value < 0:
        return f"{-value} late"
    return short_weekday(value) if isinstance(value, date) else str(value)


def _joined(texts: list[str]) -> str:
    """Sentences after one another, or parts of one with semicolons between them."""
    return with_days((" " if all(each.endswith(".") for each in texts) else "; ").join(texts))
