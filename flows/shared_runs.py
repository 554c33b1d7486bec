"""One Prefect run for all that people record at nearly the same time, from the pages.

Purpose: a run costs several calls to Prefect's server, more than the record itself. The first act of a fifth of a
second begins a run, and those that follow within it share the run. An act waits for the run's id for 200 ms at most
and is done without one after that; Prefect never refuses, delays further or repeats an act. Only references and kinds
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
from datetime import UTC, datetime
from typing import Any

from config.running_instance import find_server
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
LOG = logging.getLogger("sendflow.flows")


class _Batch:
    """The acts that share a run."""

    def __init__(self) -> None:
        self.began = time.monotonic()
        self.begun = threading.Event()  # the run has an id, or will have none
        self.run: str | None = None
        self.lines: list[str] = []
        self.refused = 0
        self.working = 0
        self.idle = threading.Condition()

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

    @contextmanager
    def act(self, reference: str, kind: str) -> Iterator[str | None]:
        """One act, which is done inside the block: gives the id of its run, or None if Prefect did not answer in time.

        What the act raises passes through, and the run shows it as refused.
        """
        batch = self._join()
        if batch is None:
            yield None
            return
        batch.begun.wait(max(0.0, WINDOW_SECONDS - (time.monotonic() - batch.began)))
        try:
            yield batch.run
        except BaseException:
            self._leave(batch, f"{reference} {fact(kind)}: refused", refused=True)
            raise
        self._leave(batch, f"{reference} {fact(kind)}", refused=False)

    def close(self) -> None:
        """Wait until every run that was begun has ended."""
        self._pool.shutdown(wait=True)

    def _join(self) -> _Batch | None:
        with self._lock:
            if self._batch is None or not self._batch.is_open:
                if time.monotonic() < self._not_before:
                    return None
                self._batch = _Batch()
                self._pool.submit(self._show, self._batch)
            self._batch.working += 1
            return self._batch

    def _leave(self, batch: _Batch, line: str, *, refused: bool) -> None:
        with batch.idle:
            batch.lines.append(line)
            batch.refused += refused
            batch.working -= 1
            batch.idle.notify_all()

    def _show(self, batch: _Batch) -> None:
        """Begin the run, wait until its window is over and its acts are done, and end it."""
        try:
            server = find_server(self._settings)
            if server is None:
                self._not_before = time.monotonic() + AGAIN_SECONDS
                return
            flow = self._flow_of(server)
            state = {"type": "RUNNING", "name": "Running"}
            tags = [RECORDING_TAG, "pages", *(["simulated"] if self._settings.today is not None else [])]
            begun = {"flow_id": flow, "name": "record from the pages", "parameters": {}, "state": state, "tags": tags}
            batch.run = str(self._ask(server, "POST", "flow_runs/", begun)["id"])
            batch.begun.set()
            self._wait(batch)
            self._end(server, batch, batch.run)
        except Exception as problem:
            self._flow = None  # a server that was set up again has another
            self._not_before = time.monotonic() + AGAIN_SECONDS
            LOG.warning("Prefect could not show a run (%s)", type(problem).__name__)
        finally:
            batch.begun.set()

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

    def _end(self, server: str, batch: _Batch, run: str) -> None:
        done, lines = len(batch.lines), [self._with_address(line) for line in batch.lines[:MOST_LINES]]
        name = batch.lines[0] if done == 1 else f"{done} recordings"
        message = f"{done - batch.refused} recorded, {batch.refused} refused"
        if done > MOST_LINES:
            lines.append(f"and {done - MOST_LINES} more")
        now = datetime.now(UTC).isoformat()
        logs = [
            {"name": "sendflow", "level": 20, "message": line, "timestamp": now, "flow_run_id": run} for line in lines
        ]
        self._ask(server, "POST", "logs/", logs)
        self._ask(server, "PATCH", f"flow_runs/{run}", {"name": name})
        word = "Recorded" if done > batch.refused else "Refused"
        state = {"type": "COMPLETED", "name": word, "message": message}
        self._ask(server, "POST", f"flow_runs/{run}/set_state", {"state": state, "force": True})

    def _with_address(self, line: str) -> str:
        """A line of the run's log with the address of the case's page, which Prefect shows as a link."""
        reference = line.partition(" ")[0]
        return f"{line}: {self._settings.pages_url}/cases/{reference}" if REFERENCE.fullmatch(reference) else line

    def _ask(self, server: str, method: str, path: str, body: Any) -> Any:
        return ask(self._settings, server, method, path, body)
