"""Starts a whole installation in real processes: `sendflow up` in its own folder on its own ports."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from typing import Any

from config.login import basic, read_login
from notifications.local_smtp import free_port
from tests.support import fork_server

ROOT = Path(__file__).resolve().parents[2]
SENDFLOW = [sys.executable, "-c", "from cli import main; main()"]
OPEN = "Ctrl-C stops it."
PATIENCE = 150.0


def wait_until(what: Callable[[], Any], seconds: float = PATIENCE) -> Any:
    """Wait until `what()` is true and return its value; fail the test after the time is over."""
    pause = threading.Event()
    give_up = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < give_up, "it did not come about in time"
        pause.wait(0.1)
    return found


def processes_of(home: Path) -> list[int]:
    """Return every process of this machine whose environment names `home`."""
    mark = f"SENDFLOW_HOME={home}".encode()
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            alive = (folder / "stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
            if alive and mark in (folder / "environ").read_bytes().split(b"\0"):
                found.append(int(folder.name))
        except OSError:
            continue
    return found


def answered(asked: Callable[[], Any], seconds: float = 60.0) -> Any:
    """The answer of a Prefect server, which says 503 while its SQLite file is locked: it is asked for a minute."""

    def answer() -> list[Any]:
        try:
            return [asked()]
        except urllib.error.HTTPError as problem:
            if problem.code != HTTPStatus.SERVICE_UNAVAILABLE:
                raise
            return []

    return wait_until(answer, seconds)[0]


class RunningInstallation:
    """One `sendflow up`. `said` is its output; `ask` runs another command on the same installation."""

    prefect: str | None = None  # the address of its Prefect server, once it is open

    def __init__(self, home: Path, port: int | None = None, *, sample: bool = True, **environment: str) -> None:
        """Start the installation, with demo data or empty, and return at once."""
        self.home = home
        self.port = port or free_port()
        own = {"SENDFLOW_HOME": str(home), "SENDFLOW_PORT": str(self.port), "PYTHONUNBUFFERED": "1"}
        own["SENDFLOW_WEB_PORT"] = str(free_port())
        self.environment = (
            {name: value for name, value in os.environ.items() if not name.startswith(("SENDFLOW_", "PREFECT_"))}
            | own
            | environment
        )
        home.parent.mkdir(parents=True, exist_ok=True)
        self.words = home.with_suffix(".said")
        command = [*SENDFLOW, "up", *([] if sample else ["--no-sample"])]
        with self.words.open("ab") as words:
            self.process = subprocess.Popen(
                command, cwd=ROOT, env=self.environment, stdout=words, stderr=subprocess.STDOUT, start_new_session=True
            )

    @property
    def said(self) -> str:
        """Return everything that it has printed."""
        return self.words.read_text(encoding="utf-8")

    @property
    def running(self) -> dict[str, Any]:
        """Return the content of running.json."""
        content: dict[str, Any] = json.loads((self.home / "running.json").read_text(encoding="utf-8"))
        return content

    @property
    def login(self) -> str:
        """Return the login of this installation."""
        login = self.environment.get("SENDFLOW_AUTH") or read_login(self.home)
        assert login is not None
        return login

    def get(self, url: str) -> Any:
        """Open an address with the login of this installation."""
        return urllib.request.urlopen(urllib.request.Request(url, headers=basic(self.login)), timeout=30)

    def signed_in(self) -> str:
        """Return the cookie of a person who opens a new sign-in link."""
        link = json.loads(self.ask("sign-in", "--json").stdout)["link"]

        class Stays(urllib.request.HTTPRedirectHandler):
            def redirect_request(self, *_: Any) -> None:
                return None

        try:
            urllib.request.build_opener(Stays).open(link, timeout=30)
        except urllib.error.HTTPError as answer:
            return str(answer.headers["Set-Cookie"]).partition(";")[0]
        raise AssertionError("the link did not lead on")

    def opened(self) -> RunningInstallation:
        """Wait until it prints that it is open. If it does not, end it, so that no process is left."""
        try:
            wait_until(lambda: OPEN in self.said or self.process.poll() is not None)
            assert self.process.poll() is None, self.said
        except BaseException as problem:
            problem.add_note(f"It printed until then:\n{self.said}")
            self.close()
            raise
        self.prefect = f"http://127.0.0.1:{self.port}/api"
        return self

    def ended(self) -> int:
        """Wait until it has ended and return its exit code."""
        return self.process.wait(timeout=PATIENCE)

    def signal(self, what: signal.Signals) -> None:
        """Send the supervisor a signal, as a terminal or a shutdown does."""
        self.process.send_signal(what)

    def ask(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run `sendflow` with these arguments on the same installation."""
        return fork_server.sendflow(*words, env=self.environment, prefect=self.prefect)

    def api(self, path: str, body: dict[str, Any] | None = None) -> Any:
        """Send a POST with a body or a GET without to the Prefect server. Return its JSON, or {"refused": code}."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/api{path}",
            data=data,
            headers={"Content-Type": "application/json", **basic(self.login)},
        )

        def asked() -> Any:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return json.load(answer)

        try:
            return answered(asked)
        except urllib.error.HTTPError as refused:
            return {"refused": refused.code}

    def first_lines(self, run: str) -> list[str]:
        """The first line of a run's log, which a person sees who opens it."""
        wanted = {"logs": {"flow_run_id": {"any_": [run]}}, "sort": "TIMESTAMP_ASC", "limit": 1}
        return [each["message"] for each in wait_until(lambda: self.api("/logs/filter", wanted))]

    def runs(self, flow: str = "") -> list[dict[str, Any]]:
        """Return the runs, newest first; only those of one flow if it is named."""
        some = {"flows": {"name": {"any_": [flow]}}} if flow else {}
        found: list[dict[str, Any]] = self.api("/flow_runs/filter", {"sort": "START_TIME_DESC", "limit": 200, **some})
        return found

    def _when_made(self, path: str) -> dict[str, Any]:
        """What the server has there, once the worker has made it; or what it refuses for another reason."""
        missing = {"refused": HTTPStatus.NOT_FOUND}
        made: dict[str, Any] = wait_until(lambda: None if (found := self.api(path)) == missing else found)
        return made

    def with_worker(self) -> RunningInstallation:
        """Wait until the server shows the worker as online, as a person sees it on the page of the work pool."""

        def online() -> bool:
            found = self.api("/work_pools/sendflow/workers/filter", {})
            return isinstance(found, list) and any(each["status"] == "ONLINE" for each in found)

        wait_until(online)
        return self

    def start(self, deployment: str, **parameters: Any) -> dict[str, Any]:
        """Start a deployment as a person does, and wait for the run's end. Return the run, or what the server
        refused.
        """
        there = self._when_made(f"/deployments/name/{deployment}/{deployment}-now")
        if "refused" in there:
            return there
        made: dict[str, Any] = self.api(
            f"/deployments/{there['id']}/create_flow_run", {"parameters": parameters, "state": {"type": "SCHEDULED"}}
        )
        if "refused" in made:
            return made

        def ended() -> dict[str, Any] | None:
            run: dict[str, Any] = self.api(f"/flow_runs/{made['id']}")
            return run if run["state_type"] in {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"} else None

        found: dict[str, Any] = wait_until(ended)
        return found

    def close(self) -> None:
        """End it from any state."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(timeout=PATIENCE)
            except subprocess.TimeoutExpired:
                for number in processes_of(self.home):
                    os.kill(number, signal.SIGKILL)
                raise
