"""Who only looks makes no installation and changes none: not a byte, not a file."""

import os
import sqlite3
from contextlib import closing
from hashlib import sha256
from pathlib import Path

import pytest
from sqlalchemy import create_engine
from typer.testing import Result

import cli
from casework.context import AppContext
from cli.installation import ACCESS, Access
from config.settings import Settings
from models.errors import DatabaseUnusable, NoInstallation
from tests.support.by_hand import CASE
from tests.support.calling import sendflow
from tests.support.earlier_schema import back_to_002
from tests.support.team import Team

TODAY = "2026-05-20"
LOOKS = (
    ("overdue",),
    ("due-soon",),
    ("case", CASE),
    ("child", CASE),
    ("looks",),
    ("looks", "--unusual"),
    ("people",),
    ("verifications",),
    ("views", "--actor", "dco.team"),
    ("calendar",),
    ("ladder", "--check"),
    ("letters",),
    ("verify",),
    ("directory",),
    ("doctor",),
    ("erase",),
    ("files",),
    ("findings",),
    ("holds",),
    ("log",),
    ("papers", CASE),
    ("policy",),
    ("columns",),
    ("sample", CASE),
    ("register", "transition"),
    ("transitions",),
    ("replies",),
    ("joint-review", CASE, "EHC-2026002"),
    ("retention",),
    ("rulesets",),
    ("to-decide",),
    ("single-sign-on",),
    ("webhooks",),
    ("law-watch",),
    ("tokens",),
    ("adoptions",),
    ("dry-run", "pack"),
)
CHANGES = (
    ("sen2", "none.csv", "--la", "northshire"),
    ("bulk", "assign", "--owner", "admin.team", "--case", CASE, "--actor", "dco.team"),
    ("sweep",),
    ("deliver",),
    ("digest",),
    ("person", CASE, "--actor", "dco.team", "--purpose", "contact"),
    ("record", CASE, "health_advice_received", "--on", "2026-05-19", "--actor", "dco.team"),
    ("letters", "release", "--yes"),
    ("part", CASE, "--from", "EHC-2026002", "--actor", "dco.team", "--confirm-child"),
    ("join", CASE, "--with", "EHC-2026002", "--actor", "dco.team", "--confirm-child"),
)


def run(home: Path, *words: str) -> Result:
    return sendflow(*words, env={"SENDFLOW_HOME": str(home), "SENDFLOW_TODAY": TODAY})


def digests(folder: Path) -> dict[str, str]:
    return {
        str(file.relative_to(folder)): sha256(file.read_bytes()).hexdigest()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


@pytest.fixture
def lived(tmp_path: Path) -> Team:
    """An installation with one late duty, closed again."""
    team = Team(tmp_path / "var").opened().asked()
    team.sweep("20 May 2026")
    team.first.engine.dispose()
    return team


def test_every_command_is_listed_with_what_it_may_do() -> None:
    assert {command.name for command in cli.program().registered_commands} == set(ACCESS)
    assert {words[0] for words in LOOKS} == {name for name, access in ACCESS.items() if access is Access.LOOKS}


@pytest.mark.parametrize("words", LOOKS + CHANGES, ids=" ".join)
def test_without_an_installation_it_says_so_and_makes_none(tmp_path: Path, words: tuple[str, ...]) -> None:
    home = tmp_path / "mistyped"
    result = run(home, *words)
    if words[0] == "doctor":
        assert (result.exit_code, str(home) in result.output) == (3, True)
    else:
        assert isinstance(result.exception, NoInstallation) and result.exception.exit_code == 3
        message = str(result.exception)
        assert all(part in message for part in (f"there is no installation in {home}", "SENDFLOW_HOME=", "make up"))
    assert "Nothing is late" not in result.output
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("words", [("rules",), ("bodies",), ("explain", "section23")], ids=" ".join)
def test_a_mistyped_home_is_not_answered_by_the_law_as_shipped(tmp_path: Path, words: tuple[str, ...]) -> None:
    result = run(tmp_path / "mistyped", *words)
    assert (result.exit_code, result.stdout, list(tmp_path.iterdir())) == (3, "", [])
    assert "There is no installation in" in result.stderr


def test_a_command_that_makes_an_installation_says_so_once(tmp_path: Path) -> None:
    home = tmp_path / "var"
    opening = ("ehc_assessment_requested", "--on", "2026-05-19", "--actor", "dco.team")
    first = run(home, "record", "new", *opening, "--data", "la=northshire")
    assert first.exit_code == 0
    assert f"Made a new installation in {home}." in first.stderr.splitlines()
    assert "Made a new" not in run(home, "record", "new", *opening, "--data", "la=northshire").stderr
    assert "Made a new installation in" in run(tmp_path / "other", "migrate").stderr


@pytest.mark.parametrize("words", [each for each in LOOKS if each[0] not in ("dry-run", "case", "child")], ids=" ".join)
def test_who_looks_changes_no_byte_and_leaves_no_file(lived: Team, words: tuple[str, ...]) -> None:
    before = digests(lived.home)
    assert run(lived.home, *words).exit_code in ({2} if words[0] == "joint-review" else {0, 1})
    assert digests(lived.home) == before


@pytest.mark.parametrize("command", ["verify", "overdue", "due-soon", "case"])
def test_a_database_of_an_earlier_revision_is_read_and_not_migrated(lived: Team, command: str) -> None:
    words = (command, *([CASE] if command == "case" else []), "--json")
    now = run(lived.home, *words)
    engine = create_engine(f"sqlite:///{lived.home / 'sendflow.db'}")
    with engine.begin() as connection:
        back_to_002(connection)
    engine.dispose()
    before = digests(lived.home)
    result = run(lived.home, *words)
    assert (result.exit_code, result.stdout) == (now.exit_code, now.stdout)
    assert digests(lived.home) == before


def test_a_later_revision_is_named_with_the_program_that_can_read_it(lived: Team) -> None:
    with closing(sqlite3.connect(lived.home / "sendflow.db", isolation_level=None)) as file:
        file.execute("UPDATE alembic_version SET version_num = '999'")
    before = digests(lived.home)
    with pytest.raises(DatabaseUnusable, match="revision 999, of a later version of sendflow"):
        AppContext.load_read_only(Settings(home=lived.home))
    assert digests(lived.home) == before


def test_a_folder_that_cannot_be_written_is_read(lived: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may write everywhere; what follows is real
    before = digests(lived.home)
    assert CASE in run(lived.home, "overdue").stdout
    assert run(lived.home, "verify").exit_code == 0
    assert digests(lived.home) == before


def test_an_installation_at_work_is_read_beside_its_writers(lived: Team) -> None:
    lived.record("20 May 2026", "health_advice_received", service="salt")
    assert (lived.home / "sendflow.db-wal").stat().st_size
    context = AppContext.load_read_only(Settings(home=lived.home))
    assert context.read_only
    shown = run(lived.home, "case", CASE, "--json")
    assert "health_advice_received" in shown.stdout
