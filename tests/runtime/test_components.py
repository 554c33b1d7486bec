"""A sweep in parts: each case is in one part, any order of parts is the whole sweep, and only the whole one ends the
day.
"""

from __future__ import annotations

import os
import socket
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from audit.verify import verify
from audit.workers import Ticket
from casework.context import AppContext
from casework.delivery.deliver import Extent
from casework.job_runs import last_finished
from casework.sweep import NoSuchShard, Shard, sweep
from config.running_instance import Running, api_address, write_running
from config.settings import Settings, SettingsError
from flows import work_pool
from flows import worker as flow_worker
from flows.jobs import Job, JobExecution
from flows.run_labels import begin, parameters
from models.database import reading
from models.errors import Refusal
from runtime.diagnostics.checks import examine
from runtime.scheduler import Scheduler
from runtime.supervisor import CannotStart
from runtime.up import _where_to_look, run_installation
from tests.support.by_hand import day
from tests.support.calling import sendflow
from tests.support.team import Team

ASKED = [f"NX7{number:04d}" for number in range(12)]


def asked(team: Team) -> Team:
    for case in ASKED:
        team.act(
            "2 Feb 2026",
            ("ehc_assessment_requested", "2 Feb 2026", {"la": "northshire"}),
            ("assessment_agreed", "2 Feb 2026", {}),
            case=case,
        )
        team.record("2 Mar 2026", "health_advice_requested", case=case, service="physiotherapy")
    return team


def left(team: Team) -> list[tuple[Any, ...]]:
    return [row for row in team.dump(with_macs=False) if row[0] in ("fact", "case_file", "duty", "notice")]


def test_every_reference_is_in_one_part_and_they_are_about_equal() -> None:
    parts = [Shard(number, 8) for number in range(1, 9)]
    found = Counter(part for number in range(8000) for part in parts if part.holds(f"NX{number:05d}"))
    assert sum(found.values()) == 8000
    assert min(found.values()) > 800


@pytest.mark.parametrize("text", ["", "3", "0/3", "4/3", "1/0", "-1/3", "1/3/5", "a/b", "1/100000", "²/3"])
def test_what_is_no_part_is_refused(text: str) -> None:
    with pytest.raises(NoSuchShard) as refused:
        Shard.read(text)
    assert isinstance(refused.value, Refusal), "the person who typed it gets the refusal; nothing is broken"


def test_parts_in_any_order_are_the_whole_sweep(teams: Callable[[str], Team]) -> None:
    whole, parted = asked(teams("whole")), asked(teams("parted"))
    written = whole.sweep("14 Apr 2026").facts_written
    context = parted.context("14 Apr 2026")
    by_part = [sweep(context, part=Shard.read(f"{number}/3")).facts_written for number in (2, 3, 1)]
    assert sum(by_part) == written == len(ASKED) * 4
    assert all(by_part)
    with reading(context.engine) as connection:
        assert last_finished(connection, "sweep") is None, (
            "parts alone do not end a day: one that was lost would never be missed"
        )
    assert parted.sweep("14 Apr 2026").cases_looked_at == 0
    assert left(parted) == left(whole)


def test_prefect_gets_the_component_and_nothing_else(team: Team) -> None:
    shown = parameters(
        JobExecution(Job.SWEEP, team.context("14 Apr 2026"), {"as_at": day("14 Apr 2026"), "part": Shard(2, 3)})
    )
    assert shown == {"as_at": "2026-04-14", "part": "2/3"}
    assert begin(Job.SWEEP, shown) == "sweep 14 Apr 2026, part 2 of 3"


