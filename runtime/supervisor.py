"""Starts, watches and ends the processes of a running house.

Purpose: each part is a process group of its own, so that a terminal's Ctrl-C reaches the supervisor alone and the
supervisor ends the rest in order. A part that dies is started again: silence is the worst fault.
"""

from __future__ import annotations

import errno
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from config.settings import Settings, child_environment
from models.errors import ServiceNotStarted

STOP_SECONDS = 10.0
LONGEST_WAIT = 60.0
STEADY = 600.0  # a part that has lived so long is started again without a long wait


class CannotStart(ServiceNotStarted):
    """A part of the house could not be started; the text is one line for a person."""


@dataclass
class Component:
    """One process of the house, by name, with how often it has had to be started again."""

    name: str
    process: subprocess.Popen[bytes]
    started: float
    restarts: int = 0


def port_problem(host: str, port: int) -> str:
    """Says why the server could not listen there, as the end of a sentence; "" where it could."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as problem:
            return (
                "is taken by another program"
                if problem.errno == errno.EADDRINUSE
                else f"cannot be used ({problem.strerror})"
            )
    return ""


class Supervisor:
    """The processes of one house. `say` is told, in words for a person, when a part had to be started again.

    Those `beside` were started before and stop after; they are watched and mended with these.
    """

    def __init__(self, settings: Settings, say: Callable[[str], None], beside: Supervisor | None = None) -> None:
        """Starts nothing yet."""
        self._beside = beside
        self._settings = settings
        self._say = say
        self._parts: dict[str, Component] = {}
        self.opened = datetime.now(UTC)

    @property
    def pids(self) -> dict[str, int]:
        """The processes by name."""
        return (self._beside.pids if self._beside else {}) | {
            name: part.process.pid for name, part in self._parts.items()
        }

    def start(self, name: str) -> Component:
        """Starts one part; its output goes to a log file of its name. Raises CannotStart."""
        settings = self._settings
        settings.logs.mkdir(parents=True, exist_ok=True)
        try:
            with (settings.logs / f"{name}.log").open("ab") as log:
                process = subprocess.Popen(
                    [sys.executable, "-m", "runtime.component", name],
                    cwd=settings.home,
                    env=child_environment(settings),
                    stdin=subprocess.PIPE,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
        except OSError as problem:
            raise CannotStart(f"the {name} process cannot be started ({problem.strerror})") from None
        earlier = self._parts.get(name)
        hasty = earlier is not None and time.monotonic() - earlier.started < STEADY
        part = Component(name, process, time.monotonic(), restarts=earlier.restarts + 1 if earlier and hasty else 0)
        self._parts[name] = part
        return part

    def wait_for(self, name: str, ready: Callable[[], bool], seconds: float, check: Callable[[], None]) -> float:
        """Waits until `ready()`; returns the seconds it took. Raises CannotStart where the part dies or takes too long,
        or what `check` raises.
        """
        part = self._parts[name]
        log = self._settings.logs / f"{name}.log"
        while (waited := time.monotonic() - part.started) < seconds:
            check()
            if ready():
                return waited
            if part.process.poll() is not None:
                raise CannotStart(
                    f"the {name} process ended by itself (exit code {part.process.returncode}): its last words are in"
                    f" {log}"
                )
            time.sleep(0.2)
        raise CannotStart(
            f"the {name} process did not answer within {seconds:.0f} seconds: its last words are in {log}"
        )

    def mend(self) -> bool:
        """Starts again what has died, each time after a longer wait; says whether anything was started."""
        mended = self._beside.mend() if self._beside else False
        for name, part in list(self._parts.items()):
            if part.process.poll() is None:
                continue
            if time.monotonic() - part.started < min(LONGEST_WAIT, 2.0 * 2**part.restarts):
                continue
            # What it had started would go on beside the new one, and nobody would end it.
            _signal_group(part.process.pid, signal.SIGKILL)
            self._say(
                f"The {name} process ended by itself (exit code {part.process.returncode}) and is started again; see"
                f" {self._settings.logs}."
            )
            self.start(name)
            mended = True
        return mended

    def stop(self) -> None:
        """Ends every part, last started first: asked at first, made to after a grace. Returns when none is left."""
        parts = list(reversed(self._parts.values()))
        for part in parts:
            _signal_group(part.process.pid, signal.SIGTERM)
        give_up = time.monotonic() + STOP_SECONDS
        for part in parts:
            try:
                part.process.wait(timeout=max(0.1, give_up - time.monotonic()))
            except subprocess.TimeoutExpired:
                continue
        for part in parts:
            # Also where the part itself has gone: what it started may still be there.
            _signal_group(part.process.pid, signal.SIGKILL)
            part.process.wait()
            if part.process.stdin is not None:
                part.process.stdin.close()
        self._parts.clear()


def _signal_group(pid: int, what: signal.Signals) -> None:
    try:
        os.killpg(pid, what)
    except ProcessLookupError:
        return
