"""The Prefect flows: one short run around each job, which shows what ran, for which day, and what needs a person.

The job itself reaches its run by a context variable, because Prefect stores every parameter, even of a run that it
refuses. Parameters are only references, kinds of fact, days and a file's digest. Exceptions of a job do not pass
through the run, because Prefect stores their texts too. `record` and `import` run only inside the caller's process.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from contextlib import AbstractContextManager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any

from prefect import Flow, flow
from prefect.client.schemas.actions import LogCreate
from prefect.client.schemas.objects import State
from prefect.client.utilities import get_or_create_client
from prefect.context import AsyncClientContext
from prefect.flow_engine import run_flow_async
from prefect.runtime import flow_run
from prefect.settings import PREFECT_API_URL
from prefect.states import Completed, Failed, Pending
from pydantic import Field

from casework.delivery.deliver import Extent
from casework.steps import VERIFICATION, shown_by, slot
from casework.sweep import Shard
from config.settings import Settings
from flows import artifacts, run_ends, run_labels
from flows.jobs import Job, JobExecution
from flows.run_labels import MOST_KINDS, NEW, UNKNOWN
from flows.tasks import TaskSteps, show_failed_cases
from models.facts import REFERENCE, SLUG

CaseReference = Annotated[
    str,
    Field(
        pattern=rf"^({NEW}|{UNKNOWN}|{REFERENCE.pattern})$",
        title="Case",
        description="The case's reference, as in EHC-2026001",
    ),
]
Kinds = Annotated[
    str,
    Field(
        pattern=rf"^{SLUG.pattern}(,{SLUG.pattern}){{0,{MOST_KINDS - 1}}}$",
        title="Fact",
        description="The kinds of fact",
    ),
]
Digest = Annotated[
    str, Field(pattern=r"^([0-9a-f]{32}|unreadable)$", title="File", description="The file's digest; never its name")
]
# A day is text with a pattern, because the Prefect server does not check a date type and would store any text.
DAY = {"pattern": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$", "json_schema_extra": {"format": "date"}}
NO_SNAPSHOT = "0-0-0"  # of a shard that a person started: no verification waits for it
Day = Annotated[
    str | None, Field(title="As at", description="The day to look from, today unless said: 2026-04-14", **DAY)
]
On = Annotated[str | None, Field(title="On", description="The day on which it happened: 2026-04-14", **DAY)]
Share = Annotated[
    str | None,
    Field(
        pattern=r"^[0-9]{1,2}/[0-9]{1,2}$", title="Shard", description="One part of the work, as 2/3; all unless said"
    ),
]
Snapshot = Annotated[
    str | None,
    Field(
        pattern=r"^[0-9A-F]{1,16}-[0-9A-F]{1,16}-[0-9]{1,9}$",
        title="Snapshot",
        description="Of a part: the database's name of the snapshot that the verification reads",
    ),
]
Instant = Annotated[
    str | None,
    Field(
        pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\.[0-9]{6}Z$",
        title="Before",
        description="Of a part: the instant of the head",
    ),
]
Now = Annotated[
    bool,
    Field(
        title="Now", description="Send without waiting for working hours; the records say that it was asked for here"
    ),
]


@dataclass(frozen=True, slots=True)
class PreparedRun:
    """A job execution with the parameters and the name of its run, which are calculated once."""

    execution: JobExecution
    parameters: dict[str, Any]
    name: str

    @classmethod
    def of(cls, execution: JobExecution) -> PreparedRun:
        """Calculate the parameters and the name from the job's arguments."""
        parameters = run_labels.parameters(execution)
        return cls(execution, parameters, run_labels.begin(execution.job, parameters))


_PREPARED: ContextVar[PreparedRun | None] = ContextVar("sendflow_prepared_run", default=None)


def _run_name() -> str:
    """Give the first name of a run that was started from the Prefect UI, from its parameters."""
    return run_labels.begin(Job(flow_run.flow_name), flow_run.parameters)


