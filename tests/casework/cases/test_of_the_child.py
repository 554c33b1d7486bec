"""A death, and a sensitive flag: facts of the child on all its cases. Nothing leaves without a person's release."""

from typing import Any

import pytest

from casework.cases.of_the_child import withheld_cases
from casework.cases.part_and_join import join, part
from casework.delivery.daily_digest import _fields
from casework.delivery.holds import held_notices, release_held
from casework.reports.today import today_of
from casework.reports.withheld import may_be_named
from casework.reports.worklists import overdue, week
from flows.artifacts import due_this_week, overdue_by_body
from models.common_facts import DIED, SENSITIVE
from models.database import reading
from models.facts import StoredFact
from tests.support.by_hand import SALT, day
from tests.support.team import Team

NUMBER = "9990000018"
FIRST, SECOND, OTHER = "NX90001", "TR90001", "NX90002"
EACH = pytest.mark.parametrize("kind", [DIED, SENSITIVE])


@pytest.fixture
def child(team: Team) -> Team:
    """A child with an assessment, in which a service is asked on 2 March, and an appeal; and another child."""
    for case, la, number in ((FIRST, "northshire", NUMBER), (OTHER, "tarnford", None)):
        team.record("2 Feb 2026", "ehc_assessment_requested", case=case, la=la, nhs_number=number)
        team.record("2 Feb 2026", "assessment_agreed", case=case)
        team.record("2 Mar 2026", "health_advice_requested", case=case, service=SALT)
    team.record(
        "16 Feb 2026", "decision_notified", case=SECOND, la="northshire", decision="refusal_to_assess", linked_to=FIRST
    )
    return team


def of(team: Team, case: str, *kinds: str) -> list[StoredFact]:
    return [fact for fact in team.lines(case) if fact.kind in kinds]


def withheld(team: Team) -> dict[str, str]:
    with reading(team.first.engine) as connection:
        return withheld_cases(connection)


def run(team: Team, *days: str) -> None:
    for each in days:
        team.day(each)


@EACH
def test_each_case_of_the_child_has_the_fact_and_no_other_child_has(child: Team, kind: str) -> None:
    child.record("3 Mar 2026", kind, case=FIRST)
    assert [fact.caused_by for fact in of(child, SECOND, kind)] == [f"{FIRST}/{of(child, FIRST, kind)[0].seq}"]
    assert of(child, OTHER, kind) == []
    assert withheld(child) == {FIRST: kind, SECOND: kind}
    assert child.verify("4 Mar 2026").intact


@EACH
def test_a_case_that_has_ended_takes_it_too(child: Team, kind: str) -> None:
    child.record("3 Mar 2026", "case_closed", case=FIRST)
    child.record("4 Mar 2026", kind, case=FIRST)
    assert of(child, FIRST, kind) and of(child, SECOND, kind)


def test_a_death_ends_each_duty_by_name_and_a_flag_ends_none(child: Team) -> None:
    child.record("3 Mar 2026", SENSITIVE, case=FIRST)
    assert child.duty("3 Mar 2026").standing == "running"
    open_before = {duty.rule for duty in child.report("3 Mar 2026").duties if duty.ended_on is None}
    child.record("5 Mar 2026", DIED, "4 Mar 2026", case=FIRST)
    duties = [duty for duty in child.report("5 Mar 2026").duties if duty.rule in open_before]
    assert {str(duty.ended_on) for duty in duties if duty.met_on is None} == {"2026-03-04"}


@EACH
def test_no_letter_about_the_child_leaves_and_the_other_childs_do(child: Team, kind: str) -> None:
    child.record("2 Mar 2026", kind, case=FIRST)
    run(child, "3 Mar 2026", "16 Mar 2026", "23 Mar 2026", "7 Apr 2026", "14 Apr 2026", "21 Apr 2026")
    assert child.post.letters, "the other child's letters leave"
    assert not [letter for letter in child.post.letters if FIRST in letter.subject + letter.text]
    assert {letter.state for letter in _notices(child, FIRST)} <= {"created", "superseded", "withdrawn"}


def test_a_person_releases_what_waits_and_what_comes_later_waits_again(child: Team) -> None:
    child.record("2 Mar 2026", SENSITIVE, case=FIRST)
    run(child, "3 Mar 2026", "16 Mar 2026")
    context = child.context("16 Mar 2026")
    waiting = held_notices(context, FIRST)
    assert waiting and {(each.why, each.until) for each in waiting} == {(SENSITIVE, None)}
    release_held(context, FIRST, "dco.team", "the family agreed")
    run(child, "17 Mar 2026")
    sent = [letter for letter in child.post.letters if FIRST in letter.subject + letter.text]
    assert len(sent) == 1
    run(child, "23 Mar 2026", "7 Apr 2026", "14 Apr 2026")
    assert [letter for letter in child.post.letters if FIRST in letter.subject + letter.text] == sent


