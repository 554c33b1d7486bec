"""Fixtures of the core's tests: a team in a house of its own, on rehearsed days, without a word from the environment."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.casework import Team


@pytest.fixture
def team(teams: Callable[[str], Team]) -> Team:
    """A DCO team with an empty house."""
    return teams("var")


@pytest.fixture
def teams(tmp_path: Path) -> Iterator[Callable[[str], Team]]:
    """Makes several teams, each with a house of that name."""
    from tests.casework import Team

    made: list[Team] = []

    def make(name: str) -> Team:
        made.append(Team(tmp_path / name))
        return made[-1]

    yield make
    for each in made:
        each.first.engine.dispose()
