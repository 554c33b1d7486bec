"""A run accepts the parameters that sendflow gives it, for each job and each kind of fact."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from config.process_environment import fix_prefect_environment
from config.settings import Settings
from flows import run_labels
from flows.jobs import Job, JobExecution
from models.facts import FactDraft
from statemachines.registry import processes
from tests.support.by_hand import CASE
from tests.support.team import Team

ON = date(2026, 3, 2)
KINDS = {name: sorted(process.facts) for name, process in processes().items()}


@pytest.fixture(scope="module")
def flows(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The flows, imported as a command imports them."""
    with mock.patch.dict("os.environ"):
        fix_prefect_environment(Settings(home=tmp_path_factory.mktemp("var")))
        from flows import definitions

    return definitions.FLOWS


def accepted(flow: Any, given: dict[str, Any]) -> None:
    """As the server checks the parameters, and as Prefect's engine does, which makes a run that is refused red."""
    flow.validate_parameters(given)
    schema = flow.parameters.model_dump()["properties"]
    assert given.keys() <= schema.keys()
    for name, value in given.items():
        allowed = [schema[name], *schema[name].get("anyOf", [])]
        patterns = [each["pattern"] for each in allowed if "pattern" in each]
        assert value is None or isinstance(value, bool) or any(re.search(each, str(value)) for each in patterns), name


def recorded(team: Team, kinds: list[str]) -> dict[str, Any]:
    drafts = [FactDraft(kind, ON, {}) for kind in kinds]
    return run_labels.parameters(
        JobExecution(Job.RECORD, team.context("2 Mar 2026"), {"case": CASE, "drafts": drafts, "actor": "dco.team"})
    )


def test_every_fact_kind_of_every_process_is_recorded_once_through_a_run(team: Team, flows: Any) -> None:
    """Kinds with a digit in their names, such as section23_opinion_formed, were refused, and their runs were red."""
    kinds = {kind for known in KINDS.values() for kind in known}
    assert len(kinds) > 100 and any(re.search(r"[0-9]", kind) for kind in kinds)
    for kind in sorted(kinds):
        shown = recorded(team, [kind])
        assert shown["fact"] == kind
        accepted(flows[Job.RECORD], shown)


@pytest.mark.parametrize("process", KINDS)
def test_all_kinds_of_a_process_at_once_are_accepted(team: Team, flows: Any, process: str) -> None:
    accepted(flows[Job.RECORD], recorded(team, KINDS[process] * 3))


@pytest.mark.parametrize("case", ["new", "NX00042", "EHC-2026001", "SF-000001", "Zebediah", None])
def test_every_reference_is_accepted_and_no_name_is_shown(team: Team, flows: Any, case: str | None) -> None:
    arguments = {"case": case, "drafts": [FactDraft("breached", ON, {})], "actor": "dco.team"}
    shown = run_labels.parameters(JobExecution(Job.RECORD, team.context("2 Mar 2026"), arguments))
    accepted(flows[Job.RECORD], shown)
    assert "Zebediah" not in str(shown)


def test_every_other_job_is_accepted(team: Team, flows: Any, tmp_path: Path) -> None:
    context = team.context("2 Mar 2026")
    for job, arguments in (
        (Job.IMPORT, {"path": tmp_path / "gone.csv"}),
        (Job.SWEEP, {"as_at": ON}),
        (Job.DIGEST, {"as_at": ON}),
        (Job.RETENTION, {"as_at": ON}),
        (Job.DELIVER, {"now": True}),
        (Job.REPLIES, {}),
        (Job.VERIFY, {"case": CASE}),
        (Job.VERIFY, {"case": "EHC-2026001"}),
        (Job.VERIFY, {}),
    ):
        accepted(flows[job], run_labels.parameters(JobExecution(job, context, arguments)))
