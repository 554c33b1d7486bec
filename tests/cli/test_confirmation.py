"""Who changes a child from one case is asked at a terminal; a script is refused unless it gives the option."""

import json
from pathlib import Path

import pytest
from typer.testing import Result

from tests.support.calling import sendflow
from tests.support.team import ready
from tests.support.terminal import at_terminal

NUMBER = "9990000018"
DAY = "2026-03-02"
QUESTION = "Is all of it about the right child? [y/N]: "
PART = ["part", "NX90002", "--from", "NX90001", "--actor", "dco.team"]


def opening(case: str, *more: str) -> list[str]:
    fields = ["--data", "la=northshire", "--data", f"nhs_number={NUMBER}"]
    return ["record", case, "ehc_assessment_requested", "--on", DAY, *fields, "--actor", "dco.team", *more]


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    """A simulation with two cases under one number."""
    found = {"SENDFLOW_HOME": str(ready(tmp_path / "var")), "SENDFLOW_TODAY": DAY}
    assert sendflow(*opening("NX90001"), env=found).exit_code == 0
    assert sendflow(*opening("NX90002", "--confirm-child"), env=found).exit_code == 0
    return found


def facts(env: dict[str, str], case: str) -> int:
    return len(json.loads(sendflow("case", case, "--json", env=env).stdout)["facts"])


@pytest.mark.parametrize(("answer", "code"), [("n", 1), ("", 1), ("y", 0), ("perhaps\ny", 0)])
def test_a_person_at_a_terminal_reads_which_cases_are_reached_and_answers(
    env: dict[str, str], answer: str, code: int
) -> None:
    found, screen = at_terminal(PART, env, (QUESTION, answer))
    assert (found, facts(env, "NX90002")) == (code, 2 if code == 0 else 1), screen
    assert screen.index("case NX90001") < screen.index(QUESTION) and NUMBER not in screen
    assert screen.count("Nothing was written") == 1 and ("The answer was no" in screen) == (code == 1)


def test_an_end_of_input_at_the_question_is_a_no(env: dict[str, str]) -> None:
    found, screen = at_terminal(PART, env, (QUESTION, "\x04"))
    assert found != 0 and facts(env, "NX90002") == 1, screen


def test_a_script_is_refused_and_reads_the_option(env: dict[str, str]) -> None:
    result: Result = sendflow(*PART, env=env)
    assert result.exit_code == 1 and "--confirm-child" in result.stderr and facts(env, "NX90002") == 1
    assert sendflow(*PART, "--confirm-child", env=env).exit_code == 0
