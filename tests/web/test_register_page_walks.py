"""Each register from its opening to its end by the pages alone, with the letter that leaves half way, in this process.

The commands walk the same registers in tests/cli/test_*_walk.py; entries of registers without a clock and safeguarding
referrals have walks of their own beside this one.
"""

from typing import Any, NamedTuple

import pytest

from tests.support.team import Team
from tests.web.walking import recorded, signed_in

CHILD = {"la": "northshire", "nhs_number": "9990000018", "date_of_birth": "2010-06-17"}
YOUNG = {"la": "northshire", "nhs_number": "9990000018", "date_of_birth": "2021-06-10"}
Step = tuple[str, str, dict[str, str]]


class Walk(NamedTuple):
    """Facts until a day on which a letter leaves, what it says, facts to the end, and what the page then says."""

    first: list[Step]
    on: str
    subject: str
    then: list[Step]
    ends_on: str
    state: str
    says: list[str]


WALKS = {
    "transition": Walk(
        [("transition_opened", "2024-01-08", {**CHILD, "continuing_care": "yes"})],
        "2024-03-11",
        "planning the way to adult services is due by 30 June 2024",
        [
            ("planning_begun", "2024-03-18", {"note": "Alex likes music"}),
            ("worker_named", "2024-03-18", {"worker": "kim.roe"}),
            ("transition_meeting_held", "2025-03-17", {"young_person_took_part": "yes"}),
            ("capacity_considered", "2026-05-08", {"outcome": "decides_with_support"}),
            ("adult_service_expected", "2026-05-08", {"item": "adult_epilepsy"}),
            ("adult_service_referred", "2026-09-04", {"item": "adult_epilepsy"}),
            ("adult_service_accepted", "2026-10-02", {"item": "adult_epilepsy"}),
            ("adult_checklist_done", "2027-01-15", {"result": "full_assessment", "basis": "consent"}),
            ("adult_care_assessed", "2027-02-05", {"outcome": "needs_likely"}),
            ("decided_in_principle", "2027-09-10", {"outcome": "eligible", "decided_by": "adult_chc_team"}),
            ("first_appointment_given", "2028-03-03", {"item": "adult_epilepsy", "appointment_on": "2028-04-07"}),
            ("first_appointment_attended", "2028-04-07", {"item": "adult_epilepsy"}),
            ("handover_completed", "2028-06-02", {}),
            ("transition_ended", "2028-09-01", {"why": "settled"}),
            ("case_closed", "2028-09-04", {}),
        ],
        "2028-09-05",
        "Closed",
        ["adult epilepsy", "first appointment attended", "local standard, no law"],
    ),
    "dynamic_support": Walk(
        [
            ("dsr_referred", "2025-03-03", {**CHILD, "referred_by": "family", "autism": "yes", "has_plan": "yes"}),
            ("dsr_consent_given", "2025-03-05", {"given_by": "parent", "sharing": "yes", "note": "Alex agrees"}),
            ("dsr_rated", "2025-03-10", {"rating": "amber", "reason": "night terrors"}),
        ],
        "2025-03-24",
        "a review of the register is due on 24 March 2025",
        [
            ("dsr_rated", "2025-03-24", {"rating": "red", "reason": "Alex was seen"}),
            ("ordinary_residence_settled", "2025-03-24", {"residence_la": "eastmere", "responsible_board": "QX001"}),
            ("keyworker_named", "2025-03-24", {"worker": "kim.roe"}),
            ("admission_considered", "2025-03-24", {"review_by": "2025-03-31"}),
            ("laep_held", "2025-03-26", {"outcome": "review_arranged"}),
            ("cetr_held", "2025-03-28", {"setting": "community", "outcome": "admission_supported", "present": "chair"}),
            (
                "action_agreed",
                "2025-03-28",
                {"item": "flat", "agency": "local_authority", "due_on": "2025-05-02", "what": "Alex moves to a flat"},
            ),
            (
                "admitted_to_hospital",
                "2025-04-01",
                {
                    "legal_status": "detained",
                    "community_review": "held",
                    "last_review_on": "2025-03-28",
                    "has_plan": "yes",
                },
            ),
            ("action_done", "2025-05-06", {"item": "flat"}),
            ("cetr_held", "2025-06-20", {"setting": "inpatient", "outcome": "discharge_planned", "present": "chair"}),
            ("cetr_report_sent", "2025-06-27", {}),
            ("discharged_from_hospital", "2025-08-04", {"to": "home"}),
            ("dsr_rated", "2025-08-08", {"rating": "green", "reason": "settled"}),
            ("dsr_removed", "2025-09-05", {"why": "risk_over"}),
            ("case_closed", "2025-09-08", {}),
        ],
        "2025-09-09",
        "Closed",
        ["C(E)TR held", "flat (local authority)", "NHS England policy, no law", "Eastmere", "taken off the dynamic"],
    ),
    "looked_after_health": Walk(
        [
            ("became_looked_after", "2025-03-10", {**YOUNG, "emergency": "yes", "has_plan": "yes"}),
            ("health_notified", "2025-03-13", {"note": "Alex is with an aunt"}),
            ("assessment_consent_received", "2025-03-17", {"given_by": "parent"}),
        ],
        "2025-04-01",
        "the initial health assessment is due on 7 April 2025",
        [
            ("initial_assessment_done", "2025-04-04", {"assessed_by": "medical_practitioner"}),
            ("assessment_report_returned", "2025-04-11", {}),
            ("review_assessment_done", "2025-10-03", {"assessed_by": "nurse"}),
            ("assessment_report_returned", "2025-10-10", {}),
            ("placed_in_another_area", "2026-01-12", {"host_body": "QX102"}),
            ("ceased_to_be_looked_after", "2026-02-02", {"why": "returned_home"}),
            ("case_closed", "2026-02-09", {}),
        ],
        "2026-02-10",
        "Closed",
        ["3 the authority, until it notified health", "Eastmere and Holme Hospitals", "statutory guidance"],
    ),
    "learning_disability_check": Walk(
        [("ld_check_watched", "2024-01-08", {**CHILD, "on_register": "no"})],
        "2024-03-11",
        "joining the register is due by 30 June 2024",
        [
            ("ld_register_joined", "2024-05-13", {"note": "Alex likes music"}),
            ("ld_check_done", "2025-05-05", {"where": "practice", "action_plan": "yes"}),
            ("ld_plan_shared", "2025-07-07", {}),
            ("ld_check_declined", "2026-04-06", {"declined_by": "young_person"}),
            ("ld_check_ended", "2026-09-07", {"why": "plan_ceased"}),
            ("case_closed", "2026-09-08", {}),
        ],
        "2026-09-09",
        "Closed",
        ["yearly health check done", "health action plan put into the annual review", "local standard, no law"],
    ),
    "local_offer_review": Walk(
        [
            ("local_offer_review_begun", "2025-03-03", {"la": "northshire", "last_published_on": "2024-11-04"}),
            ("offer_entry_listed", "2025-03-03", {"item": "epilepsy_clinic", "entry_owner": "kim.roe"}),
        ],
        "2025-08-20",
        "a check of the entry epilepsy clinic is due on 3 September 2025",
        [
            ("offer_entry_checked", "2025-09-01", {"item": "epilepsy_clinic", "result": "changed"}),
            ("offer_consultation_received", "2025-09-08", {"answer_by": "2025-10-03"}),
            ("offer_consultation_answered", "2025-09-29", {"note": "Alex agrees"}),
            (
                "offer_comment_received",
                "2025-10-06",
                {"item": "c_1", "about": "gap", "said_by": "parent", "words": "no clinic for Alex"},
            ),
            ("offer_comment_answered", "2025-10-20", {"item": "c_1", "action": "will_act", "act_by": "2026-01-30"}),
            ("offer_comments_published", "2025-11-03", {"with_response": "yes", "names_nobody": "yes"}),
            ("offer_comment_acted_on", "2026-01-26", {"item": "c_1"}),
            ("local_offer_reviewed", "2026-02-16", {"gaps": "evening_clinic"}),
            ("case_closed", "2026-02-17", {}),
        ],
        "2026-02-18",
        "Closed",
        ["is followed by", "check the entry: epilepsy clinic", "local standard, no law"],
    ),
}


