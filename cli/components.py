"""`sendflow deployments` and `run`: the components of an installation as services of several machines."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from cli.options import Json
from cli.output import Exit, emit, fail

if TYPE_CHECKING:
    from config.settings import Settings


class Service(StrEnum):
    """The components that a service manager starts."""

    SCHEDULER = "scheduler"
    SERVER = "server"
    WORKER = "worker"
    WEB = "web"


def register(app: typer.Typer) -> None:
    """Add these commands to the program."""
    app.command("deployments")(deployments)
    app.command("run")(run)


def deployments(
    wait: Annotated[
        int, typer.Option("--wait", min=0, max=600, help="Seconds to wait for a server that is still starting.")
    ] = 0,
    json_: Json = False,
) -> None:
    """Register in the work pool what a person may start from the Prefect UI. Run it once, and after each upgrade."""
    from config.settings import Settings
    from flows.pool_template import POOL
    from flows.work_pool import NoPool
    from flows.work_pool import register as register_in_pool

    try:
        names = register_in_pool(Settings.read(), wait)
    except NoPool as problem:
        fail(Exit.NOT_FINISHED, f"Nothing was registered: {problem}")
    emit({"pool": POOL, "deployments": names}, json_, lambda: f"In the pool {POOL}: {', '.join(names)}.")


def run(
    service: Annotated[
        Service,
        typer.Argument(
            help=(
                "server: Prefect server; scheduler: starts the jobs by the clock; worker: takes runs from the pool;"
                " web: the pages for people."
            )
        ),
    ],
    name: Annotated[
        str | None, typer.Option("--name", help="The worker's name in the Prefect UI. Default: the machine's name.")
    ] = None,
    concurrency: Annotated[
        int, typer.Option("--concurrency", min=1, max=32, help="How many runs a worker executes at the same time.")
    ] = 2,
) -> None:
    """Run one component until it is stopped, for a service manager. `sendflow up` runs all of them on one machine."""
    from config.login import ensure_login
    from config.private_files import make_private
    from config.process_environment import fix_prefect_environment
    from config.settings import Settings, SettingsError

    try:
        settings = Settings.read()
        if service is not Service.SERVER:
            _check_installation(settings)
        settings.prepare_home()
        make_private(settings.home)
        if settings.auth is None and service is not Service.WORKER:
            settings = replace(settings, auth=ensure_login(settings.home))
    except SettingsError as problem:
        fail(Exit.NOT_FINISHED, f"The {service} cannot start: {problem}")
    match service:
        case Service.SERVER:
            from runtime.component import server

            fix_prefect_environment(settings)
            server(settings)
        case Service.SCHEDULER:
            from config.running_instance import api_address
            from runtime.scheduler import run_scheduler

            settings = replace(settings, api_url=api_address(settings))
            fix_prefect_environment(settings)
            run_scheduler(settings)
        case Service.WEB:
            from web.server import run_web

            run_web(settings)
        case Service.WORKER:
            from flows.worker import run_worker

            run_worker(settings, name, concurrency)


def _check_installation(settings: Settings) -> None:
    """End the command if there is no installation: a scheduler of a mistyped home would find nothing late for ever."""
    from sqlalchemy.exc import OperationalError

    from casework.context import installation_exists, no_installation
    from models.errors import NoInstallation

    with suppress(OperationalError):  # a database server that does not answer yet says nothing of an installation
        if not installation_exists(settings):
            raise NoInstallation(no_installation(settings))
