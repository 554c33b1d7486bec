"""What every peer's process speaks: one JSON line in, one JSON line out. Runs in the peers' own environment, so that it
knows the standard library alone.

    {"do": "open", "work": {...}}   ->  {"amount": 480}        records are made, and filled where an act is to read them
    {"do": "run"}                   ->  {"seconds": 0.81}      the act once
    {"do": "close"}                 ->  {}                     what was made is let go of; another may be opened
    end of input                    ->  the process ends

A process times its own act, for two reasons. The pipe then costs nobody anything; and what a peer needs around its act
(a scheduler that is started, queues that are listened to, a look at whether it did what it was to do) has its own
turn, untimed, and is over when another's turn comes. Garbage is collected before and none while an act is timed, as on
our side. An act that did not do its work fails by an assertion.
"""

import gc
import json
import os
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple, TextIO

Fact = dict[str, Any]


class Work(NamedTuple):
    """What is to be done, and where.

    `url` addresses a PostgreSQL database of the peer's own; without one its records are SQLite files in `folder`.
    `cases` are references with their facts in order, `moves` the transitions of their state machine, `ends` the state
    that each case is to come to. `tracker` is a file to import; `due` of the `due + waiting` that a sweep looks among
    are due.
    """

    act: str
    folder: str
    url: str | None
    cases: list[tuple[str, list[Fact]]]
    moves: dict[str, dict[str, str]]
    begins: str
    ends: dict[str, str]
    tracker: str | None = None
    due: int = 0
    waiting: int = 0

    @property
    def facts(self) -> int:
        """How many facts there are."""
        return sum(len(facts) for _ref, facts in self.cases)

    def fewer(self, cases: int = 24) -> "Work":
        """The same with so many cases at most, for a peer that would take minutes over all of them: the time for each
        counts.
        """
        return self._replace(cases=self.cases[:cases])

    def moved(self, state: str | None, fact: Fact) -> str:
        """The state after a fact, by the same table on every side; the first fact begins the case."""
        return self.begins if state is None else self.moves.get(state, {}).get(fact["kind"], state)


class Run(NamedTuple):
    """An act made ready: how much one run does, in the unit that ours counts, and the run, which gives its seconds."""

    amount: int
    run: Callable[[], float]


Acts = Mapping[str, Callable[[Work], AbstractContextManager[Run]]]


class Watch:
    """Seconds, once stopped."""

    seconds = 0.0


@contextmanager
def timed() -> Iterator[Watch]:
    """Time a block as ours is timed: garbage collected before, none meanwhile."""
    watch = Watch()
    gc.collect()
    gc.disable()
    began = time.perf_counter()
    try:
        yield watch
        watch.seconds = time.perf_counter() - began
    finally:
        gc.enable()


def driver(work: Work, name: str) -> Any:
    """The driver's own connection to the peer's records, each statement a transaction; a commit is on the disk, as ours
    is.
    """
    if work.url is None:
        import sqlite3

        connection = sqlite3.connect(Path(work.folder) / name, isolation_level=None, check_same_thread=False)
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=30000"):
            connection.execute(f"PRAGMA {pragma}")
        return connection
    import psycopg

    return psycopg.connect(work.url, autocommit=True, options="-c timezone=UTC -c synchronous_commit=on")


def address(work: Work, name: str) -> str:
    """The same as SQLAlchemy has it; the file is in WAL mode before anybody opens it, which SQLite remembers."""
    if work.url is None:
        driver(work, name).close()
        return f"sqlite:///{Path(work.folder) / name}"
    return "postgresql+psycopg://" + work.url.partition("://")[2]


class Durable:
    """How SQLAlchemy's connections commit: on the disk; not so only while a store is filled with what nobody times."""

    def __init__(self) -> None:
        from sqlalchemy import event
        from sqlalchemy.engine import Engine

        self.on = True
        event.listen(Engine, "connect", self._connected)

    def _connected(self, connection: Any, _record: Any) -> None:
        if type(connection).__module__.startswith("sqlite3"):
            connection.execute(f"PRAGMA synchronous={'FULL' if self.on else 'OFF'}")
        else:
            connection.autocommit = True  # or the setting would go with the first transaction that is rolled back
            connection.execute(f"SET synchronous_commit = {'on' if self.on else 'off'}")
            connection.autocommit = False


def imported(work: Work) -> None:
    """Read the whole tracker, as a peer's importer would before it records what it found."""
    import csv

    assert work.tracker is not None
    with Path(work.tracker).open(encoding="utf-8", newline="") as file:
        assert sum(1 for _row in csv.reader(file)) > len(work.cases)


def serve(acts: Acts) -> None:
    """Answer on standard output until standard input ends. What a library prints goes to standard error."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    with ExitStack() as stack:
        _answer_all(acts, answers, stack)


def _answer_all(acts: Acts, answers: TextIO, stack: ExitStack) -> None:
    run: Run | None = None
    for line in sys.stdin:
        try:
            said: dict[str, Any] = {}
            message = json.loads(line)
            if message["do"] == "open":
                work = Work(**message["work"])
                run = stack.enter_context(acts[work.act](work))
                said["amount"] = run.amount
            elif message["do"] == "run":
                assert run is not None, "nothing is open"
                said["seconds"] = run.run()
            else:
                run = None
                stack.close()
        except Exception as problem:
            traceback.print_exc()
            said = {"error": f"{type(problem).__name__}: {problem}".splitlines()[0][:200]}
        answers.write(json.dumps(said) + "\n")
        answers.flush()
