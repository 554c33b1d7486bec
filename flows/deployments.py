"""The deployments, which a person may start from the Prefect UI: sweep, deliver, replies, digest, verify,
alert, retention.

None has a schedule, because runtime/scheduler.py starts the jobs by the clock.
"""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Any

from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import WorkPoolCreate, WorkPoolUpdate
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterStartTime,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import StateType
from prefect.deployments.runner import RunnerDeployment
from prefect.exceptions import ObjectNotFound
from prefect.states import Crashed
from prefect.types.entrypoint import EntrypointType

from config.settings import Settings
from flows import definitions
from flows.automations import keep_automations
from flows.ended_outside import show_end
from flows.limits import keep_limits
from flows.pool_template import POOL, TEMPLATE
from flows.remedies import LEFT_TO_DO
from flows.run_labels import BY_HAND_TAG, JOB_TAG
from flows.views import save_views

# A server whose disk is full takes no end, also of a run that was finished.
LEFT = f"sendflow or its machine stopped while this ran, or Prefect could not store its end; {LEFT_TO_DO}"

POOL_DOES = (
    "Runs what a person starts on these pages, the alert that automations start, and shares of large jobs. It needs a"
    " worker: sendflow up has one; elsewhere, sendflow run worker."
)
WHAT_THEY_DO = {
    "sweep": (
        "Looks at every duty that has something new to say as at the day given (today unless said) and writes it down:"
        " reminders that have fallen due, breaches, escalations, and the letters they call for. Safe to start at any"
        " time: a second sweep finds nothing to do."
    ),
    "deliver": (
        "Sends the letters that are still called for, one message to a mailbox a day, in working hours unless *Now* is"
        " ticked. Safe to start at any time: nothing is sent twice."
    ),
    "replies": (
        "Reads the mailbox to which bodies reply: answers by code are recorded, what was not delivered goes to the next"
        " post, and every other mail waits for a person. Safe to start at any time: each mail counts once."
    ),
    "digest": (
        "Sends the daily digest to the DCO: what is late, what falls due in seven days, what to decide. "
        "One a day, however often it is started."
    ),
    "verify": (
        "Checks every hash, replays every case and compares the projections. Changes nothing. Name a case to verify"
        " it alone."
    ),
    "alert": (
        "Looks for what needs a fix, as sendflow doctor does, and writes it to the operator's mailbox"
        " (SENDFLOW_ALERT_TO), once a day for the same findings. Automations start it."
    ),
    "retention": (
        "Counts the records past retention as at the day given (today unless said), and those whose erasure nothing"
        " prevents. Erases nothing: two accounts do, under Retention on the pages or with sendflow erase."
    ),
}


def deployments() -> list[RunnerDeployment]:
    """The deployments, each with a sentence for the person who presses the button."""
    flows: dict[str, Any] = {
        "sweep": definitions.sweep,
        "deliver": definitions.deliver,
        "replies": definitions.replies,
        "digest": definitions.digest,
        "verify": definitions.verify,
        "alert": definitions.alert,
        "retention": definitions.retention,
    }
    return [
        flow.to_deployment(
            name=f"{name}-now",
            description=WHAT_THEY_DO[name],
            tags=[JOB_TAG] if name == "alert" else [BY_HAND_TAG, JOB_TAG],  # automations start the alert
            entrypoint_type=EntrypointType.MODULE_PATH,
        )
        for name, flow in flows.items()
    ]


async def settle_what_was_left(opened: datetime) -> int:
    """Mark as crashed the runs that began before sendflow started and never ended. Returns how many."""
    left = FlowRunFilter(
        state=FlowRunFilterState(
            type=FlowRunFilterStateType(any_=[StateType.RUNNING, StateType.PENDING, StateType.CANCELLING])
        ),
        start_time=FlowRunFilterStartTime(before_=opened),
    )
    async with get_client() as client:
        runs = await client.read_flow_runs(flow_run_filter=left)
        for run in runs:
            await show_end(client, run, Crashed(message=LEFT))
    return len(runs)


async def put_into_pool(settings: Settings, made: list[RunnerDeployment]) -> None:
    """Make the pool, its deployments, the automations, the limits and the saved views, or bring them up to date."""
    async with get_client() as client:
        try:
            await client.read_work_pool(POOL)
        except ObjectNotFound:
            await client.create_work_pool(
                WorkPoolCreate(name=POOL, type="process", description=POOL_DOES, base_job_template=TEMPLATE)
            )
        else:
            await client.update_work_pool(
                POOL, WorkPoolUpdate(description=POOL_DOES, base_job_template=TEMPLATE, is_paused=False)
            )
    for each in made:
        await each.aapply(work_pool_name=POOL)
    await keep_automations()
    await keep_limits(settings)
    await asyncio.to_thread(save_views, settings)
