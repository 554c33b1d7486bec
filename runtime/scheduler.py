"""The scheduler: once a minute it reads which duties and letters are due; it writes the digest at 07:00 and runs verify
at 03:30 (London).

A job that is late still runs, once. Jobs run in this process: as Prefect runs if the server answers, else directly.
Every day has a sweep, even if no duty is due, so that a day without a finished sweep is a fault that alerts.
"""

from __future__ import annotations

import logging
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from datetime import time as clock_time
from functools import partial
from typing import Any

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.blocking import BlockingScheduler
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger
from sqlalchemy.exc import SQLAlchemyError

from casework.access.seen import as_seen_by
from casework.clock_check import ClockJumped, doubts, message
from casework.context import LONDON, AppContext
from casework.delivery.account_links import any_waiting, send_waiting
from casework.delivery.deliver import Extent, delivery_is_due
from casework.delivery.receipts import ask
from casework.delivery.webhook_calls import calls_are_due, send_calls
from casework.findings import count_open, sentence
from casework.imports.staged import delete_old, left_over, real_now
from casework.imports.work import work_on
from casework.job_runs import finished_for
from casework.mailbox.read import reading_is_due
from casework.privacy.ripe_list import list_is_called_for
from casework.proof import sequencer
from casework.published_heads import check_published
from casework.sweep import DueDuties
from config.settings import Settings
from config.toml_reader import ConfigFault
from flows.events import EventFeed
from flows.runner import run_job, run_unseen
from models.database import open_engine, reading
from models.database_errors import cause
from models.errors import DatabaseUnusable, RulesetMismatch
from runtime.diagnostics.alerts import alert
from runtime.diagnostics.checks import examine
from runtime.health.server import HealthServer, Heartbeat
from statemachines.registry import processes

DIGEST_AT = clock_time(7, 0)
VERIFY_AT = clock_time(3, 30)
TROUBLED_SECONDS = 3600.0
AGAIN_SECONDS = 600.0
MAILBOX_SECONDS = 300.0
# A job that was missed runs once, however often it was missed, and never beside itself.
LATE_BUT_ONCE = {"misfire_grace_time": None, "coalesce": True, "max_instances": 1}


def sweep_is_called_for(context: AppContext, day: date) -> bool:
    """Return whether a duty is due for a check, or `day` has no finished sweep yet."""
    with reading(context.engine) as connection:
        return DueDuties.of(context, day).exist(connection) or not finished_for(connection, "sweep", day)


def digest_is_called_for(context: AppContext) -> bool:
    """Return whether today's digest is missing: an installation that was stopped at 07:00 writes it when it starts."""
    here = context.now().astimezone(LONDON)
    with reading(context.engine) as connection:
        return here.time() >= DIGEST_AT and not finished_for(connection, "digest", here.date())


def say(line: str) -> None:
    """Write one line, with the instant in London, to the scheduler's log."""
    sys.stderr.write(f"{datetime.now(LONDON):%Y-%m-%d %H:%M:%S} {line}\n")
    sys.stderr.flush()


