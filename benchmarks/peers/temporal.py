"""Temporal: no server of it can be had here, so that what is measured is its Replayer, offline, on histories made by
hand: 77 events for twelve facts.

Replaying runs the workflow's code against its history and finds that the commands are the same in kind and order; with
the flag that SDKs set since, that activities bear the same names as well. It looks at no hash: a payload that was
changed passes. `refold` takes the workflow as it is,
`verify` in the sandbox that Replayer uses by default, which also stops code that is not deterministic.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from temporalio import workflow
from temporalio.api.common.v1 import Payloads
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import History, HistoryEvent
from temporalio.client import WorkflowHistory
from temporalio.converter import DataConverter
from temporalio.worker import Replayer, UnsandboxedWorkflowRunner
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner

from benchmarks.peers.work import Acts, Fact, Run, Work, serve, timed

QUEUE = "bench"
CHECKS_NAMES = 1  # the SDK's flag under which replaying compares the names of activities too
BEGAN = datetime(2026, 7, 1, 8, tzinfo=UTC)
CONVERTER = DataConverter.default.payload_converter


@workflow.defn(name="case")
class Case:
    """One case: each fact is what an activity gave; the state is moved by it."""

    @workflow.run
    async def run(self, given: dict[str, Any]) -> list[Any]:
        """Returns how many facts there were and the state that they came to."""
        state, facts = None, 0
        for kind in given["kinds"]:
            fact: Fact = await workflow.execute_activity(kind, start_to_close_timeout=timedelta(seconds=60))
            moves: dict[str, str] = given["moves"].get(state, {})
            state = given["begins"] if state is None else moves.get(fact["kind"], state)
            facts += 1
        if [facts, state] != given["ends"]:
            raise AssertionError("the case came to another state than it should")
        return [facts, state]


class HistoryBuilder:
    """A history as a server would have written it."""

    def __init__(self) -> None:
        self.events: list[HistoryEvent] = []

    def add(self, kind: str, **attributes: Any) -> int:
        """One event; its number."""
        event = HistoryEvent(event_id=len(self.events) + 1, event_type=EventType.Value(f"EVENT_TYPE_{kind.upper()}"))
        event.event_time.FromDatetime(BEGAN + timedelta(milliseconds=len(self.events)))
        getattr(event, f"{kind}_event_attributes").SetInParent()
        for name, value in attributes.items():
            target = getattr(event, f"{kind}_event_attributes")
            if isinstance(value, int | str):
                setattr(target, name, value)
            else:
                (
                    getattr(target, name).MergeFrom(value)
                    if not isinstance(value, dict)
                    else _set(getattr(target, name), value)
                )
        self.events.append(event)
        return len(self.events)

    def task(self) -> int:
        """A workflow task, asked for, begun and done; the number of its end."""
        asked = self.add("workflow_task_scheduled", task_queue={"name": QUEUE}, attempt=1)
        begun = self.add("workflow_task_started", scheduled_event_id=asked)
        done = self.add("workflow_task_completed", scheduled_event_id=asked, started_event_id=begun)
        if begun == 3:
            self.events[-1].workflow_task_completed_event_attributes.sdk_metadata.core_used_flags.append(CHECKS_NAMES)
        return done


def _set(target: Any, values: dict[str, Any]) -> None:
    for name, value in values.items():
        setattr(target, name, value)


def payloads(value: object) -> Payloads:
    """One value as Temporal stores it."""
    return Payloads(payloads=CONVERTER.to_payloads([value]))


def history(work: Work, ref: str, facts: list[Fact]) -> WorkflowHistory:
    """A case's history: the same facts, each what an activity gave."""
    history = HistoryBuilder()
    ends = [len(facts), work.ends[ref]]
    given = {"kinds": [fact["kind"] for fact in facts], "moves": work.moves, "begins": work.begins, "ends": ends}
    history.add(
        "workflow_execution_started",
        workflow_type={"name": "case"},
        task_queue={"name": QUEUE},
        input=payloads(given),
        workflow_id=ref,
        attempt=1,
        original_execution_run_id=ref,
        first_execution_run_id=ref,
    )
    done = history.task()
    for number, fact in enumerate(facts, 1):
        asked = history.add(
            "activity_task_scheduled",
            activity_id=str(number),
            activity_type={"name": fact["kind"]},
            task_queue={"name": QUEUE},
            workflow_task_completed_event_id=done,
        )
        begun = history.add("activity_task_started", scheduled_event_id=asked, attempt=1)
        history.add("activity_task_completed", scheduled_event_id=asked, started_event_id=begun, result=payloads(fact))
        done = history.task()
    history.add("workflow_execution_completed", workflow_task_completed_event_id=done, result=payloads(ends))
    return WorkflowHistory(ref, History(events=history.events).events)


async def replayed(histories: list[WorkflowHistory], runner: Any) -> int:
    """Every history through the Replayer, which raises at the first that does not fit; how many passed."""
    passed = 0

    async def each() -> AsyncIterator[WorkflowHistory]:
        nonlocal passed
        for one in histories:
            yield one
            passed += 1

    results = await Replayer(workflows=[Case], workflow_runner=runner).replay_workflows(each())
    assert not results.replay_failures
    return passed


@contextmanager
def replay(work: Work, runner: Callable[[], Any]) -> Iterator[Run]:
    """Each case's history run through the workflow's code again. Making the histories is not timed, nor is fetching
    them, which a server would do.
    """
    work = work.fewer()
    histories = [history(work, ref, facts) for ref, facts in work.cases]

    def run() -> float:
        with timed() as watch:
            passed = asyncio.run(replayed(histories, runner()))
        assert passed == len(work.cases)
        return watch.seconds

    yield Run(work.facts, run)


ACTS: Acts = {
    "refold": partial(replay, runner=UnsandboxedWorkflowRunner),
    "verify": partial(replay, runner=SandboxedWorkflowRunner),
}

if __name__ == "__main__":
    serve(ACTS)
