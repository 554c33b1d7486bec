"""`sendflow up` in real processes with a real Prefect server, as a new user starts it.

The files of this folder share one installation, and test_opened_again.py ends it.
"""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import urllib.request
from pathlib import Path

import pytest

from config.running_instance import server_answers
from config.toml_reader import HELP
from flows.automations import ZOMBIES
from flows.deployments import WHAT_THEY_DO
from flows.pool_template import POOL
from flows.run_ends import EndState
from flows.run_labels import JOB_TAG, RECORDING_TAG
from flows.views import VIEWS
from flows.worker import KILLED
from tests.support.installation import RunningInstallation, processes_of, wait_until
from tests.support.team import ready

pytestmark = pytest.mark.installation
REFERENCES_AND_DAYS = re.compile(
    r"^(None|True|False|new|[A-Z]{1,4}-?[0-9]{3,9}|[a-z_,]+|[0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9a-f]{32})$"
)


def _opened(installation: RunningInstallation, case: str) -> subprocess.CompletedProcess[str]:
    """Open a case by the command."""
    what = ("record", case, "ehc_assessment_requested", "--on", "2026-03-02", "--data", "la=northshire")
    return installation.ask(*what, "--actor", "dco.team", "--json")


def test_it_says_what_it_did_and_where_to_look(installation: RunningInstallation) -> None:
    """The output names the pages, the folder of letters and three commands."""
    assert f"http://127.0.0.1:{installation.port}" in installation.said
    assert str(installation.home / "letters") in installation.said
    lines = installation.said.splitlines()
    assert len([line for line in lines if line.startswith("  SENDFLOW_HOME=") and "/sendflow " in line]) == 3
    for word in ("rows accepted", "rows refused on purpose", "cases looked at", "letters sent", "are intact"):
        assert word in installation.said
    people = [line.partition(":")[0].strip() for line in lines if "/sign-in?token=" in line and "http" in line]
    assert people[:2] == ["Designated Clinical Officer", "Administrator of the team"]
    assert "Designated Clinical Officer, and safeguarding referrals" in people
    assert {"Operations", "Auditor", "Provider", "Local authority"} <= set(people)
    place = installation.said.index
    assert place("Its pages: http://127.0.0.1:") < place("/sign-in?token=") < place("The Prefect UI")
    assert len(set(people)) == len(people), "each link says whom it signs in"


def test_the_demo_data_has_overdue_duties_and_letters(installation: RunningInstallation) -> None:
    """The demo data has overdue duties on any date, and the letters are in their folder."""
    late = installation.ask("overdue", "--json")
    assert (late.returncode, late.stderr) == (0, "")
    assert json.loads(late.stdout)
    assert len(list((installation.home / "letters").glob("*.eml"))) > 5


def test_the_pages_answer_and_send_no_usage_data(installation: RunningInstallation) -> None:
    """Prefect shows its first UI, because the second sends usage data to a service."""
    with installation.get(f"http://127.0.0.1:{installation.port}/") as page:
        assert page.status == 200
    with installation.get(f"http://127.0.0.1:{installation.port}/ui-settings") as answer:
        said = json.load(answer)
    assert (said["default_ui"], said["available_uis"], said["v2_base_url"]) == ("v1", ["v1"], None)
    assert not (installation.home / "prefect" / "pages" / "v2").exists()
    assert installation.api("/admin/settings")["server"]["analytics_enabled"] is False


