"""A file is replaced whole, for its own account only, and a failure leaves the old one and no other."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from config.files import write_for_person, write_whole


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


def test_a_link_in_the_place_is_replaced_and_not_followed(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("of another")
    (tmp_path / "current").symlink_to(elsewhere)
    write_whole(tmp_path / "current", "mine")
    assert elsewhere.read_text() == "of another"
    assert not (tmp_path / "current").is_symlink()
    assert (tmp_path / "current").read_text() == "mine"


def test_a_person_writes_over_a_file_but_not_through_a_link_nor_over_a_device(tmp_path: Path) -> None:
    named = tmp_path / "page.html"
    write_for_person(named, "first")
    assert stat.S_IMODE(named.stat().st_mode) == 0o600
    named.chmod(0o640)
    write_for_person(named, "second")
    assert stat.S_IMODE(named.stat().st_mode) == 0o640
    (tmp_path / "link.html").symlink_to(named)
    os.mkfifo(tmp_path / "pipe")
    for refused in ("link.html", "pipe"):
        with pytest.raises(OSError):
            write_for_person(tmp_path / refused, "third")
    assert named.read_text() == "second"
    assert sorted(each.name for each in tmp_path.iterdir()) == ["link.html", "page.html", "pipe"]