@pytest.mark.parametrize("name", WALKS)
def test_a_register_is_walked_by_pages_from_its_opening_to_its_end(team: Team, name: str) -> None:
    walk = WALKS[name]
    browser = signed_in(team, walk.on)
    (kind, on, data), *more = walk.first
    case = recorded(browser, "new", kind, on, **data).split("/")[2].partition("?")[0]
    for kind, on, data in more:
        recorded(browser, case, kind, on, **data)
    team.day(walk.on)
    (letter,) = [each for each in team.post.letters if walk.subject in each.subject]
    assert case in letter.subject
    listed = browser.get("/letters").text
    assert case in listed
    browser = signed_in(team, walk.ends_on)
    for kind, on, data in walk.then:
        recorded(browser, case, kind, on, **data)
    page = browser.get(f"/cases/{case}").text
    assert f"It is at <strong>{walk.state}</strong>" in page
    for words in walk.says:
        assert words.lower() in page.lower(), words
    assert "Alex" not in page and "night terrors" not in page
    assert "2010-06-17" not in page and "17 June 2010" not in page and "10 June 2021" not in page
    assert case in browser.get("/cases", params={"process": name, "show": "all"}).text
    team.case = case
    assert team.verify(walk.ends_on).intact


def test_a_draft_plan_is_checked_by_pages_with_its_letter(team: Team) -> None:
    facts: list[tuple[str, str, dict[str, Any]]] = [
        ("ehc_assessment_requested", "2025-11-03", {"la": "northshire"}),
        ("assessment_agreed", "2025-12-01", {}),
        ("draft_plan_received", "2026-03-02", {}),
    ]
    for each in facts:
        team.act("2 Mar 2026", each)
    team.day("9 Mar 2026")
    assert any("a check of a draft plan is due on 11 March 2026" in each.subject for each in team.post.letters)
    browser = signed_in(team, "13 Mar 2026")
    checked = {"section_c": "right", "section_g": "needs_change", "agreed_by_board": "no", "note": "Alex needs a pump"}
    recorded(browser, team.case, "draft_plan_checked", "2026-03-10", **checked)
    assert "no comments" in browser.get(f"/cases/{team.case}").text
    comments = {"sections": "section_g", "comments": "Alex needs a pump daily"}
    recorded(browser, team.case, "draft_comments_sent", "2026-03-12", **comments)
    page = browser.get(f"/cases/{team.case}").text
    assert "had not agreed section G" in page and "and no comments" not in page and "Alex" not in page
    assert team.verify("13 Mar 2026").intact
