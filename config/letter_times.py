"""How and when one body gets its e-mails: a part of the directory.

Purpose: some services read their mailbox on some days only. It moves no due date and no escalation step: the e-mail
waits, and says what is true on the day on which it leaves.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, time
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday"]
WEEKDAYS: tuple[Weekday, ...] = ("monday", "tuesday", "wednesday", "thursday", "friday")
TransportName = Literal["smtp", "notify", "file"]


class LetterTimes(BaseModel):
    """One table `letters` of a body: its mail transport, its hours (London), and days on which it gets no e-mail.

    What is left out is as for every other body. An installation that stores all letters (`sink`) uses no transport of
    a body.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)
    transport: TransportName | None = None
    opens: time | None = Field(default=None, alias="from")
    closes: time | None = Field(default=None, alias="until")
    quiet_days: tuple[Weekday | date, ...] = ()

    @model_validator(mode="after")
    def _leaves_time(self) -> LetterTimes:
        if self.opens is not None and self.closes is not None and self.opens >= self.closes:
            raise ValueError("until is later than from on the same day, for example from = 09:00:00, until = 16:00:00")
        if set(WEEKDAYS) <= set(self.quiet_days):
            raise ValueError("quiet_days leaves a weekday on which e-mails leave")
        return self

    def is_quiet_on(self, day: date) -> bool:
        """Whether the body gets no e-mail on a day."""
        name = WEEKDAYS[day.weekday()] if day.weekday() < len(WEEKDAYS) else None
        return day in self.quiet_days or name in self.quiet_days

    def is_open_at(self, at: time) -> bool:
        """Whether a time (London) lies in the body's hours."""
        return (self.opens is None or self.opens <= at) and (self.closes is None or at < self.closes)


def times_by_mailbox(owners: Iterable[tuple[Iterable[str], LetterTimes]]) -> dict[str, list[LetterTimes]]:
    """Each mailbox with the times of the bodies that it belongs to."""
    found: dict[str, list[LetterTimes]] = {}
    for mailboxes, times in owners:
        for mailbox in mailboxes:
            found.setdefault(mailbox, []).append(times)
    return found


def check_transports(found: Mapping[str, Iterable[LetterTimes]]) -> None:
    """Raise ValueError for a mailbox whose bodies have different transports."""
    for mailbox, times in found.items():
        if len({each.transport for each in times}) > 1:
            raise ValueError(
                f"{mailbox} belongs to bodies whose letters have different transports: give them the same one"
            )
