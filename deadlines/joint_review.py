"""Find one day for reviews of one child: the latest day that satisfies all of them, and what each loses by it. Pure.

No duty requires a joint review. CFA 2014 s26 and the National Framework 2016 ask that a child is not assessed and
reviewed twice where once would do. This module proposes a day; the people who arrange the meeting decide.
"""

from collections.abc import Sequence
from datetime import date
from typing import Literal, Protocol

from pydantic import BaseModel, ConfigDict

Reading = Literal["act_by", "strict_due", "due"]
# How many reviews there are, and all of them, in words.
NUMBERS = {2: ("two", "both"), 3: ("three", "all three")}
READINGS: tuple[Reading, ...] = ("act_by", "strict_due", "due")


class Dated(Protocol):
    """The three days of a duty that are read here.

    They are its last lawful day, the same day on the stricter reading, and the last working day before that.
    """

    @property
    def due(self) -> date | None: ...
    @property
    def strict_due(self) -> date | None: ...
    @property
    def act_by(self) -> date | None: ...


class Loss(BaseModel):
    """What one duty loses, in calendar days.

    It gives up its own time if it is met on the proposed day; and it would be late on the last day of the others.
    """

    model_config = ConfigDict(frozen=True)
    days_given_up: int | None
    days_late_on_the_others_day: int


class Aligned(BaseModel):
    """The day proposed for all (`on`) and the reading on which it is safe; or the reason why there is no such day.

    `losses` is in the order of the duties.
    """

    model_config = ConfigDict(frozen=True)
    on: date | None
    reading: Reading | None
    reason: str | None
    losses: tuple[Loss, ...]


def align(duties: Sequence[Dated], as_at: date) -> Aligned:
    """Return the latest day from `as_at` on that satisfies all duties on the safest reading that can still be met.

    Raises ValueError if one of them has no due date.
    """
    days = [duty.due for duty in duties if duty.due is not None]
    if len(days) < len(duties):
        raise ValueError("a duty without a due date cannot be aligned: there is nothing to be in time for")
    on, reading = _latest(duties, as_at)
    earliest, latest = min(days), max(days)
    how_many, all_of = NUMBERS.get(len(days), (str(len(days)), "all"))
    reason = None
    if on is None:
        reason = (
            f"One of the {how_many} was due on {earliest.isoformat()}, which has passed: no day satisfies {all_of}."
            f" Hold {all_of} as soon as can be."
        )
    losses = tuple(
        Loss(
            days_given_up=(own - on).days if on is not None else None,
            days_late_on_the_others_day=max(0, (latest - own).days),
        )
        for own in days
    )
    return Aligned(on=on, reading=reading, reason=reason, losses=losses)


def _latest(duties: Sequence[Dated], as_at: date) -> tuple[date | None, Reading | None]:
    for reading in READINGS:
        days = [day for duty in duties if (day := getattr(duty, reading)) is not None]
        if len(days) == len(duties) and min(days) >= as_at:
            return min(days), reading
    return None, None
