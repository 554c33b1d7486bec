"""A whole case was deleted at night, verification found it, and every morning page said that all was
well. Each surface says it now, no head is published over it, and only a named person ends that.
"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError

from audit.verify import VerifyReport, verify
from casework import findings, published_heads
from casework.delivery.daily_digest import DigestReport, digest
from casework.findings import Found
from casework.reports.letters import shown
from flows import run_ends
from flows.jobs import Job, JobExecution
from models.checkpoints import checkpoints
from models.database import reading, writing
from runtime.diagnostics.alerts import Alerted, alert
from runtime.diagnostics.checks import examine
from runtime.health.metrics import collect_metrics, silent
from runtime.scheduler import Scheduler
from tests.support.calling import sendflow
from tests.support.mail_server import ScriptedMailServer
from tests.support.team import RecordingTransport, Team

TABLES = ("fact", "case_file", "duty", "notice", "passage", "alias")
LOST = "NX90002"
ALTERED = "THE RECORDS ARE ALTERED OR INCOMPLETE"


@pytest.fixture
def lived(team: Team) -> Team:
    """Two cases, one of them late, and a digest of two mornings."""
    team.opened("2 Feb 2026").asked("2 Mar 2026")
    team.record("2 Mar 2026", "ehc_assessment_requested", case=LOST, la="eastmere")
    for today in ("13 Apr 2026", "14 Apr 2026"):
        team.day(today)
        morning(team, today)
    return team


def behind_its_back(team: Team, *statements: str) -> None:
    """What the owner of the database does: past the triggers, which are there again afterwards."""
    team.first.engine.dispose()
    if team.first.settings.database_url is None:
        engine = create_engine(f"sqlite:///{team.home / 'sendflow.db'}")
        with engine.begin() as connection:
            triggers = connection.execute(text("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")).all()
            for name, _sql in triggers:
                connection.exec_driver_sql(f"DROP TRIGGER {name}")
            for statement in statements:
                connection.exec_driver_sql(statement)
            for _name, sql in triggers:
                connection.exec_driver_sql(sql)
        engine.dispose()
        return
    with psycopg.connect(team.first.settings.database_url.replace("+psycopg", "")) as own:
        own.execute("SET session_replication_role = replica")
        for statement in statements:
            own.execute(statement)


def delete_case(team: Team, case: str = LOST) -> None:
    behind_its_back(team, *(f"DELETE FROM {table} WHERE case_ref = '{case}'" for table in TABLES))


def at_night(team: Team, today: str) -> VerifyReport:
    """The verification of 03:30, as the scheduler runs it."""
    report: VerifyReport = JobExecution(Job.VERIFY, team.context(today), {}).execute(None)
    return report


def morning(team: Team, today: str) -> DigestReport:
    return digest(team.context(today), transport=team.post)


def said(team: Team, report: DigestReport) -> str:
    return " ".join(shown(team.first, report.letter).text.split())


def anchors(team: Team) -> list[str]:
    with reading(team.first.engine) as connection:
        return [each.before[:10] for each in checkpoints(connection)]


def open_findings(team: Team) -> list[findings.StoredFinding]:
    with reading(team.first.engine) as connection:
        return findings.listed(connection)


def close_all(team: Team, today: str, *, understood: bool = False) -> None:
    for each in open_findings(team):
        findings.close(team.context(today), [each.number], "it.oncall", "the file was restored", understood=understood)


def metric(team: Team, today: str, name: str) -> float:
    [found] = [each for each in collect_metrics(team.context(today)) if each.name == name]
    return float(found.samples[0].value)


def command(team: Team, today: str, *words: str) -> Any:
    settings = team.context(today).settings
    day = settings.today.isoformat() if settings.today else ""
    server = {"SENDFLOW_DATABASE_URL": settings.database_url} if settings.database_url else {}
    return sendflow(*words, env={"SENDFLOW_HOME": str(team.home), "SENDFLOW_TODAY": day} | server)


def test_a_case_deleted_at_night_is_said_everywhere_in_the_morning_until_a_person_closes_it(lived: Team) -> None:
    good = anchors(lived)
    last = morning(lived, "14 Apr 2026")
    delete_case(lived)

    night = at_night(lived, "15 Apr 2026")
    assert (night.intact, night.open) == (False, 2)
    [found, logged] = open_findings(lived)
    assert (logged.what, logged.case_ref, logged.seq) == ("log", LOST, 1)
    assert (found.what, found.case_ref, found.found_by) == ("head", None, "verify")
    assert "then 2 cases" in found.message and "now 1" in found.message
    ended = run_ends.end(Job.VERIFY, "verify every case", night.model_dump(mode="json"))
    assert ended.broken and ended.name == "verify every case: 2 damaged" and "sendflow findings" in ended.sentence

    lived.sweep("15 Apr 2026")
    report = morning(lived, "15 Apr 2026")
    assert (report.findings, report.head, report.before) == (2, last.head, last.before)
    assert anchors(lived) == good, "no head over damage"
    text_, subject = said(lived, report), lived.post.letters[-1].subject
    first = text_.split(". Please")[0]
    assert "altered or incomplete" in first and last.head in first.replace(" ", "")
    assert "ALERT, the records are altered or incomplete" in subject
    ended = run_ends.end(Job.DIGEST, "digest 15 Apr 2026", report.model_dump(mode="json"))
    assert ended.broken and ended.name == "digest 15 Apr 2026: 2 findings open, no head published"

    context = lived.context("15 Apr 2026")
    assert silent(context) == ["findings_open"]
    assert metric(lived, "15 Apr 2026", "sendflow_findings_open") == 2
    quick = examine(context.settings, quick=True)
    assert [each.what for each in quick.findings] == ["findings_open"]
    post = RecordingTransport()
    settings = replace(context.settings, alert_to="it.oncall@icb.example")
    assert alert(settings, quick, datetime(2026, 4, 15, 8, tzinfo=UTC), post) is Alerted.SENT
    assert "altered or incomplete" in post.letters[0].text and "NX" not in post.letters[0].text
    for words in (("overdue",), ("due-soon",), ("case", "NX90001"), ("letters",)):
        assert command(lived, "15 Apr 2026", *words).stdout.splitlines()[0].startswith(ALTERED), words
    assert ALTERED in command(lived, "15 Apr 2026", "overdue", "--json").stderr
    for words in (("verify",), ("doctor", "--quick"), ("findings",), ("digest",)):
        assert command(lived, "15 Apr 2026", *words).exit_code == 1, words

    assert at_night(lived, "16 Apr 2026").open == 2, "the same again is no second row"
    assert morning(lived, "16 Apr 2026").findings == 2


def test_a_finding_that_was_closed_and_is_still_true_opens_again_and_no_head_leaves(lived: Team) -> None:
    delete_case(lived)
    at_night(lived, "15 Apr 2026")
    close_all(lived, "15 Apr 2026")
    assert open_findings(lived) == []
    assert morning(lived, "15 Apr 2026").findings == 1, "the digest calculates every earlier head itself"
    assert [each.found_by for each in open_findings(lived)] == ["digest"]
    close_all(lived, "16 Apr 2026")
    assert at_night(lived, "16 Apr 2026").open == 2


def test_a_difference_that_is_understood_is_recorded_and_heads_leave_again(lived: Team) -> None:
    good = anchors(lived)
    delete_case(lived)
    at_night(lived, "15 Apr 2026")
    morning(lived, "15 Apr 2026")
    close_all(lived, "15 Apr 2026", understood=True)
    night = at_night(lived, "16 Apr 2026")
    assert (night.intact, night.open, night.understood) == (True, 0, 2)
    report = morning(lived, "16 Apr 2026")
    assert (report.findings, report.cases) == (0, 1)
    assert anchors(lived) == [*good, "2026-04-16"]
    assert "closed on 15 April 2026 by it.oncall, who says that the difference is understood" in said(lived, report)
    assert silent(lived.context("15 Apr 2026")) == []
    report = morning(lived, "17 Apr 2026")
    assert (report.findings, "closed on" in said(lived, report)) == (0, False), "said once"
    behind_its_back(lived, "UPDATE fact SET actor = 'somebody.else' WHERE seq = 2")
    assert at_night(lived, "18 Apr 2026").open == 1, "another difference is another finding"


def test_a_restored_backup_and_a_closure_let_heads_leave_again(lived: Team) -> None:
    with reading(lived.first.engine) as connection:
        rows = {each: connection.exec_driver_sql(f"SELECT * FROM {each}").all() for each in ("fact", "case_file")}
    delete_case(lived, "NX90001")
    assert at_night(lived, "15 Apr 2026").open
    lived.first.engine.dispose()
    with writing(lived.first.engine) as connection:
        mark = "?" if connection.dialect.name == "sqlite" else "%s"
        for table, some in rows.items():
            for row in some:
                if row[0] == "NX90001":
                    values = ", ".join([mark] * len(row))
                    connection.exec_driver_sql(f"INSERT INTO {table} VALUES ({values})", tuple(row))
    for number, each in enumerate(open_findings(lived), 1):
        findings.close(lived.context("15 Apr 2026"), [each.number], "it.oncall", "restored", understood=False)
        assert number <= findings.MOST
    report = morning(lived, "15 Apr 2026")
    assert (report.findings, report.cases) == (0, 2)
    assert anchors(lived)[-1] == "2026-04-15"


def test_what_heals_by_itself_stays_open(lived: Team) -> None:
    behind_its_back(lived, "UPDATE duty SET due = '2027-01-01', evaluated_under = evaluated_under")
    assert at_night(lived, "15 Apr 2026").open
    behind_its_back(lived, "UPDATE duty SET evaluated_under = 'older'")
    lived.sweep("15 Apr 2026")
    night = at_night(lived, "16 Apr 2026")
    assert night.intact and night.open
    ended = run_ends.end(Job.VERIFY, "verify every case", night.model_dump(mode="json"))
    assert ended.broken and ended.name.startswith("verify every case: intact now, ")
    assert command(lived, "16 Apr 2026", "verify").exit_code == 1


def test_every_earlier_head_is_compared_not_the_newest_alone(lived: Team) -> None:
    """The application's role may add a row to the checkpoints: a newer one hid every earlier one."""
    delete_case(lived)
    with reading(lived.first.engine) as connection:
        from models import ledger

        forged = ledger.head(connection, "2026-04-14T23:00:00.000000Z")
    values = f"'2026-04-14T23:00:00.000000Z', '{forged[0]}', {forged[1]}, {forged[2]}"
    with writing(lived.first.engine) as connection:
        connection.exec_driver_sql(f"INSERT INTO anchor VALUES ({values})")
    report = verify(lived.context("15 Apr 2026"))
    assert {each.what for each in report.damage} == {"head", "log"}
    assert "2 checkpoints differ" in report.damage[0].message


