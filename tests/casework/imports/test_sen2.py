"""A council's SEN2 extract beside the record: found by reference or name and birth date, never stored."""

from pathlib import Path

import pytest

from casework.context import AppContext
from casework.imports.raw_rows import SheetError
from casework.imports.sen2 import Sen2Report, compare_sen2
from casework.imports.tracker_import import import_file
from tests.support.team import Team
from tests.support.trackers import SOUND, TODAY, tracker

HEAD = "surname,forename,personbirthdate,receiveddate,requestoutcomedate,requestoutcome,startdate,lareference"
SAME = "Featherstone,Canary,02/03/2015,05/01/2026,09/02/2026,Y,,"
XML = """<?xml version="1.0" encoding="utf-8"?>
<Message xmlns="urn:sen2"><SEN2><Persons>
<Person><Surname>Featherstone</Surname><Forename>Canary</Forename><PersonBirthDate>2015-03-02</PersonBirthDate>
<Requests><ReceivedDate>2026-01-05</ReceivedDate><RequestOutcomeDate>2026-02-11</RequestOutcomeDate>
<RequestOutcome>N</RequestOutcome><Assessment><NamedPlan><StartDate>2026-04-01</StartDate></NamedPlan></Assessment>
</Requests></Person>
<Person><Surname>Other</Surname><Forename>Child</Forename><PersonBirthDate>2016-01-01</PersonBirthDate>
<Requests><ReceivedDate>2026-01-20</ReceivedDate></Requests></Person>
</Persons></SEN2></Message>"""


@pytest.fixture
def context(team: Team, tmp_path: Path) -> AppContext:
    found = team.context(TODAY)
    rows = [
        SOUND | {"Name": "Canary Featherstone"},
        SOUND | {"Ref": "AB002", "NHS number": "", "Name": "Second Child", "DOB": "04/05/2016"},
        SOUND | {"Ref": "AB003", "NHS number": "", "Local authority": "Eastmere", "Name": "Third Child"},
    ]
    import_file(found, tracker(tmp_path, *rows).read_bytes())
    team.record(TODAY, "fact_corrected", case="AB002", corrects=1, la_reference="NS-04412")
    return team.context(TODAY)


def compared(context: AppContext, *lines: str) -> Sen2Report:
    return compare_sen2(context, "\n".join([HEAD, *lines]).encode(), "northshire")


def test_an_extract_that_says_what_the_record_says_has_no_difference(team: Team, context: AppContext) -> None:
    before = team.dump()
    found = compared(context, SAME, ",,04/05/2016,05/01/2026,09/02/2026,Y,,ns 04412")
    assert (found.requests, found.matched, found.same, found.differing) == (2, 2, 2, [])
    assert (found.not_here, found.not_in_file, found.unclear) == ([], [], [])
    assert team.dump() == before


def test_each_difference_is_listed_with_both_sides(context: AppContext) -> None:
    found = compared(context, "FEATHERSTONE,canary,2015-03-02,06/01/2026,11/02/2026,N,01/04/2026,")
    [case] = found.differing
    assert (case.case_ref, case.line) == ("AB001", 2)
    assert [(one.what, one.council, one.record) for one in case.differences] == [
        ("the day of the request", "2026-01-06", "2026-01-05"),
        ("the day of the decision on the assessment", "2026-02-11", "2026-02-09"),
        ("the decision to assess", "No", "Yes"),
        ("the day of the plan", "2026-04-01", None),
    ]


def test_what_only_one_side_has_is_named_without_a_name(context: AppContext) -> None:
    found = compared(context, "Nobody,Here,01/01/2016,01/01/2026,,,,", "Featherstone,Canary,02/03/2015,20/01/2026,,,,")
    assert (found.not_here, found.not_in_file, found.matched) == ([2], ["AB002"], 1)
    assert not any(name in found.model_dump_json() for name in ("Nobody", "Featherstone", "2015-03-02"))


def test_a_doubtful_day_is_named_with_what_was_expected(context: AppContext) -> None:
    found = compared(context, "Featherstone,Canary,02/03/2015,31/02/2026,,,,", "A,B,02/03/2015,,,,,")
    assert [(each.line, each.item) for each in found.unclear] == [
        (2, "the day of the request"),
        (3, "the day of the request"),
    ]
    assert all("05/03/2026" in each.expected for each in found.unclear)


def test_the_xml_of_the_return_is_read_the_same(context: AppContext) -> None:
    found = compare_sen2(context, XML.encode(), "northshire")
    assert (found.requests, found.matched, found.not_here) == (2, 1, [2])
    assert [one.council for one in found.differing[0].differences] == ["2026-02-11", "No", "2026-04-01"]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"colour,shape\nred,round\n",
        b"<Message></Message>",
        b"<Message><Person>",
        b'<!DOCTYPE a [<!ENTITY b "c">]><Message>&b;</Message>',
        b"PK\x03\x04 nothing",
        b"\xff\xfe\x00\x01",
    ],
)
def test_what_is_no_extract_is_refused_in_words(context: AppContext, content: bytes) -> None:
    with pytest.raises(SheetError):
        compare_sen2(context, content, "northshire")


def test_a_case_of_another_authority_is_never_compared(context: AppContext) -> None:
    found = compared(context, "Child,Third,02/03/2015,05/01/2026,,,,")
    assert found.not_here == [2]