@pytest.mark.parametrize("path", ["/", "/runs", "/api/health"])
def test_the_policy_allows_a_browser_to_fetch_from_this_server_only(
    installation: RunningInstallation, path: str
) -> None:
    """A page of another site may not read the answers."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{installation.port}{path}",
        headers={
            "Accept": "text/html",  # as a browser that opens a page; Prefect has no page for another program
            "Origin": "https://elsewhere.example",
            "Cookie": installation.signed_in(),
        },
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        policy, shared = answer.headers["Content-Security-Policy"], answer.headers["Access-Control-Allow-Origin"]
    (allowed,) = re.findall(r"connect-src ([^;]+);", policy)
    hosts = {re.sub(r"^\w+://", "", source) for source in allowed.split() if "://" in source}
    assert hosts == {f"127.0.0.1:{installation.port}", f"localhost:{installation.port}"}
    assert shared not in {"*", "https://elsewhere.example"}


def test_a_run_can_be_read_where_it_is_opened(installation: RunningInstallation) -> None:
    """A person who opens a run sees its log first."""
    newest, *_ = installation.runs("sweep")
    lines = installation.api("/logs/filter", {"logs": {"flow_run_id": {"any_": [newest["id"]]}}})
    assert any(line["message"].startswith("Looked at ") for line in lines)


def test_the_first_jobs_are_runs_with_readable_names_and_ends(installation: RunningInstallation) -> None:
    """The start runs import, sweep, digest, deliver and verify; each ends as completed."""
    first = {"import", "sweep", "digest", "deliver", "verify"}
    wait_until(lambda: first <= {run["name"].split()[0] for run in installation.runs() if run["end_time"]})
    names = {run["name"].split()[0]: run for run in installation.runs() if run["end_time"]}
    assert {run["state_name"] for run in names.values()} <= set(EndState)
    assert {run["state_type"] for run in names.values()} == {"COMPLETED"}
    assert names["sweep"]["tags"]
    assert all(re.fullmatch(r"[A-Z0-9]{3,8}|[a-z_-]+", tag) for run in names.values() for tag in run["tags"])


def test_the_parameters_hold_references_kinds_and_days_only(installation: RunningInstallation) -> None:
    """Prefect stores every parameter."""
    parameters = [str(value) for run in installation.runs() for value in run["parameters"].values()]
    assert parameters
    assert [value for value in parameters if not REFERENCES_AND_DAYS.match(value)] == []


def test_every_artifact_is_filled(installation: RunningInstallation) -> None:
    """The artifacts are overdue by body, due this week and the verification; the sweep's names the next check."""
    pages = {page["key"]: page for page in installation.api("/artifacts/filter", {})}
    assert {"overdue-by-body", "due-this-week", "verification"} <= set(pages)
    assert "next look: " in pages["overdue-by-body"]["description"]
    assert json.loads(pages["overdue-by-body"]["data"])[0]["Overdue"] >= 1
    assert json.loads(pages["due-this-week"]["data"])[0]["Case"]
    assert "# The history is intact" in pages["verification"]["data"]


def test_a_person_can_start_five_things_and_none_has_a_schedule(installation: RunningInstallation) -> None:
    """Each deployment has a description of what it does."""

    def served() -> dict[str, str] | None:
        found = installation.api("/deployments/filter", {})
        by_flow = {each["entrypoint"].rsplit(".", 1)[-1]: each for each in found}
        return (
            {name: each["description"] for name, each in by_flow.items() if not each["schedules"]}
            if len(by_flow) == len(WHAT_THEY_DO)
            else None
        )

    assert wait_until(served) == WHAT_THEY_DO


def test_prefect_notices_a_run_without_a_process_for_every_end_state(installation: RunningInstallation) -> None:
    """The automation lists every end state by name."""
    (automation,) = wait_until(
        lambda: [each for each in installation.api("/automations/filter", {}) if each["name"] == ZOMBIES]
    )
    assert automation["enabled"]
    assert {f"prefect.flow-run.{name}" for name in EndState} <= set(automation["trigger"]["expect"])


def test_a_sweep_that_is_started_from_the_pages_finds_nothing_left_to_do(installation: RunningInstallation) -> None:
    """A person can start a sweep at any time without harm."""
    ended = installation.start("sweep")
    assert (ended["state_type"], ended["state_name"]) == ("COMPLETED", EndState.NOTHING_DUE)
    assert ended["work_pool_name"] == POOL, "the worker of this machine executes it, as a worker of any other would"


def test_the_work_pool_is_active_and_the_views_are_saved(installation: RunningInstallation) -> None:
    """The dashboard said that there is no active work pool, and the Runs page had no search but its own."""
    assert wait_until(lambda: installation.api(f"/work_pools/{POOL}").get("status") == "READY")
    saved = {each["name"]: each["filters"] for each in installation.api("/saved_searches/filter", {})}
    assert saved.keys() == VIEWS.keys()
    tagged = {
        value for filters in saved.values() for each in filters if each["property"] == "tag" for value in each["value"]
    }
    assert JOB_TAG in tagged and RECORDING_TAG not in tagged


