"""Verify names what was done to the records by really doing it: with SQLite's own tool, on a real file, past the
triggers.
"""

import sqlite3
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from audit.verify import VerifyReport, verify
from models import ledger
from models.change_log import insert_logged
from models.database import reading, writing
from models.errors import NoSuchCase
from models.tables import CHECKPOINT
from tests.support.by_hand import ADVICE, SALT, TRUST
from tests.support.team import Team

ASKED: dict[str, Any] = {"body": TRUST, "service": SALT}
Deed = Callable[[sqlite3.Connection], object]


@pytest.fixture
def lived(team: Team) -> Team:
    """Two cases: NX90001 breached on 14 Apr, with its letter; NX90002 opened in Eastmere."""
    team.opened("2 Feb 2026").asked("2 Mar 2026")
    team.record("2 Mar 2026", "ehc_assessment_requested", case="NX90002", la="eastmere")
    team.day("14 Apr 2026")
    assert team.verify("14 Apr 2026").intact
    return team


def publish(team: Team) -> VerifyReport:
    """Store the head of now as one that left the installation, as the digest does."""
    report = team.verify("14 Apr 2026")
    row = {"before": report.before, "head": report.head, "cases": report.cases, "facts": report.facts}
    with writing(team.first.engine) as connection:
        insert_logged(connection, CHECKPOINT, [row], report.before)
    return report


def tamper(team: Team, *deeds: str | Deed, keep_triggers: bool = True) -> VerifyReport:
    """Do something to the file as a person with a database tool would: drop the guards, do it, put the guards back."""
    team.first.engine.dispose()
    file = sqlite3.connect(team.home / "sendflow.db", isolation_level=None)
    guards = file.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
    for name, _sql in guards:
        file.execute(f"DROP TRIGGER {name}")
    for deed in deeds:
        if isinstance(deed, str):
            file.execute(deed)
        else:
            deed(file)
    for _name, sql in guards if keep_triggers else []:
        file.execute(sql)
    file.close()
    return team.verify("14 Apr 2026")


def named(report: VerifyReport) -> list[tuple[str | None, int | None, str]]:
    return [(each.case_ref, each.seq, each.what) for each in report.damage]


def test_an_intact_history_says_so_and_prints_its_head(lived: Team) -> None:
    report = lived.verify("14 Apr 2026")
    with reading(lived.first.engine) as connection:
        assert ledger.head(connection, report.before) == (report.head, 2, report.facts)
    assert (report.cases, report.intact, report.stale, report.damage) == (2, True, 0, [])
    assert lived.verify("14 Apr 2026") == report, "looking changes nothing"


def test_one_changed_byte_in_any_fact_is_named(lived: Team) -> None:
    """Every fact in turn, at its start, its middle and its end: one byte of the text, and back again."""
    where = "WHERE case_ref = 'NX90001' AND seq ="
    for line in lived.lines():
        for part in (0.0, 0.5, 1.0):

            def change(file: sqlite3.Connection, seq: int = line.seq, part: float = part) -> None:
                [(text,)] = file.execute(f"SELECT text FROM fact {where} {seq}").fetchall()
                place = round(part * (len(text) - 1))
                changed = text[:place] + chr(ord(text[place]) ^ 1) + text[place + 1 :]
                file.execute(f"UPDATE fact SET text = ? {where} {seq}", (changed,))

            report = tamper(lived, change)
            assert ("NX90001", line.seq, "hash") in named(report)
            assert all(each.case_ref == "NX90001" for each in report.damage)
            assert tamper(lived, change).intact, "the same byte changed back"


@pytest.mark.parametrize(
    ("column", "value", "what"),
    [
        ("kind", "assessment_refused", "column"),
        ("occurred_on", "2026-02-03", "column"),
        ("recorded_at", "2026-02-02T09:00:00.000001Z", "column"),
        ("actor", "somebody.else", "column"),
        ("hash", "0" * 64, "hash"),
        ("prev_hash", "f" * 64, "chain"),
    ],
)
def test_one_changed_column_is_named(lived: Team, column: str, value: str, what: str) -> None:
    report = tamper(lived, f"UPDATE fact SET {column} = '{value}' WHERE case_ref = 'NX90001' AND seq = 2")
    assert ("NX90001", 2, what) in named(report)
    if what == "column":
        assert column in next(each.message for each in report.damage if each.what == "column")


