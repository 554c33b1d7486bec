"""Which days are working days of England and Wales, and which days the SEND Tribunal counts.

Provision: the bank holidays of England and Wales (Banking and Financial Dealings Act 1971, proclamations); SI 2008/2699
r1(3) and r12(3). Sums are look-ups in tables made once. A day outside the known range raises AlmanacRange: a calendar
that guesses gives a date that looks like law and is not.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

import config
from config.law import NoAnswer, month_day
from config.toml_reader import ConfigFault, Strict, parsed, read_text, tables_of, topmost

LONDON = ZoneInfo("Europe/London")
DAY = timedelta(days=1)
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
Kind = Literal["working", "tribunal_working", "tribunal"]

_EXAMPLES = {
    "nation": 'nation = "England and Wales"',
    "known_from": "known_from = 2012-01-01",
    "known_to": "known_to = 2028-12-31",
    "source": 'source = "https://www.gov.uk/bank-holidays"',
    "source_date": "source_date = 2026-02-25",
    "weekend": 'weekend = ["Saturday", "Sunday"]',
    "from": 'from = "1 August"',
    "to": 'to = "31 August"',
    "why": 'why = "August"',
    "closed": "[[closed]]",
}


class OutsideCalendarRange(NoAnswer):
    """A sum needed a day outside the years whose bank holidays are known; the text names the known range."""


class _Head(Strict):
    nation: Literal["England and Wales"]
    known_from: date
    known_to: date
    source: str
    source_date: date
    weekend: list[str]


class WorkingCalendar:
    """The known days, and every way of counting them. Immutable; compared by identity; `digest` names its content.

    `first` and `last` are the known range. Methods raise OutsideCalendarRange if they need a day outside it.
    """

    def __init__(
        self,
        first: date,
        last: date,
        holidays: Mapping[date, str],
        weekend: Iterable[int],
        closed: Mapping[tuple[int, int], str],
        digest: str,
    ) -> None:
        self.first, self.last, self.holidays, self.digest = first, last, dict(holidays), digest
        self._closed = dict(closed)
        self._weekend = frozenset(weekend)
        self._base = first.toordinal() - 1
        self._work, self._rank = self._ranked("working")
        self._twork, self._trank = self._ranked("tribunal_working")
        self._tdays, self._tdays_rank = self._ranked("tribunal")
        self._bulk: dict[tuple[Kind, int], dict[int, int]] = {}

    def _ranked(self, kind: Kind) -> tuple[list[int], list[int]]:
        """The ordinals that count, and for each day of the range how many of them lie on or before it."""
        counted: list[int] = []
        rank = [0]
        for ordinal in range(self._base + 1, self.last.toordinal() + 1):
            day = date.fromordinal(ordinal)
            counts = kind == "tribunal" or not (day.weekday() in self._weekend or day in self.holidays)
            if counts and not (kind != "working" and (day.month, day.day) in self._closed):
                counted.append(ordinal)
            rank.append(len(counted))
        return counted, rank

    # What a day is
    # -----------------------------------------------------------------------------------------------------

    def is_working_day(self, day: date) -> bool:
        """Monday to Friday and no bank holiday of England and Wales."""
        place = self._place(day, 1)
        return self._rank[place] != self._rank[place - 1]

    def is_closed(self, day: date) -> bool:
        """Whether the Tribunal's rules leave the day out (August, 25 December to 1 January): known for any year."""
        return (day.month, day.day) in self._closed

    def why_not_working(self, day: date) -> str | None:
        """The weekend, or the bank holiday's name; None for a working day."""
        if self.is_working_day(day):
            return None
        return self.holidays.get(day, "weekend")

    def why_closed(self, day: date) -> str | None:
        """Why the Tribunal's rules do not count the day; None where they do."""
        return self._closed.get((day.month, day.day))

    # Sums
    # --------------------------------------------------------------------------------------------------------------

    def add_working_days(self, day: date, n: int) -> date:
        """The n-th working day after `day` (n >= 1)."""
        return self._nth_after(self._work, self._rank, day, n)

    def add_tribunal_working_days(self, day: date, n: int) -> date:
        """The n-th working day after `day`, no closed day of the Tribunal counted."""
        return self._nth_after(self._twork, self._trank, day, n)

    def add_tribunal_days(self, day: date, n: int) -> date:
        """The n-th calendar day after `day`, no closed day of the Tribunal counted. The last day is not rolled here."""
        return self._nth_after(self._tdays, self._tdays_rank, day, n)

    def working_days_beginning_with(self, day: date, n: int) -> date:
        """The n-th working day of those that begin with `day`, or with the next working day where it is none."""
        return self._nth_after(self._work, self._rank, day - DAY, n)

    def subtract_working_days(self, day: date, n: int) -> date:
        """The n-th working day before `day`."""
        left = self._rank[self._place(day, 1, 1) - 1] - _positive(n)
        if left < 0:
            raise self.out_of_range()
        return date.fromordinal(self._work[left])

    def working_day_on_or_before(self, day: date) -> date:
        """`day` itself where it is a working day, else the last one before it."""
        found = self._rank[self._place(day, 1)] - 1
        if found < 0:
            raise self.out_of_range()
        return date.fromordinal(self._work[found])

    def working_day_on_or_after(self, day: date) -> date:
        """`day` itself where it is a working day, else the next one."""
        self._place(day, 1)
        return self._nth_after(self._work, self._rank, day - DAY, 1)

    def working_days_between(self, after: date, until: date) -> int:
        """How many working days lie after `after`, up to and including `until`."""
        return self._rank[self._place(until, 0)] - self._rank[self._place(after, 0)]

    def institution_days_after(self, day: date, n: int, closed_from: date | None, reopens_on: date | None) -> date:
        """The n-th working day after `day` on which the institution is not closed (`closed_from` to the day before
        `reopens_on`).
        """
        end = self.add_working_days(day, n)
        if closed_from is None or reopens_on is None:
            return end
        lost_from = max(closed_from.toordinal(), day.toordinal() + 1)
        at = self._rank[self._place(day, 0)]
        left = n
        while True:
            if at >= len(self._work):
                raise self.out_of_range()
            ordinal = self._work[at]
            if not lost_from <= ordinal < reopens_on.toordinal():
                left -= 1
                if not left:
                    return date.fromordinal(ordinal)
            at += 1

    def add_working_days_many(self, days: Iterable[int], n: int) -> list[int]:
        """`add_working_days` for many days at once; days go in and come out as proleptic ordinals
        (`date.toordinal`).
        """
        return self._many("working", days, n)

    def add_tribunal_working_days_many(self, days: Iterable[int], n: int) -> list[int]:
        """`add_tribunal_working_days` for many days at once, in ordinals."""
        return self._many("tribunal_working", days, n)

    def out_of_range(self) -> OutsideCalendarRange:
        """The refusal that names the known range."""
        return OutsideCalendarRange(
            f"The working-day calendar has the bank holidays of England and Wales from {self.first} to {self.last}."
            " This calculation needs a working day outside that range. Add the missing year to"
            " config/almanac/bank_holidays.toml."
        )

    def _many(self, kind: Kind, days: Iterable[int], n: int) -> list[int]:
        table = self._bulk.get((kind, n))
        if table is None:
            work, rank = (self._work, self._rank) if kind == "working" else (self._twork, self._trank)
            _positive(n)
            table = {self._base + i: work[r + n - 1] for i, r in enumerate(rank) if r + n <= len(work)}
            self._bulk[kind, n] = table
        try:
            return list(map(table.__getitem__, days))
        except KeyError:
            raise self.out_of_range() from None

    def _nth_after(self, work: Sequence[int], rank: Sequence[int], day: date, n: int) -> date:
        place = day.toordinal() - self._base
        if 0 <= place < len(rank) and (found := rank[place] + _positive(n) - 1) < len(work):
            return date.fromordinal(work[found])
        raise self.out_of_range()

    def _place(self, day: date, least: int, beyond: int = 0) -> int:
        place = day.toordinal() - self._base
        if least <= place < len(self._rank) + beyond:
            return place
        raise self.out_of_range()


