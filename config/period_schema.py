"""How long a rule of the statute gives, and how it is counted: periods, alternatives, and exceptions for a while.

Duty/provision: none of its own; config/statute/*.toml carries them. It checks that a period hangs together, and decides
no date.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from functools import cached_property
from types import MappingProxyType
from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from config.rule_values import month_day
from config.text import noun
from config.toml_reader import ADDRESS, Strict

Count = Literal[
    "after",
    "beginning_with",
    "working_days_after",
    "working_days_beginning_with",
    "tribunal_working_days_after",
    "tribunal_days_after",
    "corresponding_date",
    "month_beginning_with",
    "corresponding_date_tribunal_start",
    "corresponding_date_tribunal_days",
    "institution_days_after",
    "closure_window",
    "appeal_period",
    "prescribed_day",
    "birthday",
    "days_before",
    "working_days_before",
    "months_before",
    "before_fixed_date",
    "as_directed",
    "as_named",
    "none",
    "immediate",
    "local",
]
Basis = Literal[
    "act",
    "regulation",
    "tribunal_rule",
    "tribunal_direction",
    "case_law",
    "statutory_guidance",
    "national_framework",
    "nhse_policy",
    "ombudsman_practice",
    "local_standard",
]
Unit = Literal["days", "weeks", "months", "working_days", "institution_days", "years"]

# Which unit a count word takes. A word that takes none has its own keys, or no number at all.
UNITS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "after": ("days", "weeks"),
        "beginning_with": ("days", "weeks"),
        "days_before": ("days", "weeks"),
        "tribunal_days_after": ("days", "weeks"),
        "closure_window": ("days", "weeks"),
        "appeal_period": ("days",),
        "working_days_after": ("working_days",),
        "working_days_beginning_with": ("working_days",),
        "working_days_before": ("working_days",),
        "tribunal_working_days_after": ("working_days",),
        "institution_days_after": ("institution_days",),
        "corresponding_date": ("months",),
        "month_beginning_with": ("months",),
        "corresponding_date_tribunal_start": ("months",),
        "corresponding_date_tribunal_days": ("months",),
        "months_before": ("months",),
        "birthday": ("years",),
        "prescribed_day": ("years",),
    }
)
BY_DUE_DATE = ("birthday", "prescribed_day")


class AlternativePeriod(Strict):
    """One length of time and the day it starts from: `on`, or the name of an input."""

    days: int | None = Field(None, ge=1)
    weeks: int | None = Field(None, ge=1)
    months: int | None = Field(None, ge=1)
    working_days: int | None = Field(None, ge=1)
    institution_days: int | None = Field(None, ge=1)
    years: int | None = Field(None, ge=1)
    start: str = "on"

    @cached_property
    def amounts(self) -> tuple[tuple[Unit, int], ...]:
        """Every unit that is given, with its number."""
        units: tuple[Unit, ...] = ("days", "weeks", "months", "working_days", "institution_days", "years")
        return tuple((unit, number) for unit in units if (number := getattr(self, unit)) is not None)

    @cached_property
    def number(self) -> int:
        """The statute's number, in its own unit."""
        return self.amounts[0][1]

    @cached_property
    def in_days(self) -> int:
        """A length in days or weeks as days; weeks are the only unit that is a fixed number of days."""
        unit, number = self.amounts[0]
        return number * 7 if unit == "weeks" else number

    @cached_property
    def said(self) -> str:
        """The length in words, such as "6 weeks"."""
        unit, number = self.amounts[0]
        words = unit.replace("_", " ")
        return f"{number} {noun(number, words[:-1], words)}"


class DayItself(Strict):
    """The day of `input` itself is the last day, where it was known that many working days before."""

    input: str
    known_working_days_before: int = Field(ge=1)


class FixedException(Strict):
    """For one start day alone, another fixed date."""

    on: date
    before: str
    cite: str

    @field_validator("before")
    @classmethod
    def _day_of_year(cls, text: str) -> str:
        month_day(text)
        return text


class StrictReading(Strict):
    """The earlier arguable reading, where it is another way of counting: which way, and which of its two dates."""

    counts: Literal["after", "corresponding_date", "month_beginning_with"]
    takes: Literal["due", "strict_due"]


class Period(AlternativePeriod):
    """One dated version of a rule. `since` None answers for any date; `repealed` says that from then on there is no
    duty.
    """

    since: date | None = Field(None, alias="from")
    text: str
    counts: Count
    basis: Basis
    cite: str | None = None
    url: str | None = Field(None, pattern=ADDRESS)
    excuses: tuple[str, ...] = ()
    excuses_cite: str | None = None
    repealed: bool = False
    later_of: tuple[AlternativePeriod, ...] = ()
    earlier_of: tuple[AlternativePeriod, ...] = ()
    strict_reading: StrictReading | None = None
    strict_adds_days: int = 0
    day_itself: DayItself | None = None
    before: str | None = None
    before_except: tuple[FixedException, ...] = ()
    prescribed: tuple[str, ...] = ()
    follows: str | None = None
    back_from: str | None = None
    closed_at_least_days: int | None = Field(None, ge=1)

    @field_validator("excuses", "later_of", "earlier_of", "before_except", "prescribed", mode="before")
    @classmethod
    def _list_is_tuple(cls, value: Any) -> Any:
        return tuple(value) if isinstance(value, list) else value

    @cached_property
    def alternatives(self) -> tuple[AlternativePeriod, ...]:
        """The lengths to count: one, or the alternatives of which the later or the earlier governs."""
        return self.later_of or self.earlier_of or (self,)

    @model_validator(mode="after")
    def _fits_its_count(self) -> Self:
        for text in (*((self.before,) if self.before else ()), *self.prescribed):
            month_day(text)
        wanted = UNITS.get(self.counts, ())
        if self.later_of and self.earlier_of:
            raise ValueError("`later_of` and `earlier_of` exclude each other")
        if (self.later_of or self.earlier_of) and self.amounts:
            raise ValueError("write a number beside `counts` or inside the alternative periods, not in both")
        for alternative in self.alternatives:
            if wanted and (len(alternative.amounts) != 1 or alternative.amounts[0][0] not in wanted):
                raise ValueError(f'counts = "{self.counts}" takes exactly one number, in {" or ".join(wanted)}')
            if not wanted and alternative.amounts:
                raise ValueError(f'counts = "{self.counts}" takes no number')
        needs = {
            "before_fixed_date": "before",
            "prescribed_day": "prescribed",
            "appeal_period": "follows",
            "closure_window": "back_from",
        }
        for count, key in needs.items():
            if bool(getattr(self, key)) != (self.counts == count):
                raise ValueError(f'the key `{key}` belongs to counts = "{count}", and is needed there')
        if (self.closed_at_least_days is None) == (self.counts == "closure_window"):
            raise ValueError('the key `closed_at_least_days` belongs to counts = "closure_window", and is needed there')
        return self


class Overlay(Strict):
    """Grounds added for a while, by due date and not by start. `only_limb` narrows them to one of two ways a date is
    found.
    """

    due_from: date
    due_to: date
    add: tuple[str, ...]
    cite: str
    test: str | None = None
    only_limb: Literal["counted", "day_itself"] | None = None

    @field_validator("add", mode="before")
    @classmethod
    def _list_is_tuple(cls, value: Any) -> Any:
        return tuple(value) if isinstance(value, list) else value

    @model_validator(mode="after")
    def _runs_forward(self) -> Self:
        if self.due_to < self.due_from:
            raise ValueError("`due_to` comes before `due_from`")
        return self