@pytest.mark.parametrize("column", ["cases", "facts"])
def test_a_changed_count_of_a_checkpoint_is_found(lived: Team, column: str) -> None:
    behind_its_back(lived, f"UPDATE anchor SET {column} = {column} + 1 WHERE before LIKE '2026-04-13%%'")
    assert [each.what for each in verify(lived.context("15 Apr 2026")).damage] == ["head", "older_records", "head"]


def test_a_deleted_checkpoint_is_found_by_the_file_beside_the_database(lived: Team) -> None:
    behind_its_back(lived, "DELETE FROM anchor")
    found, *rows = verify(lived.context("15 Apr 2026")).damage
    assert found.what == "older_records" and [row.what for row in rows] == ["head", "head"]
    assert "2 published heads are not in them" in found.message
    report = morning(lived, "15 Apr 2026")
    assert report.findings == 1 and report.before.startswith("2026-04-14"), "the last good head is in the file"


def test_the_file_of_heads_has_every_published_head_once_and_is_private(lived: Team) -> None:
    file = lived.home / published_heads.FILE
    assert file.stat().st_mode & 0o777 == 0o600
    assert [each.before[:10] for each in published_heads.published(lived.home)] == ["2026-04-13", "2026-04-14"]
    at_night(lived, "15 Apr 2026")
    with reading(lived.first.engine) as connection:
        assert published_heads.published(lived.home) == checkpoints(connection)
    file.write_bytes(file.read_bytes() + b'{"before":"2026-04-15T')  # a crash while it was written
    assert morning(lived, "15 Apr 2026").findings == 0
    assert [each.before[:10] for each in published_heads.published(lived.home)][-1] == "2026-04-15"


