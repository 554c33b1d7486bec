"""The worker: takes runs from the work pool and executes each in a process of its own.

Purpose: one path for a run that a person starts in the Prefect UI, on one machine and on many. `sendflow up` runs one
worker; on several machines each runs `sendflow run worker`. A worker that is asked to stop takes no further run, gives
its runs some seconds to end, marks the others as cancelled, and leaves no process.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

from config.process_environment import fix_prefect_environment
from config.running_instance import api_address, server_answers
from config.settings import Settings
from flows.jobs import Job
from flows.pool_template import POOL
from flows.remedies import LEFT_TO_DO
from flows.run_labels import begin
from flows.runner import print_to_stderr
from flows.work_pool import NoPool

if TYPE_CHECKING:
    from prefect.workers.process import ProcessWorker

AT_ONCE = 2
PATIENCE_SECONDS = 10.0  # for runs of `sendflow up`, which a person stops and waits for
SERVICE_PATIENCE_SECONDS = 90.0  # for runs of a service: its unit waits 120 s
TEARDOWN_SECONDS = 3.0
SERVER_SECONDS = 120.0
ASKED_TIMES, ASKED_AGAIN_SECONDS = 5, 2.0
OF_UP = "sendflow-up"
STOPPED = f"A person stopped sendflow while this ran; {LEFT_TO_DO}"
KILLED = (
    "The process of this run was killed, by a person or because the machine had no memory left. Nothing is lost:"
    f" {LEFT_TO_DO}. If it comes again, a person looks at the machine's memory"
)


def run_worker(
    settings: Settings, name: str | None = None, at_once: int = AT_ONCE, say: Callable[[str], None] = print_to_stderr
) -> None:
    """Take runs from the pool until the process is stopped. Waits for a server that is not there yet."""
    fix_prefect_environment(settings, api_address(settings))
    _work_until_stopped(settings, name or f"{socket.gethostname()}-{os.getpid()}", at_once, say)


def run_worker_of_up(settings: Settings, opened: datetime) -> None:
    """Put the deployments into the pool, mark as crashed the runs that were left before `opened`, and take runs.

    Raises NoPool if the server of this installation does not answer.
    """
    until = time.monotonic() + SERVER_SECONDS
    while not server_answers(api_address(settings), settings.auth, tls_ca=settings.tls_ca):
        if time.monotonic() > until:
            raise NoPool("the Prefect server of this installation does not answer")
        time.sleep(0.5)
    from flows.deployments import deployments, put_into_pool, settle_what_was_left

    made = deployments()  # here, because inside a loop Prefect would give promises of them

    async def prepare() -> None:
        await settle_what_was_left(opened)
        await put_into_pool(settings, made)

    _repeat(prepare)
    _work_until_stopped(settings, OF_UP, AT_ONCE, print_to_stderr, PATIENCE_SECONDS)


def _repeat(prepare: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Prepare the pool. Prefect answers 503 while its SQLite file is locked, so it is asked some times."""
    for left in reversed(range(ASKED_TIMES)):
        try:
            return asyncio.run(prepare())
        except Exception:
            if not left:
                raise
            time.sleep(ASKED_AGAIN_SECONDS)
    return None


def _work_until_stopped(
    settings: Settings, name: str, at_once: int, say: Callable[[str], None], patience: float = SERVICE_PATIENCE_SECONDS
) -> None:
    from prefect.workers.process import ProcessWorker

    # What a run starts in is a folder of its own; the records are found by a path from the root. The pool's command is
    # `python`, and means the one that has sendflow.
    os.environ["SENDFLOW_HOME"] = str(settings.home)
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    worker = ProcessWorker(work_pool_name=POOL, name=name, limit=at_once, create_pool_if_not_found=False)
    say(f"worker {name} takes runs from the pool {POOL}, {at_once} at once")
    cancelled = asyncio.run(_Stoppable(worker).work(patience))
    say(f"worker {name} has stopped" + (f"; {cancelled} of its runs were cancelled" if cancelled else ""))


