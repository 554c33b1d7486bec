"""The steps of a job: named parts, such as a range of cases, which a listener may show; and the slots that it takes.

Without a listener a step is a plain call and every slot is free, so a job is the same with Prefect and without it. A
name holds numbers and references only.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from typing import Any, NamedTuple, Protocol, TypeVar

T = TypeVar("T")
VERIFICATION = "verify"  # the resource of a whole verification


class Step(NamedTuple):
    """One step, the `number`-th of so many. `again`: it may be repeated if the database was away, and then does once
    what it did not do.
    """

    name: str
    number: int = 1
    of: int = 1
    again: bool = False


class Listener(Protocol):
    """Shows the steps of a job, and counts who uses what at the same time."""

    def __call__(self, step: Step, work: Callable[[], Any]) -> Any:
        """Do the work of a step and return what it returns."""

    def slot(self, resource: str, *, wait: bool) -> AbstractContextManager[bool]:
        """Take one slot of a resource for the block: False if others have all of them. `wait`: for some minutes."""


_LISTENER: ContextVar[Listener | None] = ContextVar("sendflow_steps", default=None)


def run_step(step: Step, work: Callable[[], T]) -> T:
    """Do the work of a step and return what it returns. Raises what it raises."""
    listener = _LISTENER.get()
    if listener is None:
        return work()
    done: T = listener(step, work)
    return done


def slot(resource: str, *, wait: bool = False) -> AbstractContextManager[bool]:
    """Take one slot of a resource, such as a mail transport, for the block: False if others have all of them.

    `wait`: wait some minutes for one, and not some seconds.
    """
    listener = _LISTENER.get()
    return nullcontext(True) if listener is None else listener.slot(resource, wait=wait)


@contextmanager
def shown_by(listener: Listener) -> Iterator[None]:
    """Let the listener do the work of each step inside the block."""
    token = _LISTENER.set(listener)
    try:
        yield
    finally:
        _LISTENER.reset(token)
