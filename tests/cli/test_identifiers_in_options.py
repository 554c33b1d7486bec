"""An NHS number in an option that is shown or stored in clear is refused before anything is read or written."""

from pathlib import Path

import pytest

from tests.support.calling import sendflow

NUMBER = "999 000 0018"


@pytest.mark.parametrize(
    "words",
    [
        ("deliver", "--now", "--reason", f"for {NUMBER}"),
        ("dry-run", f"./pack-{NUMBER}"),
        ("adopt", f"./pack-{NUMBER}", "--actor", "dco.team"),
        ("findings", "close", "1", "--actor", "it.oncall", "--reason", f"the number {NUMBER}"),
    ],
    ids=lambda words: words[0],
)
def test_a_number_in_an_option_is_refused_and_not_repeated(words: tuple[str, ...], tmp_path: Path) -> None:
    found = sendflow(*words, env={"SENDFLOW_HOME": str(tmp_path / "none"), "SENDFLOW_TODAY": "2026-03-02"})
    assert found.exit_code == 2
    assert "seems to hold an NHS number" in found.stderr
    assert NUMBER not in found.output
    assert not (tmp_path / "none").exists()
