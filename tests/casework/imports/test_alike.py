"""Children of one name and date of birth, of whom one has no NHS number: a person is asked, and nothing merges them."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest
from sqlalchemy import Connection, select, update

from casework import to_decide
from casework.cases.answer_waiting import answer_waiting
from casework.cases.fact_form import Refused
from casework.delivery.daily_digest import digest
from casework.imports.tracker_import import import_file
from casework.reports.today import today_of
from casework.to_decide import WaitingItem
from models.alike import index_alike
from models.change_log import log_keys
from models.database import reading, transact
from models.tables import CASE, LETTER, PERSON
from tests.support.team import Team

HEAD = "Reference,Local authority,Request received,NHS number,Name,Date of birth\n"
ADA = "PT00001,Northshire,02/03/2026,999 000 0018,Zoë O'Brien-Nobody,01/05/2015\n"
AGAIN = "PT00002,Northshire,09/03/2026,,ZOE\u0308  O’BRIEN–NOBODY,01/05/2015\n"
NUMBERED = "PT00002,Northshire,09/03/2026,999 123 4500,Zoë O'Brien-Nobody,01/05/2015\n"
OTHER_DAY = "PT00003,Northshire,09/03/2026,,Zoë O'Brien-Nobody,02/05/2015\n"
NO_DAY = "PT00004,Northshire,09/03/2026,,Zoë O'Brien-Nobody,\n"
ON = "14 Apr 2026"


def brought(team: Team, folder: Path, *rows: str) -> None:
    path = folder / "tracker.csv"
    path.write_text(HEAD + "".join(rows), encoding="utf-8")
    report = import_file(team.context(ON), path, actor="admin.team")
    assert report.refused == 0, report.refusals


def waiting(team: Team) -> list[WaitingItem]:
    context = team.context(ON)
    with reading(context.engine) as connection:
        return to_decide.waiting(context, connection)


def children(team: Team) -> set[str]:
    with reading(team.first.engine) as connection:
        return set(connection.scalars(select(CASE.c.child_key)))


def test_the_same_name_and_birth_without_a_number_are_asked_about_and_not_merged(team: Team, tmp_path: Path) -> None:
    brought(team, tmp_path, ADA)
    brought(team, tmp_path, AGAIN, OTHER_DAY, NO_DAY)
    (found,) = waiting(team)
    assert (found.kind, found.cases, found.reaches) == ("alike", ["PT00001", "PT00002"], ["PT00001", "PT00002"])
    assert len(children(team)) == 4
    assert team.verify(ON).intact


def test_two_rows_of_one_file_are_asked_about_and_two_numbers_are_two_children(team: Team, tmp_path: Path) -> None:
    brought(team, tmp_path, ADA, NUMBERED)
    assert waiting(team) == []
    brought(team, tmp_path, AGAIN.replace("PT00002", "PT00005"), AGAIN.replace("PT00002", "PT00006"))
    pairs = [tuple(each.cases) for each in waiting(team)]
    assert len(pairs) == 5  # each of the two with each other and with both numbered ones
    assert ("PT00001", "PT00002") not in pairs


def test_one_child_joins_the_cases_and_the_history_says_so(team: Team, tmp_path: Path) -> None:
    brought(team, tmp_path, ADA, AGAIN)
    (found,) = waiting(team)
    answer_waiting(team.context(ON), found.number, "dco.team", "one_child")
    assert len(children(team)) == 1
    assert [fact.actor for fact in team.lines("PT00001") if fact.kind == "child_joined"] == ["dco.team"]
    assert [each for each in waiting(team) if each.kind == "alike"] == []
    with pytest.raises(to_decide.NothingWaits):
        answer_waiting(team.context(ON), found.number, "dco.team", "one_child")


def test_two_children_is_not_asked_again(team: Team, tmp_path: Path) -> None:
    brought(team, tmp_path, ADA, AGAIN)
    (found,) = waiting(team)
    answer_waiting(team.context(ON), found.number, "dco.team", "two_children")
    team.record(ON, "fact_corrected", case="PT00002", corrects=1, date_of_birth="2015-05-01")
    assert (waiting(team), len(children(team))) == ([], 2)


def test_a_refused_join_leaves_the_question(team: Team, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    brought(team, tmp_path, ADA, AGAIN)

    def refused(*_given: object, **_choices: object) -> None:
        raise Refused("another_child", "their NHS numbers differ")

    monkeypatch.setattr("casework.cases.answer_waiting.join", refused)
    with pytest.raises(Refused):
        answer_waiting(team.context(ON), waiting(team)[0].number, "dco.team", "one_child")
    assert len(waiting(team)) == 1


def test_a_case_that_has_ended_is_asked_about_no_more(team: Team, tmp_path: Path) -> None:
    brought(team, tmp_path, ADA, AGAIN)
    assert len(waiting(team)) == 1
    team.record(ON, "case_withdrawn", case="PT00002")
    assert waiting(team) == []


def test_the_digest_counts_and_names_it_as_the_page_today_does(team: Team, tmp_path: Path) -> None:
    brought(team, tmp_path, ADA, AGAIN)
    context = team.context(ON)
    digest(context, transport=team.post)
    with reading(context.engine) as connection:
        fields = orjson.loads(connection.scalars(select(LETTER.c.fields)).one())
    assert fields["person_count"] == today_of(context, context.today()).to_decide == 1
    assert (fields["refused_rows"], fields["duplicates"], fields["more_for_person"]) == (0, [], 0)
    assert fields["alike"] == [{"refs": ["PT00001", "PT00002"]}]


def test_children_of_an_earlier_version_are_indexed_when_the_installation_opens(team: Team, tmp_path: Path) -> None:
    brought(team, tmp_path, ADA, NO_DAY)

    def older(connection: Connection) -> None:
        connection.execute(update(PERSON).values(alike_index=None))
        log_keys(connection, PERSON, list(connection.scalars(select(PERSON.c.child_key))))

    transact(team.first.engine, older)
    context = team.context(ON)
    assert index_alike(context.engine, context.cipher, "2026-04-14T08:00:00.000000Z") == 2
    assert index_alike(context.engine, context.cipher, "2026-04-14T08:00:00.000000Z") == 0
    brought(team, tmp_path, AGAIN)
    assert [each.cases for each in waiting(team)] == [["PT00001", "PT00002"]]
    assert team.verify(ON).intact
