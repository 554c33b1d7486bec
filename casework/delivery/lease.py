"""Who is sending a letter, and whether that sender still lives. [I/O]

A letter is claimed by `host/process/start/run`. On the same machine a dead sender is known at once: its process is
gone, or another has its number (the start differs), or it is this process and the run has ended. Of another machine
nothing can be known, so its claim is left alone for a quarter of an hour, which is many times longer than one letter
can take.
"""

import os
import secrets
import socket
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType

LEASE = timedelta(minutes=15)
_LIVE: set[str] = set()


class Sender:
    """This run, as the claimant of letters. A context manager: what it has claimed is known as abandoned
    once it ends.
    """

    def __init__(self) -> None:
        self.name = f"{_host()}/{os.getpid()}/{_start(os.getpid())}/{secrets.token_hex(4)}"

    def __enter__(self) -> "Sender":
        _LIVE.add(self.name)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _LIVE.discard(self.name)


def abandoned(claimed_by: str | None, claimed_at: str | None, now: datetime) -> bool:
    """Whether a claim's sender is known to be dead, or its lease has run out. `claimed_at` is an instant (ISO 8601
    UTC).
    """
    parts = (claimed_by or "").split("/")
    if len(parts) != 4 or claimed_at is None:
        return True
    host, process, start, _ = parts
    if host != _host():
        return now - datetime.fromisoformat(claimed_at) > LEASE
    if int(process) == os.getpid():
        return claimed_by not in _LIVE
    return not _lives(int(process)) or _start(int(process)) != start


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _start(process: int) -> str:
    """When a process began, in the kernel's own ticks; "0" where the machine does not say."""
    try:
        told = Path(f"/proc/{process}/stat").read_text("ascii", "replace")
    except OSError:
        return "0"
    # A zombie has ended: it only waits to be noticed. The command's name may hold blanks, so fields are
    # counted from
    # behind it.
    fields = told.rpartition(")")[2].split()
    return "ended" if fields[0] in ("Z", "X") else fields[19]


def _host() -> str:
    return socket.gethostname().replace("/", "-")
