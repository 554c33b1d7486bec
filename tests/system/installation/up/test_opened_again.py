"""An installation that was killed and opened again, with a login on pages, interface and health endpoints: the commands
use it, and no secret reaches a parameter, a page or a file.

Nothing that identifies a child reaches them either, although the tests record canaries. The tests share the
installation of the folder, and close it by Ctrl-C.
"""

from __future__ import annotations

import json
import re
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from flows.deployments import LEFT
from flows.worker import PATIENCE_SECONDS, STOPPED
from tests.support.canaries import (
    CLINICAL,
    NAMES,
    NUMBERS,
    Done,
    Words,
    run,
    search_home,
    search_outputs,
    trackers,
)
from tests.support.installation import ROOT, RunningInstallation, processes_of, wait_until
from tests.system.installation.up.conftest import LOGIN, Again, facts, kill

pytestmark = [pytest.mark.installation, pytest.mark.timeout(600)]
NAME = "Zuzanna Wrobelek"
SECRET = LOGIN.partition(":")[2]


@pytest.fixture
def opened(again: Again) -> RunningInstallation:
    """The installation that was opened again. It asks for a login that its environment names."""
    return again.installation


def test_a_process_that_is_killed_leaves_its_run_running(installation: RunningInstallation) -> None:
    """Prefect does not notice that the process died. A later test shows what the next start does with that run."""
    hangs = (
        "import threading; from flows import jobs, runner; from casework.context import AppContext;"
        " jobs.job_function = lambda job: lambda *given, **more: threading.Event().wait();"
        " runner.run_job('verify', AppContext.load(), case='ZZ900002')"
    )
    hung = subprocess.Popen([sys.executable, "-c", hangs], cwd=ROOT, env=installation.environment)
    wait_until(
        lambda: [
            run
            for run in installation.runs("verify")
            if run["name"] == "verify ZZ900002" and run["state_type"] == "RUNNING"
        ]
    )
    hung.kill()
    hung.wait()
    assert [run["state_type"] for run in installation.runs("verify") if run["name"] == "verify ZZ900002"] == ["RUNNING"]


def test_a_killed_supervisor_takes_all_with_it(installation: RunningInstallation) -> None:
    """After SIGKILL of the supervisor every other process ends."""
    assert installation.process.poll() is None
    kill(installation)
    assert processes_of(installation.home) == []


def test_opened_again_it_imports_nothing(again: Again) -> None:
    """The next start uses the database that exists, and a run whose process was killed says what became of it."""
    opened = again.installation
    assert "nothing is imported again" in opened.said
    assert facts(opened) == again.facts_before
    (left,) = wait_until(
        lambda: [
            run for run in opened.runs("verify") if run["name"] == "verify ZZ900002" and run["state_type"] == "CRASHED"
        ]
    )
    assert left["state"]["message"] == LEFT
    assert opened.first_lines(left["id"]) == [LEFT]


def with_canaries(folder: Path) -> list[Words]:
    """List each input once, with another canary in each; tests/system/privacy tries all without a Prefect server."""
    whole, _newer, broken, *_others = trackers(folder)
    waiting = ("waiting_list_stated", "--on", "2026-04-01", "--data", "service=camhs", "--data", f"note={NAMES[0]}")
    return [
        ("import", str(whole)),
        ("import", str(broken)),
        ("record", "KV001", *waiting, "--actor", "dco.team"),
        ("record", NUMBERS[1], CLINICAL[0], "--on", NAMES[0], "--data", CLINICAL[0], "--actor", "dco.team"),
        (
            "record",
            "KV001",
            "section_g_agreed",
            "--on",
            "2026-04-01",
            "--data",
            f"body={NUMBERS[1]}",
            "--actor",
            NAMES[0],
        ),
        ("sweep",),
        ("deliver", "--now", "--reason", CLINICAL[0]),
        ("digest",),
        ("verify",),
    ]


def test_no_canary_is_found_where_a_prefect_server_took_part(opened: RunningInstallation, tmp_path: Path) -> None:
    """The commands share one process, because the import of Prefect takes seconds."""
    outputs, past = run(opened.home, with_canaries(tmp_path / "in"), **opened.environment)
    assert [done.code for done in outputs] == [1, 2, 0, 2, 2, 0, 0, 0, 0]
    assert "Prefect" not in past + "".join(done.stderr for done in outputs), "each command has shown its run"
    search_outputs([*outputs, Done(("all",), 0, "", past)])
    search_home(opened.home)


