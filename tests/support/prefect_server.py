"""A real Prefect server behind sendflow's gate, without the rest of an installation.

Purpose: a server takes five seconds of CPU to start, and it does not matter to it which installation shows it a run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

from config.login import ensure_login
from config.process_environment import child_environment
from config.running_instance import server_answers
from config.settings import Settings
from flows.server_calls import ask
from notifications.local_smtp import free_port
from runtime.supervisor import Supervisor
from tests.support.installation import ROOT, answered, wait_until
from tests.support.prefect_database import put_prefect_database


class PrefectServer:
    """One server. `settings` are those of the installation in whose folder it is, and whose sessions it knows."""

    def __init__(self, home: Path) -> None:
        """Start nothing yet."""
        settings = Settings(home=put_prefect_database(home), port=free_port(), auth=ensure_login(home))
        self.settings = replace(settings, api_url=f"{settings.ui_url}/api")
        self.processes = Supervisor(self.settings, print)

    def started(self) -> PrefectServer:
        """Start it, and wait until it answers."""
        self.processes.start("server")
        self.processes.wait_for(
            "server", lambda: server_answers(self.address, self.settings.auth, 1.0), 200, lambda: None
        )
        return self

    def stop(self) -> None:
        """Stop it."""
        self.processes.stop()

    @property
    def address(self) -> str:
        """The address of its interface."""
        return str(self.settings.api_url)

    def of(self, home: Path, today: date | None = None) -> Settings:
        """The settings of another installation, which shows its runs to this server."""
        return replace(self.settings, home=home, today=today)

    def environment(self, settings: Settings) -> dict[str, str]:
        """The environment of a process of an installation that shows its runs to this server."""
        own = {"SENDFLOW_API_URL": self.address, "SENDFLOW_AUTH": str(self.settings.auth)}
        day = {"SENDFLOW_TODAY": settings.today.isoformat()} if settings.today is not None else {}
        return child_environment(settings) | own | day | {"PYTHONPATH": str(ROOT)}

    def ask(self, path: str, body: Any, method: str = "POST") -> Any:
        """Ask the server. Prefect answers 503 while its SQLite file is locked, so it is asked some times."""
        return answered(lambda: ask(self.settings, self.address, method, path, body))

    def every_run(self) -> Iterator[dict[str, Any]]:
        """Every run of the server, 200 at a time."""
        offset = 0
        while found := self.ask("flow_runs/filter", {"limit": 200, "offset": offset, "sort": "ID_DESC"}):
            yield from found
            offset += len(found)

    @property
    def stored(self) -> bytes:
        """Every byte of its database."""
        files = self.settings.prefect_home.rglob("prefect.db*")
        return b"".join(path.read_bytes() for path in files if path.is_file())


def tasks_of(ask: Callable[[str, Any], Any], run: Mapping[str, Any], at_least: int = 1) -> list[dict[str, Any]]:
    """The tasks of a run that has ended, in order. The server stores them after the run's end, so they are waited for.

    `ask` asks the server: a path, and what is wanted.
    """
    wanted = {"flow_runs": {"id": {"any_": [run["id"]]}}, "sort": "ID_DESC"}

    def all_ended() -> list[dict[str, Any]] | None:
        found: list[dict[str, Any]] = ask("task_runs/filter", wanted)
        ends = [each["state_type"] if each["state"] is not None else None for each in found]  # the text comes later
        ended = len(found) >= at_least and all(end in {"COMPLETED", "FAILED"} for end in ends)
        return sorted(found, key=lambda each: str(each["start_time"])) if ended else None

    made: list[dict[str, Any]] = wait_until(all_ended, 60)
    return made
