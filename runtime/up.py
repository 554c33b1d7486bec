"""Opens the house and keeps it open: records, letter sink, Prefect server, deployments, alarm clock, until somebody
presses Ctrl-C.

Purpose: what a newcomer gets from one command. The first time it brings the house to life with the project's own
sample; later it starts from the records that are there and imports nothing. Whatever ends it, no process of it is left.
"""

from __future__ import annotations

import json
import os
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from types import FrameType
from typing import Protocol

from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from casework.access.sign_in import sign_in_link
from casework.context import AppContext
from config.login import ensure_login
from config.private_files import make_private
from config.running_instance import AlreadyRunning, Running, only_supervisor, server_answers, write_running
from config.settings import Carrier, Settings
from flows.runner import run_job
from models.database import reading
from models.database_errors import cause
from models.errors import DatabaseUnusable
from models.tables import FACT
from notifications.local_smtp import HOST, LocalSmtpError, LocalSmtpServer, free_port
from runtime.local_postgres import LocalPostgres, LocalPostgresError
from runtime.supervisor import CannotStart, Supervisor, port_problem

SERVER_SECONDS = 120.0
LOOK_SECONDS = 1.0
SAMPLE = "sample.json"
ASKED_BY = {signal.SIGINT: "Ctrl-C", signal.SIGTERM: "it was told to end", signal.SIGHUP: "its terminal has gone"}
FIRST_DELIVERY = "first delivery after the sample was imported; the local sink keeps every letter and sends none on"


class Stopped(Exception):
    """Somebody asked the house to close."""


class Closing:
    """Whether somebody has asked the house to close. A plain flag: a signal's handler may not take a lock."""

    asked = False
    by = signal.SIGINT

    def check(self) -> None:
        """Raises Stopped where somebody has asked."""
        if self.asked:
            raise Stopped

    def wait_for(self, job: Callable[[], None]) -> None:
        """Does `job` in a thread and waits for it; raises what it raises, or Stopped at once: what it had not committed
        is undone.

        In a thread, because a Prefect run in the main one would take the signals for itself.
        """
        problems: list[BaseException] = []

        def work() -> None:
            try:
                job()
            except BaseException as problem:
                problems.append(problem)

        thread = threading.Thread(target=work, name="first-acts", daemon=True)
        thread.start()
        while thread.is_alive():
            self.check()
            thread.join(LOOK_SECONDS / 5)
        for problem in problems:
            raise problem


class Voice(Protocol):
    """How the house speaks to the person who opened it."""

    def say(self, line: str) -> None:
        """Says one line."""

    def working(self, what: str) -> AbstractContextManager[None]:
        """Shows that `what` is under way, and how long it took when it is done."""