def _started_in_prefect(job: Job, given: dict[str, Any]) -> JobExecution:
    """Make the job execution of a run that a person started from the Prefect UI. It loads its own context."""
    from casework.context import AppContext

    context = AppContext.load(Settings.read())
    match job:
        case Job.SWEEP:
            part = {"part": Shard.read(given["part"])} if given["part"] else {}
            return JobExecution(job, context, {"as_at": run_labels.day_of(given["as_at"]) or context.today(), **part})
        case Job.DIGEST | Job.RETENTION:
            return JobExecution(job, context, {"as_at": run_labels.day_of(given["as_at"]) or context.today()})
        case Job.DELIVER:
            asked = {"now": given["now"], "reason": "asked for on the Prefect pages" if given["now"] else None}
            if given["part"]:
                asked["extent"] = Extent(context.settings.delivery_seconds, Shard.read(given["part"]))
            return JobExecution(job, context, asked)
        case Job.VERIFY:
            if given["part"]:
                return JobExecution(job, context, _shard_of_verification(given))
            return JobExecution(job, context, {"case": given["case"]})
        case Job.REPLIES | Job.ALERT:
            return JobExecution(job, context, {})
        case _:
            # The facts and the file of these jobs never pass through Prefect.
            raise RuntimeError(f"{job} runs only inside the command that asked for it") from None


def _shard_of_verification(given: dict[str, Any]) -> dict[str, Any]:
    from audit.workers import Ticket

    ticket = Ticket(given["snapshot"] or NO_SNAPSHOT, given["before"] or "")
    return {"part": Shard.read(given["part"]), "ticket": ticket}


async def _execute(job: Job, **given: Any) -> State[Any]:
    """Execute the job of this run and return its end as a Prefect state."""
    name, run = str(flow_run.name), str(flow_run.id)
    try:
        prepared = _PREPARED.get() or PreparedRun.of(_started_in_prefect(job, given))
    except Exception as problem:
        ended = run_ends.of_problem(job, name, problem)
    else:
        steps = TaskSteps(prepared.execution.context.settings, str(PREFECT_API_URL.value()), run, job)
        with shown_by(steps), _verification_slot(prepared.execution):
            ended, document = artifacts.execute(prepared.execution, run, prepared.name)
        ended = run_ends.left_alone(ended, steps.left_alone)
        if document is not None:
            with contextlib.suppress(Exception):  # the job is done, even if its artifacts cannot be shown
                show_failed_cases(document)
                ended = await artifacts.publish(prepared.execution, document, ended, _post_artifact)
    with contextlib.suppress(Exception):  # as above
        await _publish_end(ended)
    state = Failed if ended.broken else Completed
    return state(name=ended.state, message=ended.sentence)


def _verification_slot(execution: JobExecution) -> AbstractContextManager[bool]:
    """A verification of everything takes a slot, and goes on without one after a wait: proof depends on no server."""
    given = execution.arguments
    shared = "part" in given or getattr(given.get("how"), "share", None) is not None  # each shard takes one
    whole = execution.job is Job.VERIFY and not given.get("case") and not shared
    return slot(VERIFICATION) if whole else contextlib.nullcontext(True)


async def _post_artifact(made: dict[str, Any]) -> None:
    """Give the run an artifact. Prefect's own function would also write an event, and bury those of sendflow."""
    client, _ = get_or_create_client()
    await client.request("POST", "/artifacts/", json={**made, "flow_run_id": str(flow_run.id)})


async def _publish_end(ended: run_ends.End) -> None:
    """Write the run's log, and its name and tags if the end changed them."""
    client, _ = get_or_create_client()
    # As of the run's start: the sentence is the first line, before what Prefect and its worker write.
    start = flow_run.scheduled_start_time
    instants = (start + timedelta(microseconds=number) for number, _line in enumerate(ended.diary))
    await client.create_logs([_log(line, at, ended) for line, at in zip(ended.diary, instants, strict=False)])
    if ended.name != flow_run.name or ended.tags:
        await client.update_flow_run(flow_run.id, name=ended.name, tags=sorted({*flow_run.tags, *ended.tags}))


def _log(line: str, at: datetime, ended: run_ends.End) -> LogCreate:
    """Make a line of the run's log, the first thing that a person sees who opens the run."""
    level = logging.ERROR if ended.broken else logging.INFO
    return LogCreate(name="sendflow", level=level, message=line, timestamp=at, flow_run_id=flow_run.id)


