"""The doctor names a log without its key, one that nobody signs, and a folder that does not have it."""

from __future__ import annotations

from dataclasses import replace

from casework.proof.sequencer import sequence
from models.database import reading
from runtime.diagnostics.log_checks import log
from tests.support.team import Team

OPENS = "ehc_assessment_requested"


def found(team: Team, today: str, **settings: object) -> list[str]:
    context = team.context(today)
    context = replace(context, settings=replace(context.settings, **settings))  # type: ignore[arg-type]
    with reading(context.engine) as connection:
        return [each.what for each in log(context, connection, context.today())]


def test_a_log_that_is_signed_and_left_is_well(team: Team) -> None:
    assert found(team, "2 Feb 2026") == []
    team.record("2 Feb 2026", OPENS, case="NX90001", la="northshire")
    sequence(team.context("2 Feb 2026"))
    assert found(team, "2 Feb 2026") == []


def test_the_key_the_age_and_each_folder_are_looked_at(team: Team) -> None:
    team.record("2 Feb 2026", OPENS, case="NX90001", la="northshire")
    sequence(team.context("2 Feb 2026"))
    assert found(team, "4 Feb 2026") == ["log_not_signed"]
    assert found(team, "2 Feb 2026", log_to=(team.home.parent / "share",)) == ["log_not_left"]
    key = team.home / "log.key"
    key.rename(team.home / "elsewhere")
    assert found(team, "2 Feb 2026") == ["log_key"]
    key.write_text("nothing\n", "utf-8")
    assert found(team, "2 Feb 2026") == ["log_key"]