def test_a_changed_text_with_its_own_hash_mended_breaks_the_chain_at_the_next_fact(lived: Team) -> None:
    def rewrite(file: sqlite3.Connection) -> None:
        [(previous, text)] = file.execute(
            "SELECT prev_hash, text FROM fact WHERE case_ref = 'NX90001' AND seq = 3"
        ).fetchall()
        text = text.replace("2026-03-02", "2026-03-09")
        values = (text, ledger.link(previous, text.encode()), "2026-03-09")
        file.execute(
            "UPDATE fact SET text = ?, hash = ?, occurred_on = ? WHERE case_ref = 'NX90001' AND seq = 3", values
        )

    report = tamper(lived, rewrite)
    assert ("NX90001", 4, "chain") in named(report)
    assert not report.intact


def test_a_whole_chain_rewritten_with_its_caches_is_caught_by_the_head_that_left_the_building(lived: Team) -> None:
    publish(lived)
    assert tamper(lived).intact

    def forge(file: sqlite3.Connection) -> None:
        previous = "0" * 64
        for seq, text in file.execute("SELECT seq, text FROM fact WHERE case_ref = 'NX90002' ORDER BY seq").fetchall():
            forged = text.replace("dco.team", "dco.teem")
            link = ledger.link(previous, forged.encode())
            values = (forged, link, previous, seq)
            file.execute(
                "UPDATE fact SET text = ?, hash = ?, prev_hash = ?, actor = 'dco.teem' WHERE case_ref = 'NX90002' AND"
                " seq = ?",
                values,
            )
            file.execute("UPDATE case_file SET hash = ? WHERE case_ref = 'NX90002'", (link,))
            previous = link

    assert named(tamper(lived, forge)) == [(None, None, "head"), ("NX90002", 1, "mac")]


@pytest.mark.parametrize("column", ["process", "state", "seq", "hash", "opened_on", "la", "la_reference"])
def test_a_changed_cached_case_is_named(lived: Team, column: str) -> None:
    value = "99" if column == "seq" else "'2026-02-03'" if column == "opened_on" else "'something'"
    report = tamper(lived, f"UPDATE case_file SET {column} = {value} WHERE case_ref = 'NX90001'")
    assert {each.case_ref for each in report.damage} == {"NX90001"}
    assert report.damage[0].what in {"cache", "tail"}
    if column in {"seq", "hash"}:
        assert [each.what for each in report.damage[1:]] == ["mac"]
    else:
        assert column in report.damage[0].message


@pytest.mark.parametrize(
    "column",
    ["body", "service", "started_on", "due", "strict_due", "act_by", "closed_on", "met_on", "excused", "next_check_on"],
)
def test_a_changed_cached_duty_is_named_with_its_column(lived: Team, column: str) -> None:
    value = "'2026-05-01'" if column.endswith(("_on", "due", "_by")) else "'x'"
    report = tamper(lived, f"UPDATE duty SET {column} = {value} WHERE case_ref = 'NX90001' AND rule = '{ADVICE}'")
    assert named(report) == [("NX90001", 3, "cache")]
    assert f"{ADVICE} opened by fact 3 differs in {column}" in report.damage[0].message


def test_a_missing_and_an_invented_cache_are_named(lived: Team) -> None:
    report = tamper(lived, f"DELETE FROM duty WHERE case_ref = 'NX90001' AND rule = '{ADVICE}'")
    assert named(report) == [("NX90001", 3, "cache")]
    assert "is missing" in report.damage[0].message
    report = tamper(
        lived,
        "DELETE FROM case_file WHERE case_ref = 'NX90002'",
        f"UPDATE duty SET rule = '{ADVICE}', opened_seq = 1 WHERE rule = 'ehc_no_plan_notify'",
    )
    assert ("NX90002", None, "cache") in named(report)
    assert any("has no fact" in each.message for each in report.damage)


def test_a_cut_tail_is_named_by_the_cached_case(lived: Team) -> None:
    last = len(lived.lines())
    report = tamper(lived, f"DELETE FROM fact WHERE case_ref = 'NX90001' AND seq = {last}")
    assert ("NX90001", last - 1, "tail") in named(report)
    assert f"the last fact is gone: the case had {last}" in report.damage[0].message


def test_a_cut_tail_with_the_cached_case_patched_is_named_by_a_notice(lived: Team) -> None:
    """The breach and all that came after it are cut away and every cache is made to fit; the notice of the breach still
    is valid.
    """
    breach = next(line.seq for line in lived.lines() if line.kind == "breached")

    def cut(file: sqlite3.Connection) -> None:
        file.execute(f"DELETE FROM fact WHERE case_ref = 'NX90001' AND seq >= {breach}")
        [(digest,)] = file.execute(
            f"SELECT hash FROM fact WHERE case_ref = 'NX90001' AND seq = {breach - 1}"
        ).fetchall()
        file.execute("UPDATE case_file SET seq = ?, hash = ? WHERE case_ref = 'NX90001'", (breach - 1, digest))
        file.execute(f"UPDATE duty SET next_check_on = '2026-04-14' WHERE case_ref = 'NX90001' AND rule = '{ADVICE}'")

    report = tamper(lived, cut)
    assert ("NX90001", breach - 1, "tail") in named(report)
    assert f"a notice was written for fact {breach}, which is gone" in [each.message for each in report.damage]


