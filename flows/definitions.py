"""The Prefect flows: one thin run around each act, so that people see what ran, for which day, how many, and what needs
them.

Purpose: showing, never keeping. The act itself is handed over beside Prefect (a context variable), so that nothing but
references, kinds of fact, days and a file's digest is ever a parameter: Prefect stores every parameter, even of a run
that it refuses. Exceptions of the core never pass through a run either, because their texts are stored as well.
`record` and `import` run only inside the caller's own process.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Annotated, Any

from prefect import Flow, flow
from prefect.client.schemas.actions import LogCreate
from prefect.client.schemas.objects import State
from prefect.client.utilities import get_or_create_client
from prefect.context import AsyncClientContext
from prefect.flow_engine import run_flow_async
from prefect.runtime import flow_run
from prefect.states import Completed, Failed, Pending
from pydantic import Field

from casework.sweep import Shard
from config.settings import Settings
from flows import artifacts, run_labels
from flows.jobs import Job, JobExecution
from models.errors import Refusal

CaseReference = Annotated[
    str,
    Field(
        pattern=r"^(new|unknown|[A-Z]{1,4}-?[0-9]{3,9})$",
        title="Case",
        description="The case's reference, as in EHC-2026001",
    ),
]
Kinds = Annotated[
    str, Field(pattern=r"^[a-z_]{1,60}(,[a-z_]{1,60}){0,50}$", title="Fact", description="The kinds of fact")
]
Digest = Annotated[
    str, Field(pattern=r"^([0-9a-f]{32}|unreadable)$", title="File", description="The file's digest; never its name")
]
# A day is text with a pattern: of a date type the server checks nothing, and keeps whatever was typed in its place.
DAY = {"pattern": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$", "json_schema_extra": {"format": "date"}}
Day = Annotated[
    str | None, Field(title="As at", description="The day to look from, today unless said: 2026-04-14", **DAY)
]
On = Annotated[str | None, Field(title="On", description="The day on which it happened: 2026-04-14", **DAY)]
Share = Annotated[
    str | None,
    Field(
        pattern=r"^[0-9]{1,2}/[0-9]{1,2}$", title="Shard", description="One part of the cases, as 2/3; all unless said"
    ),
]
Now = Annotated[
    bool,
    Field(
        title="Now", description="Send without waiting for working hours; the records say that it was asked for here"
    ),
]

_WORK: ContextVar[JobExecution | None] = ContextVar("sendflow_work", default=None)


def _run_name() -> str:
    """The run's first name, from its parameters alone."""
    return run_labels.begin(Job(flow_run.flow_name), flow_run.parameters)


def _own_work(act: Job, given: dict[str, Any]) -> JobExecution:
    """The work of a run that somebody started from the Prefect pages: it opens the house itself."""
    from casework.context import AppContext

    context = AppContext.load(Settings.read())
    match act:
        case Job.SWEEP:
            part = {"part": Shard.read(given["part"])} if given["part"] else {}
            return JobExecution(act, context, {"as_at": run_labels.day_of(given["as_at"]) or context.today(), **part})
        case Job.DIGEST:
            return JobExecution(act, context, {"as_at": run_labels.day_of(given["as_at"]) or context.today()})
        case Job.DELIVER:
            return JobExecution(
                act,
                context,
                {"now": given["now"], "reason": "asked for on the Prefect pages" if given["now"] else None},
            )
        case Job.VERIFY:
            return JobExecution(act, context, {"case": given["case"]})
        case _:
            # Their payload never passes through Prefect, so there is nothing that they could do from there.
            raise RuntimeError(f"{act} runs only inside the command that asked for it") from None


async def _show(act: Job, **given: Any) -> State[Any]:
    """Does the work of this run and says in Prefect's words how it ended."""
    name = str(flow_run.name)
    try:
        work = _WORK.get() or _own_work(act, given)
        name = run_labels.begin(act, run_labels.parameters(work))
        report = work.do(str(flow_run.id))
    except Exception as problem:
        ended = (
            run_labels.refused(act, name, problem)
            if isinstance(problem, Refusal)
            else run_labels.broken(act, name, problem)
        )
    else:
        ended = run_labels.end(act, name, report.model_dump(mode="json"))
        with contextlib.suppress(Exception):  # what cannot be shown is still done
            ended = await artifacts.publish(work, ended)
    with contextlib.suppress(Exception):  # as above
        await _tell(ended)
    state = Failed if ended.broken else Completed
    return state(name=ended.state, message=ended.message)