def _positive(n: int) -> int:
    if n < 1:
        raise ValueError("a number of days to count is 1 or more")
    return n


def load_calendar(*folders: Path) -> WorkingCalendar:
    """Read bank_holidays.toml and tribunal.toml from `folders` (default: config/almanac); a file in a later one stands
    for that in an earlier one.

    Raises ConfigFault where a day is no date, lies outside the known range or under another year's heading, or a known
    year is empty.
    """
    return _read(folders) if folders else _shipped()


@lru_cache(maxsize=1)
def _shipped() -> WorkingCalendar:
    return _read((Path(config.__path__[0]) / "almanac",))


def _read(folders: Sequence[Path]) -> WorkingCalendar:
    return _made(*(read_text(topmost(folders, name)) for name in ("bank_holidays.toml", "tribunal.toml")))


@lru_cache(maxsize=8)
def _made(days_text: str, tribunal_text: str) -> WorkingCalendar:
    """The calendar of these two texts. Cached: an installation that is loaded again reads the same texts."""
    days = tables_of(days_text, "almanac/bank_holidays.toml")
    tribunal = tables_of(tribunal_text, "almanac/tribunal.toml")
    digest = hashlib.sha256(
        json.dumps([days, tribunal], sort_keys=True, default=str, separators=(",", ":")).encode()
    ).hexdigest()
    years = {year: table for year, table in days.items() if isinstance(table, dict)}
    head = parsed(
        _Head,
        {key: value for key, value in days.items() if key not in years},
        "almanac/bank_holidays.toml",
        "top",
        _EXAMPLES,
    )
    if unknown := [name for name in head.weekend if name not in WEEKDAYS]:
        raise ConfigFault(
            f"almanac/bank_holidays.toml: `weekend` names no weekday: {unknown[0]!r}. Example: {_EXAMPLES['weekend']}"
        )
    holidays: dict[date, str] = {}
    for year, table in years.items():
        for text, name in table.items():
            holidays[_holiday(year, text, name, head)] = name
    for number in range(head.known_from.year, head.known_to.year + 1):
        if not any(day.year == number for day in holidays):
            raise ConfigFault(
                f"almanac/bank_holidays.toml: {number} lies in the known range and has no bank holiday. Example:"
                f" [{number}] and its days."
            )
    weekend = [WEEKDAYS.index(name) for name in head.weekend]
    return WorkingCalendar(head.known_from, head.known_to, holidays, weekend, _closed_days(tribunal), digest)


