"""A listener of a job's steps that notes each one and does its work, as Prefect's tasks do."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from casework.steps import Step


class NotedSteps:
    """Every slot of a resource is free."""

    def __init__(self) -> None:
        self.steps: list[Step] = []

    def __call__(self, step: Step, work: Callable[[], Any]) -> Any:
        self.steps.append(step)
        return work()

    def slot(self, _resource: str, *, wait: bool) -> AbstractContextManager[bool]:
        return nullcontext(True)
