"""A process that runs jobs as the scheduler and as the worker run them, one for each line of JSON that it reads.

Purpose: importing Prefect takes longer than a job, so one process runs a whole hour's jobs. A line has `do`, and the
variables of the environment that a fault changes. The answer is a line with what was raised, or null.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

from config.process_environment import fix_prefect_environment
from config.settings import Settings
from models import sqlite_connections, when_back


def main() -> None:
    """Run until the input ends."""
    # A database that is away shows within seconds, not after half a minute.
    sqlite_connections.PRAGMAS = pragmas = ("busy_timeout=300", *sqlite_connections.PRAGMAS[1:])
    settings = Settings.read()
    fix_prefect_environment(settings, settings.api_url)
    _do({"do": "register"})
    from flows import tasks

    # A letter's outcome waits for a database that stays away for seconds, not for a minute.
    setattr(when_back, "TRIED_AFTER", (1.0, 2.0, 4.0))  # noqa: B010 (a constant of a module)
    # Who gets no slot waits for seconds, not for a quarter of a minute.
    setattr(tasks, "ASKED_AGAIN", 1)  # noqa: B010 (a constant of a module)
    own = dict(os.environ)
    for line in sys.stdin:
        order = json.loads(line)
        os.environ.clear()
        os.environ.update(own | order.get("environment", {}))
        # A database that may have no further page is as one on a full disk.
        full = ["max_page_count=1"] if "DISK_IS_FULL" in os.environ else []
        setattr(sqlite_connections, "PRAGMAS", (*pragmas, *full))  # noqa: B010 (a constant of a module)
        try:
            raised = None
            _do(order)
        except Exception as problem:
            raised = f"{type(problem).__name__}: {problem}"
        sys.stdout.write(json.dumps(raised) + "\n")
        sys.stdout.flush()


def _given(order: dict[str, Any]) -> dict[str, Any]:
    """What a job is given, as its callers give it: a file by its path."""
    return {name: Path(value) if name == "path" else value for name, value in order.get("given", {}).items()}


def _do(order: dict[str, Any]) -> None:
    from casework import clock_check
    from casework.context import AppContext
    from flows.definitions import FLOWS
    from flows.jobs import Job
    from flows.runner import run_job
    from flows.work_pool import register
    from runtime.scheduler import Scheduler

    settings = Settings.read()
    clock_check._last_reading.clear()  # a worker begins a process for each run
    match order["do"]:
        case "ticks":
            scheduler = Scheduler(settings)
            scheduler.start()
            for _ in range(order["number"]):
                scheduler.mailbox_after = 0.0
                scheduler.tick()
                scheduler.emit()
            scheduler.verify()
        case "register":
            register(settings)
            fix_prefect_environment(settings, settings.api_url)
        case "small steps":
            # Steps of the size that they have with tens of thousands of cases would need these.
            from audit import parts, whole
            from casework import sweep

            for module, name in ((sweep, "BATCH"), (parts, "RANGE"), (whole, "RANGE")):
                setattr(module, name, 1)
        case "by a person":
            # As the worker begins a run: the job loads the installation itself.
            begun: Any = FLOWS[Job(order["job"])](**order.get("given", {}), return_state=True)
            asyncio.run(begun)
        case "job":
            context = AppContext.load(settings)
            try:
                given: dict[str, Any] = {"as_at": context.today()} if order["job"] in (Job.SWEEP, Job.DIGEST) else {}
                run_job(order["job"], context, **given, **_given(order))
            finally:
                context.engine.dispose()


if __name__ == "__main__":
    main()
