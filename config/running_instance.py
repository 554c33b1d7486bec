"""Finds a running installation: its processes, its Prefect server, its local SMTP server.

Purpose: `sendflow up` writes `running.json` under SENDFLOW_HOME. Every other command reads it, or asks the server that
SENDFLOW_API_URL names. No command probes a port for a server, because another installation's could answer there.
"""

from __future__ import annotations

import json
import os
import ssl
import urllib.error
import urllib.request
from dataclasses import asdict, dataclass
from pathlib import Path

from config.files import write_whole
from config.login import basic
from config.settings import Settings


@dataclass(frozen=True, slots=True)
class Running:
    """A running installation. `pids` are its processes by name; `started` is an instant in UTC, as ISO 8601."""

    supervisor: int
    started: str
    api_url: str
    ui_url: str
    smtp_host: str
    smtp_port: int
    letters: str
    pids: dict[str, int]
    watch_url: str = ""
    pages_url: str = ""


def write_running(path: Path, running: Running) -> None:
    """Write the file in one step."""
    write_whole(path, json.dumps(asdict(running), indent=2) + "\n")


def read_running(settings: Settings) -> Running | None:
    """Return what `sendflow up` wrote if its process still runs; None if it does not, or the file cannot be read."""
    try:
        running = Running(**json.loads(settings.running_file.read_text(encoding="utf-8")))
        os.kill(running.supervisor, 0)
    except PermissionError:
        return running  # it lives, and belongs to somebody else
    except (OSError, ValueError, TypeError):
        return None
    return running


def server_answers(api_url: str, login: str | None, seconds: float = 2.0, tls_ca: Path | None = None) -> bool:
    """Return whether the Prefect server at `api_url` reports within `seconds` that it works.

    With TLS, the authority in `tls_ca` must have issued its certificate; without `tls_ca`, a public one.
    """
    try:
        vouched = ssl.create_default_context(cafile=tls_ca) if api_url.startswith("https:") else None
        asked = urllib.request.Request(f"{api_url}/health", headers=basic(login))  # noqa: S310 (our own address)
        with urllib.request.urlopen(asked, timeout=seconds, context=vouched) as answer:  # noqa: S310 (the same)
            return bool(answer.status == 200)
    except (OSError, urllib.error.URLError, ValueError):
        return False


def find_server(settings: Settings) -> str | None:
    """Return the API address of this installation's Prefect server if it answers, else None.

    It is the one that the settings name, or else the one of the `sendflow up` that runs on this folder.
    """
    if settings.api_url is not None:
        answers = server_answers(settings.api_url, settings.auth, tls_ca=settings.tls_ca)
        return settings.api_url if answers else None
    running = read_running(settings)
    return running.api_url if running is not None and server_answers(running.api_url, settings.auth) else None


def api_address(settings: Settings) -> str:
    """Return the address at which every component expects the Prefect server, also one that does not answer yet.

    It is the one that the settings name, or the one of the `sendflow up` that runs on this folder, or else where
    `sendflow run server` listens by itself.
    """
    running = read_running(settings)
    return settings.api_url or (running.api_url if running is not None else f"{settings.ui_url}/api")
