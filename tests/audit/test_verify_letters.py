"""Verify reports altered notices and letters: altered with SQLite's own tool, on a real file. Dates as in the
design's own story.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from shutil import copyfile
from typing import Any

import pytest

from audit.verify import VerifyReport, verify
from tests.audit.test_verify import named, tamper
from tests.support.by_hand import PAEDS, SALT, TRUST
from tests.support.team import Team

ASKED: dict[str, Any] = {"body": TRUST, "service": SALT}
OURS = "case_ref = 'NX90001'"


Spoil = Callable[..., VerifyReport]


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Team:
    """NX90001: letters about the request, a reminder and the breach; a letter of the 14th is still to leave.
    NX90002 is in the same letters.
    """
    team = Team(tmp_path_factory.mktemp("told") / "var")
    for case in ("NX90001", "NX90002"):
        team.record("2 Mar 2026", "ehc_assessment_requested", case=case, la="northshire")
        team.record("2 Mar 2026", "health_advice_requested", case=case, **ASKED)
    for when in ("2 Mar 2026", "5 Mar 2026", "23 Mar 2026", "7 Apr 2026", "14 Apr 2026"):
        team.day(when)
    team.record("14 Apr 2026", "health_advice_requested", body=TRUST, service=PAEDS)
    assert team.verify("14 Apr 2026").intact
    team.first.engine.dispose()
    copyfile(team.home / "sendflow.db", team.home / "whole.db")
    return team


@pytest.fixture
def spoil(lived: Team) -> Spoil:
    """Does something to the records as they were, past their guards, and verifies them."""

    def spoilt(*deeds: str) -> VerifyReport:
        lived.first.engine.dispose()
        for left in ("sendflow.db-wal", "sendflow.db-shm"):
            Path(lived.home / left).unlink(missing_ok=True)
        copyfile(lived.home / "whole.db", lived.home / "sendflow.db")
        return tamper(lived, *deeds)

    return spoilt


def seq_of(team: Team, kind: str, rung: str) -> int:
    return next(line.seq for line in team.lines() if line.kind == kind and line.data.get("rung") == rung)


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("recipient", "'dco'", "recipient"),
        ("rung", "'reminder_3_weeks'", "rung"),
        ("rule", "'appeal_evidence'", "rule"),
        ("body", "'QX104'", "body"),
        ("service", "'camhs'", "service"),
        ("opened_seq", "1", "opened_seq"),
        ("due", "'2026-04-20'", "due"),
        ("rank", "0", "rank"),
        ("fact_seq", "2", "fact_seq"),
        ('"on"', "'2026-04-13'", "on"),
        ("state", "'withdrawn'", "withdrawn"),
        ("state", "'failed'", "failed"),
        ("state", "'superseded'", "nothing outranks"),
        ("state", "'held'", "is held"),
        ("letter", "NULL", "no letter"),
        ("letter", "'20260302-a3dd54117d'", "otherwise"),
        ("mailbox", "'somebody.else@northshire-community.example'", "mailbox"),
        ("case_ref", "'NX90002'", "case_ref"),
        ("key", "'NX90001/x'", "key"),
    ],
)
def test_a_changed_notice_is_named_with_what_differs(
    lived: Team, spoil: Spoil, column: str, value: str, said: str
) -> None:
    breach = seq_of(lived, "breached", "breach")
    report = spoil(f"UPDATE notice SET {column} = {value} WHERE {OURS} AND fact_seq = {breach}")
    assert {each.what for each in report.damage} <= {"notice", "letter"} and not report.intact
    assert any(said in each.message for each in report.damage), report.damage
    assert all("@" not in each.message for each in report.damage)


def test_a_notice_that_is_gone_is_named_by_what_became_of_it_and_by_what_called_for_it(
    lived: Team, spoil: Spoil
) -> None:
    breach, sent = seq_of(lived, "breached", "breach"), seq_of(lived, "notice_sent", "breach")
    report = spoil(f"DELETE FROM notice WHERE {OURS} AND fact_seq = {breach}")
    assert {("NX90001", breach, "notice"), ("NX90001", sent, "notice")} <= set(named(report))
    assert any("called for a notice, and there is none" in each.message for each in report.damage)


def test_a_letter_that_was_still_to_leave_and_is_gone_is_named_by_the_request_that_called_for_it(
    lived: Team, spoil: Spoil
) -> None:
    asked = lived.lines()[-1].seq
    report = spoil(f"DELETE FROM notice WHERE {OURS} AND fact_seq = {asked}")
    assert named(report) == [("NX90001", asked, "notice"), ("NX90001", None, "notice")]
    assert f"fact {asked} (health_advice_requested) called for a notice" in report.damage[0].message


def test_a_fact_of_an_earlier_rule_set_needs_no_letter(lived: Team, spoil: Spoil) -> None:
    asked = lived.lines()[-1].seq
    spoil(f"DELETE FROM notice WHERE {OURS} AND fact_seq = {asked}")
    context = lived.context("14 Apr 2026")
    hold = replace(context.ruleset_guard, digest="another")
    report = verify(replace(context, ruleset_guard=hold))
    assert not any("called for a notice" in each.message for each in report.damage)


def test_a_notice_that_nothing_called_for_is_named(lived: Team, spoil: Spoil) -> None:
    breach = seq_of(lived, "breached", "breach")
    columns = (
        'case_ref, fact_seq, rule, body, service, opened_seq, due, rung, rank, template, recipient, mailbox, "on",'
        " fields, state, letter, created_at"
    )
    added = columns.replace("recipient,", "'icb_executive_lead',", 1)
    report = spoil(
        f"INSERT INTO notice (key, {columns}) SELECT replace(key, 'service_manager', 'icb_executive_lead'), {added}"
        f" FROM notice WHERE {OURS} AND fact_seq = {breach}"
    )
    assert ("NX90001", breach, "notice") in named(report)
    assert any("is sent" in each.message and "no fact says so" in each.message for each in report.damage)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("mailbox = 'somebody.else@northshire-community.example'", "mailbox"),
        ("\"on\" = '2026-03-01'", "on"),
        ("\"on\" = '2026-07-01'", "on"),
        ("message_id = '<another@northernvales-icb.example>'", "message_id"),
        ("sent_at = '2026-04-16T08:00:00.000000Z'", "another day"),
        ("sent_at = NULL", "sent_at"),
        ("state = 'failed'", "state"),
        ("id = '20260414-0000000000'", "is gone"),
    ],
)
@pytest.mark.parametrize("case", [None, "NX90001"])
def test_a_changed_letter_is_named_with_what_differs(
    lived: Team, spoil: Spoil, case: str | None, change: str, said: str
) -> None:
    report = spoil(f"UPDATE letter SET {change} WHERE id LIKE '20260414-%'")
    report = verify(lived.context("14 Apr 2026"), case) if case else report
    assert "letter" in {each.what for each in report.damage} and any(said in each.message for each in report.damage), (
        report.damage
    )
    assert all("@" not in each.message for each in report.damage)


def test_a_letter_that_is_gone_or_invented_is_named(lived: Team, spoil: Spoil) -> None:
    breach = seq_of(lived, "breached", "breach")
    report = spoil("DELETE FROM letter WHERE id LIKE '20260414-%'")
    assert ("NX90001", breach, "letter") in named(report) and "is gone" in report.damage[-1].message
    columns = 'mailbox, "on", template, template_version, fields, state, attempts, sent_at'
    made = "'20260302-a3dd54117d-2', '<20260302-a3dd54117d-2.sendflow@northernvales-icb.example>'"
    report = spoil(
        f"INSERT INTO letter (id, message_id, {columns}) SELECT {made}, {columns} FROM letter WHERE id LIKE"
        " '20260302-%' LIMIT 1"
    )
    assert any("has no notice" in each.message for each in report.damage)


def test_what_sendflow_itself_does_with_letters_is_no_failure(team: Team) -> None:
    """Withdrawn, superseded, failed without an address, put off while nobody answers, taken back, ended, imported:
    nothing of it is named.
    """
    team.opened("2 Mar 2026").asked("2 Mar 2026").asked("2 Mar 2026", service=PAEDS)
    team.post.down = True
    for when in ("2 Mar 2026", "23 Mar 2026", "24 Mar 2026"):
        team.day(when)
        assert team.verify(when).intact
    team.post.down = False
    for when in ("25 Mar 2026", "7 Apr 2026", "14 Apr 2026", "21 Apr 2026"):
        team.day(when)
        assert team.verify(when).intact
    team.record("22 Apr 2026", "fact_corrected", corrects=3, occurred_on="2026-03-09")
    team.record("22 Apr 2026", "health_advice_received", "9 Apr 2026", **ASKED)
    team.without_body(TRUST)
    for when in ("22 Apr 2026", "28 Apr 2026", "5 May 2026"):
        team.day(when)
        assert team.verify(when).intact
    team.record("6 May 2026", "health_advice_requested", body="QX102", service="physiotherapy")
    team.record("6 May 2026", "case_withdrawn")
    team.day("6 May 2026")
    assert team.verify("6 May 2026").damage == []
    assert {"sent", "withdrawn", "superseded", "failed"} <= {state for _rung, _to, state in team.notices()}


def test_a_letter_whose_id_is_none_is_named(spoil: Spoil) -> None:
    report = spoil("UPDATE letter SET id = 'nonsense' WHERE id = (SELECT min(id) FROM letter)")
    assert any("letter nonsense differs in" in each.message and "id" in each.message for each in report.damage)


@pytest.mark.parametrize("key", ["recipient", "letter", "rung"])
def test_an_outcome_that_lacks_what_its_kind_promises_is_named_and_the_rest_is_looked_at(
    spoil: Spoil, lived: Team, key: str
) -> None:
    """Each text is edited in one case, and another letter in the other: both are named."""
    seq = seq_of(lived, "notice_sent", "breach")
    report = spoil(
        f"UPDATE fact SET text = json_remove(text, '$.data.{key}') WHERE {OURS} AND seq = {seq}",
        "UPDATE notice SET recipient = 'dco' WHERE case_ref = 'NX90002' AND rung = 'breach'",
    )
    assert {"NX90001", "NX90002"} <= {each.case_ref for each in report.damage}
