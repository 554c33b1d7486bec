"""The steps of a job as tasks of its run: visible in the run's graph, and repeated where that is right.

Purpose: a person sees which range of cases or rows was done, and which one failed. The work itself is done once even if
Prefect fails around it. The text of an exception never reaches Prefect: a task that fails names its step and what is
wrong, in fixed words or by the kind of the fault.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.states import Failed
from sqlalchemy.exc import OperationalError

from casework.steps import Step
from config.settings import Settings
from flows.limits import ASKED_AGAIN, WAITED, hold, limit_name
from flows.remedies import remedy
from flows.server_calls import ask
from models.facts import REFERENCE

AGAIN_AFTER = [1.0, 5.0]  # seconds: a database that restarts answers again within them
PROGRESS_SECONDS = 1.0
MOST_FAILED = 20


def _without_trace(record: logging.LogRecord) -> bool:
    """Leave out Prefect's line with a traceback: the next one says how the task ended, in our words."""
    return not (record.exc_info and record.getMessage().startswith("Task run failed with"))


logging.getLogger("prefect.task_runs").addFilter(_without_trace)


class StepFailed(Exception):
    """What Prefect stores of a step that failed: its name and what is wrong, without the fault's text."""


class _Away(StepFailed):
    """The database did not answer, so the step may be repeated."""


def _was_away(_task: Any, _run: Any, state: State[Any]) -> bool:
    return isinstance(state.data, _Away) or isinstance(getattr(state.data, "result", None), _Away)


@task(name="step", task_run_name="{label}", cache_policy=NO_CACHE, persist_result=False)
def _step(label: str, work: Callable[[], None]) -> None:
    work()


_step_again = _step.with_options(
    name="step that is repeated",
    retries=len(AGAIN_AFTER),
    retry_delay_seconds=AGAIN_AFTER,
    retry_condition_fn=_was_away,
)


@task(name="case", task_run_name="case {reference}", cache_policy=NO_CACHE, persist_result=False)
def _case_left(reference: str, why: str) -> State[None]:
    return Failed(message=f"case {reference} {why}")


def show_failed_cases(document: Mapping[str, Any]) -> None:
    """Show each case that a job could not evaluate, or found altered, as a task that failed; at most twenty."""
    why = {
        **dict.fromkeys(_cases(document, "troubles"), "could not be evaluated: run sendflow verify {}"),
        **dict.fromkeys(_cases(document, "damage"), "is not as it was written: run sendflow findings"),
    }
    for reference in list(why)[:MOST_FAILED]:
        _case_left(reference, why[reference].format(reference), return_state=True)


def _cases(document: Mapping[str, Any], name: str) -> list[str]:
    """The cases that a report names so, if it is a reference: an altered row may say anything there."""
    named = [str(each.get("case_ref")) for each in document.get(name) or ()]
    return [reference for reference in named if REFERENCE.fullmatch(reference)]


class TaskSteps:
    """Does the steps of one run as its tasks, and shows how far it is."""

    def __init__(self, settings: Settings, server: str, run: str, key: str) -> None:
        """Takes the run, and the key of its progress artifact."""
        self._settings, self._server, self._run, self._key = settings, server, run, key
        self._artifact: str | None = None
        self._shown = float("-inf")
        self.left_alone: list[str] = []

    def __call__(self, step: Step, work: Callable[[], Any]) -> Any:
        """Do the work of a step and return what it returns. Raises what it raises, and never what Prefect raises."""
        done: list[Any] = []
        problems: list[Exception] = []

        def once() -> None:
            if done:
                return
            problems.clear()
            try:
                done.append(work())
            except Exception as problem:
                problems.append(problem)
                kind = _Away if step.again and isinstance(problem, OperationalError) else StepFailed
                raise kind(f"{step.name}: {remedy(problem).what}") from None

        with suppress(Exception):  # a fault of Prefect's
            (_step_again if step.again else _step)(step.name, once, return_state=True)
        if problems:
            raise problems[0]
        result = done[0] if done else work()
        self._progress(step)
        return result

    @contextmanager
    def slot(self, resource: str, *, wait: bool = False) -> Iterator[bool]:
        """Take a slot of the resource's global concurrency limit for the block; note one that others have."""
        with hold(resource, WAITED if wait else ASKED_AGAIN) as held:
            if not held:
                self.left_alone.append(limit_name(resource))
            yield held

    def _progress(self, step: Step) -> None:
        """Show the share that is done, at most once a second; a job of one step needs none."""
        last = step.number == step.of
        if step.of < 2 or (time.monotonic() - self._shown < PROGRESS_SECONDS and not last):
            return
        self._shown = time.monotonic()
        data = round(100.0 * step.number / step.of, 1)
        with suppress(Exception):  # as above
            if self._artifact is None:
                made = {"type": "progress", "key": self._key, "data": data, "flow_run_id": self._run}
                self._artifact = ask(self._settings, self._server, "POST", "artifacts/", made)["id"]
            else:
                ask(self._settings, self._server, "PATCH", f"artifacts/{self._artifact}", {"data": data})