def _holiday(year: str, text: str, name: Any, head: _Head) -> date:
    example = f'Example: "{head.known_from.year}-12-25" = "Christmas Day"'
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise ConfigFault(
            f"almanac/bank_holidays.toml: [{year}] has a key that is no date: {text!r}. {example}"
        ) from None
    if str(day.year) != year or not head.known_from <= day <= head.known_to or not isinstance(name, str):
        raise ConfigFault(
            f"almanac/bank_holidays.toml: [{year}] {text}: a day of that year inside the known range, and its name,"
            f" were expected. {example}"
        )
    return day


def _closed_days(tables: Mapping[str, Any]) -> dict[tuple[int, int], str]:
    """Every closed day of the year as (month, day); a period whose end comes before its start runs over the
    year's end.
    """
    closed: dict[tuple[int, int], str] = {}
    if unknown := set(tables) - {"source", "source_date", "closed"}:
        raise ConfigFault(
            f"almanac/tribunal.toml: a key that is not known: `{min(unknown)}`. Known keys: closed, source,"
            " source_date."
        )
    if "closed" not in tables:
        raise ConfigFault('almanac/tribunal.toml: [[closed]] is missing. Example: from = "1 August"')
    for table in tables["closed"]:
        if set(table) != {"from", "to", "why"}:
            raise ConfigFault(
                "almanac/tribunal.toml: [[closed]] has exactly the keys `from`, `to` and `why`."
                ' Example: from = "1 August"'
            )
        try:
            start, end = month_day(table["from"]), month_day(table["to"])
        except ValueError as fault:
            raise ConfigFault(f"almanac/tribunal.toml: [[closed]]: {fault}") from None
        day, stop = date(2001, *start), date(2001 if start <= end else 2002, *end)
        while day <= stop:
            closed[day.month, day.day] = table["why"]
            day += DAY
    return closed
