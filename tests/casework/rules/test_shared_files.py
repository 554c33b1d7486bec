"""Two machines of one database have one directory, one policy and one list of tracker columns."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import text as sql

from audit.verify import verify
from casework.context import AppContext
from casework.own_file_changes import Change, WrongChange, history, put_in_force
from casework.rules.config_held import DIRECTORY, TRACKER
from casework.rules.shared_files import digest_of
from config.directory import DEFAULT
from config.process_environment import child_environment
from config.settings import Settings
from config.tracker_columns import DEFAULT as COLUMNS
from config.tracker_columns import load_columns
from models.database import writing
from runtime.diagnostics.checks import examine
from tests.casework.delivery.test_killed import killed
from tests.support.paths import ROOT
from tests.support.team import Team
from tests.system.faults.test_two_rulesets import opened, shared, two

__all__ = ["shared", "two"]
DAY = "16 Mar 2026"
OLD, NEW = "slt.advice@northshire-community.example", "new.slt@northshire-community.example"
TEXT = DEFAULT.read_text("utf-8")
CHANGED = TEXT.replace(OLD, NEW)
AGAIN = TEXT.replace(OLD, "third.slt@northshire-community.example")


def change(team: Team, kind: str, text: str | None) -> None:
    put_in_force(team.context(DAY), Change(kind, text, "admin.team", "page"))


def file_of(team: Team, name: str = "directory.toml") -> str | None:
    file: Path = team.home / name
    return file.read_text("utf-8") if file.exists() else None


def test_a_change_on_one_machine_is_in_the_file_of_the_other(two: tuple[Team, Team]) -> None:
    first, second = two
    opened(second, DAY)
    change(first, DIRECTORY, CHANGED)
    assert (file_of(first), file_of(second)) == (CHANGED, None)
    assert opened(second, DAY).directory.text == CHANGED
    assert file_of(second) == CHANGED
    change(second, DIRECTORY, AGAIN)
    assert opened(first, DAY).directory.text == AGAIN
    assert file_of(first) == AGAIN, "an earlier file is replaced"
    newest = history(first.context(DAY), DIRECTORY)[0]
    assert (newest.actor, newest.via, newest.digest) == ("admin.team", "page", digest_of(AGAIN))
    assert verify(first.context(DAY)).intact


def test_a_file_that_was_edited_by_hand_is_recorded_by_the_next_act_and_reaches_the_other(
    two: tuple[Team, Team], capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = two
    change(first, DIRECTORY, CHANGED)
    opened(second, DAY)
    (second.home / "directory.toml").write_text(AGAIN, "utf-8")
    assert opened(second, DAY).directory.text == AGAIN
    [damage] = verify(second.context(DAY)).damage
    assert damage.what == "config" and "directory.toml" in damage.message
    found = [each for each in examine(second.first.settings, quick=True).findings if each.what == "file_not_recorded"]
    assert ["directory.toml" in each.message for each in found] == [True]
    assert opened(first, DAY).directory.text == CHANGED, "nothing is recorded yet"
    second.record(DAY, "health_advice_acknowledged", service="speech_and_language_therapy")
    assert opened(first, DAY).directory.text == AGAIN
    assert verify(second.context(DAY)).intact
    # An earlier text that comes back by hand is not in force: a person puts it there.
    (first.home / "directory.toml").write_text(CHANGED, "utf-8")
    assert opened(first, DAY).directory.text == AGAIN
    change(first, DIRECTORY, CHANGED)
    assert opened(second, DAY).directory.text == CHANGED


def test_a_change_of_a_directory_that_another_changed_meanwhile_is_refused(two: tuple[Team, Team]) -> None:
    first, second = two
    change(first, DIRECTORY, CHANGED)
    stale = opened(second, DAY)
    opened(first, DAY)
    change(first, DIRECTORY, AGAIN)
    with pytest.raises(WrongChange, match="was changed meanwhile"):
        put_in_force(stale, Change(DIRECTORY, TEXT + "\n", "admin.team", "page"))
    with pytest.raises(WrongChange, match="says so already"):
        put_in_force(opened(second, DAY), Change(DIRECTORY, AGAIN, "admin.team", "page"))


def test_the_shipped_columns_are_in_force_again_on_both_machines(two: tuple[Team, Team]) -> None:
    first, second = two
    own = COLUMNS.read_text("utf-8").replace('"Ref", ', '"Ref", "Northshire number", ')
    change(first, TRACKER, own)
    context = opened(second, DAY)
    assert file_of(second, "tracker.toml") == own
    columns = load_columns(context.own_file("tracker.toml"))
    assert columns.meaning("northshire NUMBER", context.directory) == "reference"
    opened(first, DAY)
    change(first, TRACKER, None)
    opened(second, DAY)
    assert (file_of(first, "tracker.toml"), file_of(second, "tracker.toml")) == (None, None)
    with pytest.raises(WrongChange, match=r"column\.comments"):
        change(second, TRACKER, own.replace("[column.comments]", "[column.remarks]"))


def test_who_only_looks_goes_by_the_newest_and_writes_no_file(two: tuple[Team, Team]) -> None:
    first, second = two
    change(first, DIRECTORY, CHANGED)
    context = AppContext.load_read_only(second.first.settings)
    assert (context.directory.text, file_of(second)) == (CHANGED, None)
    context.engine.dispose()


def test_a_row_that_was_written_into_the_database_redirects_no_letter(two: tuple[Team, Team]) -> None:
    first, second = two
    change(first, DIRECTORY, CHANGED)
    opened(second, DAY)
    evil = TEXT.replace(".example", ".evil.example")
    with writing(first.first.engine) as connection:
        row = "SELECT 999, at, kind, name, '{}', actor, via, machine, :text FROM config_held WHERE kind = 'directory'"
        query = f"INSERT INTO config_held {row.format(digest_of(evil))} ORDER BY number DESC LIMIT 1"
        connection.execute(sql(query), {"text": evil})
    assert opened(second, DAY).directory.text == CHANGED
    (second.home / "directory.toml").unlink()
    assert ".evil." not in opened(second, DAY).directory.text
    assert not verify(first.context(DAY)).intact


def test_a_program_that_is_killed_before_it_writes_the_file_loses_nothing(tmp_path: Path) -> None:
    team = Team(tmp_path / "var")
    team.opened("2 Feb 2026")
    (team.home / "directory.toml").write_text(TEXT, "utf-8")
    opened(team, DAY).ensure_ruleset_active("sweep")
    code = (
        "import sys; from casework.context import AppContext; from casework.own_file_changes import *;"
        "put_in_force(AppContext.load(), Change('directory', sys.stdin.read(), 'admin.team', 'page'))"
    )
    environment = child_environment(Settings(home=team.home)) | {
        "SENDFLOW_TODAY": "2026-03-16",
        "SENDFLOW_KILL_AT": "config_held_before_file",
        "PYTHONPATH": str(ROOT),
    }
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment,
        input=CHANGED,
        capture_output=True,
        text=True,
        cwd=team.home,
        check=False,
    )
    killed(done)
    assert file_of(team) == TEXT
    assert opened(team, DAY).directory.text == CHANGED
    assert file_of(team) == CHANGED
    assert history(team.context(DAY), DIRECTORY)[0].actor == "admin.team"
    team.first.engine.dispose()
