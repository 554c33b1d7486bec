"""A body that is asked for what it does not give: the law lets the authority ask it, so that it is recorded, said to a
person and chased all the same.
"""

from pathlib import Path
from typing import Any

import pytest

from runtime.diagnostics.checks import examine
from tests.support.by_hand import SALT, TRUST
from tests.support.calling import sendflow
from tests.support.team import Team

CAMHS_TRUST = "QX104"


def test_the_request_is_recorded_and_the_follow_up_names_what_to_record(team: Team) -> None:
    said = (
        team.opened("2 Mar 2026").record("2 Mar 2026", "health_advice_requested", body=TRUST, service="camhs").unheard
    )
    assert len(said) == 1
    assert said[0].startswith(
        "The directory does not list CAMHS at Northshire Community Health NHS Trust. The request was recorded and its"
        " time runs"
    )
    assert (
        f"health_advice_answered --data answer=redirected --data redirected_to={CAMHS_TRUST}, and ask {CAMHS_TRUST}"
        in said[0]
    )
    assert str(team.duty("3 Mar 2026").due) == "2026-04-13"
    (found,) = [one for one in examine(team.context("3 Mar 2026").settings).findings if one.what == "service_not_given"]
    assert (found.count, found.cases) == (1, [team.case]) and "QX104" not in found.message and "camhs" in found.message
    team.record(
        "4 Mar 2026",
        "health_advice_answered",
        body=TRUST,
        service="camhs",
        answer="redirected",
        redirected_to=CAMHS_TRUST,
    )
    assert "service_not_given" not in {one.what for one in examine(team.context("4 Mar 2026").settings).findings}


@pytest.mark.parametrize(("body", "service"), [(TRUST, SALT), ("QX102", "physiotherapy"), (None, "camhs")])
def test_what_a_body_gives_is_not_spoken_of_wherever_it_gives_it(team: Team, body: str | None, service: str) -> None:
    """QX102 gives physiotherapy in other authorities: a body may be asked outside its own patch."""
    named: dict[str, Any] = {"body": body} if body else {}
    assert (
        team.opened("2 Mar 2026").record("2 Mar 2026", "health_advice_requested", service=service, **named).unheard
        == []
    )


def test_evidence_for_the_tribunal_is_looked_at_alike(team: Team) -> None:
    team.case = "TR90001"
    team.record("2 Mar 2026", "appeal_registered", la="northshire", appeal="contents")
    (said,) = team.record(
        "2 Mar 2026", "health_evidence_requested", body=TRUST, service="camhs", directed_on="2026-04-13"
    ).unheard
    assert "record its answer. If the directory is out of date" in said


def test_the_command_says_it_beside_its_one_document(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SENDFLOW_HOME", str(tmp_path / "var"))
    monkeypatch.setenv("SENDFLOW_TODAY", "2026-03-02")
    call = ["--on", "2026-03-02", "--actor", "dco.team"]
    assert sendflow("record", "NX90001", "ehc_assessment_requested", *call, "--data", "la=northshire").exit_code == 0
    done = sendflow(
        "record",
        "NX90001",
        "health_advice_requested",
        *call,
        "--data",
        "body=QX101",
        "--data",
        "service=camhs",
        "--json",
    )
    assert (
        done.exit_code == 0
        and done.stdout.count("\n") <= 5
        and "redirected_to=QX104" in done.stderr
        and "redirected" not in done.stdout
    )
