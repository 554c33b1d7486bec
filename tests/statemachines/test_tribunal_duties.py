"""What the facts of a Tribunal case open and close, by when, and what its guards ask. Each date is counted by hand from
the provision named beside it.
"""

from typing import Any

import pytest

from deadlines.duties import Duty, duties_of
from deadlines.status import days_late, status_of
from models.facts import StoredFact
from statemachines.process import NotPermitted
from statemachines.replay import replay
from statemachines.tribunal import remarks
from tests.support.by_hand import book, dates_of, day, history

CASE = "TR90001"
LA = {"la": "northshire"}
ICB, NHSE = {"body": "QX900"}, {"body": "QX901"}
SALT = {"body": "QX101", "service": "speech_and_language_therapy"}


def appeal(about: str, *more: tuple[Any, ...], issues: str | None = "health") -> list[StoredFact]:
    """An appeal registered on 2 March 2026, extended unless `issues` is None."""
    kind = "extended_appeal_registered" if issues else "appeal_registered"
    return history((kind, "2 Mar 2026", {**LA, "appeal": about, **({"issues": issues} if issues else {})}), *more)


def found(lines: list[StoredFact]) -> list[Duty]:
    casefile = replay(CASE, lines)
    return duties_of(casefile.lines, book("tribunal"), dates_of(), casefile.claims.values())


def one(lines: list[StoredFact], rule: str, **about: str) -> Duty:
    matching = [duty for duty in found(lines) if duty.rule == rule and about.get("body") in (None, duty.body)]
    assert len(matching) == 1, f"{len(matching)} of {rule}"
    return matching[0]


def refused(lines: list[StoredFact]) -> str:
    with pytest.raises(NotPermitted) as problem:
        replay(CASE, lines)
    return problem.value.sentence


def test_the_appeal_is_due_two_months_from_the_notice_or_one_from_the_certificate_whichever_is_later() -> None:
    decided = ("decision_notified", "2 Mar 2026", {**LA, "decision": "refusal_to_issue"})
    # 2 May 2026 is a Saturday, and Monday 4 May a bank holiday (r12(2)).
    assert one(history(decided), "appeal_register").due == day("5 May 2026")
    heard = ("mediation_certificate_heard", "20 Apr 2026")
    assert one(history(decided, heard), "appeal_register").due == day("20 May 2026")
    # The day on which the Tribunal received it counts, not the day on which it was registered.
    lines = history(
        decided,
        heard,
        ("appeal_received", "20 May 2026"),
        ("appeal_registered", "1 Jun 2026", {"appeal": "refusal_to_issue"}),
    )
    assert status_of(one(lines, "appeal_register"), day("2 Jun 2026")) == "met"


def test_an_appeal_is_against_the_decision_that_the_case_opened_with() -> None:
    decided = ("decision_notified", "2 Mar 2026", {**LA, "decision": "contents_of_plan"})
    assert "appeal=contents or placement or placement_and_contents" in refused(
        history(decided, ("appeal_registered", "1 Apr 2026", {"appeal": "refusal_to_issue"}))
    )
    placement = history(decided, ("appeal_registered", "1 Apr 2026", {"appeal": "placement"}))
    assert replay(CASE, placement).state == "registered"


def test_the_response_is_due_in_thirty_working_days_or_as_directed_and_is_not_recomputed() -> None:
    # 30 working days after 2 March: Good Friday 3 and Easter Monday 6 April are none (r21(1)(c)).
    assert one(appeal("contents"), "appeal_la_response").due == day("15 Apr 2026")
    directed = one(
        appeal(
            "contents", ("time_directed", "9 Mar 2026", {"rule": "appeal_la_response", "directed_on": "2026-08-14"})
        ),
        "appeal_la_response",
    )
    assert directed.due == day("14 Aug 2026"), "a directed day in August stays (r12(4))"


def test_any_number_of_directed_days_each_as_it_was_entered() -> None:
    lines = appeal(
        "contents",
        ("evidence_directed", "9 Mar 2026", {"directed_on": "2026-08-14", "what": "final_evidence"}),
        ("evidence_directed", "9 Mar 2026", {"directed_on": "2026-05-01", "what": "attendance_form"}),
        ("bundle_directed", "9 Mar 2026", {"directed_on": "2026-08-29"}),
        ("hearing_directed", "9 Mar 2026", {"directed_on": "2026-09-14"}),
    )
    days = [(duty.rule, duty.due) for duty in found(lines) if duty.opened_seq > 1]
    assert days == [
        ("appeal_evidence", day("14 Aug 2026")),
        ("appeal_evidence", day("1 May 2026")),
        ("appeal_bundle", day("29 Aug 2026")),
        ("appeal_hearing", day("14 Sep 2026")),
    ]
    said = refused([*lines, *history(*[("evidence_filed", "1 May 2026")] * 6)[5:]])
    assert "opened_seq=2 (open: 2, 3)" in said
    filed = [*lines, *history(*[("evidence_filed", "1 May 2026", {"opened_seq": 3})] * 6)[5:]]
    assert [duty.met_on for duty in found(filed) if duty.rule == "appeal_evidence"] == [None, day("1 May 2026")]


