"""Named points at which a test kills the process, as a power cut would. Without SENDFLOW_KILL_AT they do nothing."""

import os
import signal
from functools import cache

from config.settings import Settings


def here(name: str) -> None:
    """Kill this process with SIGKILL if SENDFLOW_KILL_AT names this point."""
    if _named() == name:
        os.kill(os.getpid(), signal.SIGKILL)


@cache
def _named() -> str | None:
    return getattr(Settings.read(), "kill_at", None)
