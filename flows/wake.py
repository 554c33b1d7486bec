"""The alarm clock: once a minute one indexed read for duties to look at and letters to send, the digest at 07:00, verify at 03:30.

Purpose: nothing in the house sleeps until a deadline; this looks, and what it finds late is done late rather than never. It runs the acts in
its own process, as Prefect runs where the server answers and directly where not. Every day has its sweep, even one that finds nothing, so that
a day without a finished sweep is known for a fault and alerts.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from apscheduler.schedulers.blocking import BlockingScheduler
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger
from sqlalchemy import exists, or_, select

from config.settings import Settings
from flows.house import House
from flows.runs import perform
from models.database import reading
from models.tables import DutyRow, LetterRow, NoticeRow, TickRow
from models.words import LetterState, NoticeState

LONDON = ZoneInfo("Europe/London")
DIGEST_AT = {"hour": 7, "minute": 0}
VERIFY_AT = {"hour": 3, "minute": 30}
# Late is better than never, once is better than often, and never two at a time.
LATE_BUT_ONCE = {"misfire_grace_time": None, "coalesce": True, "max_instances": 1}

DUTY = DutyRow.__table__  # type: ignore[attr-defined]  # SQLModel sets the table at class creation
NOTICE = NoticeRow.__table__  # type: ignore[attr-defined]
LETTER = LetterRow.__table__  # type: ignore[attr-defined]
TICK = TickRow.__table__  # type: ignore[attr-defined]


def sweep_is_called_for(house: House, day: date) -> bool:
    """Says whether a duty is to be looked at, or whether `day` has had no finished sweep yet."""
    due = or_(DUTY.c.look_on <= day, DUTY.c.looked_under != house.looked_under)
    swept = (TICK.c.act == "sweep", TICK.c.as_at >= day)
    with reading(house.engine) as connection:
        to_look = bool(connection.execute(select(exists().where(due))).scalar())
        return to_look or not connection.execute(select(exists().where(*swept))).scalar()


def delivery_is_called_for(house: House) -> bool:
    """Says whether a notice has no letter yet or a letter waits."""
    open_states = (LetterState.WAITING, LetterState.SENDING)
    with reading(house.engine) as connection:
        notices = connection.execute(select(exists().where(NOTICE.c.state == NoticeState.CREATED))).scalar()
        return bool(notices or connection.execute(select(exists().where(LETTER.c.state.in_(open_states)))).scalar())


def say(line: str) -> None:
    """Says one line, with the instant, in the alarm clock's log."""
    sys.stderr.write(f"{datetime.now(LONDON):%Y-%m-%d %H:%M:%S} {line}\n")
    sys.stderr.flush()


@dataclass
class AlarmClock:
    """The jobs. A job that fails says so and is done again at its next time: one fault must not stop the clock."""

    settings: Settings
    act: Callable[..., Any] = perform
    said: set[str] = field(default_factory=set)

    def tick(self) -> None:
        """Once a minute: sweep where a duty is to be looked at, deliver where a letter is to be sent."""
        house = House.open(self.settings)
        if self._safely("look for duties", lambda: sweep_is_called_for(house, house.today())):
            self._safely("sweep", lambda: self.act("sweep", house, say=self._once, as_at=house.today()))
        if self._safely("look for letters", lambda: delivery_is_called_for(house)):
            self._safely("deliver", lambda: self.act("deliver", house, say=self._once))
        house.engine.dispose()

    def digest(self) -> None:
        """At 07:00: the DCO's morning digest. It says so itself where a day has had no finished sweep."""
        house = House.open(self.settings)
        self._safely("digest", lambda: self.act("digest", house, say=self._once, as_at=house.today()))
        house.engine.dispose()

    def verify(self) -> None:
        """At 03:30: every chain, every case, every cache."""
        house = House.open(self.settings)
        self._safely("verify", lambda: self.act("verify", house, say=self._once))
        house.engine.dispose()

    def _safely(self, what: str, job: Callable[[], Any]) -> Any:
        try:
            return job()
        except Exception as problem:
            # The text is left out: a database's message quotes the row that it choked on.
            say(f"{what} could not be finished ({type(problem).__name__}); it is done again at its next time")
            return None

    def _once(self, line: str) -> None:
        """A line that comes every minute is said once."""
        if line not in self.said:
            self.said.add(line)
            say(line)


def alarm_clock(settings: Settings, act: Callable[..., Any] = perform) -> BlockingScheduler:
    """Returns the scheduler with its three jobs, not yet started."""
    clock = AlarmClock(settings, act)
    scheduler = BlockingScheduler(timezone=LONDON, job_defaults=LATE_BUT_ONCE)
    every = IntervalTrigger(seconds=settings.tick_seconds, timezone=LONDON)
    scheduler.add_job(clock.tick, every, id="tick", next_run_time=datetime.now(LONDON))
    scheduler.add_job(clock.digest, CronTrigger(timezone=LONDON, **DIGEST_AT), id="digest")
    scheduler.add_job(clock.verify, CronTrigger(timezone=LONDON, **VERIFY_AT), id="verify")
    return scheduler


def run_alarm_clock(settings: Settings) -> None:
    """Runs until the process is told to stop."""
    logging.getLogger("apscheduler").setLevel(logging.WARNING)
    say(f"the alarm clock looks every {settings.tick_seconds} seconds")
    try:
        alarm_clock(settings).start()
    except (KeyboardInterrupt, SystemExit):
        say("the alarm clock has stopped")
