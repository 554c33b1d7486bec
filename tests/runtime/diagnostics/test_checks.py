"""The doctor names each fault after it has really been made, says what fixes it, changes nothing, and is content with a
healthy installation.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections import namedtuple
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from casework.delivery.came_back import came_back
from config.directory import DEFAULT
from config.running_instance import Running, write_running
from config.settings import Settings
from models.encryption import Cipher, Place, WrongKey
from notifications.transport import Attempt, Letter, Outcome
from runtime.diagnostics.checks import DoctorReport, Finding, examine
from tests.support.calling import sendflow
from tests.support.team import Team

TODAY = "14 Apr 2026"
Doctor = Callable[..., dict[str, Finding]]


@pytest.fixture
def lived(team: Team) -> Team:
    """A case whose advice is late today, and whose letters have left."""
    team.opened("2 Feb 2026").asked("2 Mar 2026")
    team.day(TODAY)
    return team


def doctor(team: Team, today: str = TODAY, quick: bool = False) -> dict[str, Finding]:
    """The findings by their word."""
    report = examine(team.context(today).settings, quick)
    assert report.well is not bool(report.findings)
    return {each.what: each for each in report.findings}


def sql(team: Team, *statements: str) -> None:
    """Do something to the file from outside, past the triggers."""
    team.first.engine.dispose()
    with closing(sqlite3.connect(team.home / "sendflow.db", isolation_level=None)) as file:
        guards = file.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for name, _sql in guards:
            file.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            file.execute(statement)
        for _name, made in guards:
            file.execute(made)


def test_a_healthy_installation(lived: Team) -> None:
    assert doctor(lived) == {}


def test_it_changes_nothing(lived: Team) -> None:
    def rows() -> list[str]:
        with closing(sqlite3.connect(lived.home / "sendflow.db")) as file:
            return list(file.iterdump())

    before = rows()
    sql(lived, "UPDATE fact SET actor = 'nobody' WHERE seq = 1")
    tampered = rows()
    doctor(lived, "1 Jul 2028")
    assert rows() == tampered != before


def test_damage_is_counted_by_kind_with_its_cases(lived: Team) -> None:
    sql(lived, "UPDATE fact SET actor = 'nobody' WHERE seq < 3", "UPDATE duty SET due = '2026-05-01'")
    found = doctor(lived)
    assert (found["damage_column"].count, found["damage_column"].cases) == (2, ["NX90001"])
    assert found["damage_cache"].cases == ["NX90001"]
    assert "damage_column" not in doctor(lived, quick=True)


def test_missing_triggers_are_found_even_by_a_quick_look(lived: Team) -> None:
    lived.first.engine.dispose()
    with closing(sqlite3.connect(lived.home / "sendflow.db")) as file:
        file.execute("DROP TRIGGER fact_no_update")
    for quick in (True, False):
        assert "fact_no_update" in doctor(lived, quick=quick)["damage_trigger"].message


def test_a_day_without_a_sweep_and_a_sweep_in_trouble(lived: Team) -> None:
    assert "no_sweep" not in doctor(lived, "15 Apr 2026")
    assert "nobody is chased" in doctor(lived, "16 Apr 2026")["no_sweep"].message
    sql(lived, "UPDATE job_run SET outcome = 'troubled' WHERE act = 'sweep'")
    assert "sweep_troubled" in doctor(lived)


def test_letters_that_failed_or_wait_or_are_held_or_of_unknown_fate(team: Team) -> None:
    class Refusing:
        def send(self, _letter: Letter) -> Attempt:
            return Attempt(Outcome.REFUSED, "smtp_550")

    team.post.down = True
    team.opened("2 Mar 2026").asked("2 Mar 2026")
    team.day("2 Mar 2026")
    team.sweep("3 Mar 2026")
    late = doctor(team, "3 Mar 2026")["letters_waiting"]
    assert (late.count, "(unreachable)" in late.message) == (1, True)
    team.post = Refusing()  # type: ignore[assignment]  # a post by its one method
    team.day("3 Mar 2026")
    found = doctor(team, "3 Mar 2026")["letters_failed"]
    assert "smtp 550" in found.message
    team.sweep("12 Mar 2026")
    assert "letters_failed" not in doctor(team, "12 Mar 2026")
    sql(
        team,
        "UPDATE letter SET state = 'sending', claimed_by = 'elsewhere/1/1/aa', claimed_at ="
        " '2026-03-03T08:00:00.000000Z'",
    )
    assert doctor(team, "12 Mar 2026")["letters_unknown"].mend == "sendflow deliver"
    sql(team, "UPDATE notice SET state = 'held'")
    assert doctor(team, "12 Mar 2026")["letters_held"].mend == "sendflow letters release"


def test_a_mailbox_from_which_a_letter_came_back_is_named_until_one_is_accepted_there(team: Team) -> None:
    team.opened("2 Mar 2026").asked("2 Mar 2026")
    team.day("2 Mar 2026")
    assert "letters_came_back" not in doctor(team, "2 Mar 2026")
    came_back(team.context("2 Mar 2026"), team.post.letters[0].id, "dco.team", "5.1.1")
    found = doctor(team, "2 Mar 2026")["letters_came_back"]
    mailbox = team.post.letters[0].mailbox
    assert mailbox in found.message and mailbox in found.mend and "directory.toml" in found.mend
    team.day("3 Mar 2026")
    assert "letters_came_back" not in doctor(team, "3 Mar 2026")


def test_claims_that_wait_for_a_fortnight(lived: Team) -> None:
    lived.record(TODAY, "excuse_claimed", ground="absent_4_weeks", service="speech_and_language_therapy")
    lived.sweep("27 Apr 2026")
    assert "claims_undecided" not in doctor(lived, "27 Apr 2026")
    lived.sweep("28 Apr 2026")
    assert doctor(lived, "28 Apr 2026")["claims_undecided"].cases == ["NX90001"]


def test_a_changed_law_waits_for_a_sweep_and_a_body_that_is_gone_has_no_mailbox(lived: Team) -> None:
    own = DEFAULT.read_text(encoding="utf-8")
    (lived.home / "directory.toml").write_text(own.replace('body = "QX101"', 'body = "QX109"'), encoding="utf-8")
    found = doctor(lived)
    assert found["no_mailbox"].cases == ["NX90001"]
    assert "QX101" in found["no_mailbox"].message
    sql(lived, "UPDATE duty SET evaluated_under = 'another'")
    assert doctor(lived)["stale"].mend == "sendflow sweep"


def test_a_calendar_that_ends(lived: Team) -> None:
    last = lived.first.calendar.last.year
    lived.sweep(f"30 Jun {last}")
    assert "almanac" not in doctor(lived, f"30 Jun {last}")
    lived.sweep(f"1 Jul {last}")
    assert str(last) in doctor(lived, f"1 Jul {last}")["almanac"].message


def test_a_clock_that_was_ahead(lived: Team) -> None:
    assert "clock" in doctor(lived, "1 Apr 2026")


def test_a_key_that_others_may_read_or_that_is_gone(lived: Team) -> None:
    key = lived.home / "person.key"
    key.chmod(0o640)
    assert doctor(lived)["key_readable"].mend.startswith("chmod 600")
    lived.record(TODAY, "waiting_list_stated", service="speech_and_language_therapy", note="said by telephone")
    key.unlink()
    found = doctor(lived)
    assert "restore" in found["key_missing"].mend
    assert "person.key" in found["cannot_open"].message
    assert not key.exists()


def test_the_key_of_another_installation_and_rows_encrypted_with_one(lived: Team, tmp_path: Path) -> None:
    """With a wrong key there was no finding, and the history verified."""
    key = lived.home / "person.key"
    lived.record(TODAY, "waiting_list_stated", service="speech_and_language_therapy", note="said by telephone")
    lived.record(
        TODAY, "waiting_list_stated", "13 Apr 2026", service="speech_and_language_therapy", note="said once more"
    )
    assert doctor(lived) == {}
    other = Cipher.make(tmp_path / "other.key").encrypt("words", Place("passage", "sealed", "w1", "NX90001"))
    sql(lived, f"UPDATE passage SET sealed = x'{other.hex()}' WHERE id = (SELECT max(id) FROM passage)")
    found = doctor(lived)
    assert (list(found), found["key_other"].count) == (["key_other", "damage_free_text"], 1)
    assert doctor(lived, quick=True) == {}
    kept = key.read_bytes()
    key.write_bytes((tmp_path / "other.key").read_bytes())
    sql(lived, "DELETE FROM passage WHERE id = (SELECT max(id) FROM passage)")
    assert doctor(lived, quick=True)["key_other"].mend.startswith("restore person.key")
    with pytest.raises(WrongKey):
        lived.context(TODAY).load(lived.context(TODAY).settings)
    key.write_bytes(kept)
    assert "key_other" not in doctor(lived, quick=True)


def test_a_disk_that_is_nearly_full(lived: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", ["total", "used", "free"])
    monkeypatch.setattr("shutil.disk_usage", lambda _home: usage(10**12, 10**12 - 5 * 1024**2, 5 * 1024**2))
    assert "5 MiB" in doctor(lived)["disk"].message


def test_a_running_installation_whose_components_are_gone(lived: Team) -> None:
    nobody = 2**22 - 3
    assert not Path(f"/proc/{nobody}").exists()
    there = Running(
        os.getpid(),
        "2026-04-14T08:00:00+00:00",
        "http://127.0.0.1:9/api",
        "http://127.0.0.1:9",
        "127.0.0.1",
        9,
        "",
        {"scheduler": nobody},
    )
    write_running(lived.home / "running.json", there)
    found = doctor(lived)
    assert found.keys() == {"prefect", "process"}
    assert "scheduler" in found["process"].message


@pytest.mark.parametrize(
    ("number", "what"), [("999", "records_newer"), ("009", "records_older"), ("001", "revision_altered")]
)
def test_records_of_another_version_are_named_and_not_touched(lived: Team, number: str, what: str) -> None:
    if what == "records_older":
        sql(lived, "DROP INDEX config_held_kind")
    sql(lived, f"UPDATE alembic_version SET version_num = '{number}'")
    assert doctor(lived).keys() == {what}
    with closing(sqlite3.connect(lived.home / "sendflow.db")) as file:
        assert file.execute("SELECT version_num FROM alembic_version").fetchall() == [(number,)]


def test_a_file_that_is_no_records_and_a_folder_without_any(tmp_path: Path) -> None:
    report = examine(Settings(home=tmp_path / "none"))
    assert [each.what for each in report.findings] == ["no_records"]
    assert not (tmp_path / "none").exists()
    (tmp_path / "sendflow.db").write_bytes(b"this is no database" * 100)
    report = examine(Settings(home=tmp_path))
    assert "cannot_open" in {each.what for each in report.findings}
    assert report.not_looked_at == ["everything inside the records"]


def test_the_command_says_it_in_text_and_in_json(lived: Team) -> None:
    def call(*words: str) -> tuple[int, str]:
        ended = sendflow("doctor", *words, env={"SENDFLOW_HOME": str(lived.home), "SENDFLOW_TODAY": "2026-04-14"})
        return ended.exit_code, ended.stdout

    code, text = call()
    assert (code, text.splitlines()[0]) == (0, "No problems found.")
    (lived.home / "sendflow.db").chmod(0o644)
    code, text = call("--quick")
    assert (code, text.splitlines()[0]) == (1, "Problems to fix: 1")
    assert "other accounts of this machine can read or change files or folders (1)" in text
    assert "chmod -R go-rwx" in text
    (lived.home / "sendflow.db").chmod(0o600)
    (lived.home / "person.key").chmod(0o644)
    code, text = call("--quick")
    assert (code, text.splitlines()[0]) == (1, "Problems to fix: 1")
    assert "chmod 600" in text
    assert "--quick" in text
    code, document = call("--json")
    report = DoctorReport.model_validate(json.loads(document))
    assert (code, report.well, [each.what for each in report.findings]) == (1, False, ["key_readable"])
