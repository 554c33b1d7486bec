"""The alert from outside the installation: once a day for the same, at once for what is new, and when all is well,
and nothing of any case.
"""

from __future__ import annotations

import errno
import io
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

import pytest

from casework.context import AppContext
from config.settings import Settings, SettingsError
from notifications.transport import Attempt, Letter, Outcome
from runtime.diagnostics.alerts import Alerted, alert
from runtime.diagnostics.checks import examine
from tests.support.team import RecordingTransport, Team

TO = "it.oncall@icb.example"


def at(day: int, hour: int = 9) -> datetime:
    return datetime(2026, 4, day, hour, tzinfo=UTC)


def look(team: Team, day: int, post: RecordingTransport, hour: int = 9) -> Alerted:
    context: AppContext = team.context(f"{day} Apr 2026")
    settings = replace(context.settings, alert_to=TO)
    return alert(settings, examine(settings, quick=True), at(day, hour), post)


def test_the_operator_gets_an_alert_for_a_day_without_a_finished_sweep(team: Team) -> None:
    team.opened("2 Feb 2026").asked("2 Mar 2026")
    post = RecordingTransport()
    team.sweep("7 Apr 2026")
    assert look(team, 8, post) is Alerted.WELL, "24 hours ago"
    assert look(team, 9, post) is Alerted.SENT
    assert look(team, 9, post, 10) is Alerted.ALREADY_SENT
    assert look(team, 10, post) is Alerted.SENT
    team.sweep("10 Apr 2026")
    assert look(team, 10, post, 11) is Alerted.SENT
    assert look(team, 10, post, 12) is Alerted.WELL
    assert [each.subject for each in post.letters] == [
        *["sendflow: 1 to repair: no sweep"] * 2,
        "sendflow: all is well again",
    ]
    assert {each.mailbox for each in post.letters} == {TO}
    assert len({each.message_id for each in post.letters}) == 3
    assert "no sweep has finished" in post.letters[0].text
    assert not any("NX" in f"{each.subject}{each.text}" for each in post.letters)


def test_something_new_is_said_at_once(team: Team) -> None:
    team.opened("2 Feb 2026")
    post = RecordingTransport()
    assert look(team, 9, post) is Alerted.SENT
    (team.home / "person.key").chmod(0o644)
    assert look(team, 9, post, 10) is Alerted.SENT
    assert "key readable" in post.letters[-1].subject


def test_what_could_not_be_sent_is_sent_the_next_time(team: Team) -> None:
    team.opened("2 Feb 2026")
    post = RecordingTransport()
    post.down = True
    assert look(team, 9, post) is Alerted.NOT_SENT
    post.down = False
    assert look(team, 9, post, 10) is Alerted.SENT


def test_on_a_full_disk_the_alert_goes_once_a_day(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk can replace a file but not add one: the letter left each quarter of an hour,
    and the command failed.
    """
    team.opened("2 Feb 2026")
    team.sweep("8 Apr 2026")
    post = RecordingTransport()
    assert look(team, 8, post) is Alerted.WELL
    plain = Path.open

    def full(path: Path, mode: str = "r", **more: object) -> IO[bytes]:
        size = path.stat().st_size if path.exists() else 0
        file: IO[bytes] = plain(path, mode, **more)  # type: ignore[call-overload]  # handed on as it came
        if "r" in mode and "+" not in mode:
            return file

        class Full(io.BytesIO):
            def close(self) -> None:
                file.close()
                super().close()

            def write(self, said: Any) -> int:
                if len(bytes(said)) > size:
                    raise OSError(errno.ENOSPC, "No space left on device")
                return file.write(said)

            def truncate(self, _size: int | None = None) -> int:
                return file.truncate()

        return Full()

    monkeypatch.setattr(Path, "open", full)
    (team.home / "person.key").chmod(0o644)
    assert look(team, 8, post, 10) is Alerted.SENT
    assert look(team, 8, post, 11) is Alerted.ALREADY_SENT
    (team.home / "alert.json").unlink()
    assert look(team, 8, post, 12) is Alerted.NOT_NOTED
    assert len(post.letters) == 2


def test_it_needs_no_records_and_says_who_is_to_be_named(tmp_path: Path) -> None:
    sent: list[Letter] = []

    class Recording:
        def send(self, letter: Letter) -> Attempt:
            sent.append(letter)
            return Attempt(Outcome.ACCEPTED)

    settings = Settings.read({"SENDFLOW_HOME": str(tmp_path), "SENDFLOW_ALERT_TO": TO})
    assert alert(settings, examine(settings, quick=True), at(9), Recording()) is Alerted.SENT
    assert "no records" in sent[0].text
    with pytest.raises(ValueError, match="SENDFLOW_ALERT_TO"):
        alert(Settings(home=tmp_path), examine(settings, quick=True), at(9), Recording())
    with pytest.raises(SettingsError, match="SENDFLOW_ALERT_TO"):
        Settings.read({"SENDFLOW_ALERT_TO": "two@icb.example, three@icb.example"})
