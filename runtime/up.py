"""`sendflow up`: runs a whole installation on one machine until Ctrl-C. [I/O]

It starts the database, the local mail server, the Prefect server, its worker and the scheduler. The first start of
a simulation loads the demo data; a later start uses the records as they are. No process of it outlives it.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import FrameType
from urllib.parse import urlsplit

from sqlalchemy import Connection, func, select
from sqlalchemy.exc import SQLAlchemyError

from casework.access import accounts
from casework.access.sign_in import Place, sign_in_link
from casework.context import AppContext, installation_exists
from config.database_cause import cause_here
from config.login import ensure_login
from config.private_files import make_private
from config.rights import roles
from config.running_instance import Running, server_answers, write_running
from config.settings import Carrier, Settings
from config.toml_reader import HELP, ConfigFault
from models.database import reading, transact
from models.errors import DatabaseUnusable
from models.tables import FACT
from notifications.local_smtp import HOST, LocalSmtpError, LocalSmtpServer, free_port
from runtime.demo.load import PEOPLE, SAMPLE, Console, Sample, load_demo_data
from runtime.instance_lock import AlreadyRunning, only_supervisor
from runtime.local_postgres import LocalPostgres, LocalPostgresError
from runtime.supervisor import CannotStart, Supervisor, port_problem

SERVER_SECONDS = 120.0
LOOK_SECONDS = 1.0
FIRST = "admin.team"  # the first account of a real installation
ASKED_BY = {signal.SIGINT: "Ctrl-C", signal.SIGTERM: "a signal to stop", signal.SIGHUP: "its terminal closed"}


class Stopped(Exception):
    """Somebody asked the installation to stop."""


class Closing:
    """Whether somebody has asked the installation to stop. A plain flag: a signal handler may not take a lock."""

    asked = False
    by = signal.SIGINT

    def check(self) -> None:
        """Raise Stopped if somebody has asked."""
        if self.asked:
            raise Stopped

    def wait_for(self, job: Callable[[], None]) -> None:
        """Run `job` in a thread and wait for it. Raises what it raises, or Stopped at once; an open transaction then
        rolls back.

        A Prefect run in the main thread would replace the signal handlers.
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


def run_installation(settings: Settings, console: Console, postgres: bool = False, demo: bool = True) -> None:
    """Start the installation and return when it has stopped. Raises CannotStart (one line) or SettingsError.

    `postgres` makes a private PostgreSQL cluster for a new installation, which then always uses it. Without `demo` a
    new installation stays empty, now and later.
    """
    settings.prepare_home()
    if settings.api_url not in (None, f"{settings.ui_url}/api"):
        raise CannotStart(
            "SENDFLOW_API_URL names a Prefect server elsewhere, so this installation is several services: start them by"
            " sendflow run, or unset it to start a whole installation here"
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
                f"this installation is open already (SENDFLOW_HOME={settings.home}): stop the other one, or name"
                " another folder, as in SENDFLOW_HOME=./var2"
            ) from None
        settings = _with_port_of_pages(settings)
        if why := port_problem(settings.bind, settings.port):
            raise CannotStart(
                f"port {settings.port} on {settings.bind} {why}: choose another, "
                f"as in SENDFLOW_PORT={settings.port + 100 if settings.port < 65000 else 4300} make up"
            )
        cluster: Supervisor | None = None
        if postgres or settings.cluster.exists():
            settings, cluster = _with_cluster(settings, stack, console, closing)
        try:
            made = not installation_exists(settings)
            context = AppContext.load(settings, demo=demo)
            stack.callback(context.engine.dispose)
            if made:
                sys.stderr.write(f"Made a new installation in {settings.home}.\n")
            if not demo and Sample.read(settings.home / SAMPLE) is None:
                Sample(context.today(), finished=True).write(settings.home / SAMPLE)
            # Also if letters leave by a mail server: a command without that setting must find the local one and
            # never the real one.
            sink = stack.enter_context(LocalSmtpServer(settings.letters, settings.required_login()))
        except SQLAlchemyError as problem:
            why = (
                "no SQLite database of this installation, or it is locked"
                if settings.database_url is None
                else "no server answers there, or not to this role"
            )
            if (known := cause_here(problem, settings)) is not None:
                why = f"{known.named}. {known.advice}"
            raise CannotStart(f"the records in {settings.records_place} cannot be opened: {why}") from None
        except (DatabaseUnusable, LocalSmtpError, ValueError, OSError) as problem:
            # The message names the configuration file and what is wrong in it.
            help_ = f" {HELP}" if isinstance(problem, ConfigFault) else ""
            raise CannotStart(f"{problem}{help_}") from None
        processes = Supervisor(settings, console.say, beside=cluster)
        stack.callback(settings.running_file.unlink, missing_ok=True)
        stack.callback(processes.stop)
        try:
            _open(settings, context, processes, sink, console, closing)
            _stay(settings, processes, sink, closing)
        except Stopped:
            console.say(f"Stopping ({ASKED_BY[closing.by]}) ...")
    console.say("sendflow has stopped; its records stay where they are.")