def test_findings_and_closures_are_append_only(lived: Team) -> None:
    delete_case(lived)
    at_night(lived, "15 Apr 2026")
    close_all(lived, "15 Apr 2026")
    for table in ("finding", "finding_closed"):
        for statement in (f"UPDATE {table} SET number = 7", f"DELETE FROM {table}"):
            with pytest.raises(DBAPIError), writing(lived.first.engine) as connection:
                connection.exec_driver_sql(statement)


def test_a_finding_names_no_person_and_a_thousand_are_a_hundred(lived: Team) -> None:
    context = lived.context("15 Apr 2026")
    some = [Found("Ada Ashgrove", 1, "tail", "every fact is gone"), Found(None, None, "cache", "of 999 000 0018")]
    findings.store(context, "verify", some)
    assert {(each.case_ref, each.message) for each in open_findings(lived)} == {(None, findings.UNNAMED)}
    findings.store(context, "verify", [Found("NX90001", seq, "hash", "differs") for seq in range(1, 1001)])
    stored = open_findings(lived)
    assert len(stored) == 2 + findings.MOST + 1
    assert (stored[-1].what, [each.number for each in stored]) == ("more", list(range(1, len(stored) + 1)))
    assert findings.store(context, "verify", some) == 0


def test_the_scheduler_alerts_at_once_and_compares_the_heads_at_its_start(
    lived: Team, mail_server: ScriptedMailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[str] = []
    monkeypatch.setattr("runtime.scheduler.alert", lambda _settings, report, _now: sent.append(report.findings[0].what))
    settings = replace(lived.context("15 Apr 2026").settings, alert_to="it.oncall@icb.example")
    clock = Scheduler(settings)
    clock.start()
    assert (sent, open_findings(lived)) == ([], [])
    behind_its_back(lived, "DELETE FROM anchor WHERE before LIKE '2026-04-14%%'")
    clock.start()
    assert [each.found_by for each in open_findings(lived)] == ["start"]
    clock.verify()
    assert sent == ["findings_open", "findings_open"]


def test_the_command_closes_only_in_the_name_of_a_person_with_a_reason(lived: Team) -> None:
    delete_case(lived)
    stored = command(lived, "15 Apr 2026", "verify", "--json")
    assert (stored.exit_code, json.loads(stored.stdout)["open"]) == (1, 2)
    for words in (
        (),
        ("--actor", "it.oncall"),
        ("--actor", "sendflow", "--reason", "looks well"),
        ("--actor", "Ada Ashgrove", "--reason", "looks well"),
        ("--actor", "it.oncall", "--reason", "of 999 000 0018"),
        ("--actor", "it.oncall", "--reason", " "),
    ):
        assert command(lived, "15 Apr 2026", "findings", "close", "1-2", *words).exit_code == 2, words
    assert len(open_findings(lived)) == 2
    closing = ("findings", "close", "1-2", "--actor", "it.oncall", "--reason", "backup restored")
    done = command(lived, "15 Apr 2026", *closing)
    assert (done.exit_code, "The next verification opens" in done.stdout) == (0, True)
    assert command(lived, "15 Apr 2026", *closing).exit_code == 1
    assert "backup restored" in command(lived, "15 Apr 2026", "findings", "--all").stdout
    assert command(lived, "15 Apr 2026", "findings").exit_code == 0


def test_several_findings_are_closed_at_once_all_or_none(lived: Team) -> None:
    some = [Found("NX90001", seq, "hash", "differs") for seq in range(1, 6)]
    findings.store(lived.context("15 Apr 2026"), "verify", some)
    closing = ("--actor", "it.oncall", "--reason", "backup restored")
    assert command(lived, "15 Apr 2026", "findings", "close", "1-4", "9", *closing).exit_code == 2
    assert len(open_findings(lived)) == 5
    done = command(lived, "15 Apr 2026", "findings", "close", "1-3", "5", *closing)
    assert done.stdout.startswith("4 findings closed by it.oncall.")
    assert [each.number for each in open_findings(lived)] == [4]
    for words in ("four", "4-2", "-1", "0x1"):
        assert command(lived, "15 Apr 2026", "findings", "close", words, *closing).exit_code == 2, words
