"""What the time of an operation goes into, by package and module: the stack is sampled every millisecond, and each
sample weighs the time since the one before.

A tracing profiler slows down Python's calls and not those of C; sampling slows down neither. A signal waits until C
returns to Python, so a long commit is one sample with a great weight, charged to its caller.
"""

import inspect
import signal
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from types import CodeType, FrameType, FunctionType

from casework.cases.projections import duty_rows
from models import bulk_io, facts, ledger

EVERY = 0.001
# Functions whose phase is not that of their module.
FUNCTIONS: dict[Callable[..., object], str] = {
    bulk_io.read_rows: "fetch",
    bulk_io.read_among: "fetch",
    bulk_io.stream_rows: "fetch",
    ledger.scan: "fetch",
    ledger.head: "fetch",
    ledger.read: "parse",
    facts.parse_fact: "parse",
    facts.Fact.text: "hash",
    duty_rows: "projections",
}
# A module or package, by import name. The longest name that a module's name begins with decides.
MODULES = {
    "models": "models",
    "models.bulk_io": "write",
    "models.ledger": "hash",
    "models.database": "commit and locks",
    "models.locks": "commit and locks",
    "models.facts": "validate",
    "models.people": "person",
    "models.casefile": "replay",
    "audit": "compare",
    "casework.cases": "unit of work",
    "casework.cases.projections": "projections",
    "casework.cases.propagation": "propagate",
    "casework.cases.validation": "validate",
    "casework.context": "duties",
    "casework.sweep": "unit of work",
    "casework.imports": "read the file",
    "casework.imports.tracker_import": "import",
    "casework.reports": "report",
    "casework.delivery": "unit of work",
    "casework.delivery.compose": "compose",
    "statemachines": "replay",
    "deadlines": "duties",
    "deadlines.escalation": "escalation",
    "config": "duties",
    "notifications": "notices",
    "notifications.transport": "send",
    "notifications.render": "render",
    "notifications.outbox": "fetch",
    "jinja2": "render",
    "openpyxl": "read the file",
    "sqlalchemy": "commit and locks",
}


class Phases:
    """Seconds by phase."""

    def __init__(self) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self.lines: defaultdict[str, float] = defaultdict(float)
        self._last = 0.0
        self._known: dict[CodeType, str | None] = {}

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Sample while the block runs. For the main thread, one at a time."""
        before = signal.signal(signal.SIGALRM, self._sample)
        signal.siginterrupt(signal.SIGALRM, False)
        self._last = time.perf_counter()
        signal.setitimer(signal.ITIMER_REAL, EVERY, EVERY)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)

    def _sample(self, _number: int, frame: FrameType | None) -> None:
        now = time.perf_counter()
        passed, self._last = now - self._last, now
        while frame is not None:
            code = frame.f_code
            phase = self._phase_of(code, frame.f_globals.get("__name__", ""))
            if phase is not None:
                self.seconds[phase] += passed
                self.lines[f"{Path(code.co_filename).name}:{code.co_name}"] += passed
                return
            frame = frame.f_back
        self.seconds["other"] += passed

    def _phase_of(self, code: CodeType, module: str) -> str | None:
        if code not in self._known:
            self._known[code] = phase_of(code, module)
        return self._known[code]

    def shares(self) -> dict[str, float]:
        """Each phase's share of the time, largest first."""
        whole = sum(self.seconds.values()) or 1.0
        return {phase: round(spent / whole, 4) for phase, spent in largest(self.seconds)}


def largest(spent: dict[str, float]) -> list[tuple[str, float]]:
    """The items by time spent, the largest first."""
    return sorted(spent.items(), key=lambda item: -item[1])


def phase_of(code: CodeType, module: str) -> str | None:
    """The phase of a function in a module (import name); None if its caller decides."""
    if code in CODES:
        return CODES[code]
    name = module
    while name:
        if name in MODULES:
            return MODULES[name]
        name = name.rpartition(".")[0]
    return None


def unknown_modules() -> list[str]:
    """Names in MODULES that no package or module has any more."""
    unknown = []
    for name in MODULES:
        try:
            import_module(name)
        except ModuleNotFoundError:
            unknown.append(name)
    return unknown


def _code(function: Callable[..., object]) -> CodeType:
    unwrapped = inspect.unwrap(function)
    assert isinstance(unwrapped, FunctionType)
    return unwrapped.__code__


CODES = {_code(function): phase for function, phase in FUNCTIONS.items()}


def profile(act: Callable[[], object]) -> Phases:
    """Profile one call."""
    phases = Phases()
    with phases.watching():
        act()
    return phases
