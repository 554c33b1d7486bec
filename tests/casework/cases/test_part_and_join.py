"""Two cases that shared a number by slip are parted and joined again, with everything on the right side."""

from typing import Any

import pytest
from sqlalchemy import text

from casework.cases.part_and_join import ChildChange, join, part
from casework.cases.validation import Refused
from casework.privacy.access import PersonReport, read_person
from casework.privacy.erasure import Ground
from casework.reports.case_report import report
from models.database import reading
from statemachines.replay import facts_in_force
from tests.support.erasing import erase
from tests.support.team import Team

NUMBER, OTHER = "9990000018", "9990000026"
FIRST, SECOND, APPEAL = "NX90001", "NX90002", "TR90001"
TODAY = "1 Jun 2026"


@pytest.fixture
def appealed(team: Team) -> Team:
    """Two children's refusals under one number, and the appeal of the first."""
    for case, born in ((FIRST, "2018-01-05"), (SECOND, "2019-02-06")):
        team.record(
            "12 Jan 2026",
            "ehc_assessment_requested",
            case=case,
            la="northshire",
            nhs_number=NUMBER,
            date_of_birth=born,
        )
    team.record("16 Feb 2026", "assessment_refused", case=SECOND)
    team.record(
        "16 Feb 2026", "decision_notified", case=APPEAL, la="northshire", decision="refusal_to_assess", linked_to=FIRST
    )
    team.record("1 Apr 2026", "appeal_registered", case=APPEAL, appeal="refusal_to_assess")
    return team


@pytest.fixture
def slip(appealed: Team) -> Team:
    """The appeal of the first was allowed, and its order reached the other child's case."""
    appealed.record("5 May 2026", "order_to_assess_made", case=APPEAL)
    return appealed


def children(team: Team) -> list[set[str]]:
    with reading(team.first.engine) as connection:
        rows = connection.execute(text("SELECT child_key, case_ref FROM case_file")).all()
    found: dict[str | None, set[str]] = {}
    for child, ref in rows:
        found.setdefault(child, set()).add(str(ref))
    return sorted(found.values(), key=sorted)


def parted(team: Team, today: str = TODAY) -> ChildChange:
    return part(team.context(today), SECOND, FIRST, "dco.team", confirmed=True)


def shown(team: Team, case: str) -> PersonReport:
    return read_person(team.context(TODAY), case, "dco.team", "contact")


def kinds(team: Team, case: str) -> list[str]:
    return [fact.kind for fact in facts_in_force(team.lines(case))]


def test_parting_asks_first_and_names_the_cases_of_each_side_and_the_copied_facts(slip: Team) -> None:
    before = slip.dump()
    with pytest.raises(Refused) as refused:
        part(slip.context(TODAY), SECOND, FIRST, "dco.team")
    assert refused.value.code == "confirm_child" and slip.dump() == before
    for ref in (FIRST, SECOND, APPEAL, f"{SECOND}/3"):
        assert ref in refused.value.message
    assert NUMBER not in refused.value.message


def test_parted_cases_are_of_two_children_each_with_what_its_own_cases_said(slip: Team) -> None:
    assert children(slip) == [{FIRST, SECOND, APPEAL}]
    change = parted(slip)
    assert (change.cases, change.others) == ([SECOND], [FIRST, APPEAL])
    assert children(slip) == [{FIRST, APPEAL}, {SECOND}]
    assert (shown(slip, FIRST).date_of_birth, shown(slip, SECOND).date_of_birth) == ("2018-01-05", "2019-02-06")
    assert (shown(slip, FIRST).nhs_number, shown(slip, SECOND).nhs_number) == (NUMBER, None)
    assert slip.verify(TODAY).intact


def test_a_fact_copied_from_the_other_childs_case_is_withdrawn_and_comes_back_when_they_are_joined(slip: Team) -> None:
    assert "assessment_ordered" in kinds(slip, SECOND)
    assert parted(slip).withdrawn == [f"{SECOND}/3"]
    assert "assessment_ordered" not in kinds(slip, SECOND)
    change = join(slip.context("2 Jun 2026"), SECOND, FIRST, "dco.team", confirmed=True)
    assert change.restored == [f"{SECOND}/3"] and "assessment_ordered" in kinds(slip, SECOND)
    assert children(slip) == [{FIRST, SECOND, APPEAL}]
    assert slip.verify("2 Jun 2026").intact


def test_a_replay_as_known_before_the_parting_shows_the_old_state(slip: Team) -> None:
    before = slip.lines(SECOND)[-1].recorded_at
    parted(slip)
    then = report(slip.context(TODAY), SECOND, known_at=before)
    now = report(slip.context(TODAY), SECOND)
    assert (then.state, then.same_child) == ("assessing", [FIRST, APPEAL])
    assert (now.state, now.same_child) == ("refused", [])
    assert report(slip.context(TODAY), FIRST, known_at=before).same_child == [SECOND, APPEAL]
    assert report(slip.context(TODAY), FIRST).same_child == [APPEAL]


