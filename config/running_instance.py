"""Finds a running house: who runs it, where its Prefect server answers, where its letters arrive.

Purpose: `sendflow up` writes `running.json` under SENDFLOW_HOME; every other command reads it there, or asks the server
that SENDFLOW_API_URL names, and nowhere else. A port is never probed for a server, because the one that answers might
be another house's. This module does not import prefect.
"""

from __future__ import annotations

import json
import os
import ssl
import urllib.error
import urllib.request
from dataclasses import asdict, dataclass
from pathlib import Path

from config.login import basic
from config.settings import Settings


@dataclass(frozen=True, slots=True)
class Running:
    """A running house. `pids` are its processes by name; `started` is an instant in UTC, as ISO 8601."""

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
    """Writes the file in one step, so that no reader ever sees half of it."""
    fresh = path.with_suffix(".tmp")
    fresh.write_text(json.dumps(asdict(running), indent=2) + "\n", encoding="utf-8")
    fresh.replace(path)


def read_running(settings: Settings) -> Running | None:
    """Returns what `sendflow up` wrote, where its process still lives; None where no house runs or the file
    is no use.
    """
    try:
        running = Running(**json.loads(settings.running_file.read_text(encoding="utf-8")))
        os.kill(running.supervisor, 0)
    except PermissionError:
        return running  # it lives, and belongs to somebody else
    except (OSError, ValueError, TypeError):
        return None
    return running


def server_answers(api_url: str, login: str | None, seconds: float = 2.0, tls_ca: Path | None = None) -> bool:
    """Says whether a Prefect server at `api_url` says that it is well, within `seconds`; by TLS `tls_ca` vouches for
    it, or without one a public authority.
    """
    try:
        vouched = ssl.create_default_context(cafile=tls_ca) if api_url.startswith("https:") else None
        asked = urllib.request.Request(f"{api_url}/health", headers=basic(login))  # noqa: S310 (our own address)
        with urllib.request.urlopen(asked, timeout=seconds, context=vouched) as answer:  # noqa: S310 (the same)
            return bool(answer.status == 200)
    except (OSError, urllib.error.URLError, ValueError):
        return False


def find_server(settings: Settings) -> str | None:
    """Returns the API address of this house's Prefect server where it answers, else None.

    It is the one that the settings name, or else the one of the `sendflow up` that runs on this folder.
    """
    if settings.api_url is not None:
        answers = server_answers(settings.api_url, settings.auth, tls_ca=settings.tls_ca)
        return settings.api_url if answers else None
    running = read_running(settings)
    return running.api_url if running is not None and server_answers(running.api_url, settings.auth) else None


def api_address(settings: Settings) -> str:
    """Where the parts of a house of several services look for its Prefect server: each of them in the same place,
    whoever asks.

    It is the one that the settings name, or the one of the `sendflow up` that runs on this folder, or else where
    `sendflow run server` listens by itself.
    """
    running = read_running(settings)
    return settings.api_url or (running.api_url if running is not None else f"{settings.ui_url}/api")
