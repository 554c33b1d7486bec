"""What a list of a time is: its columns, how its rows are read, and how a cell is written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict

from casework.context import AppContext
from casework.reports.table_files import Column
from config.text import short_weekday
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


class Listed(NamedTuple):
    """The rows, each of the list's own model, and how many more no list may name."""

    rows: Sequence[Any]
    not_named: int


class PeriodList(NamedTuple):
    """One list. `shows` says in a sentence what it shows. `of_counts`: it counts, by period; no row is a case."""

    name: str
    title: str
    shows: str
    columns: Sequence[Column]
    rows: Callable[[AppContext, Wanted], Listed]
    by_period: bool
    of_counts: bool = False

    def cells(self, row: BaseModel) -> list[Any]:
        """The values of a row for a file: text, numbers and days; money in pounds."""
        return [_value(column, getattr(row, column.name)) for column in self.columns]

    def words(self, row: BaseModel) -> list[str]:
        """The values of a row as a page and a terminal show them."""
        return [_words(column, getattr(row, column.name)) for column in self.columns]


def _value(column: Column, value: Any) -> Any:
    if value is not None and column.name.endswith("_pence"):
        return Decimal(value) / 100
    return value


def _words(column: Column, value: Any) -> str:
    if value is None:
        return "-"
    if column.name.endswith("_pence"):
        return in_pounds(value)
    return short_weekday(value) if isinstance(value, date) else str(value)
