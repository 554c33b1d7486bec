"""The automations that sendflow makes in Prefect: one for runs whose process has died, three that call the alert.

None needs a block, so none holds a secret: the alert is a deployment, which a worker of the installation executes.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from prefect.automations import Automation, EventTrigger, Posture
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import StateType
from prefect.events.actions import ChangeFlowRunState, RunDeployment

from casework.job_runs import LONGEST_TIME_BETWEEN_SWEEPS
from casework.reports.operations_events import ALTERED, LETTERS_FAILING, SWEPT
from flows.remedies import LEFT_TO_DO
from flows.run_ends import EndState

ZOMBIES = "Runs whose process has died are shown as crashed"
# The heartbeat comes every 30 seconds; three missed ones are no accident.
SILENCE = timedelta(seconds=100)
PREFECT_ENDS = ("Completed", "Failed", "Cancelled", "Crashed", "Cancelling", "TimedOut", "Suspended", "Paused")
DAMAGE = "Damage found: alert the operator"
FAILING = "Letters failing: alert the operator"
SILENT = "No sweep for a day: alert the operator"
ALERT = "alert/alert-now"


def zombie_automation() -> Automation:
    """Marks a run as crashed when its heartbeat stops and no end was seen. Every end is listed by name: our runs end in
    states of their own.
    """
    ends = {f"prefect.flow-run.{name}" for name in (*PREFECT_ENDS, *EndState)}
    return Automation(
        name=ZOMBIES,
        description=f"Nothing is lost with such a run: {LEFT_TO_DO}.",
        trigger=EventTrigger(
            after={"prefect.flow-run.heartbeat"},
            expect=ends,
            match={"prefect.resource.id": "prefect.flow-run.*"},
            for_each={"prefect.resource.id"},
            posture=Posture.Proactive,
            threshold=1,
            within=SILENCE,
        ),
        actions=[
            ChangeFlowRunState(state=StateType.CRASHED, message=f"The process of this run has died; {LEFT_TO_DO}")
        ],
    )


def alerts(deployment: Any, longest: timedelta = LONGEST_TIME_BETWEEN_SWEEPS) -> list[Automation]:
    """The automations that start the deployment of the alert, whose id is given."""
    actions = [RunDeployment(source="selected", deployment_id=deployment)]
    silence = EventTrigger(
        after={SWEPT},
        expect={SWEPT},
        for_each={"prefect.resource.id"},
        posture=Posture.Proactive,
        threshold=1,
        within=longest,
    )
    return [
        Automation(
            name=DAMAGE,
            description="Verification found altered or missing records. To read what: sendflow findings.",
            trigger=_at_once(ALTERED),
            actions=actions,
        ),
        Automation(
            name=FAILING,
            description="Letters were refused for good, or the mail server accepts none. The doctor says what to do.",
            trigger=_at_once(LETTERS_FAILING),
            actions=actions,
        ),
        Automation(
            name=SILENT,
            description="No sweep has finished for 26 hours, so nobody is chased. The doctor says what to do.",
            trigger=silence,
            actions=actions,
        ),
    ]


def _at_once(event: str) -> EventTrigger:
    return EventTrigger(expect={event}, posture=Posture.Reactive, threshold=1, within=timedelta(0))


async def keep_automations() -> None:
    """Make the automations, or bring those that are there up to date. One that is as wanted stays: it counts."""
    async with get_client() as client:
        deployment = (await client.read_deployment_by_name(ALERT)).id
    for wanted in (zombie_automation(), *alerts(deployment)):
        try:
            present = await Automation.aread(name=wanted.name)
        except ValueError:
            await wanted.acreate()
            continue
        if _content(present) != _content(wanted):
            await present.adelete()
            await wanted.acreate()


def _content(automation: Automation) -> dict[str, Any]:
    """What an automation says, without the ids that the server gives."""
    content = automation.model_dump(mode="json", include={"description", "enabled", "trigger", "actions"})
    for name in ("after", "expect", "for_each"):
        content["trigger"][name] = sorted(content["trigger"][name])
    content["trigger"].pop("id", None)
    return content
