"""`record` as an in-process Prefect run, against an empty flow: what showing costs beyond what Prefect itself takes.

Both are asynchronous runs in this process against the same real local server, started as an installation starts it. An
empty flow is a parameterless `async def` that returns at once.
"""

import asyncio
import dataclasses
import time
from datetime import date
from typing import Any

from benchmarks.harness.measuring import Measured, Side, alternate, times_theirs
from benchmarks.harness.workload import ACTOR, Workshop
from casework.context import AppContext
from config.login import ensure_login
from config.process_environment import fix_caller_environment
from config.running_instance import server_answers
from flows.jobs import Job, JobExecution
from models.facts import FactDraft
from notifications.local_smtp import free_port
from runtime.supervisor import Supervisor

RUNS = 3
SERVER_SECONDS = 120.0
LA = {"la": "northshire"}


def showing(shop: Workshop) -> Measured:
    """The time of a shown record as a multiple of an empty flow's."""
    settings = dataclasses.replace(
        shop.context.settings, home=shop.folder, port=free_port(), auth=ensure_login(shop.folder)
    )
    processes = Supervisor(settings, print)
    api_url = f"{settings.ui_url}/api"
    try:
        processes.start("server")
        processes.wait_for("server", lambda: server_answers(api_url, settings.auth, 1.0), SERVER_SECONDS, lambda: None)
        fix_caller_environment(settings, api_url)
        return _against_empty(shop)
    finally:
        processes.stop()


def _against_empty(shop: Workshop) -> Measured:
    # Imported here, because prefect reads its environment once, and because nothing else that is measured pays for it.
    from prefect import flow

    from flows.definitions import run_as_flow

    @flow(name="empty")
    async def empty() -> None:
        """Nothing at all."""

    context = shop.fresh_context()
    numbers = iter(range(1_000_000))

    def ours(_given: object) -> None:
        for _ in range(RUNS):
            work = JobExecution(Job.RECORD, context, _given_to_record(next(numbers)))
            run_as_flow(work)
            assert work.execute(None).seq == 1

    def theirs(_given: object) -> None:
        for _ in range(RUNS):
            asyncio.run(empty())

    measured = alternate(
        "record_against_empty_prefect_flow",
        Side("record, shown", lambda: None, ours, RUNS),
        Side("empty flow", lambda: None, theirs, RUNS),
        times_theirs,
        [_alone(context, numbers)],
    )
    context.engine.dispose()
    return measured


def _alone(context: AppContext, numbers: Any) -> str:
    work = JobExecution(Job.RECORD, context, _given_to_record(next(numbers)))
    start = time.perf_counter()
    work.execute(None)
    return f"the record itself took {(time.perf_counter() - start) * 1e3:.1f} ms"


def _given_to_record(number: int) -> dict[str, Any]:
    return {
        "case": f"BP{number:06d}",
        "drafts": [FactDraft("ehc_assessment_requested", date(2026, 3, 2), LA)],
        "actor": ACTOR,
    }