def test_a_later_direction_about_one_day_leaves_the_others() -> None:
    two = (
        ("evidence_directed", "9 Mar 2026", {"directed_on": "2026-05-01"}),
        ("evidence_directed", "9 Mar 2026", {"directed_on": "2026-08-14"}),
    )
    lines = appeal(
        "contents",
        *two,
        ("time_directed", "1 Apr 2026", {"rule": "appeal_evidence", "directed_on": "2026-05-15", "opened_seq": 2}),
    )
    assert [duty.due for duty in found(lines) if duty.rule == "appeal_evidence"] == [
        day("15 May 2026"),
        day("14 Aug 2026"),
    ]


def test_evidence_is_asked_of_each_body_with_the_tribunals_day_or_none() -> None:
    asked = ("health_evidence_requested", "9 Mar 2026", {**SALT, "directed_on": "2026-05-01"})
    by = ("health_evidence_directed", "3 Mar 2026", {"directed_on": "2026-03-13"})
    lines = appeal("contents", by, asked, ("health_evidence_requested", "9 Mar 2026", ICB))
    assert one(lines, "appeal_health_evidence_request").due == day("13 Mar 2026")
    assert one(lines, "appeal_health_evidence_request").met_on == day("9 Mar 2026")
    assert one(lines, "appeal_evidence", **ICB).due is None, "no day is worked out where the Tribunal set none"
    assert status_of(one(lines, "appeal_evidence", **ICB), day("1 Dec 2026")) == "no_date"
    given = [*lines, *history(*[("health_evidence_given", "4 May 2026", SALT)] * 5)[4:]]
    duty = one(given, "appeal_evidence", body="QX101")
    assert (status_of(duty, day("4 May 2026")), days_late(duty, day("4 May 2026"))) == ("met_late", 3)
    assert one(given, "appeal_evidence", **ICB).closed_on is None
    assert "not asked" in refused(appeal("contents", ("health_evidence_given", "4 May 2026", SALT)))


CONCESSIONS = [
    (
        "refusal_to_assess_conceded",
        "refusal_to_assess",
        {"unopposed_assess_notify": "16 Apr", "unopposed_assess_no_plan": "11 Jun"},
    ),
    (
        "refusal_to_reassess_conceded",
        "refusal_to_reassess",
        {"unopposed_assess_notify": "16 Apr", "unopposed_assess_final_plan": "9 Jul"},
    ),
    (
        "refusal_to_issue_conceded",
        "refusal_to_issue",
        {"unopposed_issue_draft": "7 May", "unopposed_issue_final": "18 Jun"},
    ),
    ("contents_conceded", "contents", {"unopposed_contents": "7 May"}),
    ("contents_conceded", "refusal_to_amend", {"unopposed_contents": "7 May"}),
    ("placement_conceded", "placement", {"unopposed_placement_only": "16 Apr"}),
    ("placement_and_contents_conceded", "placement_and_contents", {"unopposed_placement_and_contents": "7 May"}),
    ("ceasing_conceded", "ceasing", {"unopposed_cease": "7 May"}),
]


@pytest.mark.parametrize(
    ("kind", "about", "dues"), CONCESSIONS, ids=[f"{kind}-{about}" for kind, about, _dues in CONCESSIONS]
)
def test_an_appeal_not_opposed_has_the_clocks_of_reg_45_by_its_kind(
    kind: str, about: str, dues: dict[str, str]
) -> None:
    lines = appeal(about, (kind, "2 Apr 2026"), issues=None)
    unopposed = {duty.rule: duty.due for duty in found(lines) if duty.rule.startswith("unopposed")}
    assert dues.items() <= {rule: f"{due.day} {due:%b}" for rule, due in unopposed.items() if due}.items()
    assert one(lines, "appeal_la_response").ended_on == day("2 Apr 2026")


def test_a_concession_fits_its_appeal_and_comes_before_the_response() -> None:
    assert "about contents" in refused(appeal("contents", ("refusal_to_assess_conceded", "2 Apr 2026")))
    said = refused(appeal("contents", ("la_responded", "1 Apr 2026"), ("contents_conceded", "2 Apr 2026")))
    assert "Reg 45" in said
    assert "by consent" in said