@EACH
def test_its_withdrawal_reaches_each_case_and_letters_leave_again(child: Team, kind: str) -> None:
    child.record("2 Mar 2026", kind, case=FIRST)
    [fact] = of(child, FIRST, kind)
    child.record("3 Mar 2026", "fact_withdrawn", case=FIRST, corrects=fact.seq)
    assert withheld(child) == {}
    assert [each.corrects for each in of(child, SECOND, "fact_withdrawn")] == [of(child, SECOND, kind)[0].seq]
    run(child, "16 Mar 2026", "23 Mar 2026")
    assert [letter for letter in child.post.letters if FIRST in letter.subject + letter.text]


@EACH
def test_a_further_case_of_the_child_has_it_from_its_opening(child: Team, kind: str) -> None:
    child.record("2 Mar 2026", kind, case=FIRST)
    child.record("9 Mar 2026", "ehc_assessment_requested", case="NX90003", la="eastmere", nhs_number=NUMBER)
    assert [fact.occurred_on.isoformat() for fact in of(child, "NX90003", kind)] == ["2026-03-02"]
    assert "NX90003" in withheld(child)


def test_cases_that_are_joined_share_it_and_cases_that_are_parted_do_not(child: Team) -> None:
    child.record("2 Mar 2026", SENSITIVE, case=FIRST)
    join(child.context("3 Mar 2026"), OTHER, FIRST, "dco.team", confirmed=True)
    assert set(withheld(child)) == {FIRST, SECOND, OTHER}
    part(child.context("4 Mar 2026"), OTHER, FIRST, "dco.team", confirmed=True)
    assert set(withheld(child)) == {FIRST, SECOND}
    assert child.verify("5 Mar 2026").intact


@EACH
def test_no_list_that_leaves_names_the_child_and_each_says_so(child: Team, kind: str) -> None:
    child.record("2 Mar 2026", kind, case=FIRST)
    context = child.context("20 Apr 2026")
    rows = [*overdue(context, context.today()), *week(context, context.today())]
    named, left_out = may_be_named(context, rows)
    assert {row.case_ref for row in named} == {OTHER}
    assert left_out == len(rows) - len(named)
    assert (left_out > 0) == (kind == SENSITIVE), "a death ends the duties, and a flag ends none"
    assert FIRST not in str(overdue_by_body(context, context.today())) + str(due_this_week(context, context.today()))


def test_the_digest_names_no_such_case_and_counts_what_waits(child: Team) -> None:
    for case in (FIRST, OTHER):
        child.record("10 Mar 2026", "excuse_claimed", case=case, ground="exceptional_circumstances", service=SALT)
    with reading(child.first.engine) as connection:
        before = _fields(child.context("12 Mar 2026"), connection, day("12 Mar 2026"), [])
    child.record("12 Mar 2026", SENSITIVE, case=FIRST)
    with reading(child.first.engine) as connection:
        after = _fields(child.context("12 Mar 2026"), connection, day("12 Mar 2026"), [])
    assert FIRST in str(before)
    assert FIRST not in str(after) and OTHER in str(after)
    assert after["person_count"] >= before["person_count"]
    assert after["more_for_person"] >= 1


def test_what_waits_stands_under_to_decide_after_one_working_day(child: Team) -> None:
    child.record("2 Mar 2026", SENSITIVE, case=FIRST)
    run(child, "16 Mar 2026")
    assert today_of(child.context("16 Mar 2026"), day("2 Mar 2026")).withheld == []
    [waits] = today_of(child.context("17 Mar 2026"), day("17 Mar 2026")).withheld
    assert (waits.case_ref, waits.why) == (FIRST, SENSITIVE)
    assert waits.notices > 0
    release_held(child.context("17 Mar 2026"), FIRST, "dco.team", "the family agreed")
    run(child, "17 Mar 2026")
    assert today_of(child.context("18 Mar 2026"), day("18 Mar 2026")).withheld == []


def _notices(team: Team, case: str) -> list[Any]:
    with reading(team.first.engine) as connection:
        return list(connection.exec_driver_sql("SELECT state FROM notice WHERE case_ref = ?", (case,)))