class _Stoppable:
    """A worker that knows the processes of its runs, and can be stopped."""

    def __init__(self, worker: ProcessWorker) -> None:
        """Note each run that the worker begins, and let it begin none after it was asked to stop."""
        self._worker = worker
        self._pids: dict[UUID, int | None] = {}
        self._stop = asyncio.Event()
        self._run, self._poll = worker.run, worker.get_and_submit_flow_runs
        setattr(worker, "run", self._noted)  # noqa: B010 (methods of a library's object)
        setattr(worker, "get_and_submit_flow_runs", self._poll_unless_stopped)  # noqa: B010 (the same)

    async def work(self, patience: float) -> int:
        """Work until a signal comes. Returns how many runs were cancelled after `patience` seconds."""
        loop = asyncio.get_running_loop()
        # A shell makes processes of the background ignore SIGINT; a handler of our own is called all the same.
        for each in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(each, self._stop.set)
        working = asyncio.ensure_future(self._worker.start(printer=_silent))
        stopping = asyncio.ensure_future(self._stop.wait())
        await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            stopping.cancel()
            working.result()  # raises what ended the worker
            return 0
        until = loop.time() + patience
        while self._pids and loop.time() < until:
            await asyncio.sleep(0.1)
        left = dict(self._pids)
        self._kill(left)
        # In the same step: a worker that goes on sees that the process of a run was killed, and shows it as crashed.
        working.cancel()
        await asyncio.wait({working}, timeout=TEARDOWN_SECONDS)
        with suppress(BaseException):  # retrieved, so that nothing is printed about it
            working.exception()
        await self._show_as_cancelled(left)
        return len(left)

    async def _poll_unless_stopped(self) -> Any:
        return [] if self._stop.is_set() else await self._poll()

    async def _noted(self, flow_run: Any, configuration: Any, task_status: Any = None) -> Any:
        self._pids[flow_run.id] = None
        try:
            result = await self._run(flow_run, configuration, _NotedStatus(self._pids, flow_run.id, task_status))
        finally:
            self._pids.pop(flow_run.id, None)
        killed = result.status_code < 0  # the number of the signal
        return await _show_as_killed(flow_run, result) if killed and not self._stop.is_set() else result

    @staticmethod
    def _kill(left: dict[UUID, int | None]) -> None:
        """Kill the processes of the runs: a transaction that is open rolls back."""
        for pid in filter(None, left.values()):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    @staticmethod
    async def _show_as_cancelled(left: dict[UUID, int | None]) -> None:
        """Set the state of each run to Cancelled, also where another one was set."""
        from prefect.client.orchestration import get_client
        from prefect.states import Cancelled

        from flows.ended_outside import show_end

        with suppress(Exception):  # a server that does not answer; the next start settles the runs
            async with get_client() as client:
                for run in left:
                    await show_end(client, await client.read_flow_run(run), Cancelled(message=STOPPED))


async def _show_as_killed(flow_run: Any, result: Any) -> Any:
    """Give a run its name and say what became of it. Where that was done, Prefect has nothing to add: its own sentence
    names no remedy.
    """
    from prefect.client.orchestration import get_client
    from prefect.states import Crashed

    from flows.ended_outside import show_end

    with suppress(Exception):  # a server that does not answer: Prefect then tries with its own words
        async with get_client() as client:
            flow = await client.read_flow(flow_run.flow_id)
            await client.update_flow_run(flow_run.id, name=name_of(flow.name, flow_run.parameters))
            await show_end(client, flow_run, Crashed(message=KILLED))
            return result.model_copy(update={"status_code": 0})
    return result


def name_of(flow: str, given: Mapping[str, Any]) -> str:
    """The name of a run that may have ended before it was given one, from its flow and its parameters."""
    with suppress(KeyError, ValueError):
        return begin(Job(flow), given)
    return flow


class _NotedStatus:
    """Passes on that a run's process has started, and notes its id."""

    def __init__(self, pids: dict[UUID, int | None], run: UUID, status: Any) -> None:
        self._pids, self._run_id, self._status = pids, run, status

    def started(self, value: int | None = None) -> None:
        """Called by Prefect with the id of the process."""
        if self._run_id in self._pids:
            self._pids[self._run_id] = value
        if self._status is not None:
            self._status.started(value)


def _silent(*_words: object, **_more: object) -> None:
    """What Prefect says to a terminal."""