ORDERED = [
    (
        "order_to_assess_made",
        "refusal_to_assess",
        {"order_assess_notify": "16 Apr", "order_assess_no_plan_notify": "11 Jun"},
    ),
    (
        "order_to_reassess_made",
        "refusal_to_reassess",
        {"order_assess_notify": "16 Apr", "order_assess_final_plan": "9 Jul"},
    ),
    (
        "order_to_make_plan_made",
        "refusal_to_issue",
        {"order_make_plan_draft": "7 May", "order_make_plan_final": "18 Jun"},
    ),
    ("order_to_reconsider_made", "refusal_to_issue", {"order_reconsider": "16 Apr"}),
    ("order_to_amend_provision_made", "contents", {"order_amend_provision": "7 May"}),
    ("order_to_amend_placement_made", "placement", {"order_amend_placement": "16 Apr"}),
    ("order_to_continue_and_amend_made", "ceasing", {"order_continue_amend": "7 May"}),
    ("order_to_continue_made", "ceasing", {"order_continue": None}),
    ("ceasing_upheld", "ceasing", {"order_dismiss_cease": None}),
]
MEETS = {
    "order_assess_notify": "assessment_notified",
    "order_assess_no_plan_notify": "no_plan_notified",
    "order_assess_final_plan": "final_plan_sent",
    "order_make_plan_draft": "draft_plan_sent",
    "order_make_plan_final": "final_plan_sent",
    "order_reconsider": "case_reconsidered",
    "order_amend_provision": "amended_plan_sent",
    "order_amend_placement": "placement_amended",
    "order_continue_amend": "amended_plan_sent",
    "order_continue": "plan_continued",
    "order_dismiss_cease": "plan_ceased",
}


@pytest.mark.parametrize(("kind", "about", "dues"), ORDERED, ids=[kind for kind, _about, _dues in ORDERED])
def test_each_kind_of_order_has_its_own_clocks_and_what_meets_them(
    kind: str, about: str, dues: dict[str, str | None]
) -> None:
    order = (kind, "2 Apr 2026", {} if kind == "ceasing_upheld" else {"by_consent": "yes"})
    for rule, due in dues.items():
        duty = one(appeal(about, order, issues=None), rule)
        assert (f"{duty.due.day} {duty.due:%b}" if duty.due else None) == due
        met = one(appeal(about, order, (MEETS[rule], "20 Apr 2026"), issues=None), rule)
        assert met.met_on == day("20 Apr 2026")


def test_an_order_fits_its_appeal_and_another_time_replaces_one_date_alone() -> None:
    assert "order_to_make_plan_made" in refused(appeal("refusal_to_issue", ("order_to_assess_made", "2 Apr 2026")))
    lines = appeal(
        "refusal_to_assess",
        ("order_to_assess_made", "2 Apr 2026"),
        ("time_directed", "2 Apr 2026", {"rule": "order_assess_final_plan", "directed_on": "2026-05-29"}),
        issues=None,
    )
    assert one(lines, "order_assess_final_plan").due == day("29 May 2026"), "reg 44(1)"
    assert one(lines, "order_assess_no_plan_notify").due == day("11 Jun 2026")


def recommended(*more: tuple[Any, ...]) -> list[StoredFact]:
    two = [("health_recommendation_made", "2 Apr 2026", ICB), ("health_recommendation_made", "2 Apr 2026", NHSE)]
    return appeal(
        "contents", ("hearing_held", "2 Apr 2026"), ("order_to_amend_provision_made", "2 Apr 2026"), *two, *more
    )


def test_a_recommendation_lies_on_each_body_for_five_weeks_beginning_with_its_date() -> None:
    duty = one(recommended(), "ftt_health_recommendation_respond", **ICB)
    assert duty.due == day("6 May 2026"), "2 April is the first day of the five weeks (SI 2017/1306 reg 6(3))"
    answered = recommended(
        ("health_recommendation_answered", "7 May 2026", {**ICB, "sent_to": "parent_and_la", "follows": "in_full"})
    )
    assert (
        status_of(one(answered, duty.rule, **ICB), day("8 May 2026")),
        one(answered, duty.rule, **NHSE).closed_on,
    ) == ("met_late", None)
    copy = one(answered, "ftt_response_copy_to_sos")
    assert (copy.due, copy.body) == (
        day("13 May 2026"),
        None,
    ), "a week beginning with the day, and the authority's own (reg 6(6))"
    directed = recommended(("time_directed", "2 Apr 2026", {"rule": duty.rule, "directed_on": "2026-04-17", **ICB}))
    assert [each.due for each in found(directed) if each.rule == duty.rule] == [
        day("17 Apr 2026"),
        day("6 May 2026"),
    ], "reg 6(4), for one body"


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"sent_to": "la_only", "follows": "in_full"}, "reg 6(3)"),
        ({"sent_to": "parent_and_la", "follows": "in_part"}, "reg 6(5)"),
        ({"sent_to": "parent_and_la", "follows": "not_at_all", "reasons_given": "no"}, "reg 6(5)"),
    ],
)
def test_an_answer_goes_to_both_and_gives_reasons(fields: dict[str, str], said: str) -> None:
    assert said in refused(recommended(("health_recommendation_answered", "5 May 2026", {**ICB, **fields})))