@dataclass
class Scheduler:
    """The jobs. A job that fails is logged and runs again at its next time: one fault must not stop the scheduler."""

    settings: Settings
    act: Callable[..., Any] = run_job
    said: set[str] = field(default_factory=set)
    last: AppContext | None = None
    away: bool = False
    troubled_until: float = 0.0
    digest_after: float = 0.0
    ask_after: float = 0.0
    ripe_after: float = 0.0
    mailbox_after: float = 0.0
    relay: str | None = None
    pulse: Heartbeat = field(default_factory=Heartbeat)
    feed: EventFeed = field(init=False)

    def __post_init__(self) -> None:
        """Make the feed of events, which begins with what Prefect has."""
        self.feed = EventFeed(self.settings)

    def tick(self) -> None:
        """Once a minute: sweep if a duty is due for a check, write the digest if it is missing, deliver if a letter is
        due. Every 5 minutes, and before them: read the mailbox if something came in. Once a month, at its first tick:
        count what is past retention.
        """
        self.pulse.now()
        self._with_context(self._look)
        self.pulse.now()

    def digest(self) -> None:
        """At 07:00: write the DCO's daily digest, which names each day without a finished sweep."""
        self._with_context(self._digest)

    def verify(self) -> None:
        """At 03:30: verify every hash chain, case and cached row, and alert at once if something is altered."""
        self._with_context(self._verify)

    def emit(self) -> None:
        """Once a minute, in a thread of its own: give Prefect the events of what was committed. No job waits for it."""
        if self.last is None:
            return
        # An engine of its own: the jobs dispose of theirs.
        context = replace(self.last, engine=open_engine(self.last.settings.records_url))
        try:
            self.feed.emit(context)
        except Exception as problem:
            self._once(f"Prefect does not take events ({_word(problem)}); they come when it answers")
        finally:
            context.engine.dispose()

    def start(self) -> None:
        """Once, at the start: compare the records with the heads that this machine published."""
        self._with_context(self._compare)

    def _digest(self, context: AppContext) -> None:
        self._safely("digest", lambda: self.act("digest", context, say=self._once, as_at=context.today()))
        self._safely("alert", lambda: self._alert(context))

    def _verify(self, context: AppContext) -> None:
        self._safely("verify", lambda: self.act("verify", context, say=self._once, **self._how_to_verify(context)))
        self._safely("alert", lambda: self._alert(context))

    def _how_to_verify(self, context: AppContext) -> dict[str, Any]:
        if context.settings.workers < 2:
            return {}
        from flows.work_pool import verification_if_worth_it  # as for a sweep

        how = self._safely("share the verification", lambda: verification_if_worth_it(context, say))
        return {} if how is None else {"how": how}

    def _compare(self, context: AppContext) -> None:
        found = self._safely("compare the published heads", lambda: check_published(context))
        if found:
            self._safely("alert", lambda: self._alert(context))

    def _alert(self, context: AppContext) -> None:
        """Say that findings are open, and write to SENDFLOW_ALERT_TO if it is set."""
        with reading(context.engine) as connection:
            count = count_open(connection)
        if not count:
            return
        say(sentence(count))
        if context.settings.alert_to is not None:
            say(f"the alert: {alert(context.settings, examine(context.settings, quick=True), datetime.now(LONDON))}")

    def _look(self, context: AppContext) -> None:
        self._read_mailbox(context)  # first: an answer that came in the night, or in an outage, stops its reminder
        if time.monotonic() >= self.troubled_until and self._safely(
            "look for duties", lambda: sweep_is_called_for(context, context.today())
        ):
            self._sweep(context)
        if time.monotonic() >= self.digest_after and self._safely(
            "look for the digest", lambda: digest_is_called_for(context)
        ):
            self.digest_after = time.monotonic() + AGAIN_SECONDS
            self._digest(context)
        if self._safely("look for letters", lambda: delivery_is_due(context)):
            self._deliver(context)
        if time.monotonic() >= self.ripe_after and self._safely(
            "look for the list of what is past retention", lambda: list_is_called_for(context)
        ):
            self.ripe_after = time.monotonic() + AGAIN_SECONDS
            self._safely(
                "count what is past retention",
                lambda: self.act("retention", context, say=self._once, as_at=context.today()),
            )
        if time.monotonic() >= self.ask_after:
            self.ask_after = time.monotonic() + AGAIN_SECONDS
            self._safely("ask what became of e-mails", lambda: ask(context))
        if self._safely("look for what is not in the log", lambda: sequencer.is_due(context)):
            self._safely("sign the log", lambda: sequencer.sequence(context))
        if self._safely("look for sign-in links", lambda: any_waiting(context)):
            self._safely("send sign-in links", lambda: send_waiting(context))
        for staged, account in self._safely("look for imports", lambda: left_over(context, real_now())) or ():
            self._safely("import a file", partial(work_on, context, staged, account))
        self._safely("delete old files", lambda: delete_old(context, real_now()))
        if self._safely("look for webhooks", lambda: calls_are_due(context)):
            self._safely("send webhooks", lambda: send_calls(context))

    def _read_mailbox(self, context: AppContext) -> None:
        if time.monotonic() < self.mailbox_after or context.settings.replies is None:
            return
        self.mailbox_after = time.monotonic() + MAILBOX_SECONDS
        if self._safely("look for mails", lambda: reading_is_due(context)):
            self._safely("read the mailbox", lambda: self.act("replies", context, say=self._once))

    def _deliver(self, context: AppContext) -> None:
        """Deliver for `delivery_seconds` at most, because the other jobs wait; the next tick sends the rest."""
        if context.settings.workers > 1:
            from flows.work_pool import share_letters_if_worth_it  # as for a sweep

            self._safely("share the delivery", lambda: share_letters_if_worth_it(context, say))
        extent = Extent(context.settings.delivery_seconds)
        act = self._act(context, delivery_is_due)
        report = self._safely("deliver", lambda: act("deliver", context, say=self._once, extent=extent))
        if report is None or (report.mail_server_error is None and not report.sent + report.failed):
            return
        if report.mail_server_error != self.relay:
            self.relay = report.mail_server_error
            say(
                f"letters cannot leave ({self.relay.replace('_', ' ')}): sendflow doctor says what to repair"
                if self.relay
                else "letters leave again"
            )

    def _sweep(self, context: AppContext) -> None:
        if context.settings.workers > 1:
            from flows.work_pool import share_sweep_if_worth_it  # where there are workers at all

            self._safely("share the sweep", lambda: share_sweep_if_worth_it(context, context.today(), say))
        act = self._act(context, lambda seen: sweep_is_called_for(seen, context.today()))
        report = self._safely("sweep", lambda: act("sweep", context, say=self._once, as_at=context.today()))
        if report is not None and report.troubles:
            # The case stays due until a person repairs it. A line each minute would hide every other line.
            self.troubled_until = time.monotonic() + TROUBLED_SECONDS

    def _act(self, context: AppContext, is_due: Callable[[AppContext], bool]) -> Callable[..., Any]:
        """How a job runs: without a trace where only restricted cases call for it."""
        seen = as_seen_by(context, None)
        return (
            self.act if seen is context or self._safely("look who calls for it", lambda: is_due(seen)) else run_unseen
        )

    def _with_context(self, job: Callable[[AppContext], Any]) -> None:
        context = self._open()
        if context is None:
            return
        try:
            job(context)
        finally:
            context.engine.dispose()

    def _open(self) -> AppContext | None:
        """Read the installation's files and return its context; the last context if a file cannot be read.

        None if the database does not answer, belongs to another rule set or was upgraded by a later program.
        """
        read = True
        try:
            try:
                self.last = AppContext.load(self.settings)
            except (DatabaseUnusable, SQLAlchemyError):
                raise
            except Exception as problem:
                goes_on = "it goes on as it was before" if self.last else "nothing is swept or sent until they can"
                named = isinstance(problem, ConfigFault)  # whose text sendflow wrote
                why = str(problem) if named else f"{type(problem).__name__}. sendflow doctor says which."
                self._once(f"the installation's files cannot be read: {why} Meanwhile {goes_on}")
                read = False
            if self.last is not None:
                self._check_ruleset(self.last)
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
            # The next fault is logged again, also once.
            self.said = {line for line in self.said if not line.startswith("nothing is swept or sent")}
            say("the records answer again")
        return self.last

    def _check_ruleset(self, context: AppContext) -> None:
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
            # Without the text of the error: a database's message quotes the row.
            say(f"{what} could not be finished ({_word(problem)}); it is done again at its next time")
            return None

    def _once(self, line: str) -> None:
        """Log a line that would come every minute only once."""
        if line not in self.said:
            self.said.add(line)
            say(line)


