"""Fixtures of the core's tests: a team in a house of its own, on rehearsed days, without a word from the environment."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.casework import Team


@pytest.fixture
def team(tmp_path: Path) -> Iterator[Team]:
    """A DCO team with an empty house."""
    made = Team(tmp_path / "var")
    yield made
    made.first.engine.dispose()


@pytest.fixture
def teams(tmp_path: Path) -> Iterator[Callable[[str], Team]]:
    """Makes several teams, each with a house of that name."""
    made: list[Team] = []

    def make(name: str) -> Team:
        made.append(Team(tmp_path / name))
        return made[-1]

    yield make
    for each in made:
        each.first.engine.dispose()
