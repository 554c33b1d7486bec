"""A run is red where sendflow could not do its job, and nowhere else; its first line says what a person does."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from casework import findings
from casework.context import AppContext
from casework.findings import Found
from casework.imports import tracker_import
from casework.reports.operations_events import new_events
from flows import alerts, artifacts, run_labels, runner
from flows.jobs import Job, JobExecution
from flows.run_ends import End, EndState
from flows.run_labels import NEEDS_A_PERSON_TAG
from models.common_facts import OF_THE_CHILD
from models.database import reading
from models.facts import FactDraft
from notifications.transport import Attempt, Letter, Outcome
from statemachines import registry
from tests.support.by_hand import CASE, PROCESS, TRUST, day
from tests.support.paths import ROOT
from tests.support.team import RecordingTransport, Team
from tests.support.trackers import SOUND, tracker

TODAY = "21 Apr 2026"
DAILY = (Job.SWEEP, Job.DELIVER, Job.DIGEST, Job.VERIFY)


class Refusing(RecordingTransport):
    """A mail server that refuses for good every letter to a mailbox that contains `whom`."""

    def __init__(self, whom: str) -> None:
        super().__init__()
        self.whom = whom

    def send(self, letter: Letter) -> Attempt:
        if self.whom in letter.mailbox:
            return Attempt(Outcome.REFUSED, "mailbox_unknown")
        return super().send(letter)


def end_of(team: Team, job: Job, today: str = TODAY, **arguments: Any) -> End:
    context = team.context(today)
    if job in (Job.SWEEP, Job.DIGEST):
        arguments.setdefault("as_at", day(today))
    if job in (Job.DELIVER, Job.DIGEST):
        arguments.setdefault("transport", team.post)
    if job is Job.DELIVER:
        arguments.setdefault("now", True)
    execution = JobExecution(job, context, arguments)
    shown = run_labels.parameters(execution)
    return artifacts.execute(execution, None, run_labels.begin(job, shown))[0]


def red(team: Team, today: str = TODAY) -> dict[Job, End]:
    """The jobs of a day, and the runs among them that are red."""
    ends = {job: end_of(team, job, today) for job in DAILY}
    for ended in ends.values():
        assert NEEDS_A_PERSON_TAG not in ended.tags or not ended.broken
    return {job: ended for job, ended in ends.items() if ended.broken}


@pytest.fixture
def late(team: Team) -> Team:
    return team.opened().asked()


def test_no_run_is_red_in_days_without_faults(late: Team) -> None:
    for today in ("2 Mar 2026", "23 Mar 2026", "6 Apr 2026", "14 Apr 2026", "21 Apr 2026", "22 Apr 2026"):
        assert red(late, today) == {}
    late.record("22 Apr 2026", "health_advice_received", on="9 Mar 2026", service="speech_and_language_therapy")
    assert red(late, "23 Apr 2026") == {}


def letter_refused(team: Team, _patch: pytest.MonkeyPatch) -> None:
    team.post = Refusing("")
    team.sweep(TODAY)


def mail_server_away(team: Team, _patch: pytest.MonkeyPatch) -> None:
    team.post.down = True


def no_address(team: Team, _patch: pytest.MonkeyPatch) -> None:
    team.without_body(TRUST)


def digest_refused(team: Team, _patch: pytest.MonkeyPatch) -> None:
    team.post = Refusing("dco")


def finding_open(team: Team, _patch: pytest.MonkeyPatch) -> None:
    findings.store(team.context(TODAY), "verify", [Found(CASE, 1, "hash", "the hash differs")])


def trigger_gone(team: Team, _patch: pytest.MonkeyPatch) -> None:
    with team.first.engine.begin() as connection:
        connection.exec_driver_sql("DROP TRIGGER fact_no_update")


def database_away(_team: Team, patch: pytest.MonkeyPatch) -> None:
    def away(*_given: object, **_more: object) -> None:
        raise OperationalError("SELECT Zebediah", {}, Exception("Zebediah"))

    patch.setattr("casework.sweep.sweep", away)


def programming_fault(_team: Team, patch: pytest.MonkeyPatch) -> None:
    def fault(*_given: object, **_more: object) -> None:
        raise KeyError("Zebediah")

    patch.setattr("audit.verify.verify_and_store", fault)


FAULTS: list[tuple[Callable[[Team, pytest.MonkeyPatch], None], set[Job], str]] = [
    (letter_refused, {Job.DELIVER, Job.DIGEST}, "sendflow letters"),
    (mail_server_away, {Job.DELIVER}, "sendflow doctor"),
    (no_address, {Job.DELIVER}, "sendflow letters"),
    (digest_refused, {Job.DIGEST}, "directory.toml"),
    (finding_open, {Job.DIGEST, Job.VERIFY}, "sendflow findings"),
    (trigger_gone, {Job.VERIFY}, "sendflow findings"),
    (database_away, {Job.SWEEP}, "sendflow doctor"),
    (programming_fault, {Job.VERIFY}, "sendflow doctor"),
]


@pytest.mark.parametrize(("fault", "jobs", "remedy"), FAULTS, ids=[fault.__name__ for fault, _, _ in FAULTS])
def test_a_fault_turns_the_right_run_red_and_its_text_names_the_remedy(
    late: Team,
    monkeypatch: pytest.MonkeyPatch,
    fault: Callable[[Team, pytest.MonkeyPatch], None],
    jobs: set[Job],
    remedy: str,
) -> None:
    fault(late, monkeypatch)
    found = red(late)
    assert found.keys() == jobs
    assert any(remedy in ended.sentence for ended in found.values())
    assert all("a person" in ended.sentence and "Zebediah" not in str(ended) for ended in found.values())


def test_an_import_that_cannot_be_finished_is_red(team: Team, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fault(*_given: object) -> None:
        raise RuntimeError("Zebediah")

    monkeypatch.setattr(tracker_import, "open_tracker", fault)
    ended = end_of(team, Job.IMPORT, "14 Apr 2026", path=tracker(tmp_path, SOUND))
    assert ended.broken and "sendflow doctor" in ended.sentence and "Zebediah" not in str(ended)


def test_an_alert_that_cannot_be_sent_is_red(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    found = json.dumps({"findings": [{"what": "no_backup"}, {"what": "findings_open"}]})
    monkeypatch.setattr(alerts, "DOCTOR", ("echo", found))
    ended = end_of(team, Job.ALERT)
    assert (ended.state, ended.message) == (
        EndState.NOBODY_TO_ALERT,
        "the doctor found open findings of a verification, no backup, and nobody was alerted",
    )
    team.first = replace(team.first, settings=replace(team.first.settings, alert_to="ops@icb.example"))
    team._contexts.clear()
    monkeypatch.setattr(alerts, "DOCTOR", ("false",))
    nothing = end_of(team, Job.ALERT)
    assert nothing.broken or nothing.state is EndState.COULD_NOT_FINISH
    monkeypatch.setattr(alerts, "DOCTOR", ("sh", "-c", "exit 3"))
    ended = end_of(team, Job.ALERT)
    assert ended.broken and "sendflow doctor" in ended.sentence


def test_refused_rows_are_listed_by_line_and_reason_and_a_person_is_needed(team: Team, tmp_path: Path) -> None:
    path = tracker(tmp_path, SOUND, SOUND | {"Ref": "AB002", "DOB": "31/02/2015", "Name": "Zebediah"})
    ended = end_of(team, Job.IMPORT, "14 Apr 2026", path=path)
    assert (ended.state, ended.broken) == (EndState.SOME_REFUSED, False)
    assert NEEDS_A_PERSON_TAG in ended.tags
    assert ended.diary[0].endswith("a person corrects 1 row and imports the file again")
    assert ended.diary[1] == "Refused: line 3: A day that does not exist"
    assert "Zebediah" not in str(ended) and "2015" not in str(ended)


def test_a_green_run_says_that_nobody_is_needed(late: Team) -> None:
    ended = end_of(late, Job.SWEEP)
    assert (ended.state, ended.tags) == (EndState.ESCALATED, (PROCESS, TRUST))
    assert ended.diary[0].endswith("; nobody is needed")


def width(table: list[dict[str, Any]]) -> float:
    """How wide Prefect draws a table: 12 pixels on both sides of a cell, and 8 a character at most."""
    columns = table[0].keys()

    def seen(cell: object) -> str:
        return str(cell).partition("](")[0].removeprefix("[")

    return sum(24 + 7.6 * max(len(seen(each)) for each in [name, *(row[name] for row in table)]) for name in columns)


def test_the_tables_fit_a_page_of_1280_pixels_and_link_to_the_cases(late: Team) -> None:
    """A column was cut off at 1,400 pixels. The page has about 725 for a table."""
    late.asked("3 Mar 2026", service="occupational_therapy")
    late.sweep(TODAY)
    overdue = artifacts.overdue_by_body(late.context(TODAY), day(TODAY))
    week = artifacts.due_this_week(late.context("10 Apr 2026"), day("10 Apr 2026"))
    assert overdue and week
    assert width(overdue) <= 725 and width(week) <= 725
    assert overdue[0]["Worst"] == f"[{CASE}]({late.first.settings.pages_url}/cases/{CASE})"
    assert [row["Days late"] for row in overdue] == sorted((row["Days late"] for row in overdue), reverse=True)


def test_nothing_of_a_restricted_case_is_shown(late: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    late.sweep(TODAY)
    monkeypatch.setattr(registry, "restricted_processes", lambda: frozenset({PROCESS}))
    again = Team(late.home)
    context = again.context(TODAY)
    assert artifacts.overdue_by_body(context, day(TODAY)) == []
    assert artifacts.due_this_week(again.context("10 Apr 2026"), day("10 Apr 2026")) == []
    assert JobExecution(Job.RECORD, context, {"case": CASE, "drafts": []}).is_restricted()
    assert JobExecution(Job.VERIFY, context, {"case": CASE}).is_restricted()
    assert not JobExecution(Job.SWEEP, context, {}).is_restricted()
    not_shown(context, monkeypatch)
    again.first.engine.dispose()


def not_shown(context: AppContext, patch: pytest.MonkeyPatch) -> None:
    """Verify the case by a command of an installation whose server answers: Prefect gets no run."""
    patch.setattr(runner, "find_server", lambda _settings: "http://127.0.0.1:9/api")
    patch.setattr(runner, "fix_caller_environment", lambda *_given: pytest.fail("Prefect is not asked"))
    assert runner.run_job("verify", context, case=CASE).intact


@pytest.mark.parametrize("kind", sorted(OF_THE_CHILD))
def test_nothing_of_a_withheld_case_is_shown(late: Team, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    """That a child has died is nothing that a run may say, and the case is not named from then on."""
    late.sweep(TODAY)
    draft = FactDraft(kind, day(TODAY), {})
    assert JobExecution(Job.RECORD, late.context(TODAY), {"case": CASE, "drafts": [draft]}).is_restricted()
    assert not JobExecution(Job.VERIFY, late.context(TODAY), {"case": CASE}).is_restricted()
    late.record(TODAY, kind)
    assert JobExecution(Job.VERIFY, late.context(TODAY), {"case": CASE}).is_restricted()
    with reading(late.first.engine) as connection:
        found = new_events(connection, late.context(TODAY), "2000", (), 500).events
    assert CASE not in str(found)
    not_shown(late.context(TODAY), monkeypatch)


def test_what_a_verification_found_is_said_in_words() -> None:
    """Without the names of keys: a person reads it in the Artifacts tab."""
    damage = [
        {"case_ref": CASE, "seq": 1, "what": "column", "message": "the column actor of fact 1 is not what it says"},
        {"case_ref": None, "seq": None, "what": "log", "message": "a leaf is missing"},
    ]
    report = {"intact": False, "cases": 2, "facts": 9, "head": "abc", "open": 1, "damage": damage}
    shown = artifacts.verification(report)
    assert f"* case {CASE}: the column actor of fact 1 is not what it says" in shown
    assert "* outside the cases: a leaf is missing" in shown
    assert "**1 finding is open**" in shown and "daily digest" in shown and "case_ref" not in shown


def test_each_finding_that_has_words_for_a_sentence_is_one_of_the_doctor() -> None:
    said = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "runtime" / "diagnostics").glob("*.py"))
    assert [each for each in alerts._FOUND if f'what="{each}"' not in said] == []
