"""Signs of unusual reading: each appears when it should, and no name leaves the comparison."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from casework.context import AppContext, instant
from casework.privacy.access import read_person
from casework.privacy.case_looks import BY_A_PROGRAM, looks_at, note_looks
from casework.privacy.unusual_reading import Unusual, unusual_reads
from config.rights import unusual_reading
from models.change_log import insert_logged
from models.database import reading, transact
from models.people import change_person, child_keys
from models.tables import CASE_LOOK
from tests.support.team import Team

MORNING = datetime(2026, 3, 16, 9, 0, tzinfo=UTC)  # a Monday
REFS = [f"NX9{number:04d}" for number in range(40)]


@pytest.fixture
def context(team: Team) -> AppContext:
    """An installation with one case whose child is called Lee."""
    number = "999 000 0018"
    team.record("2 Feb 2026", "ehc_assessment_requested", case="NX90001", la="northshire", nhs_number=number)
    made = team.context("17 Mar 2026")
    transact(made.engine, made.keep_time)
    with reading(made.engine) as connection:
        child = child_keys(connection, ["NX90001"])["NX90001"]
    transact(made.engine, lambda each: change_person(each, made.cipher, child, "NX90001", {"name": "Ann LEE"}))
    return made


def look(context: AppContext, actor: str, refs: list[str], at: datetime, what: str = "case") -> None:
    rows = [{"case_ref": ref, "actor": actor, "what": what, "at": instant(at)} for ref in refs]
    transact(context.engine, lambda connection: insert_logged(connection, CASE_LOOK, rows, instant(at)))


def signs(context: AppContext) -> list[tuple[str, str, int]]:
    return sorted((each.sign, each.actor, each.cases) for each in unusual_reads(context))


def test_more_cases_in_an_hour_than_the_limit_is_one_sign(context: AppContext) -> None:
    limit = unusual_reading().cases_in_an_hour
    look(context, "few.cases", REFS[:limit], MORNING)
    for number, ref in enumerate(REFS):
        look(context, "many.cases", [ref], MORNING + timedelta(seconds=80 * number))
        look(context, "slow.reader", [ref], MORNING + timedelta(minutes=12 * number))
    found = [each for each in unusual_reads(context) if each.sign == "many_in_an_hour"]
    assert [(each.actor, each.cases, len(each.refs)) for each in found] == [("many.cases", 40, 10)]


def test_a_program_has_a_number_of_its_own_and_no_hours(context: AppContext) -> None:
    """A program that copied every open case each night was a sign of its account's owner each morning."""
    limit = unusual_reading().cases_in_an_hour_of_a_program
    at_night = MORNING.replace(hour=2)
    look(context, "dco.team", REFS, at_night, BY_A_PROGRAM)
    look(context, "dco.team", REFS[:20], MORNING)
    assert signs(context) == []
    many = [f"NX8{number:04d}" for number in range(limit + 1)]
    look(context, "dco.team", many, at_night + timedelta(minutes=90), BY_A_PROGRAM)
    [found] = unusual_reads(context)
    assert (found.sign, found.actor, found.cases, found.program) == ("many_in_an_hour", "dco.team", limit + 1, True)


def test_a_program_that_reads_a_child_with_its_owner_s_surname_is_a_sign(context: AppContext) -> None:
    look(context, "sam.lee", ["NX90001"], MORNING, BY_A_PROGRAM)
    assert [(each.sign, each.program) for each in unusual_reads(context)] == [("own_surname", True)]


def test_the_same_case_again_and_again_is_no_sign(context: AppContext) -> None:
    look(context, "dco.team", ["NX90001"] * 50, MORNING)
    assert signs(context) == []


@pytest.mark.parametrize(("actor", "sign"), [("sam.lee", True), ("lee", True), ("leeds.team", False), ("a.n", False)])
def test_a_child_with_the_reader_s_surname_is_a_sign(context: AppContext, actor: str, sign: bool) -> None:
    look(context, actor, ["NX90001", "NX90002"], MORNING)
    assert signs(context) == ([("own_surname", actor, 1)] if sign else [])
    assert "ann" not in str(unusual_reads(context)).lower()


@pytest.mark.parametrize(
    ("at", "sign"),
    [
        (datetime(2026, 3, 16, 6, 59, tzinfo=UTC), True),
        (datetime(2026, 3, 16, 7, 0, tzinfo=UTC), False),
        (datetime(2026, 3, 16, 18, 59, tzinfo=UTC), False),
        (datetime(2026, 3, 16, 19, 0, tzinfo=UTC), True),
        (datetime(2026, 3, 14, 12, 0, tzinfo=UTC), True),  # a Saturday
    ],
)
def test_a_look_outside_working_hours_is_a_sign(context: AppContext, at: datetime, sign: bool) -> None:
    look(context, "dco.team", ["NX90001"], at)
    assert signs(context) == ([("outside_hours", "dco.team", 1)] if sign else [])


def test_hours_are_those_of_london_in_summer(context: AppContext) -> None:
    summer = replace(context, settings=replace(context.settings, today=datetime(2026, 6, 30, tzinfo=UTC).date()))
    look(summer, "dco.team", ["NX90001"], datetime(2026, 6, 29, 6, 30, tzinfo=UTC))
    assert signs(summer) == []


def test_a_look_of_more_than_thirty_days_ago_is_no_sign(context: AppContext) -> None:
    look(context, "sam.lee", ["NX90001"], MORNING - timedelta(days=31))
    assert signs(context) == []


def test_an_access_to_an_identity_counts_too(context: AppContext) -> None:
    read_person(context, "NX90001", "sam.lee", "contact")
    [found] = unusual_reads(context)
    assert found == Unusual(sign="own_surname", actor="sam.lee", at=instant(context.now()), cases=1, refs=["NX90001"])


def test_looks_are_noted_once_for_each_case(context: AppContext) -> None:
    note_looks(context, ["NX90001", "NX90002", "NX90001"], "dco.team", "export")
    assert [(each.actor, each.what) for each in looks_at(context, "NX90001")] == [("dco.team", "export")]
