"""An act is done once, with Prefect or without it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from casework.cases.validation import Refused
from flows import jobs, runner
from flows.jobs import Job, JobExecution
from flows.runner import run_job
from models.facts import FactDraft
from tests.support.by_hand import CASE
from tests.support.team import Team

DRAFT = FactDraft("ehc_assessment_requested", date(2026, 3, 2), {"la": "northshire"})


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[str | None]:
    """Counts how often the core of `record` is done, and under which run."""
    done: list[str | None] = []
    real = jobs.job_function(Job.RECORD)

    def job_function(_act: Job) -> Callable[..., Any]:
        def act(context: Any, run: str | None, **given: Any) -> Any:
            done.append(run)
            return real(context, run, **given)

        return act

    monkeypatch.setattr(jobs, "job_function", job_function)
    return done


def test_without_a_server_the_core_runs_directly_and_one_line_says_so(team: Team, counted: list[str | None]) -> None:
    """The same facts are written."""
    said: list[str] = []
    report = run_job("record", team.context("2 Mar 2026"), say=said.append, case=CASE, drafts=[DRAFT], actor="dco.team")
    assert (report.case_ref, report.seq) == (CASE, 1)
    assert counted == [None]
    assert said == ["Prefect is not running, so this record is not shown in the Prefect UI. The result is the same."]


def test_work_is_done_once_however_often_it_is_asked(team: Team, counted: list[str | None]) -> None:
    """A run that is started again by Prefect gets the report of the first time."""
    work = JobExecution(Job.RECORD, team.context("2 Mar 2026"), {"case": CASE, "drafts": [DRAFT], "actor": "dco.team"})
    assert work.execute("run") is work.execute(None)
    assert counted == ["run"]


def test_a_problem_is_raised_each_time_and_nothing_is_tried_again(team: Team, counted: list[str | None]) -> None:
    """What was refused stays refused."""
    work = JobExecution(Job.RECORD, team.context("1 Mar 2026"), {"case": CASE, "drafts": [DRAFT], "actor": "dco.team"})
    for _ in range(2):
        with pytest.raises(Refused):
            work.execute(None)
    assert len(counted) == 1


@pytest.mark.parametrize("when", ["before", "after"])
def test_prefect_failing_around_the_act_neither_loses_nor_repeats_it(
    team: Team, counted: list[str | None], monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    """The server may go away before the act has begun or when it has been done."""

    def run_as_flow(work: JobExecution) -> None:
        if when == "after":
            work.execute("run")
        raise ConnectionError("the server has gone away")

    monkeypatch.setitem(sys.modules, "flows.definitions", SimpleNamespace(run_as_flow=run_as_flow))
    monkeypatch.setattr(runner, "find_server", lambda _settings: "http://127.0.0.1:9/api")
    before = dict(os.environ)
    said: list[str] = []
    try:
        report = run_job(
            "record", team.context("2 Mar 2026"), say=said.append, case=CASE, drafts=[DRAFT], actor="dco.team"
        )
    finally:
        os.environ.clear()
        os.environ.update(before)
    assert report.seq == 1
    assert counted == [None if when == "before" else "run"]
    assert len(said) == 1
    assert "ConnectionError" in said[0]
    assert "gone away" not in said[0]


@pytest.mark.parametrize("act", [each.value for each in Job])
def test_every_act_has_its_core(act: str) -> None:
    """No name leads nowhere."""
    assert callable(jobs.job_function(Job(act)))


def test_cores_and_commands_do_not_import_prefect(tmp_path: Path) -> None:
    """It is paid for only where a server answers; nor does looking for one import it."""
    modules = (
        "flows.runner",
        "casework.cases.record",
        "casework.sweep",
        "casework.reports.worklists",
        "audit.verify",
        "casework.delivery.deliver",
        "cli",
    )
    imports = "".join(f"import {module}; said.append(('{module}', 'prefect' in sys.modules))\n" for module in modules)
    looks = (
        "from config.running_instance import find_server; from config.settings import Settings;"
        " find_server(Settings.read())\n"
    )
    script = (
        f"import sys; said = []\n{imports}{looks}print(*(name for name, there in [*said, ('a look', 'prefect' in"
        " sys.modules)] if there))"
    )
    kept = os.environ | {"SENDFLOW_HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=kept,
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(jobs.__file__).parent.parent,
    )
    assert done.stdout.strip() == ""
