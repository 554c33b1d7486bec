"""A file is replaced whole, for its own account only, and a failure leaves the old one and no other."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from config.files import write_whole


def test_a_file_is_replaced_and_is_private(tmp_path: Path) -> None:
    place = tmp_path / "running.json"
    place.write_text("old")
    place.chmod(0o644)
    write_whole(place, "neu: ü")
    assert place.read_text("utf-8") == "neu: ü"
    assert stat.S_IMODE(place.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [place]


def test_a_failure_leaves_what_was_there(tmp_path: Path) -> None:
    """A folder in the file's place cannot be replaced; nothing else remains beside it."""
    (tmp_path / "current").mkdir()
    with pytest.raises(OSError):
        write_whole(tmp_path / "current", b"name")
    assert [each.name for each in tmp_path.iterdir()] == ["current"]
