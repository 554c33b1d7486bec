"""`sendflow log` shows the log, and asks for a name and a reason before it acts on it."""

from __future__ import annotations

import json

import pytest

from casework.proof.sequencer import sequence
from tests.audit.test_findings import command
from tests.support.team import Team

DAY = "2 Feb 2026"
BY = ("--actor", "sam.lee", "--reason", "the machine was replaced")


@pytest.fixture
def logged(team: Team) -> Team:
    team.record(DAY, "ehc_assessment_requested", case="NX90001", la="northshire")
    sequence(team.context(DAY))
    return team


def test_the_log_is_shown_with_its_checkpoint_its_keys_and_its_acts(logged: Team) -> None:
    shown = json.loads(command(logged, DAY, "log", "--json").stdout)
    assert shown["checkpoint"].startswith(f"{shown['origin']}\n{shown['size']}\n{shown['root']}\n\n")
    assert [len(shown["keys"]), shown["unsigned"], shown["signs_here"]] == [2, 0, True]
    assert [each["kind"] for each in shown["acts"]] == ["begun"]
    said = command(logged, DAY, "log").stdout
    assert shown["keys"][0] in said and "2 signatures" in said and str(logged.home / "log") in said


def test_a_log_without_a_checkpoint_says_how_to_get_one(team: Team) -> None:
    assert "sendflow digest" in command(team, DAY, "log").stdout


def test_keys_are_replaced_by_name_and_with_a_reason(logged: Team) -> None:
    done = command(logged, DAY, "log", "rotate", *BY, "--json")
    assert (done.exit_code, [each["kind"] for each in json.loads(done.stdout)["acts"]]) == (0, ["begun", "rotated"])
    assert "PRIVATE" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("rotate",),
        ("rotate", "--actor", "sam.lee"),
        ("rotate", "--actor", "sendflow", "--reason", "by itself"),
        ("rotate", "--actor", "sam.lee", "--reason", "x" * 501),
        ("rotate", "--actor", "sam.lee", "--reason", "for 999 000 0018"),
        ("delete", *BY),
        ("--actor", "sam.lee"),
    ],
)
def test_a_wrong_call_changes_nothing(logged: Team, words: tuple[str, ...]) -> None:
    before = (logged.home / "log.key").read_text("ascii")
    assert command(logged, DAY, "log", *words).exit_code == 2
    assert (logged.home / "log.key").read_text("ascii") == before
