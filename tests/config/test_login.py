"""The login of an installation: made once, for its owner only, and never read through a link."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from config.connection_urls import SettingsError
from config.login import FILE, ensure_login, read_login


def test_it_is_made_once_for_its_owner_only_under_any_umask(tmp_path: Path) -> None:
    assert read_login(tmp_path) is None
    made = ensure_login(tmp_path)
    assert ensure_login(tmp_path) == read_login(tmp_path) == made
    assert made.startswith("sendflow:") and len(made) > 40
    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == [FILE]


def test_processes_that_start_together_agree(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(lambda _each: ensure_login(tmp_path), range(32)))) == 1


def test_a_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    ensure_login(tmp_path)
    (tmp_path / FILE).chmod(0o640)
    with pytest.raises(SettingsError, match="chmod 600"):
        read_login(tmp_path)


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo], ids=["a folder", "a pipe"])
def test_what_is_no_file_is_named_and_not_waited_for(tmp_path: Path, make: Callable[[Path], object]) -> None:
    make(tmp_path / FILE)
    with pytest.raises(SettingsError, match="auth must be a file of this account, and it is none"):
        read_login(tmp_path)


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("mallory:password-of-mallory\n")
    elsewhere.chmod(0o600)
    home = tmp_path / "home"
    home.mkdir()
    (home / FILE).symlink_to(elsewhere)
    for call in (read_login, ensure_login):
        with pytest.raises(SettingsError, match="no link"):
            call(home)


@pytest.mark.parametrize("text", ["", "sendflow", "sendflow:short", "a:b c d e f g h\n", ":password-alone"])
def test_a_spoilt_file_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE).write_text(text)
    (tmp_path / FILE).chmod(0o600)
    with pytest.raises(SettingsError, match="user:password"):
        read_login(tmp_path)
