"""Working days and the Tribunal's days, against the loop that everybody writes first: step a day, ask `holidays`,
count.

Both sides answer the same questions and are compared before they are timed. Ours answers all of them at once from its
tables; the loop is timed on a sample, because a million of its sums take minutes.
"""

import random
from collections.abc import Callable
from datetime import date, timedelta

import holidays

from benchmarks.harness.measuring import Measured, Side, alternate, of_theirs
from deadlines.working_calendar import WorkingCalendar, load_calendar

SUMS = 1_000_000
SAMPLE = 10_000
FIRST, LAST = date(2015, 1, 1), date(2027, 6, 30)
COUNTS = (("working", 15), ("tribunal_working", 20))
DAY = timedelta(days=1)


def working_days() -> Measured:
    """Half of the sums in working days, half in the Tribunal's."""
    almanac = load_calendar()
    chance = random.Random(115)
    days = [chance.randrange(FIRST.toordinal(), LAST.toordinal()) for _ in range(SUMS // 2)]
    sample = [date.fromordinal(ordinal) for ordinal in days[: SAMPLE // 2]]
    bank = holidays.country_holidays("GB", subdiv="ENG", years=range(FIRST.year, LAST.year + 2))

    def is_working(day: date) -> bool:
        return day.weekday() < 5 and day not in bank

    counted: dict[str, Callable[[date], bool]] = {
        "working": is_working,
        "tribunal_working": lambda day: _tribunal(day) and is_working(day),
    }
    _same(almanac, sample, counted)

    def ours(_given: object) -> None:
        almanac.add_working_days_many(days, COUNTS[0][1])
        almanac.add_tribunal_working_days_many(days, COUNTS[1][1])

    def theirs(_given: object) -> None:
        for kind, n in COUNTS:
            test = counted[kind]
            for day in sample:
                _loop(day, n, test)

    return alternate(
        "working_days_against_loop",
        Side("tables", lambda: None, ours, SUMS),
        Side("holidays loop", lambda: None, theirs, SAMPLE),
        of_theirs,
        [f"the loop is timed on {SAMPLE:,} of the same days; every answer of those is equal"],
    )


def _tribunal(day: date) -> bool:
    return not (day.month == 8 or (day.month == 12 and day.day >= 25) or (day.month == 1 and day.day == 1))


def _loop(day: date, n: int, counts: Callable[[date], bool]) -> date:
    while n:
        day += DAY
        if counts(day):
            n -= 1
    return day


def _same(almanac: WorkingCalendar, sample: list[date], counted: dict[str, Callable[[date], bool]]) -> None:
    for kind, n in COUNTS:
        add = almanac.add_working_days_many if kind == "working" else almanac.add_tribunal_working_days_many
        calculated = add([day.toordinal() for day in sample], n)
        looped = [_loop(day, n, counted[kind]).toordinal() for day in sample]
        if calculated != looped:
            wrong = sum(one != other for one, other in zip(calculated, looped, strict=True))
            raise AssertionError(f"{kind}: {wrong} answers differ from the loop's")
