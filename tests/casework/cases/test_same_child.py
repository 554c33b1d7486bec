"""Whose case it is: links that hold, links that cannot be, and one open case of a child and authority, in one act or in
a bulk of many.
"""

from datetime import date
from typing import Any

import pytest

from casework.cases.record import RecordCommand, Recorded, Refusal, record_acts
from casework.cases.validation import Refused
from models.database import reading
from models.facts import FactDraft
from tests.support.team import Team

ONE, TWO = "9990000018", "9990000026"
BORN = "2022-07-21"


def children(team: Team) -> dict[str, str | None]:
    with reading(team.first.engine) as connection:
        return {str(row[0]): row[1] for row in connection.exec_driver_sql("SELECT case_ref, child_key FROM case_file")}


def opened(team: Team, case: str, **data: Any) -> None:
    team.record("2026-02-02", "ehc_assessment_requested", case=case, la="northshire", **data)


def test_a_birth_date_given_with_a_link_does_not_create_another_child(team: Team) -> None:
    opened(team, "NX00001", nhs_number=ONE)
    opened(team, "NX00002", linked_to="NX00001", date_of_birth=BORN)
    assert len(set(children(team).values())) == 1


def test_a_link_to_a_case_of_which_nothing_is_known_gives_both_one_key(team: Team) -> None:
    opened(team, "NX00001")
    opened(team, "NX00002", linked_to="NX00001", nhs_number=ONE, date_of_birth=BORN)
    found = children(team)
    assert found["NX00001"] == found["NX00002"] is not None


def test_a_number_that_is_known_elsewhere_joins_all_that_were_linked(team: Team) -> None:
    opened(team, "NX00001", nhs_number=ONE)
    opened(team, "NX00002")
    opened(team, "NX00003", linked_to="NX00002")
    assert len(set(children(team).values())) == 2
    opened(team, "NX00004", linked_to="NX00003", nhs_number=ONE)
    assert len(set(children(team).values())) == 1


def test_a_link_to_another_child_is_refused_and_changes_nothing(team: Team) -> None:
    opened(team, "NX00001", nhs_number=ONE)
    before = team.dump()
    with pytest.raises(Refused) as refused:
        opened(team, "NX00002", linked_to="NX00001", nhs_number=TWO)
    assert (refused.value.code, refused.value.field) == ("another_child", "linked_to")
    assert ONE not in refused.value.message and TWO not in refused.value.message
    assert team.dump() == before
    opened(team, "NX00002", linked_to="NX00001", nhs_number="999 000 0018")


def opinion(case: str, number: str | None = ONE, la: str = "Northshire") -> RecordCommand:
    data = {"la": la, "body": "QX101", "date_of_birth": BORN, **({"nhs_number": number} if number else {})}
    return RecordCommand(case, [FactDraft("section23_opinion_formed", date(2026, 2, 2), data)])


def test_of_many_acts_the_second_of_one_child_and_authority_is_refused_and_the_others_stand(team: Team) -> None:
    others = [
        opinion("SX00003", la="Eastmere"),
        opinion("SX00004", TWO),
        opinion("SX00005", None),
        opinion("SX00006", None),
    ]
    acts = [opinion("SX00001"), opinion("SX00002"), *others]
    outcomes = record_acts(team.context("2026-02-02"), acts, "dco.team", "record")
    assert [type(each) for each in outcomes] == [Recorded, Refusal, Recorded, Recorded, Recorded, Recorded]
    assert isinstance(outcomes[1], Refusal)
    assert (outcomes[1].code, "case SX00001" in outcomes[1].message) == ("open_already", True)
    assert sorted(children(team)) == ["SX00001", "SX00003", "SX00004", "SX00005", "SX00006"]
    assert team.verify("2026-02-02").intact


@pytest.mark.parametrize("end", ["case_withdrawn", "case_closed"])
def test_once_it_is_over_another_may_be_opened(team: Team, end: str) -> None:
    context = team.context("2026-02-02")
    (first,) = record_acts(context, [opinion("SX00001")], "dco.team", "record")
    team.record("2026-02-03", end, case="SX00001")
    (second,) = record_acts(team.context("2026-02-03"), [opinion("SX00002")], "dco.team", "record")
    assert isinstance(first, Recorded) and isinstance(second, Recorded)


def test_another_process_of_the_child_is_no_second_notification(team: Team) -> None:
    opened(team, "NX00001", nhs_number=ONE, date_of_birth=BORN)
    (done,) = record_acts(team.context("2026-02-02"), [opinion("SX00001")], "dco.team", "record")
    assert isinstance(done, Recorded)
    assert len(set(children(team).values())) == 1


def test_what_becomes_known_of_a_child_of_other_cases_is_noted_with_their_references(team: Team) -> None:
    opening: dict[str, Any] = {"la": "northshire", "nhs_number": "9990000018"}
    team.record("12 Jan 2026", "ehc_assessment_requested", case="NX90001", **opening)
    team.record("16 Feb 2026", "assessment_refused", case="NX90001")
    assert not team.record("2 Mar 2026", "ehc_assessment_requested", case="NX90002", **opening).unheard
    born = team.record(
        "3 Mar 2026", "fact_corrected", case="NX90002", corrects=1, date_of_birth="2018-01-05", confirmed=False
    )
    (note,) = born.unheard
    assert note.startswith("The date of birth, unknown before, now holds for case NX90001 (") and "2018" not in note
    again = team.record("3 Mar 2026", "fact_corrected", case="NX90001", corrects=1, date_of_birth="2018-01-05")
    assert not again.unheard
