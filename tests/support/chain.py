"""One child's cases, linked: from a Section 23 notice through refusal, mediation, appeal, order and recommendation to
the next annual review.

All of it is invented. `live` records it in order of day, with simulated dates. The cases are linked by reactions only.
"""

from pathlib import Path
from typing import Any

from tests.support.team import Team

NOTICE, PLAN, TALKS, APPEAL, SECOND_TALKS, SECOND_APPEAL, REVIEW = (
    "SN90001",
    "NX90001",
    "ME90001",
    "TR90001",
    "ME90002",
    "TR90002",
    "AR90001",
)
SALT = {"body": "QX101", "service": "speech_and_language_therapy"}
ICB = {"body": "QX900"}
CHILD = {"la": "northshire", "nhs_number": "9990000018", "date_of_birth": "2022-05-21"}

CHAIN: tuple[tuple[str, str, str, dict[str, Any]], ...] = (
    # A trust forms the opinion, informs the parent, then the authority (CFA 2014 s23).
    (NOTICE, "5 Jan 2026", "section23_opinion_formed", {**CHILD, **SALT, "opinion": "sen"}),
    (NOTICE, "6 Jan 2026", "parent_informed", {"of_opinion": "yes", "of_duty": "yes"}),
    (NOTICE, "6 Jan 2026", "discussion_offered", {}),
    (NOTICE, "12 Jan 2026", "la_notified", {"says_sen": "yes"}),
    # The authority became responsible that day (s24), and refuses to assess (reg 5).
    (PLAN, "12 Jan 2026", "ehc_assessment_requested", {**CHILD, "la_reference": "NS-09001"}),
    (PLAN, "20 Feb 2026", "assessment_refused", {}),
    # Mediation comes to nothing but a certificate; after the hearing the Tribunal orders an assessment (reg
    # 44(2)(b)).
    (
        TALKS,
        "20 Feb 2026",
        "appealable_notice_sent",
        {"la": "northshire", "linked_to": PLAN, "decision": "refusal_to_assess"},
    ),
    (
        APPEAL,
        "20 Feb 2026",
        "decision_notified",
        {"la": "northshire", "linked_to": PLAN, "decision": "refusal_to_assess"},
    ),
    (TALKS, "9 Mar 2026", "education_mediation_wanted", {}),
    (TALKS, "16 Mar 2026", "mediation_arranged", {"meeting_on": "2026-04-02"}),
    (TALKS, "17 Mar 2026", "mediation_date_told", {}),
    (TALKS, "2 Apr 2026", "mediation_concluded", {}),
    (TALKS, "8 Apr 2026", "certificate_issued", {}),
    (APPEAL, "7 May 2026", "appeal_received", {}),
    (APPEAL, "11 May 2026", "appeal_registered", {"appeal": "refusal_to_assess"}),
    (APPEAL, "8 Jun 2026", "la_responded", {}),
    (APPEAL, "6 Jul 2026", "hearing_held", {}),
    (APPEAL, "13 Jul 2026", "order_to_assess_made", {}),
    (APPEAL, "24 Jul 2026", "assessment_notified", {}),
    # Each body's six weeks again, inside the fourteen (reg 8(1)); the advice comes, and there is to be no plan (reg
    # 10).
    (PLAN, "27 Jul 2026", "health_advice_requested", {**SALT, "asked_because": "order"}),
    (PLAN, "1 Sep 2026", "health_advice_received", dict(SALT)),
    (PLAN, "18 Sep 2026", "plan_refused", {}),
    # A second decision, a second appeal, with health among its issues: an order to make a plan, and a recommendation
    # (SI 2017/1306).
    (
        SECOND_TALKS,
        "18 Sep 2026",
        "appealable_notice_sent",
        {"la": "northshire", "linked_to": PLAN, "decision": "refusal_to_issue"},
    ),
    (
        SECOND_APPEAL,
        "18 Sep 2026",
        "decision_notified",
        {"la": "northshire", "linked_to": PLAN, "decision": "refusal_to_issue"},
    ),
    (SECOND_TALKS, "1 Oct 2026", "health_mediation_wanted", {}),
    (SECOND_TALKS, "5 Oct 2026", "commissioner_notified", {**ICB, "issues": "health_only"}),
    (SECOND_TALKS, "19 Oct 2026", "mediation_arranged", {**ICB, "meeting_on": "2026-11-02"}),
    (SECOND_TALKS, "20 Oct 2026", "mediation_date_told", {}),
    (SECOND_TALKS, "2 Nov 2026", "mediation_concluded", {}),
    (SECOND_TALKS, "4 Nov 2026", "certificate_issued", {}),
    (SECOND_APPEAL, "20 Nov 2026", "appeal_received", {}),
    (SECOND_APPEAL, "25 Nov 2026", "extended_appeal_registered", {"appeal": "refusal_to_issue", "issues": "health"}),
    (SECOND_APPEAL, "30 Nov 2026", "health_evidence_requested", {**SALT, "directed_on": "2027-01-15"}),
    (SECOND_APPEAL, "14 Jan 2027", "health_evidence_given", dict(SALT)),
    (SECOND_APPEAL, "20 Jan 2027", "la_responded", {}),
    (SECOND_APPEAL, "1 Feb 2027", "hearing_held", {}),
    (SECOND_APPEAL, "8 Feb 2027", "order_to_make_plan_made", {}),
    (SECOND_APPEAL, "8 Feb 2027", "health_recommendation_made", dict(ICB)),
    (
        SECOND_APPEAL,
        "12 Mar 2027",
        "health_recommendation_answered",
        {**ICB, "sent_to": "parent_and_la", "follows": "in_full"},
    ),
    (SECOND_APPEAL, "15 Mar 2027", "health_response_copied", {}),
    (PLAN, "12 Mar 2027", "draft_plan_received", {}),
    (PLAN, "20 Apr 2027", "section_g_agreed", {}),
    (PLAN, "23 Apr 2027", "final_plan_received", {}),
    # The plan is reviewed within twelve months, and the next review opens by itself (s44(1)).
    (REVIEW, "23 Apr 2027", "plan_made", {"la": "northshire", "linked_to": PLAN}),
    (REVIEW, "1 Feb 2028", "review_meeting_arranged", {"meeting_on": "2028-03-06"}),
    (REVIEW, "1 Feb 2028", "health_professional_invited", {**SALT, "meeting_on": "2028-03-06"}),
    (REVIEW, "10 Feb 2028", "review_advice_received", dict(SALT)),
    (REVIEW, "16 Feb 2028", "meeting_notice_given", {}),
    (REVIEW, "18 Feb 2028", "review_advice_circulated", {}),
    (REVIEW, "6 Mar 2028", "review_meeting_held", {}),
    (REVIEW, "13 Mar 2028", "review_report_received", {}),
    (REVIEW, "20 Mar 2028", "plan_kept", {}),
)


def live(home: Path) -> tuple[Team, list[str]]:
    """Record the chain in a new installation. Return the team and the follow-ups."""
    team = Team(home, case=PLAN)
    follow_ups: list[str] = []
    for case, on, kind, data in CHAIN:
        follow_ups += team.record(on, kind, case=case, **data).unheard
    return team, follow_ups
