"""The scheduler starts what is due, late rather than never, and no fault stops it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from casework.context import AppContext
from casework.delivery.daily_digest import digest
from casework.delivery.deliver import DeliveryReport, Extent
from casework.privacy.ripe_list import list_is_called_for, list_ripe
from casework.sweep import SweepReport, Trouble
from config.reply_mailbox import ReplyMailbox
from config.settings import Settings
from runtime import scheduler
from runtime.scheduler import LATE_BUT_ONCE, Scheduler, build_scheduler, digest_is_called_for, sweep_is_called_for
from tests.support.team import Team, ready

LONDON = ZoneInfo("Europe/London")


class Acts:
    """Stands for `perform` and keeps what it was asked to do."""

    def __init__(self, **answers: Any) -> None:
        """Takes what each act returns, or the exception that it raises."""
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.answers = answers

    def __call__(self, act: str, context: AppContext, *, say: Callable[[str], None], **given: Any) -> Any:
        """Record the job and answer as configured."""
        self.asked.append((act, given))
        answer = self.answers.get(act)
        if isinstance(answer, Exception):
            raise answer
        return answer

    @property
    def names(self) -> list[str]:
        """The acts in order."""
        return [name for name, _ in self.asked]


def clock(team: Team, today: str, acts: Acts) -> Scheduler:
    """A scheduler for the team's installation on a day."""
    return Scheduler(team.context(today).settings, acts)


def test_a_day_without_a_sweep_has_one_even_where_nothing_is_due(team: Team) -> None:
    """Otherwise a day without a finished sweep would be no sign of a fault."""
    assert sweep_is_called_for(team.context("2 Mar 2026"), date(2026, 3, 2))
    team.sweep("2 Mar 2026")
    assert not sweep_is_called_for(team.context("2 Mar 2026"), date(2026, 3, 2))
    assert sweep_is_called_for(team.context("3 Mar 2026"), date(2026, 3, 3))


def test_a_duty_whose_day_has_come_is_looked_at(team: Team) -> None:
    """Also where the day has had its sweep already."""
    team.opened("2 Feb 2026").asked("2 Mar 2026")
    team.sweep("2 Mar 2026")
    assert not sweep_is_called_for(team.context("2 Mar 2026"), date(2026, 3, 2))
    team.sweep("22 Mar 2026")
    assert sweep_is_called_for(team.context("23 Mar 2026"), date(2026, 3, 23))


def test_a_changed_law_is_looked_at_once(team: Team) -> None:
    """What was worked out under another law is worked out again."""
    team.opened("2 Feb 2026").asked("2 Mar 2026")
    team.sweep("2 Mar 2026")
    assert sweep_is_called_for(replace(team.context("2 Mar 2026"), ruleset_digest="another law"), date(2026, 3, 2))


def test_a_tick_with_nothing_to_do_does_nothing(team: Team) -> None:
    """No run a minute, for nobody."""
    team.sweep("2 Mar 2026")
    digest(team.context("2 Mar 2026"))
    list_ripe(team.context("2 Mar 2026"))
    acts = Acts()
    clock(team, "2 Mar 2026", acts).tick()
    assert acts.asked == []


def test_a_tick_sweeps_then_writes_the_digest_that_is_missing(team: Team) -> None:
    """A simulated day is at nine, so seven o'clock has passed with sendflow stopped."""
    acts = Acts()
    clock(team, "2 Mar 2026", acts).tick()
    asked = [(name, {"as_at": date(2026, 3, 2)}) for name in ("sweep", "digest", "retention")]
    assert acts.asked == asked


def test_what_is_past_retention_is_counted_once_a_month(team: Team) -> None:
    """A month in which sendflow was stopped on its first day has its count all the same."""
    for today, called_for in (("2 Mar 2026", True), ("31 Mar 2026", False), ("15 May 2026", True)):
        context = team.context(today)
        assert list_is_called_for(context) is called_for
        list_ripe(context)


def test_a_digest_that_was_sent_is_not_missing(team: Team) -> None:
    """One a day."""
    assert digest_is_called_for(team.context("2 Mar 2026"))
    digest(team.context("2 Mar 2026"))
    assert not digest_is_called_for(team.context("2 Mar 2026"))
    assert digest_is_called_for(team.context("3 Mar 2026"))


def test_a_notice_is_delivered_on_a_working_day(team: Team) -> None:
    """On a Sunday it waits, and no run is begun for it."""
    team.opened("2 Feb 2026")
    team.asked("1 Mar 2026")
    sunday, monday = Acts(), Acts()
    clock(team, "1 Mar 2026", sunday).tick()
    clock(team, "2 Mar 2026", monday).tick()
    assert "deliver" not in sunday.names
    assert "deliver" in monday.names


def test_a_fault_is_said_by_its_kind_and_the_clock_goes_on(team: Team, capsys: pytest.CaptureFixture[str]) -> None:
    """A database's message quotes the row that it choked on, so no message is repeated."""
    acts = Acts(sweep=RuntimeError("Zebediah"))
    ticking = clock(team, "2 Mar 2026", acts)
    ticking.tick()
    ticking.tick()
    said = capsys.readouterr().err
    assert "sweep could not be finished (RuntimeError)" in said
    assert "Zebediah" not in said
    assert acts.names.count("sweep") == 2


def test_a_case_that_cannot_be_calculated_is_not_reported_every_minute(team: Team) -> None:
    """It is looked at again after an hour, and named in every digest until then."""
    team.opened("2 Feb 2026").asked("2 Mar 2026")
    troubled = SweepReport(as_at=date(2026, 4, 14), troubles=[Trouble(case_ref=team.case, message="x")])
    acts = Acts(sweep=troubled)
    ticking = clock(team, "14 Apr 2026", acts)
    ticking.tick()
    ticking.tick()
    assert acts.names.count("sweep") == 1


