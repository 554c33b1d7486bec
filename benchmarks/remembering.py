"""One act on a house of any size in a process of its own: how long it took, and what memory it took at its peak.

`python -m benchmarks.remembering ACT [ARGUMENT]` on the house that the environment names; one JSON document. A process
of its own, because memory once taken is not given back: what an act needs shows only where nothing came before it.
"""

import dataclasses
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from pydantic import BaseModel

from audit.verify import check_and_replay, verify
from benchmarks.workload import ACTOR, acts, drafts
from casework.cases.record import record_acts
from casework.context import AppContext
from casework.imports.tracker_import import import_file
from casework.reports.case_report import report
from casework.sweep import sweep
from config.settings import Settings
from models import ledger
from models.database import create_or_upgrade_schema, open_engine, reading

RECORDED = 40
RECORDS = "SENDFLOW_BENCH_RECORDS"


class Taken(BaseModel):
    """What one act took. `before` is the program with its house opened, `peak` the most that it ever had; megabytes."""

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
    """Have an act done in a process of its own, on the records of this house."""
    settings = context.settings
    environment = {
        **os.environ,
        "SENDFLOW_HOME": str(settings.home),
        "SENDFLOW_TODAY": str(settings.today),
        RECORDS: context.engine.url.render_as_string(hide_password=False),
    }
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.remembering", act, argument],
        env=environment,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return Taken.model_validate_json(done.stdout)


def _record(context: AppContext, first: str) -> int:
    """Forty cases of the workload more."""
    record_acts(context, acts(RECORDED, int(first)), ACTOR, "record")
    return RECORDED * len(drafts(0))


def _sweep(context: AppContext, _argument: str) -> int:
    return sweep(context).facts_written


def _refold(context: AppContext, _argument: str) -> int:
    facts = 0
    with reading(context.engine) as connection:
        for ref, rows in ledger.scan(connection):
            assert check_and_replay(context, ref, rows, _damaged) is not None
            facts += len(rows)
    return facts


def _verify(context: AppContext, _argument: str) -> int:
    told = verify(context)
    assert told.intact, told.damage[0].message
    return told.facts


def _import(context: AppContext, path: str) -> int:
    return import_file(context, Path(path)).accepted


def _page(context: AppContext, ref: str) -> int:
    """The same page some times, as the first of a process pays for what is loaded once."""
    for _ in range(20):
        assert report(context, ref).model_dump(mode="json")["facts"]
    return 20


def _damaged(seq: int | None, what: str, message: str) -> None:
    raise AssertionError(f"{what} at fact {seq}: {message}")


ACTS: dict[str, tuple[str, Callable[[AppContext, str], int]]] = {
    "record in bulk": ("fact", _record),
    "sweep": ("fact", _sweep),
    "refold": ("fact", _refold),
    "verify": ("fact", _verify),
    "import": ("row", _import),
    "one case page": ("page", _page),
}


def do(act: str, context: AppContext, argument: str = "") -> Taken:
    """Do an act here and say what it took."""
    context.duty_rules, context.dates_of  # noqa: B018 (worked out once for a house)
    unit, act_on = ACTS[act]
    before, began = _peak(), time.perf_counter()
    amount = act_on(context, argument)
    return Taken(act=act, amount=amount, unit=unit, seconds=time.perf_counter() - began, before=before, peak=_peak())


def _peak() -> float:
    """Megabytes at most so far: of this program alone, where Linux says so (what getrusage says may be its
    parent's).
    """
    status = Path("/proc/self/status")
    if status.exists():
        return (
            int(next(line for line in status.read_text("ascii").splitlines() if line.startswith("VmHWM")).split()[1])
            / 1024
        )
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    context = dataclasses.replace(AppContext.load(Settings.read()), engine=open_engine(os.environ[RECORDS]))
    create_or_upgrade_schema(context.engine)
    print(do(sys.argv[1], context, sys.argv[2]).model_dump_json())
