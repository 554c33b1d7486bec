"""A real clock that jumped records, sweeps and sends nothing until a person confirms it; ten days asleep do not count
as a jump.
"""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert, text

from casework import clock_check
from casework.cases.record import record
from casework.clock_check import ClockJumped, Reading, doubts
from casework.context import AppContext, instant
from casework.delivery.deliver import deliver
from casework.sweep import sweep
from config.settings import Settings
from models.database import is_postgresql, reading, writing
from models.facts import FactDraft
from models.tables import FACT, JOB_RUN
from runtime.diagnostics.checks import examine
from runtime.health.metrics import silent
from tests.support.calling import sendflow
from tests.support.team import ready


@pytest.fixture
def url() -> str | None:
    """The database of the installation; None for its own file. PostgreSQL runs the same list."""
    return None


@pytest.fixture
def real(tmp_path: Path, url: str | None) -> Iterator[AppContext]:
    """A real installation with one case."""
    context = AppContext.load(Settings(home=ready(tmp_path / "real"), database_url=url))
    open_case(context, "NX90001")
    yield context
    context.engine.dispose()


def open_case(context: AppContext, ref: str) -> None:
    record(context, ref, [FactDraft("ehc_assessment_requested", context.today(), {"la": "northshire"})], "dco.team")


def finished(context: AppContext, ago: timedelta) -> None:
    """A job of so long ago, and a process that has looked at nothing yet."""
    at = datetime.now(UTC) - ago
    row = {"act": "sweep", "as_at": at.date(), "finished_at": instant(at), "outcome": "done", "detail": ""}
    with writing(context.engine) as connection:
        connection.execute(insert(JOB_RUN), row)
    clock_check._last_reading.clear()


def facts(context: AppContext) -> int:
    with reading(context.engine) as connection:
        return int(connection.scalar(text("SELECT count(*) FROM fact")) or 0)


def refused(context: AppContext) -> None:
    """Nothing is recorded, swept or sent, and what watches says so."""
    before = facts(context)
    acts: list[Callable[[], object]] = [
        lambda: open_case(context, "NX90002"),
        lambda: sweep(context),
        lambda: deliver(context, now=True, reason="a test at any hour"),
    ]
    for act in acts:
        with pytest.raises(ClockJumped, match="sendflow confirm-clock --actor WHO"):
            act()
    assert facts(context) == before
    assert silent(context) == ["clock_unconfirmed"]


def confirmed(context: AppContext) -> None:
    env = {"SENDFLOW_HOME": str(context.settings.home), "SENDFLOW_TODAY": ""}
    if context.settings.database_url is not None:
        env["SENDFLOW_DATABASE_URL"] = context.settings.database_url
    done = sendflow("confirm-clock", "--actor", "it.oncall", env=env)
    assert done.exit_code == 0, done.stderr
    assert "it.oncall confirms" in done.stdout


def test_a_clock_that_jumped_while_running_waits_for_a_person(real: AppContext) -> None:
    home = real.settings.home
    earlier = clock_check._last_reading[home]
    clock_check._last_reading[home] = Reading(earlier.offset - 2 * 3600, earlier.confirmation)
    refused(real)
    confirmed(real)
    open_case(real, "NX90002")
    assert facts(real) == 2


def test_a_start_after_more_than_31_days_waits_for_a_person(real: AppContext) -> None:
    finished(real, timedelta(days=32))
    refused(real)
    assert "clock_unconfirmed" in {each.what for each in examine(real.settings, quick=True).findings}
    confirmed(real)
    open_case(real, "NX90002")
    assert silent(real) == ["no_sweep_for_a_day"]


def test_ten_days_asleep_are_caught_up_as_before(real: AppContext) -> None:
    finished(real, timedelta(days=10))
    assert sweep(real).cases_looked_at >= 0
    assert silent(real) == []


def test_a_simulation_has_no_clock_to_confirm(tmp_path: Path) -> None:
    env = {"SENDFLOW_HOME": str(ready(tmp_path / "var")), "SENDFLOW_TODAY": "2026-03-02"}
    assert sendflow("confirm-clock", "--actor", "it.oncall", env=env).exit_code == 1


def test_a_confirmation_names_who_and_why(real: AppContext) -> None:
    finished(real, timedelta(days=40))
    confirmed(real)
    with reading(real.engine) as connection:
        row = connection.execute(text("SELECT kind, actor, reason FROM clock_setting ORDER BY number DESC")).first()
    assert tuple(row or ()) == ("confirmed", "it.oncall", "silence")


def test_a_file_system_with_another_clock_is_doubted(real: AppContext, monkeypatch: pytest.MonkeyPatch) -> None:
    clock_check._last_reading.clear()
    now = time.time()
    monkeypatch.setattr("casework.clock_check.time.time", lambda: now + 5 * 3600)
    with reading(real.engine) as connection:
        found = [each.code for each in doubts(connection, real.settings.home)]
    assert found == (["database-5", "files-5"] if is_postgresql(real.engine) else ["files-5"])


def test_no_instant_of_the_future_sticks_to_a_case(real: AppContext) -> None:
    """The instant of a fact that a clock ahead recorded does not change; the facts after it do not follow."""
    with writing(real.engine) as connection:
        on = " ON fact" if is_postgresql(connection) else ""
        connection.execute(text(f"DROP TRIGGER fact_no_update{on}"))
        stored = connection.execute(text("SELECT text FROM fact")).scalar_one()
        ahead = "2031-06-01T09:00:00.000000Z"
        written = connection.execute(text("SELECT recorded_at FROM fact")).scalar_one()
        connection.execute(
            text("UPDATE fact SET recorded_at = :ahead, text = :told"),
            {"ahead": ahead, "told": stored.replace(written, ahead)},
        )
    record(real, "NX90001", [FactDraft("assessment_agreed", real.today(), {})], "dco.team")
    with reading(real.engine) as connection:
        instants = list(connection.execute(FACT.select().order_by(FACT.c.seq)).mappings())
    assert instants[0]["recorded_at"] == ahead
    assert instants[1]["recorded_at"] < "2031"
    assert "clock" in {each.what for each in examine(real.settings, quick=True).findings}
