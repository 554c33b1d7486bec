"""The example client of the documents, run as its reader runs it, against a real server that breaks connections."""

from __future__ import annotations

import os
import runpy
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from models.database import transact
from tests.support.by_hand import CASE, SALT
from tests.support.paths import ROOT
from tests.support.team import Team
from tests.web.api.conftest import token_for
from web.app import create_app
from web.guards import App, Message, Receive, Send
from web.installation import Installation

CLIENT = ROOT / "docs" / "reference" / "programs_client.py"


def breaking(app: App, breaks: list[str]) -> App:
    """The app behind a connection that breaks after the act was done and before its answer arrives."""

    async def broken(scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "POST" or not breaks:
            await app(scope, receive, send)
            return
        breaks.pop()

        async def lost(_message: Message) -> None:
            """The answer gets nowhere."""

        await app(scope, receive, lost)
        await send({"type": "http.response.start", "status": 201, "headers": [(b"content-length", b"100")]})

    return broken


@contextmanager
def serving(app: App) -> Iterator[str]:
    """A server on a free port of this machine; gives its origin."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(16)
        server = uvicorn.Server(uvicorn.Config(app, log_level="critical", access_log=False))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        server.should_exit = True
        thread.join(20)


@pytest.fixture
def address(team: Team, tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A server with one case, and the file of a token."""
    team.opened("2 Feb 2026").asked("2 Mar 2026")
    context = team.context("14 Apr 2026")
    transact(context.engine, context.keep_time)
    installation = Installation(context.settings)
    token = tmp_path / "token.txt"
    token.write_text(token_for(installation.context(), "council.system") + "\n", "utf-8")
    with serving(breaking(create_app(installation), ["once"])) as origin:
        yield f"{origin}/api/v1", token
    installation.close()


def run(address: tuple[str, Path], *words: str) -> subprocess.CompletedProcess[str]:
    named = {"SENDFLOW_API": address[0], "SENDFLOW_API_TOKEN_FILE": str(address[1]), "PATH": os.environ["PATH"]}
    command = [sys.executable, "-I", str(CLIENT), *words]
    return subprocess.run(command, env=named, capture_output=True, text=True, timeout=60, check=False)


def test_it_hands_over_a_request_once_though_the_answer_was_lost_and_takes_back_its_state(
    team: Team, address: tuple[str, Path]
) -> None:
    opened = run(address, "open", "northshire", "NS-05555", "2026-04-10")
    assert opened.returncode == 0, opened.stderr
    ref = opened.stdout.strip()
    assert [line.kind for line in team.lines(ref)] == ["ehc_assessment_requested"]
    with team.first.engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM case_file").scalar_one() == 2
    state = run(address, "state", ref)
    assert state.stdout.startswith(f"{ref}  ")
    assert "due 2026-05-22" in state.stdout
    late = run(address, "late")
    assert late.stdout.startswith(f"{CASE}  ")
    assert late.stdout.endswith("1 days late\n")


def test_it_says_what_was_wrong(address: tuple[str, Path]) -> None:
    refused = run(address, "open", "nowhere", "NS-05555", "2026-04-10")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "(unknown_la)" in refused.stderr
    assert run(address, "state", "NX99999").stderr.endswith("(no_such_case)\n")
    assert run(address).returncode == 2


def test_it_reads_a_case_again_only_if_it_changed_and_decides_on_what_it_read(
    team: Team, address: tuple[str, Path]
) -> None:
    client: Any = runpy.run_path(str(CLIENT))
    sendflow = client["Sendflow"](address[0], address[1].read_text("utf-8").strip())
    found, tag = sendflow.case(CASE)
    assert sendflow.case(CASE) == (found, tag)
    team.record("14 Apr 2026", "health_advice_acknowledged", body="QX101", service=SALT)
    received = (CASE, "health_advice_received", "2026-04-14")
    with pytest.raises(client["Problem"]) as refused:
        sendflow.record(*received, tag, body="QX101", service=SALT)
    assert (refused.value.status, refused.value.code) == (412, "changed_meanwhile")
    changed, fresh = sendflow.case(CASE)
    assert len(changed["facts"]) == len(found["facts"]) + 1
    assert sendflow.record(*received, fresh, body="QX101", service=SALT)["case_ref"] == CASE
