"""An installation with a login on pages, interface and health endpoints: the commands use it, and no secret reaches a
parameter, a page or a file.

Nothing that identifies a child reaches them either, although the tests record canaries. All tests share one
installation, and the last of them closes it.
"""

from __future__ import annotations

import inspect
import json
import re
import urllib.error
import urllib.request
from base64 import b64encode
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from flows.jobs import Job
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
from tests.support.installation import RunningInstallation, wait_until
from tests.support.prefect_database import put_prefect_database

LOGIN = "dco:kestrel-under-glass-41"
NAME = "Zuzanna Wrobelek"
SECRET = LOGIN.partition(":")[2]


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningInstallation]:
    """An installation that asks for a login."""
    made = RunningInstallation(
        put_prefect_database(tmp_path_factory.mktemp("locked") / "var"), sample=False, SENDFLOW_AUTH=LOGIN
    ).opened()
    yield made
    made.close()


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


@pytest.mark.installation
@pytest.mark.timeout(600)
def test_no_canary_is_found_where_a_prefect_server_took_part(installation: RunningInstallation, tmp_path: Path) -> None:
    """The commands share one process, because the import of Prefect takes seconds."""
    outputs, past = run(installation.home, with_canaries(tmp_path / "in"), **installation.environment)
    assert [done.code for done in outputs] == [1, 2, 0, 2, 2, 0, 0, 0, 0]
    assert "Prefect" not in past + "".join(done.stderr for done in outputs), "each command has shown its run"
    search_outputs([*outputs, Done(("all",), 0, "", past)])
    search_home(installation.home)


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


@pytest.mark.installation
@pytest.mark.timeout(600)
def test_a_login_reaches_neither_pages_nor_files(installation: RunningInstallation) -> None:
    """Without the login, interface and health endpoints answer 401. Commands use it; no page or file contains it."""
    api, watch = f"http://127.0.0.1:{installation.port}/api", installation.running["watch_url"]
    wanted: dict[str, Any] = {"limit": 200}
    for path in ("flow_runs/filter", "logs/filter", "artifacts/filter", "variables/filter", "block_documents/filter"):
        assert ask(f"{api}/{path}", None, wanted)[0] == 401
        assert ask(f"{api}/{path}", f"dco:{'x' * 20}", wanted)[0] == 401
        code, said = ask(f"{api}/{path}", LOGIN, wanted)
        assert code == 200
        assert SECRET not in said
    assert wait_until(lambda: _answers(f"{watch}/live"))
    assert (ask(f"{watch}/metrics")[0], ask(f"{watch}/metrics", LOGIN)[0]) == (401, 200)
    swept = installation.ask("sweep", "--json")
    assert swept.returncode == 0, swept.stderr
    assert "Prefect" not in swept.stderr, "the command has shown its run"
    runs = json.loads(ask(f"{api}/flow_runs/filter", LOGIN, {**wanted, "sort": "START_TIME_DESC"})[1])
    assert {run["name"].split()[0] for run in runs} >= {"import", "sweep", "deliver", "digest", "verify"}
    shared = installation.with_worker().ask("sweep", "--workers", "2")
    assert shared.returncode == 0 and "2 parts of the sweep went to the pool's workers" in shared.stderr, shared.stderr
    assert installation.ask("doctor", "--quick", "--json").returncode in {0, 1}
    for page in (f"http://127.0.0.1:{installation.port}/", f"{api}/health"):
        assert SECRET not in ask(page)[1]
    assert SECRET not in installation.said + swept.stdout + swept.stderr
    assert _holding(installation.home, SECRET.encode(), _basic()) == []


@pytest.mark.installation
@pytest.mark.timeout(600)
def test_without_the_login_no_route_of_the_interface_says_or_does_anything(installation: RunningInstallation) -> None:
    """The test requests every path and method of the server's description without a login."""
    described = json.loads(ask(f"http://127.0.0.1:{installation.port}/openapi.json", LOGIN)[1])["paths"]
    found: dict[int, list[str]] = {}
    with ThreadPoolExecutor(4) as askers:
        asked = [(method, path) for path, methods in described.items() for method in methods]
        codes = askers.map(lambda one: _code(installation, *one), asked)
        for (method, path), code in zip(asked, codes, strict=True):
            found.setdefault(code, []).append(f"{method} {path}")
    assert len(found[401]) > 150
    assert {code: paths for code, paths in found.items() if code != 401} == {}


@pytest.mark.installation
@pytest.mark.timeout(600)
def test_prefect_stores_nothing_that_is_typed_beside_the_parameters(installation: RunningInstallation) -> None:
    """The form has a switch that accepts any value, a name, tags and a message, and accepts unknown parameters."""
    api = f"http://127.0.0.1:{installation.port}/api"

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
            "Origin": f"http://127.0.0.1:{installation.port}",
            "Cookie": installation.signed_in(),
        },
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        assert "cancelled by a person" in answer.read().decode()
    assert ask(start, LOGIN, {"parameters": {}, "state": "no state"})[0] == 422, "this is no start of a run"
    assert _holding(installation.home, NAME.encode()) == []


@pytest.mark.installation
@pytest.mark.timeout(600)
def test_closed_it_leaves_neither_a_canary_nor_its_login_behind(installation: RunningInstallation) -> None:
    """The test also searches what the components write as they end."""
    installation.close()
    search_outputs([Done(("up",), 0, installation.said, "")])
    assert search_home(installation.home) > 10
    assert _holding(installation.home, SECRET.encode(), _basic()) == []


@pytest.mark.parametrize("name", ["sweep", "deliver", "digest", "verify"])
def test_the_gate_knows_the_parameters_of_every_deployment(name: str) -> None:
    """The gate drops an unknown parameter without a message."""
    from flows.definitions import FLOWS
    from flows.deployments import deployments
    from runtime.prefect_bodies import PARAMETERS

    assert {f"{name}-now"} <= {each.name for each in deployments()}
    assert inspect.signature(FLOWS[Job(name)].fn).parameters.keys() <= set(PARAMETERS)


def _code(installation: RunningInstallation, method: str, path: str) -> int:
    whole = (
        f"http://127.0.0.1:{installation.port}/api{re.sub(r'{[^}]+}', '3fa85f64-5717-4562-b3fc-2c963f66afa6', path)}"
    )
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


def test_no_flow_takes_anything_that_could_be_a_secret() -> None:
    """A parameter is a reference, kinds of fact, a day, a digest or true; a pattern checks each text before Prefect
    stores it.
    """
    from flows.definitions import FLOWS

    names: set[str] = set()
    for each in FLOWS.values():
        names |= inspect.signature(each.fn).parameters.keys()
        for schema in each.parameters.properties.values():
            one = next((some for some in schema.get("anyOf", [schema]) if some.get("type") != "null"), schema)
            assert one.get("type") == "boolean" or "pattern" in one or "pattern" in schema, schema
    assert names <= {"case", "fact", "on", "digest", "as_at", "part", "now", "before", "snapshot"}


def test_the_settings_that_hold_secrets_are_not_shown_by_repr(tmp_path: Path) -> None:
    """A traceback or a debugger prints settings, without the passwords."""
    from config.settings import Settings

    shown = repr(
        Settings.read(
            {
                "SENDFLOW_HOME": str(tmp_path),
                "SENDFLOW_AUTH": LOGIN,
                "SENDFLOW_DATABASE_URL": "postgresql://sendflow:osprey-31@127.0.0.1/s",
            }
        )
    )
    assert SECRET not in shown
    assert "osprey-31" not in shown