@dataclass(frozen=True, slots=True)
class Sample:
    """Whether the sample has been brought in, and for which day it was made: cut off half way, it is finished the next
    time.
    """

    made_for: date
    finished: bool

    @classmethod
    def read(cls, path: Path) -> Sample | None:
        """Returns what the file says; None where there is none."""
        try:
            said = json.loads(path.read_text(encoding="utf-8"))
            return cls(date.fromisoformat(said["made_for"]), bool(said["finished"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def write(self, path: Path) -> None:
        """Writes the file in one step."""
        fresh = path.with_suffix(".tmp")
        fresh.write_text(
            json.dumps({"made_for": self.made_for.isoformat(), "finished": self.finished}) + "\n", encoding="utf-8"
        )
        fresh.replace(path)


def run_installation(settings: Settings, voice: Voice, postgres: bool = False, demo: bool = True) -> None:
    """Opens the house and returns when it has been closed. Raises CannotStart (one line), SettingsError and their kin
    where it cannot be opened.

    `postgres` gives a new house a private PostgreSQL cluster; a house that has one is opened with it always. Without
    `demo` a new house stays empty, now and later.
    """
    settings.prepare_home()
    if settings.api_url not in (None, f"{settings.ui_url}/api"):
        raise CannotStart(
            "SENDFLOW_API_URL names a Prefect server elsewhere, so that this house is several services: start them by"
            " sendflow run, or unset it to open a whole house here"
        )
    settings = settings if settings.metrics_port else replace(settings, metrics_port=free_port())
    make_private(settings.home)
    settings = replace(settings, auth=settings.auth or ensure_login(settings.home))
    with ExitStack() as stack:
        closing = stack.enter_context(_closing_on_signals())
        try:
            stack.enter_context(only_supervisor(settings.home))
        except AlreadyRunning:
            raise CannotStart(
                f"this house is open already (SENDFLOW_HOME={settings.home}): close the other one, or name another"
                " folder, as in SENDFLOW_HOME=./var2"
            ) from None
        if why := port_problem(settings.bind, settings.port):
            raise CannotStart(
                f"port {settings.port} on {settings.bind} {why}: choose another, "
                f"as in SENDFLOW_PORT={settings.port + 100 if settings.port < 65000 else 4300} make up"
            )
        cluster: Supervisor | None = None
        if postgres or settings.cluster.exists():
            settings, cluster = _with_cluster(settings, stack, voice, closing)
        try:
            context = AppContext.load(settings, demo=demo)
            stack.callback(context.engine.dispose)
            if not demo and Sample.read(settings.home / SAMPLE) is None:
                Sample(context.today(), finished=True).write(settings.home / SAMPLE)
            # Also where letters leave by a relay: a command that is typed without that setting finds the sink here, and
            # never the relay.
            sink = stack.enter_context(LocalSmtpServer(settings.letters, settings.required_login()))
        except SQLAlchemyError as problem:
            why = (
                "no SQLite records of this house, or locked"
                if settings.database_url is None
                else "no server answers there, or not to this role"
            )
            if (known := cause(problem)) is not None:
                why = f"{known.named}. {known.advice}"
            raise CannotStart(f"the records in {settings.records_place} cannot be opened: {why}") from None
        except (DatabaseUnusable, LocalSmtpError, ValueError, OSError) as problem:
            # Law, almanac, ladder and directory say themselves what is wrong in which file.
            raise CannotStart(str(problem)) from None
        processes = Supervisor(settings, voice.say, beside=cluster)
        stack.callback(settings.running_file.unlink, missing_ok=True)
        stack.callback(processes.stop)
        try:
            _open(settings, context, processes, sink, voice, closing)
            _stay(settings, processes, sink, closing)
        except Stopped:
            voice.say(f"Closing the house ({ASKED_BY[closing.by]}) ...")
    voice.say("The house is closed; its records stay where they are.")


def _with_cluster(settings: Settings, stack: ExitStack, voice: Voice, closing: Closing) -> tuple[Settings, Supervisor]:
    """Starts the house's own PostgreSQL, made the first time, with one database for the records and one for Prefect; it
    stops after all else.
    """
    if settings.records.exists():
        raise CannotStart(
            f"the records of this house are in {settings.records}: name another folder for one on PostgreSQL, as in"
            " SENDFLOW_HOME=./var2"
        )
    try:
        cluster = LocalPostgres(settings.cluster)
        with voice.working("Starting a private PostgreSQL (the first time it is made)"):
            cluster.make()
            settings = Settings.read(dict(os.environ) | {"SENDFLOW_HOME": str(settings.home)})
            part = Supervisor(settings, voice.say)
            stack.callback(part.stop)
            part.start("postgres")
            part.wait_for("postgres", cluster.answers, SERVER_SECONDS, closing.check)
            cluster.database("sendflow")
            cluster.database("prefect", "sendflow")
    except LocalPostgresError as problem:
        raise CannotStart(str(problem)) from None
    return settings, part


def _open(
    settings: Settings,
    context: AppContext,
    processes: Supervisor,
    sink: LocalSmtpServer,
    voice: Voice,
    closing: Closing,
) -> None:
    voice.say(f"Opening the house in {settings.home}")
    processes.start("server")
    api_url = f"{settings.ui_url}/api"
    with voice.working("Starting the Prefect server (the first time it makes its database; half a minute at most)"):
        processes.wait_for("server", lambda: server_answers(api_url, settings.auth, 1.0), SERVER_SECONDS, closing.check)
    _announce(settings, processes, sink)
    processes.start("deployments")
    closing.wait_for(lambda: _bring_in_the_sample(settings, context, voice))
    processes.start("scheduler")
    _announce(settings, processes, sink)
    for line in (*_where_to_look(settings, _some_references(context)), *_how_time_is_read(context)):
        voice.say(line)


def _stay(settings: Settings, processes: Supervisor, sink: LocalSmtpServer, closing: Closing) -> None:
    """Keeps every part going until somebody asks the house to close."""
    while True:
        closing.check()
        time.sleep(LOOK_SECONDS / 5)
        if processes.restart_ended():
            _announce(settings, processes, sink)


def _announce(settings: Settings, processes: Supervisor, sink: LocalSmtpServer) -> None:
    """Says how the house is reached. `started` is this opening's own, also where a part had to be started again."""
    write_running(
        settings.running_file,
        Running(
            supervisor=os.getpid(),
            started=processes.opened.isoformat(timespec="seconds"),
            api_url=f"{settings.ui_url}/api",
            ui_url=settings.ui_url,
            smtp_host=HOST,
            smtp_port=sink.port,
            letters=str(settings.letters),
            pids=processes.pids,
            watch_url=f"{settings.ui_url.rpartition(':')[0]}:{settings.metrics_port}",
        ),
    )


def _bring_in_the_sample(settings: Settings, context: AppContext, voice: Voice) -> None:
    """Where the records are empty: imports the sample, lives a little, sweeps and delivers, and says what it did."""
    from runtime.demo.cases import load_demo_cases
    from runtime.demo.tracker import live_before, record_demo_events, write_demo_tracker

    marker = settings.home / SAMPLE
    sample = Sample.read(marker)
    if not context.simulated:
        voice.say("This installation is real: no demo data is loaded, and the records are used as they are.")
        return
    if sample is not None and not sample.finished:
        # Cut off half way, perhaps on the day that it lives through first.
        context = replace(context, settings=replace(context.settings, today=sample.made_for))
    if sample is None:
        if _facts(context):
            voice.say("The records that are there are used as they are; nothing is imported.")
            return
        sample = Sample(context.today(), finished=False)
        sample.write(marker)
    if sample.finished:
        voice.say("The records that are there are used as they are; nothing is imported again.")
        return
    with voice.working("Living through a few cases on a rehearsed day, so that a letter of every kind has left"):
        live_before(context)
    with tempfile.TemporaryDirectory(prefix="sendflow-sample-") as folder:
        # Outside the house: the sample has invented names in it, and names live in sealed form only in here.
        path = Path(folder) / "sample.csv"
        write_demo_tracker(path, sample.made_for)
        with voice.working("Importing the sample, a tracker as a team would keep it"):
            imported = run_job("import", context, say=voice.say, path=path)
    said = f"{imported.accepted} of {imported.rows} rows accepted, {imported.facts_added} facts"
    voice.say(
        f"  {said}; {imported.refused} rows refused on purpose, each with a reason, to show how doubtful cells are met."
    )
    with voice.working("Recording what a tracker cannot say: answers, an accepted excuse, a corrected date"):
        record_demo_events(context)
    with voice.working("Living a few cases of every process"):
        left_out = load_demo_cases(context)
    for line in left_out:
        voice.say(f"  Left out of the sample: {line}")
    with voice.working("Sweeping: what has fallen due is written down, with the letters that it calls for"):
        swept = run_job("sweep", context, say=voice.say, as_at=context.today())
    voice.say(
        f"  {swept.cases_looked_at} cases looked at, {swept.facts_written} facts and {swept.notices_written} notices"
        " written."
    )
    with voice.working("Writing the DCO's morning digest"):
        told = run_job("digest", context, say=voice.say, as_at=context.today())
    voice.say(
        f"  {told.late} late, {told.soon} due within seven days, {told.person} waiting for a person; the head of the"
        " history goes with it."
    )
    with voice.working("Delivering to the local sink"):
        sent = run_job("deliver", context, say=voice.say, now=True, reason=FIRST_DELIVERY)
    voice.say(
        f"  {sent.sent} letters sent, {sent.failed} failed, {sent.waiting} waiting, {sent.withdrawn} no longer called"
        " for."
    )
    with voice.working("Verifying the history"):
        proved = run_job("verify", context, say=voice.say)
    voice.say(
        f"  {proved.facts} facts in {proved.cases} cases are"
        f" {'intact' if proved.intact else 'DAMAGED: run sendflow verify'}."
    )
    Sample(sample.made_for, finished=True).write(marker)


def _facts(context: AppContext) -> int:
    with reading(context.engine) as connection:
        return int(connection.execute(select(func.count()).select_from(FACT)).scalar() or 0)


def _some_references(context: AppContext) -> list[str]:
    """A case worth looking at first: the one with the longest history."""
    case = FACT.c.case_ref
    with reading(context.engine) as connection:
        return [
            str(row[0])
            for row in connection.execute(select(case).group_by(case).order_by(func.count().desc(), case).limit(1))
        ]


def _how_time_is_read(context: AppContext) -> Iterator[str]:
    yield context.simulation_notice or "This installation is real: it goes by the real clock."
    if context.simulated:
        next_day = context.today() + timedelta(days=1)
        yield f"  Its day stays until you set another, as in SENDFLOW_TODAY={next_day} make up"
        yield "  For real cases make another installation: SENDFLOW_HOME=./real .venv/bin/sendflow up --no-sample"


def _where_to_look(settings: Settings, references: list[str]) -> Iterator[str]:
    command = _command(settings)
    yield ""
    yield "The house is open."
    yield "  The Prefect UI, by a link that signs one person in, once (sendflow sign-in makes another):"
    yield f"    {sign_in_link(settings, 'operations')}"
    match settings.carrier:
        case Carrier.SINK:
            yield f"  Letters, as they would have been sent:   {settings.letters}"
        case Carrier.FILE:
            yield f"  Letters, for somebody to send on:        {settings.letters}"
        case Carrier.SMTP:
            yield f"  Letters leave, to whom they are for, by  {settings.smtp_host}:{settings.smtp_port}"
    yield "Three commands to try next, in another terminal:"
    yield f"  {command} overdue"
    yield f"  {command} case {references[0]}" if references else f"  {command} due-soon"
    yield f"  {command} letters"
    yield "Ctrl-C closes it."


def _command(settings: Settings) -> str:
    """The command as a person in this folder would type it."""
    home = "" if settings.home == Path("var").absolute() else f"SENDFLOW_HOME={_short(settings.home)} "
    home += f"SENDFLOW_TODAY={settings.today} " if settings.today else ""
    return f"{home}.venv/bin/sendflow" if Path(".venv/bin/sendflow").exists() else f"{home}sendflow"


def _short(path: Path) -> Path:
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


@contextmanager
def _closing_on_signals() -> Iterator[Closing]:
    """Ctrl-C, termination and hang-up ask the house to close; asking again while it closes changes nothing."""
    closing = Closing()

    def ask(number: int, _frame: FrameType | None) -> None:
        closing.by = signal.Signals(number)
        closing.asked = True

    before = {each: signal.signal(each, ask) for each in ASKED_BY}
    try:
        yield closing
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