def test_later_facts_reach_the_cases_of_the_right_child_alone(appealed: Team) -> None:
    parted(appealed, "4 May 2026")
    appealed.record("5 May 2026", "order_to_assess_made", case=APPEAL)
    assert "assessment_ordered" in kinds(appealed, FIRST), "out of order there: no refusal is recorded"
    assert "assessment_ordered" not in kinds(appealed, SECOND)


def test_after_the_parting_letters_and_sweeps_are_those_of_each_case(slip: Team) -> None:
    parted(slip)
    slip.day("2 Jun 2026")
    assert slip.sweep("2 Jun 2026").facts_written == 0
    assert slip.verify("2 Jun 2026").intact


def test_erasing_one_child_after_the_parting_leaves_the_other(slip: Team) -> None:
    parted(slip)
    erase(slip.context(TODAY), SECOND, "dco.team", Ground.ENTERED_IN_ERROR)
    assert shown(slip, FIRST).nhs_number == NUMBER and not shown(slip, SECOND).known


def test_the_same_number_again_asks_and_names_the_cases_that_were_parted(slip: Team) -> None:
    parted(slip)
    with pytest.raises(Refused) as refused:
        slip.record("2 Jun 2026", "fact_corrected", case=SECOND, corrects=1, nhs_number=NUMBER, confirmed=False)
    assert FIRST in refused.value.message and refused.value.code in {"confirm_child", "another_child"}
    slip.record("2 Jun 2026", "fact_corrected", case=SECOND, corrects=1, nhs_number=OTHER, confirmed=False)
    assert (shown(slip, FIRST).nhs_number, shown(slip, SECOND).nhs_number) == (NUMBER, OTHER)


def test_children_with_different_numbers_are_not_joined(slip: Team) -> None:
    parted(slip)
    slip.record("2 Jun 2026", "fact_corrected", case=SECOND, corrects=1, nhs_number=OTHER)
    with pytest.raises(Refused) as refused:
        join(slip.context("2 Jun 2026"), SECOND, FIRST, "dco.team", confirmed=True)
    assert refused.value.code == "another_child" and OTHER not in refused.value.message


def test_a_case_linked_to_the_one_that_is_parted_goes_with_it(slip: Team) -> None:
    change = part(slip.context(TODAY), FIRST, SECOND, "dco.team", confirmed=True)
    assert (change.cases, change.others) == ([FIRST, APPEAL], [SECOND])


def test_cases_that_are_of_two_children_are_not_parted_and_of_one_not_joined(slip: Team) -> None:
    with pytest.raises(Refused, match="one child's already"):
        join(slip.context(TODAY), SECOND, FIRST, "dco.team", confirmed=True)
    parted(slip)
    with pytest.raises(Refused, match="nothing to part"):
        parted(slip)


def test_a_parting_is_not_recorded_by_hand_and_not_corrected(slip: Team) -> None:
    parted(slip)
    number = next(fact.seq for fact in slip.lines(SECOND) if fact.kind == "child_parted")
    with pytest.raises(Refused, match="sendflow join"):
        slip.record(TODAY, "fact_withdrawn", case=SECOND, corrects=number)
    with pytest.raises(Refused, match="no such fact"):
        slip.record(TODAY, "child_parted", case=SECOND, from_cases=[FIRST])


def test_what_is_replaced_or_joined_is_named_and_asked(team: Team) -> None:
    opening: dict[str, Any] = {"la": "northshire", "nhs_number": NUMBER}
    team.record("12 Jan 2026", "ehc_assessment_requested", case=FIRST, date_of_birth="2018-01-05", **opening)
    team.record("16 Feb 2026", "assessment_refused", case=FIRST)
    before = team.dump()
    for data in (opening, opening | {"date_of_birth": "2019-02-06"}):
        with pytest.raises(Refused) as refused:
            team.record("2 Mar 2026", "ehc_assessment_requested", case=SECOND, confirmed=False, **data)
        assert refused.value.code == "confirm_child" and FIRST in refused.value.message
        assert "2018" not in refused.value.message and team.dump() == before
    team.record("2 Mar 2026", "ehc_assessment_requested", case=SECOND, **opening)
    with pytest.raises(Refused, match="date of birth") as refused:
        team.record(
            "3 Mar 2026", "fact_corrected", case=SECOND, corrects=1, date_of_birth="2019-02-06", confirmed=False
        )
    assert f"case {FIRST}" in refused.value.message
