"""Facts out of order are recorded with a warning; a probable slip is looked at again where a person can answer."""

from datetime import date

import pytest

from casework.cases.fact_form import Refused
from casework.cases.out_of_order import LOOK_AGAIN
from casework.cases.record import record
from casework.reports.case_report import report
from casework.reports.preview import preview
from casework.reports.recordable import recordable
from models.facts import FactDraft
from tests.support.team import Team

NOTICE = "appealable_notice_sent"
CERTIFICATE = FactDraft("certificate_issued", date(2026, 3, 20))


@pytest.fixture
def mediated(team: Team) -> Team:
    team.case = "ME90001"
    team.record("2 Mar 2026", NOTICE, la="northshire", decision="contents_of_plan")
    return team


def test_it_is_recorded_with_a_warning_that_names_the_provision(mediated: Team) -> None:
    (said,) = mediated.record("20 Mar 2026", "certificate_issued").unheard
    assert said.startswith("Fact 2, certificate_issued of 2026-03-20, is out of order on a case at")
    assert "reg 34" in said
    shown = report(mediated.context("21 Mar 2026"), mediated.case)
    assert [fact.out_of_order is not None for fact in shown.facts] == [False, True]
    assert shown.state == "certified"
    assert mediated.verify("21 Mar 2026").intact


def test_what_is_unusual_in_a_usual_state_is_a_sentence_too(team: Team) -> None:
    team.case = "TR90001"
    team.record("2 Mar 2026", "decision_notified", la="northshire", decision="contents_of_plan")
    team.record("9 Mar 2026", "extended_appeal_registered", appeal="contents", issues="health")
    team.record("10 Mar 2026", "health_evidence_requested", body="QX900")
    team.record("16 Mar 2026", "health_evidence_given", body="QX900")
    (said,) = team.record("20 Mar 2026", "health_evidence_given", body="QX900").unheard
    assert said.startswith("Fact 5, health_evidence_given of 2026-03-20, is unusual: nothing is outstanding from")


def test_what_is_usual_is_recorded_without_a_word(mediated: Team) -> None:
    assert mediated.record("9 Mar 2026", "mixed_mediation_wanted").unheard == []


def test_the_list_of_what_may_be_recorded_has_it_last_with_the_law_on_its_place(mediated: Team) -> None:
    groups = {fact.kind: fact for fact in recordable(mediated.context("3 Mar 2026"), mediated.case).facts}
    assert groups["certificate_issued"].group == "out of order"
    assert "reg 34" in (groups["certificate_issued"].order or "")
    assert "agreed_action_done" not in groups, "no agreement is known: it is impossible"
    assert list(groups)[-1] != "mixed_mediation_wanted"


def test_a_preview_shows_the_warning_and_writes_nothing(mediated: Team) -> None:
    before = mediated.dump()
    found = preview(mediated.context("21 Mar 2026"), mediated.case, [CERTIFICATE], "dco.team")
    assert any("out of order" in words for words in found.follow_ups)
    assert mediated.dump() == before


def test_a_year_that_is_probably_mistyped_is_looked_at_again_only_where_a_person_can_answer(mediated: Team) -> None:
    context = mediated.context("21 May 2027")
    far = FactDraft("certificate_issued", date(2027, 3, 20))
    with pytest.raises(Refused, match="Is the year right") as question:
        record(context, mediated.case, [far], "dco.team", look_again=True)
    assert question.value.code == LOOK_AGAIN
    assert len(mediated.lines()) == 1, "nothing was recorded before the answer"
    assert record(context, mediated.case, [far], "dco.team").seq == 2


def test_a_fact_that_another_case_of_the_child_takes_as_usual_is_looked_at_again(mediated: Team) -> None:
    context = mediated.context("21 Mar 2026")
    other = {"la": "northshire", "decision": "contents_of_plan", "linked_to": mediated.case}
    record(context, "ME90002", [FactDraft(NOTICE, date(2026, 3, 3), other)], "dco.team", confirmed=True)
    record(context, "ME90002", [FactDraft("mediation_declined", date(2026, 3, 9))], "dco.team")
    with pytest.raises(Refused, match="usual now on case ME90002"):
        record(context, mediated.case, [CERTIFICATE], "dco.team", look_again=True)
    assert record(context, "ME90002", [CERTIFICATE], "dco.team", look_again=True).unheard == []


def test_a_body_that_the_case_is_not_with_is_looked_at_again(team: Team) -> None:
    team.case = "CC90001"
    team.record("2 Mar 2026", "continuing_care_referral_received", la="northshire", body="QX900")
    context, refused = team.context("16 Mar 2026"), "continuing_care_referral_declined"
    other = FactDraft(refused, date(2026, 3, 9), {"body": "QX901", "reason": "no checklist"})
    with pytest.raises(
        Refused, match=r"names QX901, and case CC90001 began with QX900\. Is the body right"
    ) as question:
        record(context, team.case, [other], "dco.team", look_again=True)
    assert question.value.code == LOOK_AGAIN
    assert any("Is the body right?" in words for words in preview(context, team.case, [other], "dco.team").follow_ups)
    right = FactDraft(refused, date(2026, 3, 9), {"body": "QX900", "reason": "no checklist"})
    assert record(context, team.case, [right], "dco.team", look_again=True).unheard == []