def test_a_cut_tail_that_no_notice_knows_of_is_caught_by_the_head_that_left_the_building(lived: Team) -> None:
    lived.record("14 Apr 2026", "waiting_list_stated", **ASKED)
    report = publish(lived)
    last = len(lived.lines())

    def cut(file: sqlite3.Connection) -> None:
        file.execute(f"DELETE FROM fact WHERE case_ref = 'NX90001' AND seq = {last}")
        [(digest,)] = file.execute(f"SELECT hash FROM fact WHERE case_ref = 'NX90001' AND seq = {last - 1}").fetchall()
        file.execute("UPDATE case_file SET seq = ?, hash = ? WHERE case_ref = 'NX90001'", (last - 1, digest))

    found = tamper(lived, cut)
    assert named(found) == [(None, None, "head"), ("NX90001", last - 1, "mac")]
    assert f"then 2 cases and {report.facts} facts, now 2 and {report.facts - 1}" in found.damage[0].message


def test_a_fact_cut_out_of_the_middle_is_named(lived: Team) -> None:
    assert ("NX90001", 2, "gap") in named(tamper(lived, "DELETE FROM fact WHERE case_ref = 'NX90001' AND seq = 2"))


def test_a_removed_case_is_named_by_what_was_left_of_it(lived: Team) -> None:
    report = tamper(lived, "DELETE FROM fact WHERE case_ref = 'NX90001'")
    assert named(report) == [("NX90001", None, "tail")]
    assert report.cases == 1


def test_a_removed_case_with_its_caches_is_named_by_its_notices_or_by_the_head(lived: Team) -> None:
    publish(lived)
    everything = [f"DELETE FROM {table} WHERE case_ref = 'NX90001'" for table in ("fact", "case_file", "duty")]
    assert set(named(tamper(lived, *everything))) == {("NX90001", None, "tail"), (None, None, "head")}
    report = tamper(lived, "DELETE FROM notice WHERE case_ref = 'NX90001'")
    assert {each.what for each in report.damage} == {"head", "letter", "notice"}
    assert {each.case_ref for each in report.damage if each.what == "notice"} == {"NX90001"}


def test_a_dropped_trigger_is_named(lived: Team) -> None:
    report = tamper(lived, keep_triggers=False)
    assert {each.what for each in report.damage} == {"trigger"}
    assert {"fact_no_update", "fact_no_delete"} <= {each.message.split()[2] for each in report.damage}


def test_a_fact_moved_to_another_case_is_named(lived: Team) -> None:
    report = tamper(lived, "UPDATE fact SET case_ref = 'NX90002', seq = 2 WHERE case_ref = 'NX90001' AND seq = 2")
    assert {("NX90001", 2, "gap"), ("NX90002", 2, "column")} <= set(named(report))


def test_text_that_is_no_fact_is_named(lived: Team) -> None:
    def spoil(file: sqlite3.Connection) -> None:
        [(previous,)] = file.execute("SELECT prev_hash FROM fact WHERE case_ref = 'NX90002' AND seq = 1").fetchall()
        file.execute(
            "UPDATE fact SET text = '{}', hash = ? WHERE case_ref = 'NX90002'", (ledger.link(previous, b"{}"),)
        )

    assert ("NX90002", 1, "unreadable") in named(tamper(lived, spoil))


def test_only_the_damaged_case_is_named_and_one_case_can_be_asked_about(lived: Team) -> None:
    tamper(lived, "UPDATE fact SET actor = 'x' WHERE case_ref = 'NX90001' AND seq = 1")
    context = lived.context("14 Apr 2026")
    assert named(verify(context, "NX90001")) == [("NX90001", 1, "column")]
    assert verify(context, "NX90002").intact
    with pytest.raises(NoSuchCase):
        verify(context, "NX99999")


def test_caches_worked_out_under_another_law_wait_for_the_sweep_and_are_no_damage(lived: Team) -> None:
    lived.first = replace(lived.first, ruleset_digest="another law")
    lived._contexts.clear()
    report = lived.verify("14 Apr 2026")
    assert (report.intact, report.stale) == (True, 2)
    lived.sweep("14 Apr 2026")
    assert lived.verify("14 Apr 2026").stale == 0