def ask(url: str, login: str | None = None, body: Any = None) -> tuple[int, str]:
    """Return the status and the text of an answer."""
    headers = {"Content-Type": "application/json"} | (
        {"Authorization": f"Basic {b64encode(login.encode()).decode()}"} if login else {}
    )
    data = None if body is None else json.dumps(body).encode()
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data=data, headers=headers), timeout=30) as answer:
            return answer.status, answer.read().decode(errors="replace")
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read().decode(errors="replace")


def test_a_login_reaches_neither_pages_nor_files(opened: RunningInstallation) -> None:
    """Without the login, interface and health endpoints answer 401. Commands use it; no page or file contains it."""
    api, watch = f"http://127.0.0.1:{opened.port}/api", opened.running["watch_url"]
    wanted: dict[str, Any] = {"limit": 200}
    for path in ("flow_runs/filter", "logs/filter", "artifacts/filter", "variables/filter", "block_documents/filter"):
        assert ask(f"{api}/{path}", None, wanted)[0] == 401
        assert ask(f"{api}/{path}", f"dco:{'x' * 20}", wanted)[0] == 401
        code, said = ask(f"{api}/{path}", LOGIN, wanted)
        assert code == 200
        assert SECRET not in said
    assert wait_until(lambda: _answers(f"{watch}/live"))
    assert (ask(f"{watch}/metrics")[0], ask(f"{watch}/metrics", LOGIN)[0]) == (401, 200)
    swept = opened.ask("sweep", "--json")
    assert swept.returncode == 0, swept.stderr
    assert "Prefect" not in swept.stderr, "the command has shown its run"
    runs = json.loads(ask(f"{api}/flow_runs/filter", LOGIN, {**wanted, "sort": "START_TIME_DESC"})[1])
    assert {run["name"].split()[0] for run in runs} >= {"import", "sweep", "deliver", "digest", "verify"}
    shared = opened.with_worker().ask("sweep", "--workers", "2")
    assert shared.returncode == 0 and "2 parts of the sweep went to the pool's workers" in shared.stderr, shared.stderr
    assert opened.ask("doctor", "--quick", "--json").returncode in {0, 1}
    for page in (f"http://127.0.0.1:{opened.port}/", f"{api}/health"):
        assert SECRET not in ask(page)[1]
    assert SECRET not in opened.said + swept.stdout + swept.stderr
    assert _holding(opened.home, SECRET.encode(), _basic()) == []


def test_without_the_login_no_route_of_the_interface_says_or_does_anything(opened: RunningInstallation) -> None:
    """The test requests every path and method of the server's description without a login."""
    described = json.loads(ask(f"http://127.0.0.1:{opened.port}/openapi.json", LOGIN)[1])["paths"]
    found: dict[int, list[str]] = {}
    with ThreadPoolExecutor(4) as askers:
        asked = [(method, path) for path, methods in described.items() for method in methods]
        codes = askers.map(lambda one: _code(opened, *one), asked)
        for (method, path), code in zip(asked, codes, strict=True):
            found.setdefault(code, []).append(f"{method} {path}")
    assert len(found[401]) > 150
    assert {code: paths for code, paths in found.items() if code != 401} == {}


