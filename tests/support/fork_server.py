"""Runs Python programs of tests by fork: a process that has imported sendflow forks for each of them.

A new interpreter spends a second on imports before the first line of a test's program. A fork has the same code,
arguments, environment, folder, input and output, and it is killed as a process is. That a new interpreter starts as
well is tested by `sendflow up`, by the units and by the measure `cli_startup`.

Prefect reads the environment when it is imported, so that the process above cannot import it. Commands that show their
runs to the Prefect server of one installation are forked from a process that has imported it for that server.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from types import ModuleType
from typing import IO, Any, NoReturn

from casework import fault_points
from config.process_environment import fix_caller_environment
from config.settings import Settings
from tests.support.compiled import share_in_this_process
from tests.support.paths import ROOT

# What most programs of tests import; none of it reads the environment or the clock while it is imported.
IMPORTED = (
    "cli.cases",
    "cli.jobs",
    "cli.worklists",
    "audit.verify",
    "casework.delivery.came_back",
    "casework.delivery.daily_digest",
    "casework.delivery.deliver",
    "casework.imports.tracker_import",
    "casework.mailbox.read",
    "casework.replies.give",
    "flows.jobs",
    "notifications.notify",
    "notifications.transport",
    "statemachines.registry",
)
LARGEST = 1 << 20


class Forked:
    """A program that runs in a fork. `pid` is its process; `wait` gives its exit code, below zero for a signal."""

    def __init__(self, status: IO[str]) -> None:
        self._status = status
        self.pid = int(status.readline())
        self.returncode: int | None = None

    def wait(self) -> int:
        """Wait for its end."""
        if self.returncode is None:
            self.returncode = int(self._status.readline())
            self._status.close()
        return self.returncode

    def kill(self) -> None:
        """Kill it, unless its end is known."""
        if self.returncode is None:
            os.kill(self.pid, signal.SIGKILL)


def start(
    code: str,
    *words: str,
    streams: Sequence[int],
    env: Mapping[str, str] | None = None,
    cwd: Path = ROOT,
    prefect: str | None = None,
) -> Forked:
    """Start what `python -c CODE WORDS` would be, with these three descriptors as its input, output and errors.

    `prefect` is the address of a Prefect server to which the program shows its runs.
    """
    mine, theirs = os.pipe()
    environment = dict(os.environ if env is None else env)
    order = {"code": code, "words": words, "env": environment, "cwd": str(cwd)}
    message = json.dumps(order).encode()
    assert len(message) < LARGEST, "the order fits into one message"
    forking = _server() if prefect is None else _server_with_prefect(prefect, environment)
    socket.send_fds(forking, [message], [*streams, theirs])
    os.close(theirs)
    return Forked(os.fdopen(mine, encoding="utf-8"))


def run(code: str, *words: str, input: str = "", **how: Any) -> subprocess.CompletedProcess[str]:
    """Run what `python -c CODE WORDS` would be to its end, as `subprocess.run(..., capture_output=True, text=True)`."""
    with TemporaryFile() as given, TemporaryFile() as printed, TemporaryFile() as errors:
        given.write(input.encode())
        given.seek(0)
        streams = [each.fileno() for each in (given, printed, errors)]
        code_of_exit = start(code, *words, streams=streams, **how).wait()
        texts = []
        for file in (printed, errors):
            file.seek(0)
            texts.append(file.read().decode())
    return subprocess.CompletedProcess([code, *words], code_of_exit, *texts)


class Waiting:
    """A program that has printed "ready" and waits for a line, as `python -c CODE WORDS` would be."""

    def __init__(self, code: str, *words: str, **how: Any) -> None:
        given, to_give = os.pipe()
        printed, theirs = os.pipe()
        self._program = start(code, *words, streams=(given, theirs, 2), **how)
        for each in (given, theirs):
            os.close(each)
        self._given, self._printed = os.fdopen(to_give, "w", encoding="utf-8"), os.fdopen(printed, encoding="utf-8")
        assert self._printed.readline() == "ready\n"

    def go(self) -> None:
        """Give it the line."""
        with self._given:
            self._given.write("go\n")

    def end(self) -> tuple[int, str]:
        """Wait for its end: its exit code, and what else it printed."""
        with self._printed:
            text = self._printed.read()
        return self._program.wait(), text


def sendflow(*words: str, **how: Any) -> subprocess.CompletedProcess[str]:
    """Run `sendflow` with these arguments in a process of its own."""
    return run("from cli import main; main()", *words, **how)


@cache
def _server() -> socket.socket:
    """The way to the process that forks; it ends when this one does."""
    mine, theirs = _two_ends()
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("SENDFLOW_", "PREFECT_"))}
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.support.fork_server", str(theirs.fileno())],
        cwd=ROOT,
        env=environment,
        pass_fds=[theirs.fileno()],
        stdin=subprocess.DEVNULL,
    )
    theirs.close()
    atexit.register(_end, mine, process.wait)
    return mine


def _end(way: socket.socket, wait: Callable[[], int]) -> None:
    """Close the way to a process that takes orders, and wait for its end."""
    way.close()
    wait()


def _two_ends() -> tuple[socket.socket, socket.socket]:
    mine, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    for each in (mine, theirs):
        each.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, LARGEST)
    return mine, theirs


_WITH_PREFECT: dict[tuple[str, ...], socket.socket] = {}


def _server_with_prefect(address: str, environment: Mapping[str, str]) -> socket.socket:
    """The way to a process that has imported Prefect for a server and these settings. It is itself a fork."""
    settings = sorted(f"{name}={value}" for name, value in environment.items() if name.startswith("SENDFLOW_"))
    key = (address, *settings)
    if key not in _WITH_PREFECT:
        mine, theirs = _two_ends()
        with theirs, Path(os.devnull).open("w") as nothing:
            code = f"from tests.support.fork_server import take_orders_with_prefect as take; take({address!r})"
            process = start(code, streams=[theirs.fileno(), nothing.fileno(), 2], env=environment)
        atexit.register(_end, mine, process.wait)
        _WITH_PREFECT[key] = mine
    return _WITH_PREFECT[key]


def _child(order: dict[str, Any], descriptors: list[int]) -> NoReturn:
    """Fork the program, wait for its end and write it down. It is a child of this one, so its number stays its own."""
    *streams, status = descriptors
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    program = os.fork()
    if program:
        os.write(status, f"{program}\n".encode())
        for each in streams:
            os.close(each)
        code = os.waitstatus_to_exitcode(os.waitpid(program, 0)[1])
        os.write(status, f"{code}\n".encode())
        os._exit(0)
    os.close(status)
    _become(order, streams)


def _become(order: dict[str, Any], streams: list[int]) -> NoReturn:
    for number, each in enumerate(streams):
        os.dup2(each, number)
        os.close(each)
    os.environ.clear()
    os.environ.update(order["env"])
    fault_points._named.cache_clear()  # which the days of `_warm_up` looked for in another environment
    os.chdir(order["cwd"])
    sys.argv = ["-c", *order["words"]]
    code = 0
    sys.modules["__main__"] = program = ModuleType("__main__")
    try:
        exec(compile(order["code"], "<string>", "exec"), vars(program))
    except SystemExit as end:
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)  # noqa: T201 (as Python does)
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        sys.excepthook(*sys.exc_info())
        code = 1
    # As an interpreter ends: threads, then what libraries registered. Nothing is gained by clearing every module.
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(code)


def prepare() -> None:
    """Import what most programs import, and build what each would build from sendflow's own files: the shipped law,
    the processes and the letters. None of it depends on the environment or on an installation.
    """
    for name in IMPORTED:
        importlib.import_module(name)
    from config.law import load_law
    from deadlines.working_calendar import load_calendar
    from notifications.render import _compiled, shelf
    from statemachines.registry import opened_by, reactions_to, unnaming_facts

    load_law()
    load_calendar()
    for build in (opened_by, reactions_to, unnaming_facts):
        build()
    for template in shelf().newest.values():
        for part in (template.subject, template.heading, template.action, template.ask, template.note, template.body):
            _compiled(shelf().environment, part)
    share_in_this_process()
    _warm_up()


def _warm_up() -> None:
    """Let an installation live for some days, so that what its statements are compiled to is there for every fork."""
    from casework.context import AppContext
    from casework.delivery.daily_digest import digest
    from tests.support.by_hand import SALT
    from tests.support.team import Team

    with TemporaryDirectory() as folder:
        team = Team(Path(folder) / "var").opened().asked()
        for day in ("2 Mar 2026", "5 Mar 2026", "23 Mar 2026", "14 Apr 2026"):
            team.day(day)
        digest(team.context(day), transport=team.post)
        team.record(day, "health_advice_received", service=SALT)
        AppContext.load(team.context(day).settings).engine.dispose()
        team.first.engine.dispose()


def _forget_ended(*_signal: object) -> None:
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def take_orders_with_prefect(address: str) -> None:
    """Import Prefect as a command does that found this server, and take orders from the standard input."""
    fix_caller_environment(Settings.read(), address)
    importlib.import_module("flows.definitions")
    orders = os.dup(0)
    with Path(os.devnull).open() as nothing:
        os.dup2(nothing.fileno(), 0)
    take_orders(orders)


def take_orders(descriptor: int) -> None:
    """Take orders until the other end of the socket is closed."""
    gc.freeze()  # what is imported is no garbage, and a fork shares its pages
    # Children that ended are waited for, so that their CPU is counted with that of this process.
    signal.signal(signal.SIGCHLD, _forget_ended)
    with socket.socket(fileno=descriptor) as orders:
        while True:
            message, descriptors, _flags, _from = socket.recv_fds(orders, LARGEST, 8)
            if not message:
                return
            order = json.loads(message)
            if os.fork() == 0:
                orders.close()
                _child(order, descriptors)
            for each in descriptors:
                os.close(each)


def main() -> None:
    """Import, and take orders."""
    prepare()
    take_orders(int(sys.argv[1]))


if __name__ == "__main__":
    main()
