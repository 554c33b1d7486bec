"""A cell with a character that no keyboard types is refused with its row, and the character is stored nowhere."""

from pathlib import Path

import pytest

from casework.imports.tracker_import import import_file
from tests.support.team import Team

HEAD = "Ref,Local authority,Request received by LA,Comments\n"


@pytest.mark.parametrize("sign", ["\0", "\x1b[31m", "\x07"])
def test_a_control_character_in_a_comment_refuses_its_row_only(team: Team, tmp_path: Path, sign: str) -> None:
    tracker = tmp_path / "tracker.csv"
    rows = f"NX90001,northshire,02/03/2026,a{sign}b\nNX90002,northshire,02/03/2026,plain\n"
    tracker.write_text(HEAD + rows, encoding="utf-8")
    done = import_file(team.context("4 Mar 2026"), tracker)
    assert (done.accepted, done.refused) == (1, 1)
    assert team.lines("NX90001") == [] and len(team.lines("NX90002")) == 1
    assert team.verify("4 Mar 2026").intact
