"""A request that comes again opens no second duty, and a reference however spelt is one case."""

from typing import Any

import pytest

from casework.cases.record import record
from casework.cases.validation import Refused
from casework.reports.case_report import report
from casework.reports.worklists import overdue
from models.database import reading
from models.facts import FactDraft
from tests.support.by_hand import day
from tests.support.team import Team

NUMBER = "9990000018"
ASKED: dict[str, Any] = {"body": "QX101", "service": "occupational_therapy"}


def cases(team: Team) -> list[str]:
    with reading(team.first.engine) as connection:
        return [row[0] for row in connection.exec_driver_sql("SELECT case_ref FROM case_file ORDER BY case_ref")]


def test_the_same_request_again_is_one_duty_due_six_weeks_after_the_first_receipt(team: Team) -> None:
    team.opened().record("2 Mar 2026", "health_advice_requested", **ASKED)
    (said,) = team.record("30 Mar 2026", "health_advice_requested", **ASKED).unheard
    assert team.duty("30 Mar 2026", "ehc_body_advice_respond").due == day("13 Apr 2026")
    assert team.lines()[-1].kind == "health_advice_request_repeated" and "2 March 2026" in said


def test_a_receipt_earlier_than_the_recorded_one_is_a_correction_of_it(team: Team) -> None:
    team.opened().record("30 Mar 2026", "health_advice_requested", **ASKED)
    with pytest.raises(Refused, match="fact_corrected --corrects 3"):
        team.record("30 Mar 2026", "health_advice_requested", "2 Mar 2026", **ASKED)


def test_after_the_answer_a_request_is_a_new_one(team: Team) -> None:
    team.opened().record("2 Mar 2026", "health_advice_requested", **ASKED)
    team.record("9 Mar 2026", "health_advice_received", **ASKED)
    team.record("30 Mar 2026", "health_advice_requested", **ASKED)
    assert [line.kind for line in team.lines()].count("health_advice_requested") == 2


def test_a_schools_request_and_then_a_parents_are_one_case_whose_duties_count_once(team: Team) -> None:
    opening: dict[str, Any] = {"la": "northshire", "nhs_number": NUMBER, "date_of_birth": "2018-01-05"}
    team.record("5 Jan 2026", "ehc_assessment_requested", case="NX90001", requested_by="institution", **opening)
    for case in ("NX90002", "new"):
        with pytest.raises(Refused, match=r"case NX90001 .* undecided") as refused:
            team.record(
                "12 Jan 2026", "ehc_assessment_requested", case=case, confirmed=False, requested_by="parent", **opening
            )
        assert refused.value.code == "undecided_already"
    team.record("12 Jan 2026", "ehc_assessment_requested", case="NX90001", la="northshire", requested_by="parent")
    assert [line.kind for line in team.lines("NX90001")][-1] == "ehc_assessment_request_repeated"
    assert cases(team) == ["NX90001"]
    late = [row.rule for row in overdue(team.context("2 Mar 2026"), day("2 Mar 2026"))]
    assert late == ["ehc_assess_decision_notify"]


def test_an_order_that_was_recorded_is_not_recorded_again_with_another_day(team: Team) -> None:
    appeal: dict[str, Any] = {"la": "northshire", "decision": "refusal_to_assess"}
    team.record("2 Mar 2026", "decision_notified", case="TR90001", **appeal)
    team.record("1 Apr 2026", "appeal_registered", case="TR90001", appeal="refusal_to_assess")
    team.record("8 Jun 2026", "order_to_assess_made", case="TR90001")
    before = team.dump()
    with pytest.raises(Refused, match="fact_corrected --corrects 3") as refused:
        team.record("15 Jun 2026", "order_to_assess_made", "9 Jun 2026", case="TR90001", by_consent="yes")
    assert refused.value.code == "ordered_already" and team.dump() == before
    team.record("15 Jun 2026", "fact_withdrawn", case="TR90001", corrects=3, reason="set aside")
    team.record("15 Jun 2026", "order_to_assess_made", "9 Jun 2026", case="TR90001")
    open_now = [
        duty for duty in report(team.context("15 Jun 2026"), "TR90001").duties if duty.rule.startswith("order_")
    ]
    assert len({duty.rule for duty in open_now if not duty.ended_on}) == len([d for d in open_now if not d.ended_on])


def test_a_request_without_an_authority_is_refused_with_what_is_missing(team: Team) -> None:
    with pytest.raises(Refused, match="needs la") as refused:
        team.record("5 Jan 2026", "ehc_assessment_requested", case="NX90001")
    assert (refused.value.code, refused.value.field) == ("missing_data", "la")


@pytest.mark.parametrize("typed", ["PT00011", "pt00011", "PT 00011", "PT-00011", "PT\u201000011"])
def test_a_reference_is_one_case_however_it_is_spelt(team: Team, typed: str) -> None:
    team.record("5 Jan 2026", "ehc_assessment_requested", case="PT-00011", la="northshire")
    team.record("12 Jan 2026", "assessment_agreed", case=typed)
    with pytest.raises(Refused):
        team.record("12 Jan 2026", "ehc_assessment_requested", case=typed, la="eastmere")
    assert cases(team) == ["PT-00011"]


def test_a_reference_of_another_form_finds_the_case_that_was_opened_with_it(team: Team) -> None:
    def said(on: str, kind: str, own: str, **data: str) -> str:
        draft = FactDraft(kind, day(on), data)
        return record(team.context(on), "new", [draft], "dco.team", own_reference=own).case_ref

    first = said("5 Jan 2026", "ehc_assessment_requested", "EHC-2026-17", la="northshire")
    assert said("12 Jan 2026", "ehc_assessment_requested", "ehc 2026 17", la="northshire") == first
    assert said("19 Jan 2026", "assessment_agreed", "EHC-2026-17") == first
    assert cases(team) == [first]


def test_the_same_correction_again_is_written_once(team: Team) -> None:
    team.opened("2 Feb 2026")
    correction = FactDraft("fact_corrected", day("3 Feb 2026"), {"occurred_on": "2026-01-30"}, corrects=1)
    record(team.context("3 Feb 2026"), team.case, [correction], "dco.team")
    before = team.lines()
    with pytest.raises(Refused, match=f"already has this correction of that day, as fact {len(before)}"):
        record(team.context("3 Feb 2026"), team.case, [correction], "dco.team")
    assert team.lines() == before and before[-1].kind == "fact_corrected"
