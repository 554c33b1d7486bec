"""One Prefect run for all that people record at nearly the same time, from the pages.

Purpose: a run costs several calls to Prefect's server, more than the record itself. The first act of a fifth of a
second begins a run, and those that follow within it share the run. An act waits for the run's id for 200 ms at most
and is done without one after that; Prefect never refuses, delays further or repeats an act. What was done while
Prefect did not answer is shown once afterwards, by one run, unless the process ends before. Only references and kinds
of fact are shown. The server is asked over HTTP: prefect itself is not imported, so that a process of the pages starts
fast and stays small.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from config.running_instance import find_server, read_running
from config.settings import Settings
from flows.run_labels import RECORDING_TAG
from flows.server_calls import ask
from models.facts import REFERENCE
from statemachines.fact_labels import fact

WINDOW_SECONDS = 0.2
AGAIN_SECONDS = 10.0  # after a server that did not answer
LONGEST_ACT_SECONDS = 120.0
MOST_RUNS = 8
MOST_LINES = 50
MOST_OWED = 50  # runs that Prefect has begun and whose end it did not take
LOG = logging.getLogger("sendflow.flows")


class _Batch:
    """The acts that share a run. `done` counts them, and `lines` says of the first fifty what they were."""

    def __init__(self) -> None:
        self.began = time.monotonic()
        self.begun = threading.Event()  # the run has an id, or will have none
        self.key = str(uuid4())  # a call that is made again makes no second run
        self.run: str | None = None
        self.lines: list[str] = []
        self.done = 0
        self.refused = 0
        self.working = 0
        self.logged = False
        self.is_late = False
        self.idle = threading.Condition()

    def add(self, lines: list[str], done: int = 1, refused: int = 0) -> None:
        """Note acts that are done."""
        self.lines = [*self.lines, *lines][:MOST_LINES]
        self.done += done
        self.refused += refused

    @property
    def is_open(self) -> bool:
        """Whether an act may still join."""
        return time.monotonic() - self.began < WINDOW_SECONDS


class SharedRuns:
    """The runs of one process. Any thread may begin an act."""

    def __init__(self, settings: Settings) -> None:
        """Takes where the server is. Nothing is asked yet."""
        self._settings = settings
        self._lock = threading.Lock()
        self._batch: _Batch | None = None
        self._pool = ThreadPoolExecutor(MOST_RUNS, "runs")
        self._not_before = 0.0
        self._flow_lock = threading.Lock()
        self._flow: str | None = None
        self._owed: list[_Batch] = []  # what Prefect did not take
        self._shower: threading.Thread | None = None
        self._closed = threading.Event()

    @contextmanager
    def act(self, reference: str, kind: str) -> Iterator[str | None]:
        """One act, which is done inside the block: gives the id of its run, or None if Prefect did not answer in time.

        What the act raises passes through, and the run shows it as refused.
        """
        batch = self._join()
        if batch is not None:
            batch.begun.wait(max(0.0, WINDOW_SECONDS - (time.monotonic() - batch.began)))
        try:
            yield batch.run if batch is not None else None
        except BaseException:
            self._leave(batch, f"{reference} {fact(kind)}: refused", refused=1)
            raise
        self._leave(batch, f"{reference} {fact(kind)}", refused=0)

    def close(self) -> None:
        """Wait until every run that was begun has ended, and show what is owed if Prefect answers now."""
        self._pool.shutdown(wait=True)
        self._closed.set()
        if self._shower is not None:
            self._shower.join()

    def _join(self) -> _Batch | None:
        with self._lock:
            if self._batch is None or not self._batch.is_open:
                if time.monotonic() < self._not_before:
                    return None
                self._batch = _Batch()
                self._pool.submit(self._show, self._batch)
            self._batch.working += 1
            return self._batch

    def _leave(self, batch: _Batch | None, line: str, *, refused: int) -> None:
        if batch is None:
            alone = _Batch()
            alone.add([line], refused=refused)
            self._owe(alone)
            return
        with batch.idle:
            batch.add([line], refused=refused)
            batch.working -= 1
            batch.idle.notify_all()

    def _show(self, batch: _Batch) -> None:
        """Begin the run, wait until its window is over and its acts are done, and end it."""
        server = None
        try:
            server = find_server(self._settings)
            if server is not None:
                self._begin(server, batch)
        except Exception as problem:
            self._unanswered(problem)
        finally:
            if batch.run is None:
                self._not_before = time.monotonic() + AGAIN_SECONDS
            batch.begun.set()
        self._wait(batch)
        try:
            if server is not None and batch.run is not None:
                self._end(server, batch)
                return
        except Exception as problem:
            self._unanswered(problem)
        self._owe(batch)

    def _begin(self, server: str, batch: _Batch) -> None:
        state = {"type": "RUNNING", "name": "Running"}
        tags = [RECORDING_TAG, "pages", *(["simulated"] if self._settings.today is not None else [])]
        body = {"name": "record from the pages", "parameters": {}, "state": state, "tags": tags}
        begun = {**body, "flow_id": self._flow_of(server), "idempotency_key": batch.key}
        batch.run = str(self._ask(server, "POST", "flow_runs/", begun)["id"])

    def _unanswered(self, problem: Exception) -> None:
        self._flow = None  # a server that was set up again has another
        self._not_before = time.monotonic() + AGAIN_SECONDS
        LOG.warning("Prefect could not show a run (%s)", type(problem).__name__)

    def _owe(self, batch: _Batch) -> None:
        """Note what Prefect did not take, and show it once it answers again; what has no run yet shares one."""
        if self._settings.api_url is None and read_running(self._settings) is None:
            return  # no Prefect belongs to this installation now
        batch.is_late = True
        with self._lock:
            self._put(batch)
            if self._shower is None and not self._closed.is_set():
                self._shower = threading.Thread(target=self._show_owed, name="owed-runs", daemon=True)
                self._shower.start()

    def _put(self, batch: _Batch) -> None:
        waits = next((each for each in self._owed if each.run is None), None)
        if waits is not None and batch.run is None:
            waits.add(batch.lines, batch.done, batch.refused)
        elif len(self._owed) < MOST_OWED:
            self._owed.append(batch)

    def _show_owed(self) -> None:
        """Every ten seconds, and once more at the end of the process, show what is owed."""
        while True:
            is_last = self._closed.wait(AGAIN_SECONDS)
            with self._lock:
                owed, self._owed = self._owed, []
            try:
                server = find_server(self._settings)
                while server is not None and owed:
                    if owed[0].run is None:
                        owed[0].began = time.monotonic()
                        self._begin(server, owed[0])
                    self._end(server, owed[0])
                    del owed[0]
            except Exception as problem:
                self._unanswered(problem)
            with self._lock:
                for batch in owed:
                    self._put(batch)
                if is_last or not self._owed:
                    self._shower = None
                    return

    def _flow_of(self, server: str) -> str:
        """The id of the flow `record`, asked for once: two that make it at once get an error from Prefect."""
        with self._flow_lock:
            if self._flow is None:
                self._flow = str(self._ask(server, "POST", "flows/", {"name": "record"})["id"])
            return self._flow

    def _wait(self, batch: _Batch) -> None:
        time.sleep(max(0.0, WINDOW_SECONDS - (time.monotonic() - batch.began)))
        with batch.idle:
            batch.idle.wait_for(lambda: batch.working == 0, LONGEST_ACT_SECONDS)

    def _end(self, server: str, batch: _Batch) -> None:
        run, lines = batch.run, [self._with_address(line) for line in batch.lines]
        name = batch.lines[0] if batch.done == 1 else f"{batch.done} recordings"
        message = f"{batch.done - batch.refused} recorded, {batch.refused} refused"
        if batch.is_late:
            message += ", while Prefect did not answer"
        message += "; who asked has the reason" if batch.refused else "; nobody is needed"
        if batch.done > len(lines):
            lines.append(f"and {batch.done - len(lines)} more")
        now = datetime.now(UTC)
        instants = [(now + timedelta(microseconds=number)).isoformat() for number in range(len(lines) + 1)]
        log = {"name": "sendflow", "level": 20, "flow_run_id": run}
        said = zip([message, *lines], instants, strict=True)
        logs = [log | {"message": line, "timestamp": at} for line, at in said]
        if not batch.logged:
            self._ask(server, "POST", "logs/", logs)
            batch.logged = True
        self._ask(server, "PATCH", f"flow_runs/{run}", {"name": name})
        word = "Recorded" if batch.done > batch.refused else "Refused"
        state = {"type": "COMPLETED", "name": word, "message": message}
        self._ask(server, "POST", f"flow_runs/{run}/set_state", {"state": state, "force": True})

    def _with_address(self, line: str) -> str:
        """A line of the run's log with the address of the case's page, which Prefect shows as a link."""
        reference = line.partition(" ")[0]
        return f"{line}: {self._settings.pages_url}/cases/{reference}" if REFERENCE.fullmatch(reference) else line

    def _ask(self, server: str, method: str, path: str, body: Any) -> Any:
        return ask(self._settings, server, method, path, body)
