"""DBOS: a case is a workflow, each fact a durable step of it whose output is the fact. Recovering a workflow reads
every step's output again.

Its SQLite file is put into WAL mode beforehand, which it would not do by itself, and commits with synchronous FULL. Its
queues poll: ten milliseconds here (one second by default), so that hardly any of a time is a wait.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

from dbos import DBOS, SetEnqueueOptions, SetWorkflowID

from benchmarks.peers.work import Acts, Durable, Fact, Run, Work, address, driver, imported, serve, timed

POLLED = 0.01
QUEUE = "due"
FAR = 10 * 365 * 86_400.0
AHEAD, PATIENCE = 0.8, 120.0
THREADS = 8
durable = Durable()
numbers = count()


class Noted:
    """What the workflows of this process know and note: the work, how many steps were taken, and when the first began
    and the last ended.
    """

    work: Work
    steps = 0
    first = 0.0
    last = 0.0
    fired = 0
    lock = threading.Lock()

    @classmethod
    def reset(cls) -> None:
        """Nothing yet."""
        cls.steps, cls.first, cls.last, cls.fired = 0, 0.0, 0.0, 0


@DBOS.step()
def keep(fact: Fact) -> Fact:
    """One fact, durable when this has returned."""
    Noted.steps += 1
    return fact


@DBOS.workflow()
def case(number: int) -> tuple[int, str | None]:
    """One case: each of its facts a step, the state moved by what the step gave back."""
    Noted.first = Noted.first or time.perf_counter()
    state, facts = None, 0
    for fact in Noted.work.cases[number][1]:
        state = Noted.work.moved(state, keep(fact))
        facts += 1
    Noted.last = time.perf_counter()
    return facts, state


@DBOS.workflow()
def run_step(number: int) -> int:
    """What is to be done when its time has come: one durable step."""
    keep({"kind": "reminder_due", "number": number})
    with Noted.lock:
        Noted.fired += 1
    return number


@contextmanager
def launched(work: Work, listening: bool = False) -> Iterator[None]:
    """DBOS at work on its records."""
    Noted.work = work
    url = address(work, "dbos.db")
    DBOS(
        config={
            "name": "bench",
            "system_database_url": url.replace("+psycopg", ""),
            "log_level": "ERROR",
            "console_log_level": "ERROR",
            "executor_id": "local",
            "application_version": "1",
            "max_executor_threads": THREADS,
        }
    )
    DBOS.listen_queues([QUEUE] if listening else [])
    try:
        DBOS.launch()
        yield
    finally:
        DBOS.destroy()


def ids(work: Work) -> list[str]:
    """New names for the cases, as a workflow's name is used once."""
    again = next(numbers)
    return [f"{ref}-{again}" for ref, _facts in work.cases]


def one_by_one(work: Work, names: list[str]) -> list[Any]:
    """Each case called, its facts steps one after another."""
    found = []
    for number, name in enumerate(names):
        with SetWorkflowID(name):
            found.append(case(number))
    return found


def checked(work: Work, names: list[str], found: list[Any]) -> None:
    """That every case ended as it should, and that its steps are on record."""
    assert [tuple(each) for each in found] == [(len(facts), work.ends[ref]) for ref, facts in work.cases]
    last = DBOS.list_workflow_steps(names[-1])
    assert [each["output"] for each in last] == work.cases[-1][1]


@contextmanager
def _calling(work: Work, amount: int, act: Callable[[list[str]], list[Any]]) -> Iterator[Run]:
    def run() -> float:
        names = ids(work)
        with timed() as watch:
            found = act(names)
        checked(work, names, found)
        return watch.seconds

    with launched(work):
        yield Run(amount, run)


def one_fact(work: Work) -> Any:
    """A workflow after another in one thread, a durable step a fact."""
    return _calling(work, work.facts, lambda names: one_by_one(work, names))


def in_bulk(work: Work) -> Any:
    """On PostgreSQL every workflow started at once, eight threads at work; on SQLite, where there is one writer and
    threads are slower, one by one.
    """
    work = work.fewer()

    def at_once(names: list[str]) -> list[Any]:
        handles = []
        for number, name in enumerate(names):
            with SetWorkflowID(name):
                handles.append(DBOS.start_workflow(case, number))
        return [handle.get_result() for handle in handles]

    return _calling(work, work.facts, at_once if work.url else lambda names: one_by_one(work, names))


def import_file(work: Work) -> Any:
    """The tracker read, then a workflow a row, a durable step a fact."""

    def act(names: list[str]) -> list[Any]:
        imported(work)
        return one_by_one(work, names)

    return _calling(work, len(work.cases), act)


@contextmanager
def page(work: Work) -> Iterator[Run]:
    """Its own listing of one workflow's steps, with what each gave."""
    with launched(work):
        names = ids(work)
        one_by_one(work, names)

        def run() -> float:
            with timed() as watch:
                for name, (_ref, facts) in zip(names, work.cases, strict=True):
                    assert [each["output"] for each in DBOS.list_workflow_steps(name)] == facts
            return watch.seconds

        yield Run(len(names), run)


@contextmanager
def replay_case(work: Work) -> Iterator[Run]:
    """Recovery: every workflow as a process left it that died just before its end. From the first one's start to the
    last one's end.
    """
    work = work.fewer()
    with launched(work):
        names = ids(work)
        one_by_one(work, names)
        connection = driver(work, "dbos.db")
        table = "workflow_status" if work.url is None else "dbos.workflow_status"

        def run() -> float:
            connection.execute(f"UPDATE {table} SET status = 'PENDING', completed_at = NULL WHERE name = 'case'")
            Noted.reset()
            with timed():
                handles = DBOS._recover_pending_workflows()
                found = [handle.get_result(polling_interval_sec=POLLED) for handle in handles]
            assert len(found) == len(names) and Noted.steps == 0, (
                "a step was taken again, so that nothing was read back"
            )
            assert sorted(tuple(each) for each in found) == sorted(
                (len(facts), work.ends[ref]) for ref, facts in work.cases
            )
            return Noted.last - Noted.first

        yield Run(work.facts, run)
        connection.close()


@contextmanager
def sweep(work: Work) -> Iterator[Run]:
    """Delayed workflows on a queue: from the moment when they are due until each has taken its durable step. Listens in
    its own turn only.
    """
    durable.on = False
    with launched(work):
        DBOS.register_queue(QUEUE, polling_interval_sec=POLLED)
        for number in range(work.waiting):
            with SetEnqueueOptions(delay_seconds=FAR):
                DBOS.enqueue_workflow(QUEUE, run_step, number)
    durable.on = True

    def run() -> float:
        Noted.reset()
        with launched(work, listening=True):
            due = time.time() + AHEAD
            handles = []
            for number in range(work.due):
                with SetEnqueueOptions(delay_seconds=max(0.0, due - time.time())):
                    handles.append(DBOS.enqueue_workflow(QUEUE, run_step, number))
            time.sleep(max(0.0, due - time.time()))
            with timed() as watch:
                give_up = time.perf_counter() + PATIENCE
                while Noted.fired < work.due and time.perf_counter() < give_up:
                    time.sleep(0.002)
            assert [handle.get_result(polling_interval_sec=POLLED) for handle in handles] == list(range(work.due))
        return watch.seconds

    yield Run(work.due, run)


ACTS: Acts = {
    "record in bulk": in_bulk,
    "record one fact": one_fact,
    "sweep": sweep,
    "refold": replay_case,
    "import": import_file,
    "one case page": page,
}

if __name__ == "__main__":
    serve(ACTS)