def test_the_alarm_clock_shares_a_large_sweep_and_does_it_all_where_nobody_helps(
    team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked(team)
    said: list[str] = []
    context = replace(
        team.context("14 Apr 2026"),
        settings=replace(team.context("14 Apr 2026").settings, workers=4, api_url="http://127.0.0.1:9/api"),
    )
    asked_of: list[int] = []

    def nobody(_context: object, _as_at: object, parts: int, _say: object) -> None:
        asked_of.append(parts)
        raise work_pool.NoPool("no worker")

    monkeypatch.setattr(work_pool, "share", nobody)
    work_pool.share_sweep_if_worth_it(context, context.today(), said.append)
    assert asked_of == [], "twelve cases are done before a worker has started"
    monkeypatch.setattr(work_pool, "WORTH", 10)
    acts: list[str] = []
    Scheduler(context.settings, act=lambda act, *_, **__: acts.append(act))._sweep(context)
    assert (asked_of, acts) == ([4], ["sweep"])


def test_the_scheduler_shares_a_large_delivery(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    asked(team)
    first = team.context("14 Apr 2026").settings
    settings = replace(first, workers=4, api_url="http://127.0.0.1:9/api")
    context = replace(team.context("2 Mar 2026"), settings=settings)
    said: list[str] = []
    work_pool.share_letters_if_worth_it(context, said.append)
    assert said == [], "few letters are sent before a worker has started"
    monkeypatch.setattr(work_pool, "WORTH_LETTERS", 1)
    work_pool.share_letters_if_worth_it(context, said.append)
    assert said == ["the workers could not be asked to share the delivery (NoPool); it is done here"]


def test_the_scheduler_shares_a_verification_of_many_cases(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    asked(team)
    settings = replace(team.first.settings, workers=4, api_url="http://127.0.0.1:9/api")
    context = replace(team.context("2 Mar 2026"), settings=settings)
    given: list[dict[str, Any]] = []
    scheduler = Scheduler(settings, act=lambda _job, _context, say, **more: given.append(more))
    scheduler._verify(context)
    monkeypatch.setattr(work_pool, "WORTH_CASES", 10)
    scheduler._verify(context)
    assert given[0] == {}, "few cases are verified before a worker has started"
    assert given[1]["how"].share is not None
    assert verify(context, how=given[1]["how"]).intact, "nobody answers, so it is done here"


def test_a_reason_does_not_pass_through_prefect_so_now_and_workers_exclude_each_other(tmp_path: Any) -> None:
    given = {"SENDFLOW_HOME": str(tmp_path), "SENDFLOW_TODAY": "2026-04-14"}
    refused = sendflow("deliver", "--workers", "2", "--now", "--reason", "hearing tomorrow", env=given)
    assert (refused.exit_code, "sendflow deliver --workers 4" in refused.stderr) == (2, True)
    assert list(tmp_path.iterdir()) == []


def test_a_worker_that_asked_for_runs_just_now_is_at_work() -> None:
    """On a busy machine Prefect showed a living worker as offline, because its heartbeat was late."""
    now = datetime(2026, 4, 14, 9, 0, tzinfo=UTC)
    assert work_pool.was_polled([None, now - timedelta(seconds=2)], now)
    assert not work_pool.was_polled([None, now - timedelta(seconds=31)], now)
    assert not work_pool.was_polled([], now)


def test_prefect_gets_the_shard_of_a_verification_and_nothing_else(team: Team) -> None:
    ticket = Ticket("00000003-0000001B-1", "2026-04-14T02:30:00.000000Z")
    job = JobExecution(Job.VERIFY, team.context("14 Apr 2026"), {"part": Shard(2, 3), "ticket": ticket})
    shown = parameters(job)
    assert shown == {"part": "2/3", "snapshot": ticket.snapshot, "before": ticket.before}
    assert begin(Job.VERIFY, shown) == "verify every case, part 2 of 3"


def test_prefect_gets_the_shard_of_a_delivery_and_nothing_else(team: Team) -> None:
    extent = {"extent": Extent(77, Shard(2, 3))}
    shown = parameters(JobExecution(Job.DELIVER, team.context("14 Apr 2026"), extent))
    assert shown == {"now": False, "part": "2/3"}
    assert begin(Job.DELIVER, shown) == "deliver, part 2 of 3"


def test_the_doctor_asks_for_the_server_of_an_installation_of_several_services(team: Team) -> None:
    settings = replace(team.first.settings, api_url="http://127.0.0.1:9/api")
    report = examine(settings, quick=True)
    assert report.open, "its parts are open or closed elsewhere"
    assert [each.what for each in report.findings] == ["prefect"]
    assert "SENDFLOW_API_URL" in report.findings[0].message


def test_every_part_looks_for_the_server_in_the_same_place(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers asked port 4200 by themselves, deployments asked nobody, and the server's unit started over and over for
    it.
    """
    said: list[str] = []

    def worker(_settings: Settings, api_url: str) -> None:
        said.append(api_url)
        raise KeyboardInterrupt

    def clock(settings: Settings) -> None:
        said.append(str(settings.api_url))

    monkeypatch.setattr(flow_worker, "fix_prefect_environment", worker)
    monkeypatch.setattr("config.process_environment.fix_prefect_environment", lambda _settings: None)
    monkeypatch.setattr("runtime.scheduler.run_scheduler", clock)
    AppContext.load(Settings(home=tmp_path)).engine.dispose()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    for env, expected in (
        ({}, f"http://127.0.0.1:{port}/api"),
        ({"SENDFLOW_API_URL": "http://127.0.0.1:9/api"}, "http://127.0.0.1:9/api"),
    ):
        given = {"SENDFLOW_HOME": str(tmp_path), "SENDFLOW_PORT": str(port), **env}
        settings = Settings.read(given)
        assert api_address(settings) == expected
        with pytest.raises(KeyboardInterrupt):
            flow_worker.run_worker(settings)
        with pytest.raises(work_pool.NoPool, match=f"answers at {expected}. "):
            work_pool.register(settings)
        assert sendflow("run", "scheduler", env=given).exit_code == 0
        assert said == [expected, expected]
        said.clear()
    write_running(
        tmp_path / "running.json", Running(os.getpid(), "", "http://127.0.0.1:8/api", "", "127.0.0.1", 9, "", {})
    )
    assert api_address(Settings(home=tmp_path)) == "http://127.0.0.1:8/api"


def test_an_installation_of_several_services_is_not_opened_as_a_whole_by_mistake(tmp_path: Any) -> None:
    settings = Settings.read({"SENDFLOW_HOME": str(tmp_path), "SENDFLOW_API_URL": "https://prefect.icb.example/api"})
    with pytest.raises(CannotStart, match="SENDFLOW_API_URL"):
        run_installation(settings, cast(Any, None))
    assert list(tmp_path.iterdir()) == []


def test_a_started_installation_says_where_its_letters_really_go(tmp_path: Any) -> None:
    """With a relay it named the folder of letters that would have been sent."""
    said = {
        carrier: "\n".join(
            _where_to_look(
                Settings.read(
                    {"SENDFLOW_HOME": str(tmp_path), "SENDFLOW_CARRIER": carrier, "SENDFLOW_SMTP_PORT": "587"}
                ),
                [],
            )
        )
        for carrier in ("sink", "file", "smtp")
    }
    assert f"as they would have been sent:   {tmp_path / 'letters'}" in said["sink"]
    assert f"for somebody to send on:        {tmp_path / 'letters'}" in said["file"]
    assert "127.0.0.1:587" in said["smtp"]
    assert str(tmp_path / "letters") not in said["smtp"]


def test_the_server_s_address_is_asked_by_tls_wherever_it_is_not_this_machine(tmp_path: Any) -> None:
    def read(**env: str) -> Settings:
        return Settings.read({"SENDFLOW_HOME": str(tmp_path), **env})

    assert read(SENDFLOW_API_URL="https://prefect.icb.example/api/").api_url == "https://prefect.icb.example/api"
    assert read(SENDFLOW_API_URL="http://127.0.0.1:4200/api").api_url == "http://127.0.0.1:4200/api"
    for wrong in (
        "http://prefect.icb.example/api",
        "https://me:hush@prefect.icb.example/api",
        "prefect",
        "https://prefect.icb.example",
    ):
        with pytest.raises(SettingsError, match="SENDFLOW_API_URL") as refused:
            read(SENDFLOW_API_URL=wrong)
        assert "hush" not in str(refused.value)
    with pytest.raises(SettingsError, match="SENDFLOW_TLS_CA"):
        read(SENDFLOW_TLS_CA=str(tmp_path / "absent.pem"))
    with pytest.raises(SettingsError, match="SENDFLOW_WORKERS"):
        read(SENDFLOW_WORKERS="many")