def test_free_text_is_refused_before_it_is_stored(installation: RunningInstallation) -> None:
    """The server refuses a name in place of a day or a reference."""
    before = len(installation.runs())
    assert installation.start("sweep", as_at="Zebediah") == {"refused": 409}
    assert installation.start("verify", case="Zebediah Crumb") == {"refused": 409}
    assert len(installation.runs()) == before


def test_a_fact_is_recorded_as_a_run_without_its_free_text(installation: RunningInstallation) -> None:
    """The command prints one JSON document, the run shows reference and kind, and no file contains the free text."""
    opened = _opened(installation, "ZZ900001")
    assert (opened.returncode, json.loads(opened.stdout)["case_ref"]) == (0, "ZZ900001")
    words = "Zebediah Crumb was seen by Dr Quillfeather"
    noted = installation.ask(
        "record",
        "ZZ900001",
        "chasing_paused",
        "--on",
        "2026-03-03",
        "--data",
        f"reason={words}",
        "--data",
        "until=2026-03-20",
        "--actor",
        "dco.team",
        "--json",
    )
    assert noted.returncode in {0, 1}
    recordings = installation.runs("record")
    (first,) = (run for run in recordings if run["name"] == "record ZZ900001 EHC assessment requested")
    (said,) = installation.first_lines(first["id"])
    assert said == first["state"]["message"] and said.endswith("; nobody is needed")
    names = [run["name"] for run in recordings]
    assert "record ZZ900001 EHC assessment requested" in names
    assert "record ZZ900001 reminders paused" in names
    assert all(RECORDING_TAG in run["tags"] and JOB_TAG not in run["tags"] for run in installation.runs("record"))
    assert all(JOB_TAG in run["tags"] for run in installation.runs("sweep"))
    for path in [*installation.home.rglob("*")]:
        if path.is_file():
            assert b"Quillfeather" not in path.read_bytes(), path


def test_a_refused_fact_is_a_run_that_is_not_red(installation: RunningInstallation) -> None:
    """A refusal is no failure of sendflow: the person gets the sentence, Prefect the code."""
    refused = installation.ask(
        "record", "ZZ900001", "refusal_reversed", "--on", "2026-03-04", "--actor", "dco.team", "--json"
    )
    assert refused.returncode == 1
    assert refused.stdout == ""
    newest = installation.runs("record")[0]
    assert (newest["state_type"], newest["state_name"]) == ("COMPLETED", EndState.REFUSED)


def test_the_scheduler_starts_a_sweep(installation: RunningInstallation) -> None:
    """The scheduler, in its own process, starts a sweep that finds an overdue duty and records the breach."""
    for kind, data in (("assessment_agreed", []), ("health_advice_requested", ["--data", "service=physiotherapy"])):
        done = installation.ask("record", "ZZ900001", kind, "--on", "2026-03-05", *data, "--actor", "dco.team")
        assert done.returncode == 0, done.stderr

    def kinds() -> set[str]:
        return {fact["kind"] for fact in json.loads(installation.ask("case", "ZZ900001", "--json").stdout)["facts"]}

    assert wait_until(lambda: "breached" in kinds())
    assert wait_until(
        lambda: [run for run in installation.runs("sweep") if "breached" in run["name"] and not run["deployment_id"]]
    )


def test_the_health_endpoints_answer(installation: RunningInstallation) -> None:
    """The scheduler serves the health endpoints on loopback; running.json has their address."""
    url = installation.running["watch_url"]
    assert url.startswith("http://127.0.0.1:")

    def answered() -> bytes | None:
        try:
            with installation.get(f"{url}/metrics") as answer:
                return bytes(answer.read())
        except OSError:
            return None

    assert b"sendflow_sweep_lag_seconds" in wait_until(answered)
    for path in ("live", "ready"):
        with installation.get(f"{url}/{path}") as answer:
            assert answer.status == 200