async def _tell(ended: run_labels.End) -> None:
    """Writes the run's log, and its name and tags where the end has changed them. A fact that was recorded says all in
    its name.
    """
    client, _ = get_or_create_client()
    if ended.state is not run_labels.EndState.RECORDED:
        await client.create_logs([_log(line, ended) for line in ended.diary])
    if ended.name != flow_run.name or ended.tags:
        await client.update_flow_run(flow_run.id, name=ended.name, tags=sorted({*flow_run.tags, *ended.tags}))


def _log(line: str, ended: run_labels.End) -> LogCreate:
    """A line of the run's log, which is the first thing that a person who opens a run sees."""
    level = logging.ERROR if ended.broken else logging.INFO
    return LogCreate(name="sendflow", level=level, message=line, timestamp=datetime.now(UTC), flow_run_id=flow_run.id)


@flow(name="record", description="Facts that a person recorded about one case.")
async def record(case: CaseReference, fact: Kinds, on: On = None) -> State[Any]:
    """One recording; its payload is handed over beside Prefect."""
    return await _show(Job.RECORD, case=case, fact=fact, on=on)


@flow(name="import", description="A tracker that was imported, known by its digest.")
async def import_tracker(digest: Digest) -> State[Any]:
    """One import; the file is handed over beside Prefect."""
    return await _show(Job.IMPORT, digest=digest)


@flow(
    name="sweep",
    flow_run_name=_run_name,
    description="Looks at every duty that has something new to say and writes it down, with its letters.",
)
async def sweep(as_at: Day = None, part: Share = None) -> State[Any]:
    """One sweep, as at today unless said; of every case, or of the part that falls to one of several workers."""
    return await _show(Job.SWEEP, as_at=as_at, part=part)


@flow(
    name="deliver",
    flow_run_name=_run_name,
    description="Sends the letters that are still called for, one message to a mailbox a day.",
)
async def deliver(now: Now = False) -> State[Any]:
    """One delivery round."""
    return await _show(Job.DELIVER, now=now)


@flow(name="digest", flow_run_name=_run_name, description="Writes the morning digest to the DCO.")
async def digest(as_at: Day = None) -> State[Any]:
    """One morning's digest; asked again on the same day it changes nothing."""
    return await _show(Job.DIGEST, as_at=as_at)


@flow(
    name="verify",
    flow_run_name=_run_name,
    description="Proves that the history is as it was written, and that the caches agree with it.",
)
async def verify(case: CaseReference | None = None) -> State[Any]:
    """Verifies one case, or every case."""
    return await _show(Job.VERIFY, case=case)


FLOWS: dict[Job, Flow[..., Any]] = {
    Job.RECORD: record,
    Job.IMPORT: import_tracker,
    Job.SWEEP: sweep,
    Job.DELIVER: deliver,
    Job.DIGEST: digest,
    Job.VERIFY: verify,
}


def run_as_flow(work: JobExecution) -> None:
    """Runs one act as an in-process flow run. Asynchronous, because a synchronous run waits a second for its heartbeat
    to end.
    """
    token = _WORK.set(work)
    try:
        asyncio.run(_conduct(work))
    finally:
        _WORK.reset(token)


async def _conduct(work: JobExecution) -> None:
    """Makes the run with its name and tags in one call, as each call to the server costs a person as much as the
    recording itself.
    """
    flow_of, given = FLOWS[work.act], run_labels.parameters(work)
    name, marks = run_labels.begin(work.act, given), run_labels.tags_at_the_start(work)
    async with AsyncClientContext.get_or_create() as shared:
        run = await shared.client.create_flow_run(flow_of, name=name, parameters=given, state=Pending(), tags=marks)
        await run_flow_async(flow_of, flow_run=run, parameters=given, return_type="state")
