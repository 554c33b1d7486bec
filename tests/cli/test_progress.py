"""A long command says how far it is: a line a second at a terminal, nothing in a pipe."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from casework.steps import Step
from cli import progress
from cli.progress import TerminalProgress
from tests.support.calling import sendflow
from tests.support.team import Team


def test_a_line_a_second_names_the_step_and_how_many_there_are() -> None:
    said: list[str] = []
    now = [10.0]
    shown = TerminalProgress(said.append, lambda: now[0])
    done = []
    for number, second in enumerate((10.0, 10.5, 11.2, 11.9, 12.2), 1):
        now[0] = second
        step = Step(f"cases {number}", number, 5)
        done.append(shown(step, lambda n=number: n * n))  # type: ignore[misc]
    now[0] = 13.5
    shown(Step("log"), lambda: None)
    assert done == [1, 4, 9, 16, 25]
    assert said == ["1 s: cases 3, part 3 of 5", "2 s: cases 5, part 5 of 5", "4 s: log"]


@pytest.mark.parametrize("terminal", [True, False])
def test_verify_says_its_steps_at_a_terminal_alone(team: Team, terminal: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    team.opened("2 Feb 2026")
    monkeypatch.setattr(progress, "EVERY_SECONDS", 0.0)
    monkeypatch.setattr(progress, "sys", SimpleNamespace(stderr=SimpleNamespace(isatty=lambda: terminal)))
    done = sendflow("verify", env={"SENDFLOW_HOME": str(team.home), "SENDFLOW_TODAY": "2026-02-02"})
    assert done.exit_code == 0
    assert ("cases 1 to 1" in done.stderr, "s: log" in done.stderr) == (terminal, terminal)
    assert "cases 1 to" not in done.stdout