def _word(problem: BaseException) -> str:
    """Return the cause of a database's error if it is known, else the class of the error."""
    why = cause(problem)
    return type(problem).__name__ if why is None else why.word


def build_scheduler(
    settings: Settings, act: Callable[..., Any] = run_job, pulse: Heartbeat | None = None
) -> BlockingScheduler:
    """Return the scheduler with its jobs, not yet started. One job runs at a time, so that none waits for another's
    locks; events are emitted beside them, and only read.
    """
    clock = Scheduler(settings, act, pulse=pulse or Heartbeat())
    scheduler = BlockingScheduler(
        timezone=LONDON,
        job_defaults=LATE_BUT_ONCE,
        executors={"default": ThreadPoolExecutor(1), "events": ThreadPoolExecutor(1)},
    )
    scheduler.add_job(clock.start, id="start", next_run_time=datetime.now(LONDON))
    every = IntervalTrigger(seconds=settings.tick_seconds, timezone=LONDON)
    scheduler.add_job(clock.tick, every, id="tick", next_run_time=datetime.now(LONDON))
    scheduler.add_job(clock.emit, every, id="emit", executor="events")
    scheduler.add_job(
        clock.digest, CronTrigger(hour=DIGEST_AT.hour, minute=DIGEST_AT.minute, timezone=LONDON), id="digest"
    )
    scheduler.add_job(
        clock.verify, CronTrigger(hour=VERIFY_AT.hour, minute=VERIFY_AT.minute, timezone=LONDON), id="verify"
    )
    return scheduler


def run_scheduler(settings: Settings) -> None:
    """Run until a signal stops the process. A job that has begun finishes first, so that no letter's outcome is
    unknown.
    """
    logging.getLogger("apscheduler").setLevel(logging.ERROR)
    processes()  # imported now: an upgrade under a running process must not mix old and new machines
    pulse = Heartbeat()
    scheduler = build_scheduler(settings, pulse=pulse)
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(0))
    say(f"the scheduler checks every {settings.tick_seconds} seconds")
    try:
        with _watch(settings, pulse):
            scheduler.start()
    except (KeyboardInterrupt, SystemExit):
        scheduler.shutdown(wait=True)
        say("the scheduler has stopped")


@contextmanager
def _watch(settings: Settings, pulse: Heartbeat) -> Iterator[None]:
    """Serve /live, /ready and /metrics if a port is set. The scheduler also runs if they cannot be served."""
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
