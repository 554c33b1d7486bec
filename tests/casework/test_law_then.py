"""A case as known then: the law of then beside the law of now, from the file or from the database, if it is unaltered.

PostgreSQL runs the same list (tests/system/postgres).
"""

import hashlib
import shutil
from pathlib import Path

import pytest
from sqlalchemy import select, update

from casework.reports.case_models import LawThen
from casework.reports.case_report import report
from casework.rule_packs import adopt
from casework.sweep import sweep
from models.database import is_postgresql, writing
from models.tables import CONFIG_HELD
from tests.casework.test_rule_packs import FEWER_WEEKS, MISREAD, pack, reopened
from tests.support.calling import sendflow
from tests.support.team import Team


def test_a_case_as_known_then_shows_the_law_of_then_beside_the_law_of_now(team: Team, tmp_path: Path) -> None:
    """20 weeks became 18 by a pack: on 12 June nobody believed that the final plan was late."""
    team.opened("2 Feb 2026")
    team.sweep("3 Mar 2026")
    adopt(
        team.context("15 Jun 2026"),
        pack(tmp_path / "pack", statute__ehc_needs_assessment=FEWER_WEEKS, pack=MISREAD),
        "dco.team",
    )
    now = reopened(team, "16 Jun 2026")
    sweep(now)

    def believed(instant: str) -> tuple[LawThen, tuple[str, int, str, str | None, int | None]]:
        shown = report(now, team.case, None, instant)
        [duty] = [each for each in shown.duties if each.rule == "ehc_final_plan_send"]
        assert shown.law_then is not None
        return shown.law_then, (
            str(duty.due),
            duty.days_late,
            str(duty.due_then),
            duty.standing_then,
            duty.days_late_then,
        )

    before_the_pack = "2026-06-12T12:00:00.000000Z"
    law, duty = believed(before_the_pack)
    assert (law.number, law.kept, law.is_now) == (1, True, False)
    assert duty == ("2026-06-08", 4, "2026-06-22", "running", 0)
    law, duty = believed("2026-06-16T12:00:00.000000Z")
    assert (law.number, law.is_now, duty) == (2, True, ("2026-06-08", 8, "None", None, None))
    for kept in (team.home / "law" / "held").glob("*.json"):
        kept.write_bytes(kept.read_bytes() + b" ")
    law, duty = believed(before_the_pack)
    assert (law.kept, duty[2:]) == (True, ("2026-06-22", "running", 0)), "the database has the text"
    shutil.rmtree(team.home / "law" / "held")
    assert believed(before_the_pack)[0].kept


@pytest.mark.parametrize(
    "change", ["text = text || ' '", "text = replace(text, 'weeks = 20', 'weeks = 22')", "name = 'f0'"]
)
def test_an_altered_law_text_of_the_database_is_not_believed(team: Team, tmp_path: Path, change: str) -> None:
    team.opened("2 Feb 2026")
    adopt(
        team.context("15 Jun 2026"),
        pack(tmp_path / "pack", statute__ehc_needs_assessment=FEWER_WEEKS, pack=MISREAD),
        "dco.team",
    )
    now = reopened(team, "16 Jun 2026")
    shutil.rmtree(team.home / "law" / "held")
    shown = report(now, team.case, None, "2026-06-12T12:00:00.000000Z")
    assert shown.law_then is not None and shown.law_then.kept
    with writing(now.engine) as connection:
        trigger = "config_held_no_update" + (" ON config_held" if is_postgresql(now.engine) else "")
        connection.exec_driver_sql(f"DROP TRIGGER {trigger}")
        connection.exec_driver_sql(f"UPDATE config_held SET {change} WHERE kind = 'law'")
    shown = report(now, team.case, None, "2026-06-12T12:00:00.000000Z")
    assert shown.law_then is not None and not shown.law_then.kept
    assert {duty.due_then for duty in shown.duties} == {None}


def test_a_law_text_whose_digest_was_altered_too_is_not_believed(team: Team, tmp_path: Path) -> None:
    """The activation has the digest of the law itself."""
    team.opened("2 Feb 2026")
    adopt(
        team.context("15 Jun 2026"),
        pack(tmp_path / "pack", statute__ehc_needs_assessment=FEWER_WEEKS, pack=MISREAD),
        "dco.team",
    )
    now = reopened(team, "16 Jun 2026")
    shutil.rmtree(team.home / "law" / "held")
    with writing(now.engine) as connection:
        trigger = "config_held_no_update" + (" ON config_held" if is_postgresql(now.engine) else "")
        connection.exec_driver_sql(f"DROP TRIGGER {trigger}")
        held = select(CONFIG_HELD.c.number, CONFIG_HELD.c.text).where(CONFIG_HELD.c.kind == "law")
        for number, law in connection.execute(held).all():
            other = law.replace("weeks = 20", "weeks = 22")
            changed = {"text": other, "digest": hashlib.sha256(other.encode()).hexdigest()}
            connection.execute(update(CONFIG_HELD).where(CONFIG_HELD.c.number == number).values(**changed))
    shown = report(now, team.case, None, "2026-06-12T12:00:00.000000Z")
    assert shown.law_then is not None and not shown.law_then.kept


def test_the_command_says_what_was_believed_then(team: Team, tmp_path: Path) -> None:
    team.opened("2 Feb 2026")
    brought = pack(tmp_path / "pack", statute__ehc_needs_assessment=FEWER_WEEKS, pack=MISREAD)
    adopt(team.context("15 Jun 2026"), brought, "dco.team")
    team.first.engine.dispose()
    env = {"SENDFLOW_HOME": str(team.home), "SENDFLOW_TODAY": "2026-06-16"}
    found = sendflow("case", team.case, "--known-at", "2026-06-12T12:00:00.000000Z", env=env)
    assert "believed then: due Mon 22 Jun 2026, running" in found.stdout