def _with_port_of_pages(settings: Settings) -> Settings:
    """The settings with a port for the pages. A port that somebody named has to be free; else any free one serves."""
    why = port_problem(settings.bind, settings.pages_port)
    if not why:
        return replace(settings, web_port=settings.pages_port)
    if settings.web_port is None:
        return replace(settings, web_port=free_port())
    raise CannotStart(
        f"port {settings.web_port} on {settings.bind} {why}: choose another for the pages, as in"
        f" SENDFLOW_WEB_PORT={settings.web_port + 100 if settings.web_port < 65000 else 8400} make up"
    )


def _with_cluster(
    settings: Settings, stack: ExitStack, console: Console, closing: Closing
) -> tuple[Settings, Supervisor]:
    """Start the installation's own PostgreSQL, which the first start makes, with a database for the records and one for
    Prefect. It stops last.
    """
    if settings.records.exists():
        raise CannotStart(
            f"the records of this installation are in {settings.records}: name another folder for one on"
            " PostgreSQL, as in SENDFLOW_HOME=./var2"
        )
    try:
        cluster = LocalPostgres(settings.cluster)
        with console.working("Starting a private PostgreSQL (the first time it is made)"):
            cluster.make()
            settings = Settings.read(dict(os.environ) | {"SENDFLOW_HOME": str(settings.home)})
            part = Supervisor(settings, console.say)
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
    console: Console,
    closing: Closing,
) -> None:
    console.say(f"Starting sendflow in {settings.home}")
    processes.start("server")
    api_url = f"{settings.ui_url}/api"
    with console.working("Starting the Prefect server (the first time it makes its database; half a minute at most)"):
        processes.wait_for("server", lambda: server_answers(api_url, settings.auth, 1.0), SERVER_SECONDS, closing.check)
    _announce(settings, processes, sink)
    processes.start("worker")
    closing.wait_for(lambda: load_demo_data(settings, context, console))
    processes.start("scheduler")
    processes.start("web")
    address = (str(urlsplit(settings.pages_url).hostname), settings.pages_port)
    with console.working("Starting the pages"):
        processes.wait_for("web", lambda: _listens(address), SERVER_SECONDS, closing.check)
    _announce(settings, processes, sink)
    for line in (*_how_time_is_read(context), *_where_to_look(settings, _some_references(context), _people(context))):
        console.say(line)


def _listens(address: tuple[str, int]) -> bool:
    try:
        with socket.create_connection(address, timeout=1.0):
            return True
    except OSError:
        return False


def _stay(settings: Settings, processes: Supervisor, sink: LocalSmtpServer, closing: Closing) -> None:
    """Restart each component that ends, until somebody asks the installation to stop."""
    while True:
        closing.check()
        time.sleep(LOOK_SECONDS / 5)
        if processes.restart_ended():
            _announce(settings, processes, sink)


