"""The same deployments on many machines: a process work pool of Prefect's, its workers, and a large sweep or delivery
shared among them.

Purpose: `sendflow up` has one worker (`worker.py`), which is enough for one machine. On several, each runs
`sendflow run worker`, and a run that somebody starts, or a part of the morning's sweep, goes to whichever is free.
Prefect only hands out work: what a worker does is the same core act on the same records, so that a worker that dies,
comes twice or never leaves nothing undone and nothing twice.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from uuid import UUID

from audit.stored_cases import count_cases
from audit.whole import How
from audit.workers import Ticket
from casework.context import instant
from casework.steps import VERIFICATION
from casework.sweep import DueDuties, Shard
from config.process_environment import fix_caller_environment
from config.running_instance import api_address, server_answers
from config.settings import Settings
from config.text import counted
from flows.jobs import Job
from flows.pool_template import POOL
from models.database import reading
from models.errors import ServiceNotStarted
from notifications import outbox

if TYPE_CHECKING:
    from prefect.client.orchestration import PrefectClient
    from prefect.client.schemas.objects import FlowRun

    from casework.context import AppContext

WORTH = 2_000  # duties; below that a sweep is done before a worker's process has started
WORTH_LETTERS = 100  # mailboxes; the same
BEGIN_SECONDS = 60.0
START_SECONDS = 30.0  # for a pool or a worker that has just been started
POLLED_SECONDS = 30.0  # a worker asks for runs every two seconds
PATIENCE_SECONDS = 3 * 3600.0
WORTH_CASES = 20_000  # cases; the same
THE = {Job.SWEEP: "the sweep", Job.DELIVER: "the delivery", Job.VERIFY: "the verification"}


class NoPool(ServiceNotStarted):
    """There is no server, pool or worker to share with; the text is one line for a person."""

    default_code = "no_work_pool"


def register(settings: Settings, wait: float = 0.0) -> list[str]:
    """Makes the pool, or brings it up to date, and puts every deployment into it; returns their names.

    Raises NoPool where no server answers within `wait` seconds.
    """
    until = time.monotonic() + wait
    while not _answers(settings) and time.monotonic() < until:
        time.sleep(1.0)
    _reach(settings)
    from flows.deployments import deployments, put_into_pool

    made = deployments()  # here, because inside a loop Prefect would give promises of them
    try:
        asyncio.run(put_into_pool(settings, made))
    except Exception as problem:
        raise NoPool(
            f"Prefect refused ({type(problem).__name__}): SENDFLOW_AUTH has to be what the server was started with"
        ) from None
    return sorted(f"{each.flow_name}/{each.name}" for each in made)


def _reach(settings: Settings) -> None:
    api_url = api_address(settings)
    if not _answers(settings):
        raise NoPool(
            f"no Prefect server of this installation answers at {api_url}. Start sendflow, or set SENDFLOW_API_URL to a"
            " server that runs"
        )
    fix_caller_environment(settings, api_url)


def _answers(settings: Settings) -> bool:
    return server_answers(api_address(settings), settings.auth, tls_ca=settings.tls_ca)


@dataclass(frozen=True)
class Shared:
    """A job that is shared: its name, its parameters beside the shard, and the longest wait for the shards."""

    job: Job
    parameters: dict[str, Any]
    patience: float = PATIENCE_SECONDS


def sweep_of(as_at: date) -> Shared:
    """A sweep for a day."""
    return Shared(Job.SWEEP, {"as_at": as_at.isoformat()})


def delivery(settings: Settings) -> Shared:
    """A delivery in working hours. A shard begins no letter after `delivery_seconds`."""
    return Shared(Job.DELIVER, {"now": False}, settings.delivery_seconds + 2 * BEGIN_SECONDS)


def verification(ticket: Ticket) -> Shared:
    """A verification of everything, in the snapshot of the process that asks."""
    return Shared(Job.VERIFY, ticket._asdict())


def shared_verification(context: AppContext, workers: int, say: Callable[[str], None]) -> How:
    """How to verify with so many workers. What they leave is checked in as many processes as are worth it."""

    def among_workers(ticket: Ticket) -> None:
        try:
            share(context, verification(ticket), workers, say)
        except NoPool as problem:
            say(f"The verification is not shared. It runs in this process: {problem}.")

    return How(None, share=among_workers)


def verification_if_worth_it(context: AppContext, say: Callable[[str], None]) -> How | None:
    """How to verify if the installation has workers and many cases; None: in this process, as without workers."""
    if context.settings.workers < 2:
        return None
    with reading(context.engine) as connection:
        many = count_cases(connection) >= WORTH_CASES
    return shared_verification(context, context.settings.workers, say) if many else None


def share(context: AppContext, work: Shared, parts: int, say: Callable[[str], None]) -> None:
    """Share a job among the pool's workers, a shard each, and return when the shards have ended.

    The caller does the job afterwards, for what was left: a worker that is lost costs its shard once.

    Raises NoPool where nobody can be asked; never fails for what becomes of a part.
    """
    _reach(context.settings)
    try:
        said = asyncio.run(_share(work, parts))
    except NoPool:
        raise
    except Exception as problem:
        # Its text may quote what was sent, the login among it.
        raise NoPool(f"Prefect could not be asked ({type(problem).__name__})") from None
    say(f"{counted(parts, 'part')} of {THE[work.job]} went to the pool's workers: {said}.")


def share_sweep_if_worth_it(context: AppContext, as_at: date, say: Callable[[str], None]) -> None:
    """Share a large sweep if the installation has workers. The sweep that follows does what is left."""
    if context.settings.workers < 2:
        return
    with reading(context.engine) as connection:
        due = DueDuties.of(context, as_at).count(connection)
    if due >= WORTH:
        _share_or_say(context, sweep_of(as_at), say)


def share_letters_if_worth_it(context: AppContext, say: Callable[[str], None]) -> None:
    """Share a large delivery if the installation has workers. The delivery that follows sends what is left."""
    if context.settings.workers < 2:
        return
    with reading(context.engine) as connection:
        mailboxes = outbox.mailboxes_to_write(connection, context.today(), instant(context.now()))
    if len(mailboxes) >= WORTH_LETTERS:
        _share_or_say(context, delivery(context.settings), say)


def _share_or_say(context: AppContext, work: Shared, say: Callable[[str], None]) -> None:
    try:
        share(context, work, context.settings.workers, say)
    except Exception as problem:
        say(f"the workers could not be asked to share {THE[work.job]} ({type(problem).__name__}); it is done here")


async def _share(work: Shared, parts: int) -> str:
    from prefect.client.orchestration import get_client

    from flows.limits import limit_name

    async with get_client() as client:
        deployment = await _ready(client, work.job)
        started = [
            await client.create_flow_run_from_deployment(
                deployment,
                parameters={**work.parameters, "part": str(Shard(number, parts))},
                tags=["shared"],
            )
            for number in range(1, parts + 1)
        ]
        said = await _wait(client, [run.id for run in started], work.patience)
        if work.job is Job.VERIFY:
            most = (await client.read_global_concurrency_limit_by_name(limit_name(VERIFICATION))).limit
            said += "" if most >= parts else f" (the limit {limit_name(VERIFICATION)} lets {most} verify at once)"
        return said


async def _ready(client: PrefectClient, job: Job) -> UUID:
    """The deployment of a job, once a worker can take its runs. An installation that has just been started makes its
    pool, and its worker announces itself, some seconds after its pages answer.

    Raises NoPool where that has not come about after `START_SECONDS`.
    """
    until = time.monotonic() + START_SECONDS
    while True:
        try:
            return await _deployment_with_worker(client, job)
        except NoPool:
            if time.monotonic() >= until:
                raise
        await asyncio.sleep(1.0)


async def _deployment_with_worker(client: PrefectClient, job: Job) -> UUID:
    from prefect.exceptions import ObjectNotFound, PrefectHTTPStatusError

    try:
        deployment = await client.read_deployment_by_name(f"{job}/{job}-now")
        workers = await client.read_workers_for_work_pool(POOL)
        queues = await client.read_work_queues(work_pool_name=POOL)
    except (ObjectNotFound, PrefectHTTPStatusError) as problem:
        # Of a pool that is not there Prefect's client says only what the server answered.
        if isinstance(problem, PrefectHTTPStatusError) and problem.response.status_code != HTTPStatus.NOT_FOUND:
            raise
        raise NoPool("the pool is not there yet: run sendflow deployments once") from None
    online = any(str(getattr(each.status, "value", each.status)) == "ONLINE" for each in workers)
    if not online and not was_polled([each.last_polled for each in queues], datetime.now(UTC)):
        raise NoPool("no worker is at work for the pool: start one with sendflow run worker")
    return deployment.id


def was_polled(last_polled: Iterable[datetime | None], now: datetime) -> bool:
    """Whether a worker asked for runs just now. It then is at work, although its heartbeat may be late: on a busy
    machine Prefect can miss some, and shows a worker as offline 90 seconds after the last.
    """
    return any(polled is not None and (now - polled).total_seconds() < POLLED_SECONDS for polled in last_polled)


async def _wait(client: PrefectClient, started: list[UUID], patience: float) -> str:
    """Waits for the runs' ends. Those that nobody begins within a minute of the last that did are taken back: their
    work is done here.
    """
    from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId
    from prefect.states import Cancelled

    began, moved, ends = time.monotonic(), time.monotonic(), {}
    seen: set[tuple[UUID, str]] = set()
    while time.monotonic() - began < patience:
        runs = await client.read_flow_runs(flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=started)))
        now = {(run.id, str(run.state_name)) for run in runs}
        if now != seen:
            seen, moved = now, time.monotonic()
        ends = {run.id: _end(run) for run in runs}
        at_work = any(run.state is not None and (run.state.is_running() or run.state.is_pending()) for run in runs)
        if all(ends.values()) or (not at_work and time.monotonic() - moved > BEGIN_SECONDS):
            break
        await asyncio.sleep(1.0)
    for run_id, end in ends.items():
        if not end:
            await client.set_flow_run_state(
                run_id,
                Cancelled(message="no worker took it in time; the process that asked did its work"),
                force=True,
            )
    return ", ".join(sorted(end or "not begun" for end in ends.values()))


def _end(run: FlowRun) -> str:
    return str(run.state_name) if run.state is not None and run.state.is_final() else ""
