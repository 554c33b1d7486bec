"""What opens a case: the fact that the law puts first, or what is known where nothing before it is; and what is said of
a fact on a case that is not there.
"""

import random

import pytest

from casework.cases.record import record
from casework.cases.validation import Refused
from casework.reports.case_report import report
from models.facts import FactDraft
from statemachines.registry import processes
from tests.support.any_fact import data_of
from tests.support.by_hand import day
from tests.support.team import Team

MEDIATION = processes()["mediation"]
OPENING_KINDS = sorted(kind for kind, fact in MEDIATION.facts.items() if fact.opens_in)
TODAY = "1 Jun 2026"


def tried(team: Team, case: str, kind: str, **data: str) -> Refused:
    with pytest.raises(Refused) as problem:
        team.act(TODAY, (kind, TODAY, data), case=case)
    return problem.value


@pytest.mark.parametrize("kind", OPENING_KINDS)
def test_a_mediation_of_which_no_notice_is_known_opens_with_what_is_known(team: Team, kind: str) -> None:
    data = data_of(MEDIATION, kind, random.Random(7), day("2 Mar 2026"), stored=False)
    known = {key: value for key, value in data.items() if key not in {"linked_to", "nhs_number", "date_of_birth"}}
    known |= {"la": "northshire", **({"body": "QX900"} if "body" in known else {})}
    opened = team.record(TODAY, kind, on="2 Mar 2026", case="ME90001", **known)
    assert opened.state == MEDIATION.facts[kind].opens_in
    shown = report(team.context(TODAY), "ME90001")
    assert shown.la == "northshire"
    assert any("No notice of the decision is recorded" in each for each in shown.remarks)
    team.record(TODAY, "appealable_notice_sent", on="9 Mar 2026", case="ME90001")
    shown = report(team.context(TODAY), "ME90001")
    assert not any("No notice" in each for each in shown.remarks)
    assert shown.state == MEDIATION.facts[kind].opens_in, "a late notice changes nothing of what was done"
    assert team.verify(TODAY).intact


def test_a_mistyped_reference_opens_no_case(team: Team) -> None:
    said = tried(team, "ME90009", "certificate_issued")
    assert said.code == "not_open"
    assert "there is no case ME90009" in said.message
    assert "certificate_issued opens a case with --data la=" in said.message
    said = tried(team, "NX90009", "assessment_agreed")
    assert "A case of EHC needs assessment is opened by ehc_assessment_requested" in said.message
    said = tried(team, "NX90009", "chasing_paused", until="2026-07-01", reason="asked")
    assert "there is no case NX90009" in said.message and "sendflow record new" in said.message
    assert len(said.message) < 240, "no list of every opening fact"
    assert team.lines("NX90009") == team.lines("ME90009") == []


def test_what_came_before_the_notice_opens_the_case_and_the_authority_stays(team: Team) -> None:
    team.record(TODAY, "appealable_notice_sent", on="2 Mar 2026", case="ME90001", la="northshire")
    team.record(TODAY, "adviser_contacted", on="23 Feb 2026", case="ME90001")
    shown = report(team.context(TODAY), "ME90001")
    assert (shown.state, shown.la) == ("contacted", "northshire")
    (contact,) = [duty for duty in shown.duties if duty.rule == "mediation_contact_adviser"]
    assert contact.met_on == day("23 Feb 2026")


def test_a_case_is_about_one_decision_whose_notice_may_be_sent_again(team: Team) -> None:
    notice, about = "appealable_notice_sent", {"la": "northshire", "decision": "ceasing"}
    team.act(TODAY, (notice, "2 Mar 2026", about), case="ME90001")
    team.record(TODAY, "adviser_contacted", on="9 Mar 2026", case="ME90001")
    (said,) = team.act(TODAY, (notice, "16 Mar 2026", about), case="ME90001").unheard
    assert "the family's two months run from the first" in said
    refused = tried(team, "ME90001", notice, la="northshire", decision="contents_of_plan")
    assert "opens a case of its own" in refused.message


def test_a_fact_on_the_authoritys_own_reference_is_recorded_on_its_case(team: Team) -> None:
    team.record(
        TODAY, "appealable_notice_sent", on="2 Mar 2026", case="ME90001", la="northshire", la_reference="ED77001"
    )
    draft = FactDraft("adviser_contacted", day("9 Mar 2026"), {})
    recorded = record(team.context(TODAY), "ED77001", [draft], "dco.team")
    assert recorded.case_ref == "ME90001"


def test_new_without_the_authority_says_what_is_missing(team: Team) -> None:
    draft = FactDraft("certificate_issued", day("2 Mar 2026"), {})
    with pytest.raises(Refused) as problem:
        record(team.context(TODAY), "new", [draft], "dco.team")
    assert "certificate_issued opens a new case only where it names the authority" in problem.value.message
