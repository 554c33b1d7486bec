"""A sweep shared by Prefect workers: a server with a login and its own database, a process work pool, and one, two or
eight workers.

The tests take minutes, so they run with `make faults`; `tests/runtime/test_components.py` has those without a server.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import urllib.request
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from config.running_instance import server_answers
from notifications.local_smtp import free_port
from runtime.local_postgres import LocalPostgres
from tests.support.installation import ROOT, SENDFLOW, wait_until
from tests.support.team import Team
from tests.system.postgres.test_workers import CASES, asked, rows

pytestmark = pytest.mark.timeout(900)
LOGIN = "dco:kestrel-under-glass-41"
PART = [*SENDFLOW, "run"]


class Machines:
    """One Prefect server and any number of workers, for one installation after the other."""

    def __init__(self, folder: Path, prefect_url: str) -> None:
        """Choose a port and settings; start nothing yet."""
        self.folder, self.port = folder, free_port()
        self.own = {
            "SENDFLOW_PORT": str(self.port),
            "SENDFLOW_API_URL": f"http://127.0.0.1:{self.port}/api",
            "SENDFLOW_AUTH": LOGIN,
            "SENDFLOW_PREFECT_DATABASE_URL": prefect_url,
            "PYTHONPATH": str(ROOT),
        }

    def environment(self, home: Path, **more: str) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("SENDFLOW_", "PREFECT_"))}
        return kept | self.own | {"SENDFLOW_HOME": str(home)} | more

    @contextmanager
    def part(self, home: Path, *words: str, **more: str) -> Iterator[subprocess.Popen[bytes]]:
        """Run one component as a service manager starts it; at the end stop it and all its children."""
        with (self.folder / "parts.log").open("ab") as log:
            made = subprocess.Popen(
                [*PART, *words],
                env=self.environment(home, **more),
                cwd=self.folder,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        try:
            yield made
        finally:
            made.terminate()
            try:
                # A component ends well on SIGTERM: a service manager reports any other end as a failure.
                assert made.wait(30) in (0, -signal.SIGTERM), words
            finally:
                with suppress(ProcessLookupError):
                    os.killpg(made.pid, signal.SIGKILL)
                made.wait()

    def ask(self, path: str, body: dict[str, Any]) -> Any:
        """Send a request to the server with the login."""
        headers = {"Content-Type": "application/json", "Authorization": f"Basic {b64encode(LOGIN.encode()).decode()}"}
        request = urllib.request.Request(
            f"{self.own['SENDFLOW_API_URL']}{path}", data=json.dumps(body).encode(), headers=headers
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def at_work(self, name: str) -> set[str]:
        """Return the workers of the pool that are online and whose names begin so."""
        found = self.ask("/work_pools/sendflow/workers/filter", {})
        return {each["name"] for each in found if each["name"].startswith(name) and each["status"] == "ONLINE"}

    def sweep(self, home: Path, parts: int, **more: str) -> tuple[dict[str, Any], str]:
        """Run `sendflow sweep --workers`; return its report and its standard error."""
        command = [*SENDFLOW, "sweep", f"--workers={parts}", "--json"]
        done = subprocess.run(
            command, env=self.environment(home, **more), cwd=self.folder, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout), done.stderr


@pytest.fixture(scope="module")
def machines(postgres: LocalPostgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machines]:
    """The server with its pool."""
    folder = tmp_path_factory.mktemp("machines")
    postgres.database("prefect_of_the_pool", "sendflow")
    made = Machines(folder, postgres.url("prefect_of_the_pool", "sendflow", "postgresql"))
    home = folder / "server"
    with made.part(home, "server") as server:
        wait_until(lambda: server_answers(made.own["SENDFLOW_API_URL"], LOGIN) or server.poll() is not None)
        assert server.poll() is None, (folder / "parts.log").read_text()
        done = subprocess.run(
            [*SENDFLOW, "deployments", "--json"],
            env=made.environment(home),
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["deployments"] == [
            "alert/alert-now",
            "deliver/deliver-now",
            "digest/digest-now",
            "sweep/sweep-now",
            "verify/verify-now",
        ]
        yield made


def of(team: Team, today: str = "2026-04-14") -> dict[str, str]:
    return {"SENDFLOW_DATABASE_URL": str(team.first.settings.database_url), "SENDFLOW_TODAY": today}


def test_the_same_sweep_by_one_two_and_eight_workers_of_the_pool(
    machines: Machines, teams: Callable[[str], Team]
) -> None:
    found = []
    for how_many in (1, 2, 8):
        team = asked(teams(f"by_{how_many}"))
        with_workers = [
            machines.part(team.home, "worker", f"--name=of{how_many}-{number}", **of(team))
            for number in range(how_many)
        ]
        entered = [each.__enter__() for each in with_workers]
        try:
            wait_until(lambda: len(machines.at_work(f"of{how_many}-")) == how_many)  # noqa: B023 (asked at once)
            report, said = machines.sweep(team.home, how_many, **of(team))
        finally:
            for each in with_workers:
                each.__exit__(None, None, None)
        assert entered
        assert report["facts_written"] == 0, f"the workers have done it all: {said}"
        runs = machines.ask(
            "/flow_runs/filter",
            {"sort": "EXPECTED_START_TIME_DESC", "limit": how_many, "flow_runs": {"tags": {"all_": ["shared"]}}},
        )
        assert {run["parameters"]["part"] for run in runs} == {
            f"{number}/{how_many}" for number in range(1, how_many + 1)
        }
        assert {run["state_name"] for run in runs} <= {"Breaches found", "Nothing due"}
        assert len(rows(team, "fact")) == CASES * (3 + 4)
        assert team.verify("14 Apr 2026").intact
        # A fact names the run that wrote it, so that its hash is its own.
        found.append([row[:5] for row in rows(team, "fact", "case_file")] + rows(team, "duty", "notice"))
    assert found[0] == found[1] == found[2]


def test_the_caller_sweeps_the_shard_of_a_worker_that_dies(machines: Machines, team: Team) -> None:
    asked(team)
    with machines.part(team.home, "worker", "--name=dies", SENDFLOW_KILL_AT="after_fact_before_commit", **of(team)):
        wait_until(lambda: machines.at_work("dies"))
        report, said = machines.sweep(team.home, 2, **of(team))
    assert "Crashed" in said
    assert report["facts_written"] == CASES * 4
    assert team.verify("14 Apr 2026").intact


def test_without_a_worker_the_sweep_is_done_where_it_was_asked_for(machines: Machines, team: Team) -> None:
    asked(team)
    report, said = machines.sweep(team.home, 2, SENDFLOW_AUTH="dco:not-the-right-words", **of(team))
    assert report["facts_written"] == CASES * 4
    assert "The sweep is not shared" in said
    assert "not-the-right-words" not in said


def test_nobody_gives_a_worker_another_command_through_the_interface(
    machines: Machines, team: Team, tmp_path: Path
) -> None:
    """The pool's template has no variables, so a person who may start a run cannot choose its command."""
    asked(team)
    there = machines.ask("/deployments/filter", {"deployments": {"name": {"any_": ["verify-now"]}}})[0]
    with machines.part(team.home, "worker", "--name=obedient", **of(team)):
        other = {"command": f"touch {tmp_path / 'made'}", "env": {"SENDFLOW_HOME": str(tmp_path)}, "working_dir": "/"}
        made = machines.ask(
            f"/deployments/{there['id']}/create_flow_run", {"state": {"type": "SCHEDULED"}, "job_variables": other}
        )
        ended = wait_until(
            lambda: [
                each["state_name"]
                for each in machines.ask("/flow_runs/filter", {"flow_runs": {"id": {"any_": [made["id"]]}}})
                if each["state_type"] in {"COMPLETED", "FAILED", "CRASHED"}
            ]
        )
    assert ended == ["Intact"]
    assert not (tmp_path / "made").exists()
