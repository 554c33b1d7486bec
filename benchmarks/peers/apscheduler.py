"""APScheduler 3: its job store as it is in a database, a date's job for each of what is waited for. It stores no cases,
so that it is a peer of the sweep alone.

A job that is due is found by the store's index, run, and taken out of the store with a commit; what it does here is to
leave one row of its own, with a commit too, as a job that leaves nothing looks the same as one that was lost. Jobs
run in the scheduler's own thread: in a pool SQLite's one writer would have them wait for each other.
"""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from apscheduler.events import EVENT_JOB_REMOVED
from apscheduler.executors.debug import DebugExecutor
from apscheduler.jobstores.sqlalchemy import SQLAlchemyJobStore
from apscheduler.schedulers.background import BackgroundScheduler
from sqlalchemy import create_engine

from benchmarks.peers.work import Acts, Durable, Run, Work, address, driver, serve, timed

NAME = "apscheduler.db"
PAST, FUTURE = datetime(2020, 1, 1, tzinfo=UTC), datetime(2099, 1, 1, tzinfo=UTC)
PATIENCE = 120.0
durable = Durable()


class Records:
    """Where the jobs of this process leave what they did."""

    connection: Any = None
    insert = ""


def run_job(number: int) -> None:
    """What is to be done when its time has come: one row, durable when this has returned."""
    Records.connection.execute(Records.insert, (number, "reminder_due"))


@contextmanager
def scheduler(work: Work) -> Iterator[Any]:
    """A scheduler on the store, not running anything yet."""
    engine = create_engine(address(work, NAME))
    made = BackgroundScheduler(
        jobstores={"default": SQLAlchemyJobStore(engine=engine)},
        executors={"default": DebugExecutor()},
        timezone=UTC,
        job_defaults={"misfire_grace_time": None, "max_instances": 1},
    )
    made.start(paused=True)
    try:
        yield made
    finally:
        made.shutdown()
        engine.dispose()


@contextmanager
def sweep(work: Work) -> Iterator[Run]:
    """From the scheduler's look until every job that is due has run and is out of the store."""
    Records.connection = driver(work, NAME)
    Records.insert = f"INSERT INTO told VALUES ({'?, ?' if work.url is None else '%s, %s'})"
    Records.connection.execute("CREATE TABLE told (number integer NOT NULL, kind text NOT NULL)")
    durable.on = False
    with scheduler(work) as made:
        for number in range(work.waiting):
            made.add_job(run_job, "date", run_date=FUTURE, args=[number])
    durable.on = True

    def run() -> float:
        Records.connection.execute("DELETE FROM told")
        with scheduler(work) as made:
            for number in range(work.due):
                made.add_job(run_job, "date", run_date=PAST, args=[number])
            left, all_gone = [work.due], threading.Event()

            def gone(_event: object) -> None:
                left[0] -= 1
                if not left[0]:
                    all_gone.set()

            made.add_listener(gone, EVENT_JOB_REMOVED)
            with timed() as watch:
                made.resume()
                assert all_gone.wait(PATIENCE)
        assert Records.connection.execute("SELECT count(*), count(DISTINCT number) FROM told").fetchone() == (
            work.due,
            work.due,
        )
        assert Records.connection.execute("SELECT count(*) FROM apscheduler_jobs").fetchone()[0] == work.waiting
        return watch.seconds

    yield Run(work.due, run)
    Records.connection.close()


ACTS: Acts = {"sweep": sweep}

if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    serve(ACTS)