def test_a_file_that_is_damaged_while_sendflow_runs_does_not_stop_the_scheduler(
    team: Team, capsys: pytest.CaptureFixture[str]
) -> None:
    """It goes on with what it read before, and says so once."""
    acts = Acts()
    ticking = clock(team, "2 Mar 2026", acts)
    ticking.tick()
    (team.home / "directory.toml").write_text("not a directory")
    ticking.tick()
    ticking.tick()
    assert acts.names.count("sweep") == 3
    assert capsys.readouterr().err.count("goes on as it was before") == 1


def test_a_line_that_would_come_every_minute_is_said_once(team: Team, capsys: pytest.CaptureFixture[str]) -> None:
    """Such as that no server answers."""
    ticking = clock(team, "2 Mar 2026", Acts())
    for _ in range(3):
        ticking._once("Prefect is not running")
    assert capsys.readouterr().err.count("Prefect is not running") == 1


def test_a_relay_that_does_not_work_is_said_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The clock looks at the duties each minute all the same, and no round is waited for longer than the
    settings say. How long a transport is left alone is in the database (tests/casework/delivery/test_transports.py).
    """
    now = [1000.0]
    monkeypatch.setattr(scheduler, "delivery_is_due", lambda _context: True)
    monkeypatch.setattr("runtime.scheduler.time.monotonic", lambda: now[0])
    acts = Acts(deliver=DeliveryReport(waiting=5, mail_server_error="login_refused"))
    ticking = Scheduler(Settings(home=ready(tmp_path / "real"), delivery_seconds=77), acts)
    for _ in range(6):
        ticking.tick()
        now[0] += 60
    assert (acts.names.count("deliver"), acts.names.count("sweep")) == (6, 6)
    assert ("deliver", {"extent": Extent(77)}) in acts.asked
    acts.answers["deliver"] = DeliveryReport(sent=5)
    for _ in range(6):
        ticking.tick()
        now[0] += 60
    said = capsys.readouterr().err
    assert (said.count("letters cannot leave (login refused)"), said.count("letters leave again")) == (1, 1)


def test_the_mailbox_is_read_if_something_came_in_and_asked_every_five_minutes(
    team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    team.day("2 Mar 2026")
    digest(team.context("2 Mar 2026"), transport=team.post)
    list_ripe(team.context("2 Mar 2026"))
    asked: list[str] = []

    def due(context: AppContext) -> bool:
        asked.append(str(context.settings.replies))
        return len(asked) == 1

    monkeypatch.setattr("runtime.scheduler.reading_is_due", due)
    acts = Acts()
    ticking = clock(team, "2 Mar 2026", acts)
    ticking.tick()
    assert (acts.names, asked) == ([], []), "no mailbox is set"
    ticking.settings = replace(ticking.settings, replies=ReplyMailbox("imap.icb.example", 993, "dco", "words"))
    ticking.last = None
    ticking.tick()
    ticking.tick()
    assert (acts.names, len(asked)) == (["replies"], 1)
    ticking.mailbox_after = 0.0
    ticking.tick()
    assert (acts.names, len(asked)) == (["replies"], 2), "nothing new: no run"
    assert "words" not in asked[0]


def test_mails_that_came_in_before_the_start_are_read_before_anything_is_sent(
    team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise a reminder leaves although its answer is in the mailbox."""
    monkeypatch.setattr("runtime.scheduler.reading_is_due", lambda _context: True)
    acts = Acts()
    ticking = clock(team, "2 Mar 2026", acts)
    ticking.settings = replace(ticking.settings, replies=ReplyMailbox("imap.icb.example", 993, "dco", "words"))
    ticking.tick()
    assert acts.names[:2] == ["replies", "sweep"]


def test_the_jobs_are_late_but_once(team: Team) -> None:
    """The library's own default would drop a job that is one second late."""
    scheduler = build_scheduler(team.context("2 Mar 2026").settings, Acts())
    scheduler._configure({"apscheduler.timezone": "Europe/London", "apscheduler.job_defaults.max_instances": 1})
    jobs = {job.id: job for job, _store, _replace in scheduler._pending_jobs}
    assert set(jobs) == {"start", "tick", "emit", "digest", "verify"}
    for name, hour, minute in (("digest", 7, 0), ("verify", 3, 30)):
        for day in (date(2026, 3, 28), date(2026, 3, 29), date(2026, 10, 25)):
            moment = jobs[name].trigger.get_next_fire_time(None, datetime(day.year, day.month, day.day, tzinfo=LONDON))
            assert (moment.date(), moment.hour, moment.minute) == (day, hour, minute)
    assert LATE_BUT_ONCE == {"misfire_grace_time": None, "coalesce": True, "max_instances": 1}


def test_a_server_that_takes_no_events_is_said_once_and_stops_no_job(
    team: Team, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    acts = Acts()
    ticking = Scheduler(team.context("2 Mar 2026").settings, acts)
    ticking.emit()
    ticking.tick()
    given: list[object] = []

    def away(context: object) -> int:
        given.append(context)
        raise ConnectionRefusedError("http://127.0.0.1")

    monkeypatch.setattr(ticking.feed, "emit", away)
    for _ in range(3):
        ticking.emit()
        ticking.tick()
    assert len(given) == 3
    said = capsys.readouterr().err
    assert said.count("Prefect does not take events (ConnectionRefusedError)") == 1
    assert "http:" not in said
    assert acts.names.count("sweep") == 4
