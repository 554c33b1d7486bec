"""Records that are whole in themselves and older than they were: put back from a copy, or without their write-ahead
file. What is outside the database knows that there was more. On a real installation, in its own files.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

from audit.verify import verify, verify_and_store
from casework import findings, job_log, published_heads
from casework.context import AppContext, instant
from casework.delivery.daily_digest import digest
from config.settings import Settings
from flows.runner import run_job
from models.database import reading
from models.facts import FactDraft
from runtime.diagnostics.checks import examine
from runtime.health.metrics import silent
from runtime.scheduler import Scheduler
from tests.support.calling import sendflow
from tests.support.team import RecordingTransport, ready


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A real installation with one fact of today."""
    home = ready(tmp_path / "var")
    record(home, "NX90001")
    return home


def record(home: Path, case: str) -> None:
    """Record as the command does: the job log knows of it."""
    context = AppContext.load(Settings(home=home))
    draft = FactDraft("ehc_assessment_requested", context.today(), {"la": "northshire"})
    run_job("record", context, case=case, drafts=[draft], actor="dco.team", say=lambda _line: None)
    context.engine.dispose()


def anchor(home: Path) -> str:
    context = AppContext.load(Settings(home=home))
    published = digest(context, transport=RecordingTransport())
    context.engine.dispose()
    return published.head


def found(home: Path) -> list[str]:
    context = AppContext.load(Settings(home=home))
    report = verify(context)
    context.engine.dispose()
    return [each.what for each in report.damage]


def test_a_real_installation_at_work_has_no_such_finding(home: Path) -> None:
    for case in ("NX90002", "NX90003"):
        record(home, case)
        assert found(home) == []
    anchor(home)
    assert found(home) == []
    assert job_log.last_recorded(AppContext.load(Settings(home=home))) is not None


def test_an_old_database_over_a_new_one_is_found_by_the_head_that_was_published(home: Path) -> None:
    old = home.parent / "old.db"
    shutil.copy(home / "sendflow.db", old)
    with closing(sqlite3.connect(home / "sendflow.db")) as file:
        file.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        with closing(sqlite3.connect(old)) as copy:
            file.backup(copy)
    for log in (home / "logs").iterdir():
        log.unlink()  # an operator may delete them
    head = anchor(home)
    for name in ("sendflow.db-wal", "sendflow.db-shm"):
        (home / name).unlink(missing_ok=True)
    shutil.copy(old, home / "sendflow.db")
    assert sorted(set(found(home))) == ["log", "older_records"]
    clock = Scheduler(Settings(home=home))
    clock.start()
    context = AppContext.load(Settings(home=home))
    assert silent(context)[0] == "findings_open"
    report = examine(context.settings, quick=True)
    assert report.findings[0].what == "findings_open"
    with reading(context.engine) as connection:
        assert findings.listed(connection)[0].found_by == "start"
        good = published_heads.last_good(context, connection, "9999")
    assert good is not None and good.head == head, "the file knows the last good head"


def test_a_write_ahead_file_deleted_after_a_crash_is_found_by_the_job_log(home: Path) -> None:
    with closing(sqlite3.connect(home / "sendflow.db")) as file:
        file.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    before = (home / "sendflow.db").read_bytes()
    record(home, "NX90002")
    for name in ("sendflow.db-wal", "sendflow.db-shm"):
        (home / name).unlink(missing_ok=True)
    (home / "sendflow.db").write_bytes(before)  # as the crash left the file, without what waited in the other
    lines = (home / "logs").glob("acts-*.jsonl")
    assert any(b'"act":"record"' in file.read_bytes() for file in lines)
    backdate(home)
    assert found(home) == ["facts_gone"]
    assert sendflow("verify", env={"SENDFLOW_HOME": str(home)}).exit_code == 1
    assert "facts are gone: by the job log" in sendflow("findings", env={"SENDFLOW_HOME": str(home)}).stdout


def backdate(home: Path) -> None:
    """Put five seconds between the two jobs of the log, which a test runs within one."""
    [log] = (home / "logs").glob("acts-*.jsonl")
    *earlier, last = log.read_text("utf-8").splitlines(keepends=True)
    entry = json.loads(last)
    later = datetime.fromisoformat(entry["at"]) + timedelta(seconds=5)
    log.write_text("".join([*earlier, last.replace(entry["at"], instant(later))]), "utf-8")


def test_a_simulation_is_not_judged_by_the_job_log(tmp_path: Path) -> None:
    """All instants of a simulated day are 09:00, and a later day may come before an earlier one."""
    home = ready(tmp_path / "simulation")
    for today in (date(2026, 4, 14), date(2026, 3, 2)):
        context = AppContext.load(Settings(home=home, today=today))
        draft = FactDraft("ehc_assessment_requested", today, {"la": "northshire"})
        case = f"NX9{today.month:04d}"
        run_job("record", context, case=case, drafts=[draft], actor="dco.team", say=lambda _line: None)
        assert verify_and_store(context).intact
        context.engine.dispose()


@pytest.mark.parametrize("line", [b"", b"{}\n", b"[1]\n", b"no json\n", b'{"before":1}\n', b"\xff\xfe\n"])
def test_a_line_that_is_no_head_is_passed_over(home: Path, line: bytes) -> None:
    anchor(home)
    with (home / published_heads.FILE).open("ab") as file:
        file.write(line)
    assert found(home) == []


def test_a_link_in_the_place_of_the_file_is_not_followed(home: Path) -> None:
    outside = home.parent / "outside"
    outside.write_text("")
    (home / published_heads.FILE).symlink_to(outside)
    anchor(home)
    assert outside.read_text() == ""


def test_what_is_published_and_recorded_during_a_verification_is_no_finding(home: Path) -> None:
    """A view of the database that began earlier does not have it."""
    context = AppContext.load(Settings(home=home))
    witnesses = published_heads.Witnesses.read(context)
    with reading(context.engine) as connection:
        connection.exec_driver_sql("SELECT count(*) FROM anchor").scalar()
        record(home, "NX90002")
        anchor(home)
        assert published_heads.check(connection, witnesses) == []
        assert published_heads.check(connection, published_heads.Witnesses.read(context)) != []
    assert found(home) == []


def test_a_database_made_again_in_an_old_folder_is_found(home: Path) -> None:
    anchor(home)
    for file in home.glob("sendflow.db*"):
        file.unlink()
    (home / "person.key").unlink()
    ready(home)
    assert sorted(set(found(home))) == ["facts_gone", "log", "older_records"]
