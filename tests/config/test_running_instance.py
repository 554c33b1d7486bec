"""A running installation is found through its file."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from config.running_instance import (
    Running,
    find_server,
    read_running,
    server_answers,
    write_running,
)
from config.settings import Settings


class Well(BaseHTTPRequestHandler):
    """A server that says that it is well."""

    def do_GET(self) -> None:
        """Answers 200 to /api/health and 404 to all else."""
        self.send_response(200 if self.path == "/api/health" else 404)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


@pytest.fixture
def api_url() -> Iterator[str]:
    """The address of a server that answers as Prefect's does."""
    server = HTTPServer(("127.0.0.1", 0), Well)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/api"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings for an installation in a folder of its own."""
    return Settings(home=tmp_path)


def context(api_url: str, pid: int) -> Running:
    """A running installation as the supervisor writes it."""
    return Running(
        pid, "2026-04-14T08:00:00+00:00", api_url, "http://127.0.0.1:1", "127.0.0.1", 2525, "letters", {"server": 1}
    )


def test_what_was_written_is_read_back(settings: Settings, api_url: str) -> None:
    """The file holds the whole of it, and no temporary file stays."""
    write_running(settings.running_file, context(api_url, os.getpid()))
    assert read_running(settings) == context(api_url, os.getpid())
    assert [path.name for path in settings.home.iterdir()] == ["running.json"]
    assert find_server(settings) == api_url


def test_without_the_file_no_installation_runs(settings: Settings) -> None:
    """No port is ever probed."""
    assert find_server(settings) is None


@pytest.mark.parametrize("text", ["", "{", "[]", '{"supervisor": 1}', '{"supervisor": "x"}'])
def test_with_a_damaged_file_no_installation_runs(settings: Settings, text: str) -> None:
    """Half a file never stops a command."""
    settings.running_file.write_text(text)
    assert read_running(settings) is None


def test_without_its_supervisor_no_installation_runs(settings: Settings, api_url: str) -> None:
    """After a power cut the file may still lie there, and another program may answer on that port."""
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    write_running(settings.running_file, context(api_url, gone.pid))
    assert read_running(settings) is None
    assert find_server(settings) is None


def test_a_server_that_does_not_answer_is_not_found(settings: Settings) -> None:
    """The supervisor may live while the server is being started again."""
    write_running(settings.running_file, context("http://127.0.0.1:9/api", os.getpid()))
    assert find_server(settings) is None
    assert not server_answers("not an address", None)