def test_components_that_die_are_restarted_and_facts_are_recorded_meanwhile(installation: RunningInstallation) -> None:
    """Server, deployments and scheduler are killed at once, as when memory runs out."""
    before = installation.running["pids"]
    for pid in before.values():
        os.kill(pid, signal.SIGKILL)
    done = _opened(installation, "ZZ900003")
    assert (done.returncode, json.loads(done.stdout)["case_ref"]) == (0, "ZZ900003")
    assert "Prefect is not running" in done.stderr
    wait_until(lambda: all(installation.running["pids"][name] != pid for name, pid in before.items()))
    for name in before:
        assert f"The {name} process ended" in installation.said
    wait_until(lambda: server_answers(f"http://127.0.0.1:{installation.port}/api", installation.login))
    # A new server answers its health check before it accepts a run, and the deployments register later still.
    assert wait_until(lambda: installation.start("verify", case="ZZ900003").get("state_type")) == "COMPLETED"


def test_a_second_up_on_the_same_home_is_one_clear_line(installation: RunningInstallation, tmp_path: Path) -> None:
    """The first installation runs on."""
    second = installation.ask("up")
    assert second.returncode == 3
    assert second.stderr.count("\n") == 1
    assert "open already" in second.stderr
    assert installation.process.poll() is None


def test_a_port_that_is_taken_is_one_clear_line(tmp_path: Path) -> None:
    """The line names the port and how to choose another; no file is left."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        other = RunningInstallation(tmp_path / "var", taken.getsockname()[1])
        assert other.ended() == 3
    assert other.said.count("\n") == 1
    assert re.search(r"port \d+ on 127\.0\.0\.1 is taken .* SENDFLOW_PORT=\d+ make up", other.said)
    assert not (tmp_path / "var" / "running.json").exists()


def test_a_folder_that_cannot_be_written_is_one_clear_line(tmp_path: Path) -> None:
    """It includes root, which may write anywhere."""
    (tmp_path / "file").touch()
    other = RunningInstallation.__new__(RunningInstallation)
    other.environment = dict(os.environ) | {"SENDFLOW_HOME": str(tmp_path / "file" / "var")}
    ended = other.ask("up")
    assert ended.returncode == 3
    assert ended.stderr.count("\n") == 1
    assert "cannot be written" in ended.stderr


@pytest.mark.parametrize("words", [("up",), ("run", "web")], ids=" ".join)
def test_a_damaged_file_is_one_clear_line_and_nothing_is_started(tmp_path: Path, words: tuple[str, ...]) -> None:
    home = ready(tmp_path / "var")
    (home / "directory.toml").symlink_to(tmp_path / "nowhere")
    other = RunningInstallation.__new__(RunningInstallation)
    other.environment = dict(os.environ) | {"SENDFLOW_HOME": str(home)}
    ended = other.ask(*words)
    assert ended.returncode == 3, ended
    lines = [line for line in ended.stderr.splitlines() if "directory.toml" in line]
    assert len(lines) == 1 and "var/directory.toml: the file is missing. It is a link" in lines[0], ended.stderr
    assert lines[0].endswith(HELP) and "Traceback" not in ended.stderr
    assert not (home / "running.json").exists()


def test_a_run_whose_process_is_killed_says_what_became_of_the_work(installation: RunningInstallation) -> None:
    """The worker sees that the process died of a signal, and writes our own sentence into the run."""
    waits = sqlite3.connect(installation.home / "sendflow.db", isolation_level=None)
    waits.execute("BEGIN IMMEDIATE")
    try:
        there = installation.api("/deployments/name/sweep/sweep-now")
        made = installation.api(f"/deployments/{there['id']}/create_flow_run", {"state": {"type": "SCHEDULED"}})
        mark = f"PREFECT__FLOW_RUN_ID={made['id']}".encode()
        running = wait_until(
            lambda: (
                [
                    each
                    for each in processes_of(installation.home)
                    if mark in Path(f"/proc/{each}/environ").read_bytes().split(b"\0")
                ]
                if installation.api(f"/flow_runs/{made['id']}")["state_type"] == "RUNNING"
                else []
            )
        )
        for each in running:
            os.kill(each, signal.SIGKILL)
        # Prefect's process writes its own sentence first.
        wait_until(lambda: installation.api(f"/flow_runs/{made['id']}")["state"]["message"] == KILLED)
    finally:
        waits.close()
    shown = installation.api(f"/flow_runs/{made['id']}")
    assert (shown["state_type"], shown["name"].split()[0]) == ("CRASHED", "sweep")
    assert installation.first_lines(made["id"]) == [KILLED], "a person reads it without looking for it"
