"""`sendflow deployments` and `sendflow part`: the house as parts on several machines, each a service of its own
(docs/operate/install.md).
"""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from typing import Annotated

import typer

from cli.cases import Json
from cli.output import Exit, emit, fail


class Named(StrEnum):
    """The parts that a service manager starts."""

    SERVER = "server"
    CLOCK = "clock"
    WORKER = "worker"


def register(app: typer.Typer) -> None:
    """Add these commands to the program."""
    app.command("deployments")(deployments)
    app.command("part")(part)


def deployments(
    wait: Annotated[
        int, typer.Option("--wait", min=0, max=600, help="Seconds to wait for a server that is just being started.")
    ] = 0,
    json_: Json = False,
) -> None:
    """Put what a person may start from the Prefect pages into the work pool, from which the workers take it. Run it
    once, and after each upgrade.
    """
    from config.settings import Settings
    from flows.work_pool import POOL, NoPool
    from flows.work_pool import register as put

    try:
        names = put(Settings.read(), wait)
    except NoPool as problem:
        fail(Exit.NOT_FINISHED, f"Nothing was registered: {problem}")
    emit({"pool": POOL, "deployments": names}, json_, lambda: f"In the pool {POOL}: {', '.join(names)}.")


def part(
    name: Annotated[
        Named, typer.Argument(help="server: Prefect's; clock: the alarm clock; worker: takes runs from the work pool.")
    ],
    called: Annotated[
        str | None, typer.Option("--name", help="What the pages call this worker; the machine's name unless said.")
    ] = None,
    at_once: Annotated[
        int, typer.Option("--at-once", min=1, max=32, help="How many runs a worker has under way at most.")
    ] = 2,
) -> None:
    """Run one part of the house until it is told to stop: for a service manager. `sendflow up` is all of them on one
    machine.
    """
    from config.settings import Settings, SettingsError, fix_prefect_environment

    try:
        settings = Settings.read()
        settings.prepare_home()
    except SettingsError as problem:
        fail(Exit.NOT_FINISHED, f"The {name} cannot be started: {problem}")
    match name:
        case Named.SERVER:
            from runtime.component import server

            fix_prefect_environment(settings)
            server(settings)
        case Named.CLOCK:
            from config.running_instance import api_address
            from runtime.scheduler import run_scheduler

            settings = replace(settings, api_url=api_address(settings))
            fix_prefect_environment(settings)
            run_scheduler(settings)
        case Named.WORKER:
            from flows.work_pool import run_worker

            run_worker(settings, called, at_once)
