"""The steps of a job: named parts, such as a range of cases, which a listener may show.

Without a listener a step is a plain call, so a job is the same with Prefect and without it. A name holds numbers and
references only.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, NamedTuple, TypeVar

T = TypeVar("T")


class Step(NamedTuple):
    """One step, the `number`-th of so many. `again`: it may be repeated if the database was away, and then does once
    what it did not do.
    """

    name: str
    number: int = 1
    of: int = 1
    again: bool = False


Listener = Callable[[Step, Callable[[], Any]], Any]
_LISTENER: ContextVar[Listener | None] = ContextVar("sendflow_steps", default=None)


def run_step(step: Step, work: Callable[[], T]) -> T:
    """Do the work of a step and return what it returns. Raises what it raises."""
    listener = _LISTENER.get()
    if listener is None:
        return work()
    done: T = listener(step, work)
    return done


@contextmanager
def shown_by(listener: Listener) -> Iterator[None]:
    """Let the listener do the work of each step inside the block."""
    token = _LISTENER.set(listener)
    try:
        yield
    finally:
        _LISTENER.reset(token)
