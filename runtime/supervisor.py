"""Starts, watches, restarts and stops the components of a running installation.

Each component is a process group of its own: Ctrl-C reaches the supervisor alone, which stops the rest in order. The
supervisor restarts a component that has ended, because a scheduler that does not run is the worst fault.
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

from config.process_environment import child_environment
from config.settings import Settings
from models.errors import ServiceNotStarted

STOP_SECONDS = 10.0
# The worker gives its runs ten seconds, and then shows them as cancelled: it is asked without them.
ASKED_ALONE, ALONE_SECONDS = "worker", 20.0
LAST = "server"  # it shows how the jobs of the others ended
ABOVE = {"web": "web.component"}  # a component of a package above this one, which imports it by no other way
LONGEST_WAIT = 60.0
STEADY = 600.0  # seconds after which a component is restarted without a long wait


class CannotStart(ServiceNotStarted):
    """A component could not be started; the message is one line for a person."""


@dataclass
class Component:
    """One component: its name, its process, when it started (monotonic seconds) and how often it was restarted."""

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
    """The components of one installation. `say` prints a line when one is restarted.

    The components of `beside` started before these and stop after them; `restart_ended` watches them too.
    """

    def __init__(self, settings: Settings, say: Callable[[str], None], beside: Supervisor | None = None) -> None:
        """Starts nothing yet."""
        self._beside = beside
        self._settings = settings
        self._say = say
        self._components: dict[str, Component] = {}
        self.opened = datetime.now(UTC)

    @property
    def pids(self) -> dict[str, int]:
        """The processes by name."""
        return (self._beside.pids if self._beside else {}) | {
            name: component.process.pid for name, component in self._components.items()
        }

    def start(self, name: str) -> Component:
        """Start one component; its output goes to a log file of its name. Raises CannotStart."""
        settings = self._settings
        settings.logs.mkdir(parents=True, exist_ok=True)
        try:
            with (settings.logs / f"{name}.log").open("ab") as log:
                process = subprocess.Popen(
                    [sys.executable, "-m", ABOVE.get(name, "runtime.component"), name],
                    cwd=settings.home,
                    env=child_environment(settings),
                    stdin=subprocess.PIPE,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
        except OSError as problem:
            raise CannotStart(f"the {name} process cannot be started ({problem.strerror})") from None
        earlier = self._components.get(name)
        hasty = earlier is not None and time.monotonic() - earlier.started < STEADY
        component = Component(
            name, process, time.monotonic(), restarts=earlier.restarts + 1 if earlier and hasty else 0
        )
        self._components[name] = component
        return component

    def wait_for(self, name: str, ready: Callable[[], bool], seconds: float, check: Callable[[], None]) -> float:
        """Waits until `ready()`; returns the seconds it took. Raises CannotStart if the component ends or takes
        too long, and what `check` raises.
        """
        component = self._components[name]
        log = self._settings.logs / f"{name}.log"
        while (waited := time.monotonic() - component.started) < seconds:
            check()
            if ready():
                return waited
            if component.process.poll() is not None:
                raise CannotStart(
                    f"the {name} process ended (exit code {component.process.returncode}). Its last messages are in"
                    f" {log}"
                )
            time.sleep(0.2)
        raise CannotStart(
            f"the {name} process did not answer within {seconds:.0f} seconds. Its last messages are in {log}"
        )

    def restart_ended(self) -> bool:
        """Restart the components that have ended, each time after a longer wait. Returns whether any was started."""
        restarted = self._beside.restart_ended() if self._beside else False
        for name, component in list(self._components.items()):
            if component.process.poll() is None:
                continue
            if time.monotonic() - component.started < min(LONGEST_WAIT, 2.0 * 2**component.restarts):
                continue
            # Processes that it started would go on beside the new one.
            _signal(os.killpg, component.process.pid, signal.SIGKILL)
            self._say(
                f"The {name} process ended (exit code {component.process.returncode}) and is restarted. Its messages"
                f" are in {self._settings.logs}."
            )
            self.start(name)
            restarted = True
        return restarted

    def stop(self) -> None:
        """Stop every component, the last started first and the server last: terminate it, and kill it 10 seconds later.

        The worker gets 20 seconds.
        """
        components = list(reversed(self._components.values()))
        _stop_together([each for each in components if each.name != LAST])
        _stop_together([each for each in components if each.name == LAST])
        self._components.clear()


def _stop_together(components: list[Component]) -> None:
    for component in components:
        if component.name == ASKED_ALONE:
            _signal(os.kill, component.process.pid, signal.SIGTERM)
        else:
            _signal(os.killpg, component.process.pid, signal.SIGTERM)
    began = time.monotonic()
    for component in components:
        give_up = began + (ALONE_SECONDS if component.name == ASKED_ALONE else STOP_SECONDS)
        try:
            component.process.wait(timeout=max(0.1, give_up - time.monotonic()))
        except subprocess.TimeoutExpired:
            continue
    for component in components:
        # Also if the component has ended: processes that it started may still run.
        _signal(os.killpg, component.process.pid, signal.SIGKILL)
        component.process.wait()
        if component.process.stdin is not None:
            component.process.stdin.close()


def _signal(how: Callable[[int, int], None], pid: int, what: signal.Signals) -> None:
    try:
        how(pid, what)
    except ProcessLookupError:
        return