def test_prefect_stores_nothing_that_is_typed_beside_the_parameters(opened: RunningInstallation) -> None:
    """The form has a switch that accepts any value, a name, tags and a message, and accepts unknown parameters."""
    api = f"http://127.0.0.1:{opened.port}/api"

    def deployed() -> Any:
        code, said = ask(f"{api}/deployments/name/verify/verify-now", LOGIN)
        return json.loads(said) if code == 200 else None

    there = wait_until(deployed)
    start = f"{api}/deployments/{there['id']}/create_flow_run"
    typed: dict[str, Any] = {
        "parameters": {"case": None, NAME: NAME, "note": NAME},
        "name": NAME,
        "tags": [NAME, "by-hand"],
        "labels": {NAME: NAME},
        "job_variables": {"env": {NAME: NAME}},
        "context": {NAME: NAME},
        "idempotency_key": NAME,
        "enforce_parameter_schema": False,
        "state": {"type": "SCHEDULED", "name": NAME, "message": NAME},
    }
    code, said = ask(start, LOGIN, typed)
    assert code == 201, said
    assert NAME not in said
    assert sorted(json.loads(said)["tags"]) == ["by-hand", "job"]
    code, said = ask(f"{start}/bulk", LOGIN, [typed, {**typed, "tags": []}])
    assert (code, NAME in said) == (200, False), said
    assert len(json.loads(said)["results"]) == 2, "several at once are several runs"
    code, said = ask(start, LOGIN, {**typed, "parameters": {"case": NAME}})
    assert code in {400, 409, 422}, "the switch does not let it pass"
    run = json.loads(ask(f"{api}/flow_runs/filter", LOGIN, {"limit": 1, "sort": "EXPECTED_START_TIME_DESC"})[1])[0][
        "id"
    ]
    request = urllib.request.Request(
        f"{api}/flow_runs/{run}/set_state",
        data=json.dumps({"state": {"type": "CANCELLED", "message": NAME, "name": NAME}, "force": True}).encode(),
        headers={
            "Content-Type": "application/json",
            "Origin": f"http://127.0.0.1:{opened.port}",
            "Cookie": opened.signed_in(),
        },
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        assert "cancelled by a person" in answer.read().decode()
    assert ask(start, LOGIN, {"parameters": {}, "state": "no state"})[0] == 422, "this is no start of a run"
    assert _holding(opened.home, NAME.encode()) == []


def test_ctrl_c_closes_it_and_leaves_no_process(opened: RunningInstallation) -> None:
    """The database remains and running.json is deleted, so no command looks for a server. A run that a person started,
    and that does not end, gets ten seconds and is then cancelled.
    """
    parts = opened.running["pids"]
    assert set(parts) == {"server", "worker", "scheduler", "web"}
    waits = sqlite3.connect(opened.home / "sendflow.db", isolation_level=None)
    waits.execute("BEGIN IMMEDIATE")
    try:
        there = opened.api("/deployments/name/sweep/sweep-now")
        made = opened.api(f"/deployments/{there['id']}/create_flow_run", {"state": {"type": "SCHEDULED"}})
        wait_until(lambda: opened.api(f"/flow_runs/{made['id']}")["state_type"] == "RUNNING")
        asked = time.monotonic()
        opened.signal(signal.SIGINT)
        assert opened.ended() == 0
        assert time.monotonic() - asked >= PATIENCE_SECONDS
    finally:
        waits.close()
    assert processes_of(opened.home) == []
    assert not (opened.home / "running.json").exists()
    assert (opened.home / "sendflow.db").exists()
    assert "Prefect is not running" in opened.ask("verify", "--json").stderr
    shown = sqlite3.connect(opened.home / "prefect" / "prefect.db")
    state = "SELECT type, message FROM flow_run_state WHERE flow_run_id = ? ORDER BY timestamp DESC LIMIT 1"
    assert shown.execute(state, (made["id"],)).fetchall() == [("CANCELLED", STOPPED)]
    first = "SELECT message FROM log WHERE flow_run_id = ? ORDER BY timestamp LIMIT 1"
    assert shown.execute(first, (made["id"],)).fetchall() == [(STOPPED,)]
    shown.close()


def test_closed_it_leaves_neither_a_canary_nor_its_login_behind(opened: RunningInstallation) -> None:
    """The test also searches what the components write as they end."""
    opened.close()
    search_outputs([Done(("up",), 0, opened.said, "")])
    assert search_home(opened.home) > 10
    assert _holding(opened.home, SECRET.encode(), _basic()) == []


def _code(opened: RunningInstallation, method: str, path: str) -> int:
    whole = f"http://127.0.0.1:{opened.port}/api{re.sub(r'{[^}]+}', '3fa85f64-5717-4562-b3fc-2c963f66afa6', path)}"
    body = None if method in {"get", "delete"} else b"{}"
    try:
        request = urllib.request.Request(
            whole, data=body, method=method.upper(), headers={"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as refused:
        return refused.code


def _answers(url: str) -> bool:
    try:
        return ask(url, LOGIN)[0] == 200
    except OSError:
        return False


def _holding(home: Path, *words: bytes) -> list[str]:
    """Return the files of an installation that contain one of these texts."""
    contents = ((path.name, path.read_bytes()) for path in home.rglob("*") if path.is_file())
    return [name for name, content in contents if any(word in content for word in words)]


def _basic() -> bytes:
    return b64encode(LOGIN.encode())
