"""Sweeps, deliveries and verifications shared by Prefect workers: a server with a login and its own database, a process
work pool, and one, two or eight workers.

The tests take minutes, so they run with `make faults`; `tests/runtime/test_components.py` has those without a server.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import urllib.request
from base64 import b64encode
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from email import message_from_bytes
from email.policy import default
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

    def job(self, home: Path, job: str, parts: int, **more: str) -> tuple[dict[str, Any], str]:
        """Run `sendflow JOB --workers`; return its report and its standard error."""
        command = [*SENDFLOW, job, f"--workers={parts}", "--json"]
        done = subprocess.run(
            command, env=self.environment(home, **more), cwd=self.folder, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout), done.stderr

    def shards(self, job: str, how_many: int) -> list[dict[str, Any]]:
        """The newest runs of a job's shards."""
        flows = {"flows": {"name": {"any_": [job]}}, "flow_runs": {"tags": {"all_": ["shared"]}}}
        wanted = {"sort": "EXPECTED_START_TIME_DESC", "limit": how_many, **flows}
        found: list[dict[str, Any]] = self.ask("/flow_runs/filter", wanted)
        return found

    @contextmanager
    def workers(self, home: Path, name: str, how_many: int, **more: str) -> Iterator[None]:
        """Run so many workers, each as on a machine of its own."""
        with ExitStack() as stack:
            for number in range(how_many):
                stack.enter_context(self.part(home, "worker", f"--name={name}-{number}", **more))
            wait_until(lambda: len(self.at_work(f"{name}-")) == how_many)
            yield


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
            "replies/replies-now",
            "retention/retention-now",
            "sweep/sweep-now",
            "verify/verify-now",
        ]
        yield made


def of(team: Team, today: str = "2026-04-14") -> dict[str, str]:
    return {"SENDFLOW_DATABASE_URL": str(team.first.settings.database_url), "SENDFLOW_TODAY": today}


def test_a_sweep_waits_for_a_worker_that_was_started_with_it(machines: Machines, team: Team) -> None:
    """On a busy machine a worker announces itself some seconds after its start. This is the first test of the file: no
    worker of another has been seen.
    """
    asked(team)
    with ThreadPoolExecutor(1) as caller:
        shared = caller.submit(machines.job, team.home, "sweep", 1, **of(team))
        with machines.workers(team.home, "late", 1, **of(team)):
            report, said = shared.result()
    assert report["facts_written"] == 0, f"the worker has done it all: {said}"


def test_the_same_sweep_by_one_two_and_eight_workers_of_the_pool(
    machines: Machines, teams: Callable[[str], Team]
) -> None:
    found = []
    for how_many in (1, 2, 8):
        team = asked(teams(f"by_{how_many}"))
        with machines.workers(team.home, f"of{how_many}", how_many, **of(team)):
            report, said = machines.job(team.home, "sweep", how_many, **of(team))
        assert report["facts_written"] == 0, f"the workers have done it all: {said}"
        runs = machines.shards("sweep", how_many)
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
    with machines.workers(team.home, "dies", 1, SENDFLOW_KILL_AT="after_fact_before_commit", **of(team)):
        report, said = machines.job(team.home, "sweep", 2, **of(team))
    assert "Crashed" in said
    assert report["facts_written"] == CASES * 4
    assert team.verify("14 Apr 2026").intact


def arrived(team: Team) -> Counter[tuple[str, str]]:
    """How often each letter reached its mailbox: the local mail server writes every delivery to a file."""
    found: Counter[tuple[str, str]] = Counter()
    for file in team.first.settings.letters.glob("*.eml"):
        message = message_from_bytes(file.read_bytes(), policy=default)
        found[message["To"], message["Message-ID"]] += 1
    return found


def test_the_same_letters_by_workers_of_the_pool_and_by_one_that_dies(
    machines: Machines, teams: Callable[[str], Team]
) -> None:
    """A worker is killed after the mail server took a letter, before it could record that. This letter goes once more,
    under its Message-ID, by which the recipient's mail server knows it.
    """
    found = []
    for name, how_many, kill_at in (("alone", 0, ""), ("two", 2, ""), ("lost", 2, "after_send_before_record")):
        team = asked(teams(f"letters_{name}"))
        given = of(team, "2026-03-02")
        with machines.workers(team.home, f"post-{name}", how_many, **given, SENDFLOW_KILL_AT=kill_at):
            report, said = machines.job(team.home, "deliver", how_many, **given)
        assert (report["sent"] == 0) is (name == "two"), f"two workers have sent it all: {said}"
        ends = [run["state_name"] for run in machines.shards("deliver", how_many)] if how_many else []
        assert set(ends) <= ({"Crashed", "Nothing to send"} if kill_at else {"Sent", "Nothing to send"})
        lost = ends.count("Crashed")
        assert (lost > 0) is bool(kill_at)
        times = arrived(team)
        assert sorted(times.values()) == [1] * (len(times) - lost) + [2] * lost, "only what was being sent goes twice"
        assert len({to for to, _id in times}) == len(times) > 2, "one letter to a mailbox a day"
        assert {state for _, _, state in team.notices()} <= {"sent", "sent_perhaps_twice"}
        assert team.verify("2 Mar 2026").intact
        found.append(sorted(to for to, _id in times))
    assert found[0] == found[1] == found[2]


def test_the_same_verification_by_workers_of_the_pool_and_by_one_that_dies(machines: Machines, team: Team) -> None:
    asked(team)
    team.sweep("14 Apr 2026")
    alone = team.verify("14 Apr 2026")
    head = ("cases", "facts", "intact", "damage")
    for how_many in (1, 2):
        with machines.workers(team.home, f"proof{how_many}", how_many, **of(team)):
            report, said = machines.job(team.home, "verify", how_many, **of(team))
        runs = machines.shards("verify", how_many)
        assert [run["state_name"] for run in runs] == ["Part verified"] * how_many, said
        assert {name: report[name] for name in head} == {name: alone.model_dump()[name] for name in head}
        assert sum(int(run["name"].split()[-2]) for run in runs) == 5, "one range, and four that are read in order"
        assert {*runs[0]["parameters"]} <= {"case", "part", "snapshot", "before"}
    with machines.workers(team.home, "lostproof", 1, SENDFLOW_KILL_AT="verify_between_parts", **of(team)):
        report, said = machines.job(team.home, "verify", 2, **of(team))
    assert "Crashed" in said
    assert {name: report[name] for name in head} == {name: alone.model_dump()[name] for name in head}


def test_without_a_worker_the_sweep_is_done_where_it_was_asked_for(machines: Machines, team: Team) -> None:
    asked(team)
    report, said = machines.job(team.home, "sweep", 2, SENDFLOW_AUTH="dco:not-the-right-words", **of(team))
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