def test_no_recommendation_without_a_plan_and_no_answer_without_a_recommendation() -> None:
    assert "regs 4, 5" in refused(appeal("refusal_to_assess"))
    ordered = ("order_to_assess_made", "2 Apr 2026")
    assert "regs 4, 5" in refused(
        appeal("refusal_to_assess", ordered, ("health_recommendation_made", "2 Apr 2026", ICB), issues=None)
    )
    answer = (
        "health_recommendation_answered",
        "5 May 2026",
        {"body": "QX101", "sent_to": "parent_and_la", "follows": "in_full"},
    )
    assert "no recommendation was made to this body" in refused(recommended(answer))


def test_social_care_answers_in_five_weeks_and_copies_in_one() -> None:
    lines = appeal(
        "contents", ("hearing_held", "2 Apr 2026"), ("social_care_recommendation_made", "2 Apr 2026"), issues="both"
    )
    assert one(lines, "ftt_social_care_recommendation_respond").due == day("6 May 2026"), "SI 2017/1306 reg 7(1)"
    answered = [*lines, *history(*[("social_care_recommendation_answered", "1 May 2026")] * 4)[3:]]
    assert one(answered, "ftt_social_care_copy_to_sos").due == day("7 May 2026"), "reg 7(4)"


def test_permission_is_asked_from_the_day_on_which_the_decision_or_its_reasons_were_sent() -> None:
    dismissed = ("appeal_dismissed", "2 Jul 2026")
    sent = one(appeal("contents", dismissed, ("decision_sent", "9 Jul 2026")), "permission_to_appeal")
    assert (sent.due, sent.dates.strict_due) == (
        day("7 Sep 2026"),
        day("6 Aug 2026"),
    ), "28 days, no day of August counted, then the next working day"
    reasons = appeal(
        "contents",
        dismissed,
        ("decision_sent", "9 Jul 2026"),
        ("reasons_sent", "15 Jul 2026"),
        ("permission_applied", "20 Jul 2026"),
    )
    assert [duty.met_on for duty in found(reasons) if duty.rule == "permission_to_appeal"] == [None, day("20 Jul 2026")]
    upper = [*reasons, *history(*[("permission_refused", "1 Sep 2026")] * 6)[5:]]
    assert one(upper, "ut_permission_after_refusal").due == day("1 Oct 2026")


def test_a_discrimination_claim_has_its_own_clock_where_reinstatement_is_asked_for() -> None:
    def claim(reinstatement: str, *more: tuple[Any, ...]) -> list[StoredFact]:
        return history(("discrimination_claim_received", "2 Mar 2026", {"reinstatement": reinstatement}), *more)

    assert one(claim("yes"), "dd_reinstatement_response").due == day("23 Mar 2026"), "15 working days (r21(1)(cc))"
    assert found(claim("no")) == []
    assert (
        replay(CASE, claim("yes", ("claim_responded", "20 Mar 2026"), ("claim_decided", "1 Jun 2026"))).state
        == "claim_over"
    )


def test_a_right_that_is_not_used_lapses_and_nothing_is_late() -> None:
    decided = history(("decision_notified", "2 Mar 2026", {**LA, "decision": "refusal_to_issue"}))
    right = one(decided, "appeal_register")
    assert [status_of(right, day(on)) for on in ("1 Apr 2026", "5 May 2026", "6 May 2026")] == [
        "running",
        "due_soon",
        "no_date",
    ]
    assert days_late(right, day("6 Jun 2026")) == 0
    late = one([*decided, *history(*[("appeal_received", "8 May 2026")] * 2)[1:]], "appeal_register")
    assert (status_of(late, day("8 May 2026")), days_late(late, day("8 May 2026"))) == (
        "met_late",
        3,
    ), "a late appeal needs the Tribunal's leave, so it is said"


def test_a_claim_without_a_plea_for_reinstatement_says_where_its_day_is_to_be_found() -> None:
    def said(reinstatement: str, *more: tuple[Any, ...]) -> list[str]:
        return remarks(
            replay(
                CASE,
                history(
                    (
                        "discrimination_claim_received",
                        "2 Mar 2026",
                        {"la": "northshire", "reinstatement": reinstatement},
                    ),
                    *more,
                ),
            )
        )

    (fields,) = said("no")
    assert "enter it with evidence_directed" in fields
    assert said("yes") == said("no", ("claim_responded", "9 Mar 2026")) == []
