"""`sendflow files` and `sendflow columns`: a file that is not there is a wrong call, as it is for an import."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.calling import sendflow
from tests.support.team import Team


@pytest.mark.parametrize(
    "words",
    [
        ("files", "use", "directory.toml", "--actor", "dco.team", "--from"),
        ("columns", "try", "column.reference", "Ref", "--tracker"),
        ("import", "--actor", "dco.team"),
    ],
    ids=lambda words: words[0],
)
def test_a_file_that_is_not_there_is_a_wrong_call(team: Team, tmp_path: Path, words: tuple[str, ...]) -> None:
    said = sendflow(*words, str(tmp_path / "nothing"), env={"SENDFLOW_HOME": str(team.home)})
    assert (said.exit_code, said.stdout) == (2, "")
    assert "no" in said.stderr and "file" in said.stderr
