"""Refused rows and open duplicates wait for a person, without a cell of the file, until somebody answers them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from casework import to_decide
from casework.cases.part_and_join import join
from casework.imports.tracker_import import import_file
from casework.to_decide import WaitingItem
from models.database import reading
from models.errors import Refusal
from models.tables import DECIDED, TO_DECIDE
from tests.support.team import Team

HEAD = "Reference,Local authority,Request received,NHS number,Name\n"
SOUND = "PT00001,Northshire,05/03/2026,,Ada Nobody\n"
WRONG = "PT00002,Nowhere,31/02/2026,,Grace Nobody\n"
RIGHT = "PT00002,Northshire,02/03/2026,,Grace Nobody\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where trackers are."""
    (tmp_path / "trackers").mkdir()
    return tmp_path / "trackers"


def brought(team: Team, folder: Path, *rows: str) -> None:
    path = folder / "tracker.csv"
    path.write_text(HEAD + "".join(rows), encoding="utf-8")
    import_file(team.context("14 Apr 2026"), path, actor="admin.team")


def waiting(team: Team) -> list[WaitingItem]:
    context = team.context("14 Apr 2026")
    with reading(context.engine) as connection:
        return to_decide.waiting(context, connection)


def answers(team: Team) -> list[tuple[int, str, str]]:
    with reading(team.first.engine) as connection:
        rows = connection.execute(select(DECIDED.c.number, DECIDED.c.actor, DECIDED.c.how).order_by(DECIDED.c.number))
        return [tuple(row) for row in rows]


def test_a_refused_row_waits_with_its_place_and_codes_and_without_a_cell(team: Team, folder: Path) -> None:
    brought(team, folder, SOUND, WRONG)
    (found,) = waiting(team)
    assert (found.kind, found.sheet, found.line, found.cases) == ("refused_row", 1, 3, [])
    assert sorted(code for _field, code in found.problems) == ["impossible_date", "unknown_la"]
    with reading(team.first.engine) as connection:
        stored = " ".join(str(value) for row in connection.execute(select(TO_DECIDE)) for value in row)
    assert not [word for word in ("PT00002", "Nowhere", "31/02", "Grace", "tracker.csv") if word in stored]


def test_the_same_file_again_leaves_one_row_and_a_later_file_moves_it(team: Team, folder: Path) -> None:
    brought(team, folder, SOUND, WRONG)
    brought(team, folder, SOUND, WRONG)
    assert [each.number for each in waiting(team)] == [1]
    brought(team, folder, WRONG, SOUND)
    assert [(each.number, each.line) for each in waiting(team)] == [(2, 2)]
    assert answers(team) == [(1, "admin.team", "replaced")]


def test_a_row_that_a_later_import_accepts_waits_no_longer(team: Team, folder: Path) -> None:
    brought(team, folder, SOUND, WRONG)
    brought(team, folder, SOUND, RIGHT)
    assert waiting(team) == []
    assert answers(team) == [(1, "admin.team", "accepted")]
    assert team.verify("15 Apr 2026").intact


def test_a_dry_run_leaves_nothing(team: Team, folder: Path) -> None:
    path = folder / "tracker.csv"
    path.write_text(HEAD + WRONG, encoding="utf-8")
    import_file(team.context("14 Apr 2026"), path, dry_run=True)
    assert waiting(team) == []


def test_a_person_answers_once(team: Team, folder: Path) -> None:
    brought(team, folder, WRONG)
    context = team.context("14 Apr 2026")
    with pytest.raises(Refusal, match="choose one of the answers"):
        to_decide.answer(context, 1, "dco.team", "two_matters")
    assert to_decide.answer(context, 1, "dco.team", "not_ours").line == 2
    assert (waiting(team), answers(team)) == ([], [(1, "dco.team", "not_ours")])
    with pytest.raises(to_decide.NothingWaits):
        to_decide.answer(context, 1, "dco.team", "corrected")


def test_a_row_that_may_be_about_a_stored_case_names_it(team: Team, folder: Path) -> None:
    brought(team, folder, "PT00001,Northshire,05/03/2026,999 000 0018,Ada Nobody\n")
    brought(team, folder, "PT00009,Northshire,05/04/2026,999 000 0018,Grace Else\n")
    (found,) = waiting(team)
    assert found.cases == ["PT00001"]
    assert [code for _field, code in found.problems]


def test_two_open_cases_of_one_child_wait_until_a_person_answers_or_one_has_ended(team: Team) -> None:
    for case in ("SX00001", "SX00002"):
        data: dict[str, Any] = {"body": "QX101", "la": "northshire", "date_of_birth": "2022-05-01"}
        team.record("2 Feb 2026", "section23_opinion_formed", case=case, **data)
    done = join(team.context("14 Apr 2026"), "SX00001", "SX00002", "dco.team", confirmed=True)
    assert any("both are open" in each for each in done.unheard)
    (found,) = waiting(team)
    assert (found.kind, found.cases, found.la) == ("duplicate", ["SX00001", "SX00002"], "northshire")
    team.record("14 Apr 2026", "case_withdrawn", case="SX00002")
    assert waiting(team) == []
