"""Files of an installation are for their own account, under every umask, and no link is followed."""

from __future__ import annotations

import stat
from pathlib import Path

from config.private_files import make_private, open_to_others


def mode(path: Path) -> int:
    """The permission bits of a file or folder."""
    return stat.S_IMODE(path.stat().st_mode)


def test_what_others_could_read_or_write_is_closed_to_them(tmp_path: Path) -> None:
    home = tmp_path / "var"
    (home / "letters").mkdir(parents=True)
    letter, key = home / "letters" / "000001.eml", home / "person.key"
    for path in (letter, key):
        path.write_text("x")
    home.chmod(0o777)
    (home / "letters").chmod(0o755)
    letter.chmod(0o644)
    key.chmod(0o600)
    assert set(open_to_others(home)) == {home, home / "letters", letter}
    assert set(make_private(home)) == {home, home / "letters", letter}
    assert [mode(path) for path in (home, home / "letters", letter, key)] == [0o700, 0o700, 0o600, 0o600]
    assert list(open_to_others(home)) == []


def test_a_link_and_what_it_names_stay_as_they_are(tmp_path: Path) -> None:
    home = tmp_path / "var"
    home.mkdir(mode=0o700)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("another's")
    elsewhere.chmod(0o644)
    (home / "letters").symlink_to(elsewhere)
    assert make_private(home) == []
    assert mode(elsewhere) == 0o644
