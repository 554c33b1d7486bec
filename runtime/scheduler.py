"""The alarm clock: once a minute one indexed read for duties to look at and letters to send, the digest at 07:00,
verify at 03:30.

Purpose: nothing in the house sleeps until a deadline; this looks, and what it finds late is done late rather than
never. It runs the acts in its own process, as Prefect runs where the server answers and directly where not. Every day
has its sweep, even one that finds nothing, so that a day without a finished sweep is known for a fault and alerts.
"""

from __future__ import annotations

import logging
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from datetime import time as clock_time
from typing import Any

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.blocking import BlockingScheduler
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger
from sqlalchemy.exc import SQLAlchemyError

from casework.clock_check import ClockJumped, doubts, message
from casework.context import LONDON, AppContext
from casework.delivery.deliver import delivery_is_due
from casework.delivery.send import FIRST_WAIT
from casework.job_runs import finished_for
from casework.sweep import DueDuties
from config.settings import Settings
from flows.runner import run_job
from models.database import reading
from models.database_errors import cause
from models.errors import DatabaseUnusable, RulesetMismatch
from runtime.health.server import HealthServer, Heartbeat
from statemachines.registry import processes

DIGEST_AT = clock_time(7, 0)
VERIFY_AT = clock_time(3, 30)
TROUBLED_SECONDS = 3600.0
AGAIN_SECONDS = 600.0
RELAY_SECONDS = FIRST_WAIT.total_seconds()
# Late is better than never, once is better than often, and never two at a time.
LATE_BUT_ONCE = {"misfire_grace_time": None, "coalesce": True, "max_instances": 1}


def sweep_is_called_for(context: AppContext, day: date) -> bool:
    """Says whether a duty is to be looked at, or whether `day` has had no finished sweep yet."""
    with reading(context.engine) as connection:
        return DueDuties.of(context, day).exist(connection) or not finished_for(connection, "sweep", day)


def digest_is_called_for(context: AppContext) -> bool:
    """Says whether the morning's digest is missing: a house that was closed at seven writes it when it opens."""
    here = context.now().astimezone(LONDON)
    with reading(context.engine) as connection:
        return here.time() >= DIGEST_AT and not finished_for(connection, "digest", here.date())


def say(line: str) -> None:
    """Says one line, with the instant, in the alarm clock's log."""
    sys.stderr.write(f"{datetime.now(LONDON):%Y-%m-%d %H:%M:%S} {line}\n")
    sys.stderr.flush()


@dataclass
class Scheduler:
    """The jobs. A job that fails says so and is done again at its next time: one fault must not stop the clock."""

    settings: Settings
    act: Callable[..., Any] = run_job
    said: set[str] = field(default_factory=set)
    last: AppContext | None = None
    away: bool = False
    troubled_until: float = 0.0
    digest_after: float = 0.0
    deliver_after: float = 0.0
    relay: str | None = None
    pulse: Heartbeat = field(default_factory=Heartbeat)

    def tick(self) -> None:
        """Once a minute: sweep where a duty is to be looked at, write a digest that is missing, deliver where a letter
        can leave.
        """
        self.pulse.now()
        self._with_house(self._look)
        self.pulse.now()

    def digest(self) -> None:
        """At 07:00: the DCO's morning digest. It says so itself where a day has had no finished sweep."""
        self._with_house(
            lambda context: self._safely(
                "digest", lambda: self.act("digest", context, say=self._once, as_at=context.today())
            )
        )

    def verify(self) -> None:
        """At 03:30: every chain, every case, every cache."""
        self._with_house(lambda context: self._safely("verify", lambda: self.act("verify", context, say=self._once)))

    def _look(self, context: AppContext) -> None:
        if time.monotonic() >= self.troubled_until and self._safely(
            "look for duties", lambda: sweep_is_called_for(context, context.today())
        ):
            self._sweep(context)
        if time.monotonic() >= self.digest_after and self._safely(
            "look for the digest", lambda: digest_is_called_for(context)
        ):
            self.digest_after = time.monotonic() + AGAIN_SECONDS
            self._safely("digest", lambda: self.act("digest", context, say=self._once, as_at=context.today()))
        if time.monotonic() >= self.deliver_after and self._safely(
            "look for letters", lambda: delivery_is_due(context)
        ):
            self._deliver(context)

    def _deliver(self, context: AppContext) -> None:
        """For so long at most, because sweep, digest and verify wait for it; what is left leaves in the next round."""
        report = self._safely(
            "deliver", lambda: self.act("deliver", context, say=self._once, seconds=context.settings.delivery_seconds)
        )
        if report is None or (report.mail_server_error is None and not report.sent + report.failed):
            return
        if report.mail_server_error is not None and not context.simulated:
            # Two letters each minute to a server that says nothing, and the clock would do little else.
            self.deliver_after = time.monotonic() + RELAY_SECONDS
        if report.mail_server_error != self.relay:
            self.relay = report.mail_server_error
            say(
                f"letters cannot leave ({self.relay.replace('_', ' ')}): sendflow doctor says what to mend"
                if self.relay
                else "letters leave again"
            )

    def _sweep(self, context: AppContext) -> None:
        if context.settings.workers > 1:
            from flows.work_pool import share_if_worth_it  # where there are workers at all

            self._safely("share the sweep", lambda: share_if_worth_it(context, context.today(), say))
        report = self._safely("sweep", lambda: self.act("sweep", context, say=self._once, as_at=context.today()))
        if report is not None and report.troubles:
            # Such a case stays to be looked at until a person mends it; said every minute, it would drown everything
            # else.
            self.troubled_until = time.monotonic() + TROUBLED_SECONDS

    def _with_house(self, job: Callable[[AppContext], Any]) -> None:
        context = self._open()
        if context is None:
            return
        try:
            job(context)
        finally:
            context.engine.dispose()

    def _open(self) -> AppContext | None:
        """The house as its files say now; a file that cannot be read is said once, and the house is run as it was
        before.

        None where its records do not answer, go by another law, or have been brought up to date by a later program:
        those are never run as they were before.
        """
        read = True
        try:
            try:
                self.last = AppContext.load(self.settings)
            except (DatabaseUnusable, SQLAlchemyError):
                raise
            except Exception as problem:
                goes_on = "it goes on as it was before" if self.last else "nothing is swept or sent until they can"
                self._once(
                    f"the house's files cannot be read ({type(problem).__name__}: sendflow doctor says which);"
                    f" {goes_on}"
                )
                read = False
            if self.last is not None:
                self._by_the_law_that_holds(self.last)
        except (DatabaseUnusable, SQLAlchemyError) as problem:
            why = (
                str(problem)
                if isinstance(problem, DatabaseUnusable)
                else f"the records do not answer ({_word(problem)}: sendflow doctor says more)"
            )
            self._once(f"nothing is swept or sent: {why}")
            self.away = True
            return None
        if not read:
            return self.last
        if self.away:
            self.away = False
            # Said anew the next time, and once then too.
            self.said = {line for line in self.said if not line.startswith("nothing is swept or sent")}
            say("the records answer again")
        return self.last

    def _by_the_law_that_holds(self, context: AppContext) -> None:
        """Asked before any act, so that a machine with another law does not begin a run each minute to have it refused.
        The same for a clock that cannot be believed. Raises RulesetMismatch or ClockJumped.
        """
        with reading(context.engine) as connection:
            why_not = context.ruleset_guard.reason_not_writable(connection)
            doubted = [] if context.simulated else doubts(connection, context.settings.home)
        if doubted:
            context.engine.dispose()
            raise ClockJumped(message(doubted))
        if why_not is not None:
            context.engine.dispose()
            raise RulesetMismatch(why_not)

    def _safely(self, what: str, job: Callable[[], Any]) -> Any:
        self.pulse.now()
        try:
            return job()
        except Exception as problem:
            # The text is left out: a database's message quotes the row that it choked on.
            say(f"{what} could not be finished ({_word(problem)}); it is done again at its next time")
            return None

    def _once(self, line: str) -> None:
        """A line that comes every minute is said once."""
        if line not in self.said:
            self.said.add(line)
            say(line)


