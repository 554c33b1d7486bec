"""Verification names each attack on a file of SQLite; tests/system/postgres does the same on a server."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from shutil import copyfile
from typing import Any

import pytest

from audit.verify import VerifyReport, verify
from config.directory import DEFAULT, load_directory
from tests.audit.every_table import filled_team
from tests.support.paths import ROOT
from tests.support.team import Team
from tests.system.faults.tampering import ATTACKS, NAMED, SCHEMA, TRIGGER, Attack
from tests.system.faults.tampering_since import MORE, WINDOWS, Named, Window

TODAY = "15 Apr 2026"
Tampered = Callable[..., VerifyReport]


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Team:
    """An installation with rows in every table; a copy of its file is beside it."""
    team = filled_team(Team(tmp_path_factory.mktemp("attacked") / "var"))
    team.first.engine.dispose()
    copyfile(team.home / "sendflow.db", team.home / "whole.db")
    return team


@pytest.fixture
def tampered(filled: Team) -> Tampered:
    """Do something to the file as it was, without its triggers, and verify it."""

    def tamper(*deeds: Any, keep_triggers: bool = False) -> VerifyReport:
        filled.first.engine.dispose()
        for left in ("sendflow.db-wal", "sendflow.db-shm"):
            Path(filled.home / left).unlink(missing_ok=True)
        copyfile(filled.home / "whole.db", filled.home / "sendflow.db")
        file = sqlite3.connect(filled.home / "sendflow.db", isolation_level=None)
        triggers = [] if keep_triggers else file.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
        triggers = list(triggers)
        for name, _sql in triggers:
            file.execute(f"DROP TRIGGER {name}")
        for deed in deeds:
            if isinstance(deed, str):
                file.execute(deed)
            else:
                deed(lambda statement: file.execute(statement).fetchall())
        for _name, sql in triggers:
            file.execute(sql)
        file.close()
        return verify(filled.context(TODAY))

    return tamper


def test_nothing_is_found_where_nothing_was_done(tampered: Tampered) -> None:
    assert tampered().damage == []


@pytest.mark.parametrize("attack", ATTACKS, ids=[f"{each.number} {each.name}" for each in ATTACKS])
def test_an_attack_is_named(tampered: Tampered, attack: Attack) -> None:
    report = tampered(*attack.deeds)
    assert attack.wanted in {each.what for each in report.damage}, report.damage
    assert all("@" not in each.message for each in report.damage)
    named = {(each.case_ref, each.seq) for each in report.damage if each.what == "log"}
    assert attack.number not in NAMED or NAMED[attack.number] in named, report.damage


@pytest.mark.parametrize("attack", MORE, ids=[f"{each.number} {each.name}" for each in MORE])
def test_an_attack_is_named_by_case_and_fact(tampered: Tampered, attack: Named) -> None:
    report = tampered(*attack.deeds)
    found = {(each.what, each.case_ref, each.seq if attack.fact else None) for each in report.damage}
    assert (attack.what, attack.case, attack.fact) in found, report.damage


@pytest.mark.parametrize("window", WINDOWS, ids=[f"{each.number} {each.name}" for each in WINDOWS])
def test_what_is_not_named_yet_is_in_the_page_on_security(tampered: Tampered, window: Window) -> None:
    assert tampered(*window.deeds).damage == []
    assert window.said in (ROOT / "SECURITY.md").read_text("utf-8")


def test_a_trigger_that_redirects_letters_is_named(tampered: Tampered) -> None:
    report = tampered(TRIGGER["sqlite"], keep_triggers=True)
    assert [each.what for each in report.damage] == ["schema"]
    assert "the trigger redirect" in report.damage[0].message


@pytest.mark.parametrize(("name", "statement", "said"), SCHEMA, ids=[each[0] for each in SCHEMA])
def test_another_schema_is_named(tampered: Tampered, name: str, statement: str, said: str) -> None:
    report = tampered(statement, keep_triggers=True)
    assert any(said in each.message for each in report.damage if each.what == "schema"), report.damage


def test_a_planted_directory_is_named_before_it_is_used(filled: Team, tampered: Tampered, tmp_path: Path) -> None:
    tampered()
    planted = tmp_path / "directory.toml"
    planted.write_text(DEFAULT.read_text("utf-8").replace("example", "evil.example"), "utf-8")
    report = verify(replace(filled.context(TODAY), directory=load_directory(planted)))
    assert [each.what for each in report.damage] == ["config"]


def test_a_head_that_left_the_installation_is_compared(filled: Team, tampered: Tampered) -> None:
    whole = tampered()
    again_with = partial(verify, head=whole.head, before=whole.before)
    context = filled.context(TODAY)
    published = again_with(context).published
    assert published is not None and published.matches and again_with(context).intact
    report = tampered("DELETE FROM passage WHERE case_ref = 'NX90002'", "DELETE FROM change_log WHERE number > 30")
    again = again_with(filled.context(TODAY))
    assert not report.intact and again.published is not None and not again.published.matches
    assert "published_head" in {each.what for each in again.damage}


def test_a_row_that_a_tool_replaced_past_the_triggers_is_named(tampered: Tampered) -> None:
    """`INSERT OR REPLACE` deletes without the triggers of deletion where a tool has recursive triggers off."""
    columns = "case_ref, seq, kind, occurred_on, recorded_at, 'sam.lee', text, prev_hash, hash, mac, acting"
    replaced = f"INSERT OR REPLACE INTO fact SELECT {columns} FROM fact WHERE case_ref = 'NX90001' AND seq = 1"
    report = tampered(replaced, keep_triggers=True)
    assert [(each.case_ref, each.seq, each.what) for each in report.damage] == [("NX90001", 1, "column")]
