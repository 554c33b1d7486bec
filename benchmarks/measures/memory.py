"""One operation on a database of any size in a process of its own: its time, and its peak memory.

`python -m benchmarks.measures.memory OPERATION [ARGUMENT]` works on the installation that the environment names and
prints one JSON document. A process does not give memory back, so each operation has a process of its own.
"""

import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from pydantic import BaseModel

from audit.verify import check_and_replay, verify
from benchmarks.harness.background_load import context_from_environment, environment_of
from benchmarks.harness.workload import ACTOR, acts, drafts
from casework.cases.record import record_acts
from casework.context import AppContext
from casework.imports.tracker_import import import_file
from casework.reports.case_report import report as case_report
from casework.sweep import sweep
from models import ledger
from models.database import reading

RECORDED = 40


class Taken(BaseModel):
    """What one operation took. `before` (after AppContext.load) and `peak` are memory in megabytes."""

    act: str
    amount: int
    unit: str
    seconds: float
    before: float
    peak: float

    @property
    def each(self) -> float:
        """Microseconds for each unit."""
        return self.seconds / max(1, self.amount) * 1e6


def ask(act: str, context: AppContext, argument: str = "") -> Taken:
    """Run an operation in a process of its own, on the same database."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.measures.memory", act, argument],
        env=environment_of(context),
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return Taken.model_validate_json(done.stdout)


def _record(context: AppContext, first: str) -> int:
    """Forty more cases of the workload."""
    record_acts(context, acts(RECORDED, int(first)), ACTOR, "record")
    return RECORDED * len(drafts(0))


def _sweep(context: AppContext, _argument: str) -> int:
    return sweep(context).facts_written


def _replay(context: AppContext, _argument: str) -> int:
    facts = 0
    with reading(context.engine) as connection:
        for ref, rows in ledger.scan(connection):
            assert check_and_replay(context, ref, rows, _damaged) is not None
            facts += len(rows)
    return facts


def _verify(context: AppContext, _argument: str) -> int:
    report = verify(context)
    assert report.intact, report.damage[0].message
    return report.facts


def _import(context: AppContext, path: str) -> int:
    return import_file(context, Path(path)).accepted


def _page(context: AppContext, ref: str) -> int:
    """The same report 20 times, because the first in a process also loads modules."""
    for _ in range(20):
        assert case_report(context, ref).model_dump(mode="json")["facts"]
    return 20


def _damaged(seq: int | None, what: str, message: str) -> None:
    raise AssertionError(f"{what} at fact {seq}: {message}")


ACTS: dict[str, tuple[str, Callable[[AppContext, str], int]]] = {
    "record in bulk": ("fact", _record),
    "sweep": ("fact", _sweep),
    "refold": ("fact", _replay),
    "verify": ("fact", _verify),
    "import": ("row", _import),
    "one case page": ("page", _page),
}


def do(act: str, context: AppContext, argument: str = "") -> Taken:
    """Run an operation in this process and measure it."""
    context.duty_rules, context.dates_of  # noqa: B018 (calculated once, before the time is taken)
    unit, act_on = ACTS[act]
    before, began = _peak(), time.perf_counter()
    amount = act_on(context, argument)
    return Taken(act=act, amount=amount, unit=unit, seconds=time.perf_counter() - began, before=before, peak=_peak())


def _peak() -> float:
    """Peak memory in megabytes. On Linux of this process alone; getrusage may give its parent's."""
    status = Path("/proc/self/status")
    if status.exists():
        return (
            int(next(line for line in status.read_text("ascii").splitlines() if line.startswith("VmHWM")).split()[1])
            / 1024
        )
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    context = context_from_environment()
    print(do(sys.argv[1], context, sys.argv[2]).model_dump_json())
