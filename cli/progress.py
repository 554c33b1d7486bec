"""How far a long command has come: at a terminal, a line a second at most on standard error; in a pipe, nothing."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

from cli.output import notify

if TYPE_CHECKING:
    from casework.steps import Step

EVERY_SECONDS = 1.0


class TerminalProgress:
    """Names the step that begins, unless a line was printed less than a second ago. `clock` gives seconds."""

    def __init__(
        self, say: Callable[[str], None] = notify, clock: Callable[[], float] = time.monotonic, every: float = 1.0
    ) -> None:
        """The first line comes after the first second: a short command prints none."""
        self._say, self._clock, self._every = say, clock, every
        self._began = self._last = clock()

    def __call__(self, step: Step, work: Callable[[], Any]) -> Any:
        """Do the work of a step."""
        now = self._clock()
        if now - self._last >= self._every:
            self._last = now
            share = f", part {step.number} of {step.of}" if step.of > 1 else ""
            self._say(f"{now - self._began:.0f} s: {step.name}{share}")
        return work()

    def slot(self, resource: str, *, wait: bool) -> AbstractContextManager[bool]:
        """Every slot is free: nothing else is counted here."""
        del resource, wait
        return nullcontext(True)


@contextmanager
def progress_shown() -> Iterator[None]:
    """Inside the block, a person at a terminal sees how far the job is, where no run of Prefect shows it."""
    if not sys.stderr.isatty():
        yield
        return
    from casework.steps import shown_by

    with shown_by(TerminalProgress(every=EVERY_SECONDS)):
        yield