@flow(name="record", description="Facts that a person recorded about one case.")
async def record(case: CaseReference, fact: Kinds, on: On = None) -> State[Any]:
    """Record facts, which reach the run by the context variable."""
    return await _execute(Job.RECORD, case=case, fact=fact, on=on)


@flow(name="import", description="A tracker that was imported, known by its digest.")
async def import_tracker(digest: Digest) -> State[Any]:
    """Import a file, which reaches the run by the context variable."""
    return await _execute(Job.IMPORT, digest=digest)


@flow(
    name="sweep",
    flow_run_name=_run_name,
    description="Evaluates every duty that is due for a check and records what has become true, with its e-mails.",
)
async def sweep(as_at: Day = None, part: Share = None) -> State[Any]:
    """Sweep every case, or the shard of one worker. Without `as_at`, as at today."""
    return await _execute(Job.SWEEP, as_at=as_at, part=part)


@flow(
    name="deliver",
    flow_run_name=_run_name,
    description="Sends the e-mails that are still needed, one a day to each mailbox.",
)
async def deliver(now: Now = False, part: Share = None) -> State[Any]:
    """Deliver the e-mails that are due, or those to the mailboxes of one worker's shard."""
    return await _execute(Job.DELIVER, now=now, part=part)


@flow(
    name="replies",
    flow_run_name=_run_name,
    description="Reads the mailbox to which bodies reply.",
)
async def replies() -> State[Any]:
    """Read the mailbox. A mail that was read before changes nothing."""
    return await _execute(Job.REPLIES)


@flow(name="digest", flow_run_name=_run_name, description="Sends the daily digest to the DCO.")
async def digest(as_at: Day = None) -> State[Any]:
    """Write the digest of one day. A second run on that day changes nothing."""
    return await _execute(Job.DIGEST, as_at=as_at)


@flow(
    name="verify",
    flow_run_name=_run_name,
    description="Proves that the history is unaltered and that the projections agree with it.",
)
async def verify(
    case: CaseReference | None = None, part: Share = None, snapshot: Snapshot = None, before: Instant = None
) -> State[Any]:
    """Verify one case, every case, or the shard of one worker in the snapshot of the process that asks."""
    return await _execute(Job.VERIFY, case=case, part=part, snapshot=snapshot, before=before)


@flow(
    name="alert",
    flow_run_name=_run_name,
    description="Looks for what needs a fix, and writes it to the operator's mailbox.",
)
async def alert() -> State[Any]:
    """Alert the operator. A second run on a day writes only what is new."""
    return await _execute(Job.ALERT)


@flow(
    name="retention",
    flow_run_name=_run_name,
    description="Counts the records past retention, and those whose erasure nothing prevents. Erases nothing.",
)
async def retention(as_at: Day = None) -> State[Any]:
    """Count what is ripe on one day."""
    return await _execute(Job.RETENTION, as_at=as_at)


FLOWS: dict[Job, Flow[..., Any]] = {
    Job.RECORD: record,
    Job.IMPORT: import_tracker,
    Job.SWEEP: sweep,
    Job.DELIVER: deliver,
    Job.REPLIES: replies,
    Job.DIGEST: digest,
    Job.VERIFY: verify,
    Job.ALERT: alert,
    Job.RETENTION: retention,
}


def run_as_flow(execution: JobExecution) -> None:
    """Run a job as an in-process flow run. It is asynchronous: a synchronous run waits a second for its heartbeat."""
    prepared = PreparedRun.of(execution)
    token = _PREPARED.set(prepared)
    try:
        asyncio.run(_create_and_run(prepared))
    finally:
        _PREPARED.reset(token)


async def _create_and_run(prepared: PreparedRun) -> None:
    """Create the run with its name and tags in one call, because a call to the server takes as long as the job."""
    job_flow, parameters = FLOWS[prepared.execution.job], prepared.parameters
    async with AsyncClientContext.get_or_create() as shared:
        run = await shared.client.create_flow_run(
            job_flow,
            name=prepared.name,
            parameters=parameters,
            state=Pending(),
            tags=run_labels.tags_at_the_start(prepared.execution),
        )
        await run_flow_async(job_flow, flow_run=run, parameters=parameters, return_type="state")
