"""What an act's time goes into, by the rooms of the house: a look at the stack every millisecond, each look weighted by
the time since the last.

A tracing profiler charges Python for every call and C for none; this one leaves the act alone. A signal waits until C
returns to Python, so that a long commit is one look with a great weight, charged to whoever called it.
"""

import signal
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

EVERY = 0.001
ROOT = str(Path(__file__).parents[1])
# (end of a file's name, function or "") -> phase; the innermost frame that is named decides.
PHASES: dict[tuple[str, str], str] = {
    ("models/bulk_io.py", "_write"): "write",
    ("models/bulk_io.py", "insert_rows"): "write",
    ("models/bulk_io.py", "read_rows"): "fetch",
    ("models/bulk_io.py", "read_among"): "fetch",
    ("models/bulk_io.py", "stream_rows"): "fetch",
    ("models/bulk_io.py", ""): "write",
    ("models/ledger.py", "chained"): "hash",
    ("models/ledger.py", "link"): "hash",
    ("models/ledger.py", "read"): "parse",
    ("models/ledger.py", "scan"): "fetch",
    ("models/ledger.py", "head"): "fetch",
    ("models/database.py", ""): "commit and locks",
    ("models/facts.py", "text"): "hash",
    ("models/facts.py", "parse_fact"): "parse",
    ("models/facts.py", ""): "check",
    ("models/people.py", ""): "person",
    ("audit/verify.py", "_check_chain"): "hash",
    ("audit/verify.py", ""): "compare",
    ("casework/cases/validation.py", ""): "check",
    ("casework/cases/unit_of_work.py", "_duty_rows"): "rows of caches",
    ("casework/cases/unit_of_work.py", "duty_rows"): "rows of caches",
    ("casework/cases/unit_of_work.py", "_case_row"): "rows of caches",
    ("casework/cases/unit_of_work.py", "add"): "check",
    ("casework/cases/unit_of_work.py", ""): "desk",
    ("casework/cases/propagation.py", ""): "hear",
    ("casework/cases/record.py", ""): "desk",
    ("casework/sweep.py", ""): "desk",
    ("casework/imports/", ""): "read the file",
    ("casework/imports/tracker_import.py", ""): "import",
    ("casework/reports/case_report.py", ""): "show",
    ("statemachines/", ""): "fold",
    ("models/casefile.py", ""): "fold",
    ("deadlines/escalation.py", ""): "ladder",
    ("deadlines/", ""): "duties",
    ("config/", ""): "duties",
    ("notifications/transport.py", ""): "send",
    ("notifications/render.py", ""): "render",
    ("jinja2/", ""): "render",
    ("casework/delivery/compose.py", ""): "compose",
    ("casework/delivery/deliver.py", ""): "desk",
    ("casework/delivery/send.py", ""): "desk",
    ("notifications/outbox.py", ""): "fetch",
    ("notifications/", ""): "notices",
    ("casework/context.py", ""): "duties",
    ("sqlalchemy/", ""): "commit and locks",
    ("openpyxl/", ""): "read the file",
}
NAMED = {name: phase for name, phase in PHASES.items() if name[1]}
WHOLE = [(name[0], phase) for name, phase in PHASES.items() if not name[1]]


class Phases:
    """Seconds by phase."""

    def __init__(self) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self.lines: defaultdict[str, float] = defaultdict(float)
        self._last = 0.0
        self._known: dict[Any, str | None] = {}

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Look while the block runs. For the main thread, one at a time."""
        before = signal.signal(signal.SIGALRM, self._look)
        signal.siginterrupt(signal.SIGALRM, False)
        self._last = time.perf_counter()
        signal.setitimer(signal.ITIMER_REAL, EVERY, EVERY)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)

    def _look(self, _number: int, frame: FrameType | None) -> None:
        now = time.perf_counter()
        passed, self._last = now - self._last, now
        while frame is not None:
            code = frame.f_code
            phase = (
                self._known[code]
                if code in self._known
                else self._known.setdefault(code, phase_of(code.co_filename, code.co_name))
            )
            if phase is not None:
                self.seconds[phase] += passed
                self.lines[f"{Path(code.co_filename).name}:{code.co_name}"] += passed
                return
            frame = frame.f_back
        self.seconds["other"] += passed

    def shares(self) -> dict[str, float]:
        """Each phase's share of the time, largest first."""
        whole = sum(self.seconds.values()) or 1.0
        return {phase: round(spent / whole, 4) for phase, spent in largest(self.seconds)}


def largest(spent: dict[str, float]) -> list[tuple[str, float]]:
    """What most was spent on first."""
    return sorted(spent.items(), key=lambda item: -item[1])


def phase_of(file: str, function: str) -> str | None:
    """The phase that a function belongs to; None where its caller decides."""
    name = file.removeprefix(ROOT + "/")
    if (name, function) in NAMED:
        return NAMED[name, function]
    inside = file.startswith(ROOT) and "site-packages" not in file
    return next(
        (phase for part, phase in WHOLE if (name.startswith(part) if inside else f"site-packages/{part}" in file)), None
    )


def profile(act: Callable[[], object]) -> Phases:
    """Do something and say what its time went into."""
    phases = Phases()
    with phases.watching():
        act()
    return phases
