"""Another process that records 50 facts a second on the same database, and requests to generated bodies.

`python -m benchmarks.harness.background_load` records until its standard input ends.
"""

import dataclasses
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from itertools import count
from pathlib import Path

from benchmarks.harness.histories import SERVICES, body_code, la_slug
from benchmarks.harness.workload import ACTOR, TODAY
from casework.cases.record import record
from casework.context import AppContext
from config.settings import Settings
from models.database import open_engine
from models.facts import FactDraft
from models.schema import create_or_upgrade_schema

DATABASE = "SENDFLOW_BENCH_RECORDS"  # the environment variable with the database's URL, for a process of its own
SECONDS_BETWEEN_FACTS = 1 / 50
TRUSTS = 126
ROOT = Path(__file__).parents[2]


def request(number: int, day: date) -> list[FactDraft]:
    """A new case in which one body is asked on a day. Each number has a mailbox of its own."""
    trust, service = number % TRUSTS, SERVICES[number // TRUSTS % len(SERVICES)]
    return [
        FactDraft("ehc_assessment_requested", day, {"la": la_slug(trust)}),
        FactDraft("assessment_agreed", day),
        FactDraft("health_advice_requested", day, {"body": body_code(trust), "service": service}),
    ]


def environment_of(context: AppContext) -> dict[str, str]:
    """The environment of a process that works on the same installation and database."""
    return {
        **os.environ,
        "SENDFLOW_HOME": str(context.settings.home),
        "SENDFLOW_TODAY": str(context.settings.today),
        DATABASE: context.engine.url.render_as_string(hide_password=False),
    }


def context_from_environment() -> AppContext:
    """The installation and database that `environment_of` names, in the other process."""
    context = dataclasses.replace(AppContext.load(Settings.read()), engine=open_engine(os.environ[DATABASE]))
    create_or_upgrade_schema(context.engine)
    return context


@contextmanager
def background_load(context: AppContext) -> Iterator[None]:
    """Let another process record on the same database while the block runs."""
    command = [sys.executable, "-m", "benchmarks.harness.background_load"]
    with subprocess.Popen(
        command, env=environment_of(context), cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None and process.stdout is not None
        assert process.stdout.readline() == "recording\n"
        try:
            yield
        finally:
            process.stdin.close()
            process.wait()
            assert process.returncode == 0, "the process that records in the background ended by itself"


def record_until(ended: Callable[[], bool]) -> None:
    """Record a fact 50 times a second, each on a new case, until `ended` says so."""
    context = context_from_environment()
    due = time.perf_counter()
    for number in count():
        if ended():
            return
        record(context, f"LD-{number:06d}", [FactDraft("ehc_assessment_requested", TODAY, {"la": "northshire"})], ACTOR)
        if number == 0:
            print("recording", flush=True)
        due = max(due + SECONDS_BETWEEN_FACTS, time.perf_counter())
        time.sleep(max(0.0, due - time.perf_counter()))


def main() -> None:
    """Record until standard input ends."""
    import select

    record_until(lambda: bool(select.select([sys.stdin], [], [], 0)[0]))


if __name__ == "__main__":
    main()
