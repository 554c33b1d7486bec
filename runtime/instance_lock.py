"""The lock that allows one supervisor for each installation."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from models.errors import Refusal


class AlreadyRunning(Refusal):
    """Another `sendflow up` runs on the same SENDFLOW_HOME."""

    default_code = "already_running"


@contextmanager
def only_supervisor(home: Path) -> Iterator[IO[bytes]]:
    """Hold the lock of the installation in `home`; raises AlreadyRunning where another process holds it.

    The kernel releases the lock when the process ends, however it ends.
    """
    with (home / "up.lock").open("ab") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise AlreadyRunning from None
        yield lock