def _word(problem: BaseException) -> str:
    """The cause of a database's error where that is known, else what kind of error it is."""
    why = cause(problem)
    return type(problem).__name__ if why is None else why.word


def build_scheduler(
    settings: Settings, act: Callable[..., Any] = run_job, pulse: Heartbeat | None = None
) -> BlockingScheduler:
    """Returns the scheduler with its three jobs, not yet started. Only one job runs at a time, so that they never wait
    for each other's locks.
    """
    clock = Scheduler(settings, act, pulse=pulse or Heartbeat())
    scheduler = BlockingScheduler(
        timezone=LONDON, job_defaults=LATE_BUT_ONCE, executors={"default": ThreadPoolExecutor(1)}
    )
    every = IntervalTrigger(seconds=settings.tick_seconds, timezone=LONDON)
    scheduler.add_job(clock.tick, every, id="tick", next_run_time=datetime.now(LONDON))
    scheduler.add_job(
        clock.digest, CronTrigger(hour=DIGEST_AT.hour, minute=DIGEST_AT.minute, timezone=LONDON), id="digest"
    )
    scheduler.add_job(
        clock.verify, CronTrigger(hour=VERIFY_AT.hour, minute=VERIFY_AT.minute, timezone=LONDON), id="verify"
    )
    return scheduler


def run_scheduler(settings: Settings) -> None:
    """Runs until the process is told to stop; a job under way is finished first, so that no letter is left with its
    outcome unknown.
    """
    logging.getLogger("apscheduler").setLevel(logging.ERROR)
    processes()  # imported now: an upgrade under a running process must not mix old and new machines
    pulse = Heartbeat()
    scheduler = build_scheduler(settings, pulse=pulse)
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(0))
    say(f"the alarm clock looks every {settings.tick_seconds} seconds")
    try:
        with _watch(settings, pulse):
            scheduler.start()
    except (KeyboardInterrupt, SystemExit):
        scheduler.shutdown(wait=True)
        say("the alarm clock has stopped")


@contextmanager
def _watch(settings: Settings, pulse: Heartbeat) -> Iterator[None]:
    """The addresses that say how the house is, where a port is named. That nobody can ask must not keep the clock from
    going.
    """
    if settings.metrics_port is None:
        yield
        return
    try:
        watch = HealthServer(settings, pulse)
    except (OSError, ValueError) as problem:
        say(
            f"/live, /ready and /metrics are not answered ({type(problem).__name__}): SENDFLOW_METRICS_PORT names a"
            " port that is free"
        )
        yield
        return
    with watch:
        yield
