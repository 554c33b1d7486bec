"""The process that leases letters, and whether it is still alive. [I/O]

A lease names its deliverer as `host/process/start/run`. On this machine a lease expires at once if its process has
ended, if another process has its number (the start differs), or if it is this process and the run has ended. Another
machine's processes cannot be seen, so its lease expires after 15 minutes, many times longer than one letter takes.
"""

import os
import secrets
import socket
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType

LEASE = timedelta(minutes=15)
_LIVE: set[str] = set()


class Deliverer:
    """One run that leases letters. A context manager: its leases expire when the block ends."""

    def __init__(self) -> None:
        self.name = f"{_host()}/{os.getpid()}/{_start(os.getpid())}/{secrets.token_hex(4)}"

    def __enter__(self) -> "Deliverer":
        _LIVE.add(self.name)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _LIVE.discard(self.name)


def is_expired(leased_by: str | None, leased_at: str | None, now: datetime) -> bool:
    """Whether a lease's deliverer is known to have ended, or the lease is too old. `leased_at`: ISO 8601, UTC."""
    parts = (leased_by or "").split("/")
    if len(parts) != 4 or leased_at is None:
        return True
    host, process, start, _ = parts
    if host != _host():
        return now - datetime.fromisoformat(leased_at) > LEASE
    if int(process) == os.getpid():
        return leased_by not in _LIVE
    return not _is_running(int(process)) or _start(int(process)) != start


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _start(process: int) -> str:
    """When a process began, in kernel ticks; "0" if the machine does not say, "ended" for a zombie."""
    try:
        stat = Path(f"/proc/{process}/stat").read_text("ascii", "replace")
    except OSError:
        return "0"
    # The second field is the command's name, which may contain blanks: count from behind its closing bracket.
    fields = stat.rpartition(")")[2].split()
    return "ended" if fields[0] in ("Z", "X") else fields[19]


def _host() -> str:
    return socket.gethostname().replace("/", "-")