def _announce(settings: Settings, processes: Supervisor, sink: LocalSmtpServer) -> None:
    """Write the addresses and process ids of the installation. `started` stays when a component restarts."""
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
            pages_url=settings.pages_url,
            watch_url=f"{settings.ui_url.rpartition(':')[0]}:{settings.metrics_port}",
        ),
    )


def _some_references(context: AppContext) -> list[str]:
    """Return the case with the longest history, which is worth a first look."""
    case = FACT.c.case_ref
    with reading(context.engine) as connection:
        return [
            str(row[0])
            for row in connection.execute(select(case).group_by(case).order_by(func.count().desc(), case).limit(1))
        ]


def _how_time_is_read(context: AppContext) -> Iterator[str]:
    yield context.simulation_notice or "This installation is real: it reads the real clock."
    if context.simulated:
        next_day = context.today() + timedelta(days=1)
        yield f"  Its day stays until you set another, as in SENDFLOW_TODAY={next_day} make up"
        yield "For real cases make another installation: SENDFLOW_HOME=./real .venv/bin/sendflow up --no-sample"


def _where_to_look(settings: Settings, references: list[str], people: Sequence[tuple[str, str]] = ()) -> Iterator[str]:
    """What a newcomer does next. `people` are accounts with the titles of their roles."""
    command = _command(settings)
    yield ""
    yield "sendflow is running."
    yield f"  Its pages: {settings.pages_url}"
    yield "  Each link signs one person in, once (sendflow sign-in --account NAME makes another):"
    width = max((len(role) for _account, role in people), default=0) + 1
    for account, role in people:
        yield f"    {role + ':':<{width}} {sign_in_link(settings, account)}"
    yield "  The Prefect UI, which shows each job that ran:"
    yield f"    {sign_in_link(settings, 'operations', Place.PREFECT)}"
    match settings.carrier:
        case Carrier.SINK:
            yield f"  Letters, as they would have been sent:   {settings.letters}"
        case Carrier.FILE:
            yield f"  Letters, for somebody to send on:        {settings.letters}"
        case Carrier.NOTIFY:
            yield "  Letters leave for their recipients by     GOV.UK Notify"
        case Carrier.SMTP:
            yield f"  Letters leave for their recipients by     {settings.smtp_host}:{settings.smtp_port}"
    yield "Three commands to try next, in another terminal:"
    yield f"  {command} overdue"
    yield f"  {command} case {references[0]}" if references else f"  {command} due-soon"
    yield f"  {command} letters"
    yield "Ctrl-C stops it."


def _people(context: AppContext) -> list[tuple[str, str]]:
    """The sample's people with their roles. A real installation without any account gets its first administrator."""

    def work(connection: Connection) -> list[tuple[str, str]]:
        known = {each.account: roles()[each.role].title for each in accounts.accounts(connection)}
        if not known and not context.simulated:
            accounts.change_role(connection, FIRST, "administrator", "", "sendflow")
            return [(FIRST, roles()["administrator"].title)]
        there = [(account, scope) for account, _role, scope in PEOPLE if account in known]
        # Who sees a restricted process too is the last: a newcomer begins as the Designated Clinical Officer.
        named = [(account, scope) for account, scope in there if scope in context.processes]
        plain = [(account, known[account]) for account, scope in there if (account, scope) not in named]
        return plain + [
            (account, f"{known[account]}, and {context.processes[scope].title.lower()}s") for account, scope in named
        ]

    return transact(context.engine, work)


def _command(settings: Settings) -> str:
    """The command as a person in this folder would type it."""
    home = "" if settings.home == Path("var").absolute() else f"SENDFLOW_HOME={_short(settings.home)} "
    home += f"SENDFLOW_TODAY={settings.today} " if settings.today else ""
    return f"{home}.venv/bin/sendflow" if Path(".venv/bin/sendflow").exists() else f"{home}sendflow"


def _short(path: Path) -> Path:
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


@contextmanager
def _closing_on_signals() -> Iterator[Closing]:
    """Ctrl-C, termination and hang-up ask the installation to stop; a second signal changes nothing."""
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
