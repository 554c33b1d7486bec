"""The threads of this process that try and record the files which people sent to be imported."""

from __future__ import annotations

import logging
import threading
from concurrent.futures import Future, ThreadPoolExecutor, wait

from casework.context import AppContext
from casework.imports.work import Run, work_on

AT_ONCE = 2
WAIT_SECONDS = 2.0
LOG = logging.getLogger("sendflow.web")


class ImportPool:
    """Begins the work on a file, once at a time in this process. Any thread may ask."""

    def __init__(self) -> None:
        """Begins nothing."""
        self._pool = ThreadPoolExecutor(AT_ONCE, "imports")
        self._lock = threading.Lock()
        self._working: dict[str, Future[None]] = {}

    def begin(self, context: AppContext, id_: str, account: str, run: Run) -> Future[None]:
        """Begin the work on a file unless it goes on here already."""
        with self._lock:
            going_on = self._working.get(id_)
            if going_on is not None and not going_on.done():
                return going_on
            self._working = {each: work for each, work in self._working.items() if not work.done()}
            begun = self._working[id_] = self._pool.submit(_work, context, id_, account, run)
            return begun

    def begin_and_wait(self, context: AppContext, id_: str, account: str, run: Run) -> None:
        """Begin the work, and wait until it is done, for 2 seconds at most: a small file needs no second look."""
        before = self.begin(context, id_, account, run)
        wait([before], WAIT_SECONDS)
        wait([self.begin(context, id_, account, run)], WAIT_SECONDS)  # what was asked for while the first one worked

    def close(self) -> None:
        """Wait until the work that goes on has ended, and begin no more."""
        self._pool.shutdown(wait=True, cancel_futures=True)


def _work(context: AppContext, id_: str, account: str, run: Run) -> None:
    try:
        work_on(context, id_, account, run)
    except Exception as problem:
        LOG.error("a file could not be imported (%s)", type(problem).__name__)  # its text may quote a row
