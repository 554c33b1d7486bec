"""The exceptions: what each provision lists, and what SI 2020/471 added, set down by hand from the
instruments.
"""

from datetime import date, timedelta

import pytest

from config.law import load_law
from deadlines.calculator import calculate
from deadlines.working_calendar import load_calendar
from tests.support.second_count import printed_rules

LAW, CALENDAR = load_law(), load_calendar()

# Every provision that SI 2020/471 relaxed and that is a rule here, period by period. Its reg 2A(3) of the SEND
# Regs first,
# in its order,
# then the textual amendments (4(3), 5(4), 8(2), 10(4) with 13(3), 44(3)(c) and 45(7)(c), 18A, 22(6), 27(3),
# 45(8)),
# then the other instruments.
RELAXED = {
    "la_move_transfer_plan",
    "rcb_move_notify_new_rcb",  # 15(2), 15(7): the second reference to 15 working days only
    "new_la_inform_parent",
    "new_la_review_after_transfer",
    "rcb_move_request_review",  # 15(4), 15(5), 15(8)
    "rcb_change_notify_new_rcb",
    "new_rcb_request_review",  # 16(2), 16(3)
    "review_report_send",
    "review_decision_notify",  # 20(9), (10), 21(7) to (9)
    "reassess_decision_notify",
    "review_after_reassessment",  # 25(1), 27(4)
    "mediation_contact_adviser",
    "mediation_certificate_no_mediation",  # 33, 34(1)
    "la_notify_rcb_mediation",
    "rcb_arrange_mediation",
    "la_arrange_mediation_health_mixed",  # 35(2) to (4)
    "la_arrange_mediation",
    "mediation_certificate_after",
    "mediation_certificate_deemed",  # 36(2), 39(1), 39(3)
    "mediation_agreement_no_appeal_right",
    "rcb_notify_la_mediation_agreement",  # 42(3), 42(4)
    "order_reconsider",
    "order_amend_provision",
    "order_amend_placement",
    "order_continue_amend",  # 44(2)(d), (e), (f), (h)
    "unopposed_contents",
    "unopposed_placement_only",
    "unopposed_placement_and_contents",
    "unopposed_cease",  # 45(4), (5), (6A)
    "he_disclosure",  # 47
    "ehc_no_assess_determination_notify",
    "ehc_assess_decision_notify",
    "s23_starts_la_clock",
    "ehc_body_advice_respond",  # 4, 5, 8
    "ehc_no_plan_notify",
    "ehc_final_plan_send",  # 10(4), 13(3)
    "order_assess_notify",
    "order_assess_no_plan_notify",
    "order_assess_final_plan",
    "order_make_plan_draft",
    "order_make_plan_final",  # 44(3)(c)
    "unopposed_assess_notify",
    "unopposed_issue_draft",
    "unopposed_issue_final",  # 45(7)(c)
    "annual_review_first",
    "annual_review_next",  # 18A
    "review_amend_final_plan",
    "review_no_amend_notify",
    "reassess_final_plan",  # 22(6), 27(3)
    "unopposed_assess_no_plan",
    "unopposed_assess_final_plan",  # 45(8) for (3A)
    "direct_payment_first_review",  # SI 2014/1652 reg 11(2)(a)
    "detained_plan_copy_send",
    "detained_rcb_request_review",  # SI 2015/62 reg 17(1), 16(4)
    "ftt_health_recommendation_respond",
    "ftt_response_copy_to_sos",  # SI 2017/1306 reg 6(3), 6(6)
    "ftt_social_care_recommendation_respond",
    "ftt_social_care_copy_to_sos",  # SI 2017/1306 reg 7(1), 7(4)
}
FIRST, LAST = date(2020, 5, 1), date(2020, 9, 24)
DAY = timedelta(days=1)


def test_exactly_the_relaxed_provisions_carry_the_overlay() -> None:
    carrying = {rule.id for rule in LAW.rules.values() if rule.excuse_overlay}
    assert carrying == RELAXED
    for rule in LAW.rules.values():
        for overlay in rule.excuse_overlay:
            assert (overlay.due_from, overlay.due_to, overlay.add) == (FIRST, LAST, ("coronavirus",))
            assert overlay.cite.startswith("SI 2020/471 reg")


@pytest.mark.parametrize("rule_id", sorted(RELAXED))
def test_the_overlay_follows_the_due_date_and_not_the_start(rule_id: str) -> None:
    seen: set[bool] = set()
    on = date(2019, 1, 1)
    while on < date(2020, 12, 1):
        given = {name: on for name, asked in LAW.rule(rule_id).inputs.items() if asked.needed}
        answer = calculate(LAW, CALENDAR, rule_id, on, given)
        assert answer.due is not None
        relaxed = "coronavirus" in answer.excuses
        assert relaxed == (FIRST <= answer.due <= LAST), (rule_id, on)
        seen.add(relaxed)
        on += DAY
    assert seen == {True, False}


def test_no_other_rule_is_ever_relaxed() -> None:
    for rule in LAW.rules.values():
        since = rule.period[0].since
        if rule.id in RELAXED or (since is not None and since > date(2020, 9, 24)):  # it began only after that summer
            continue
        for days in range(0, 300, 3):
            on = date(2020, 1, 1) + days * DAY
            given = {name: on + 40 * DAY for name, asked in rule.inputs.items() if asked.needed}
            if rule.by_due_date:
                on = on.replace(year=on.year - (rule.period[0].number), day=min(on.day, 28))
            assert "coronavirus" not in calculate(LAW, CALENDAR, rule.id, on, given).excuses


@pytest.mark.parametrize("rule_id", ["la_move_transfer_plan", "rcb_move_notify_new_rcb"])
def test_only_the_second_fifteen_working_days_were_relaxed(rule_id: str) -> None:
    moved = date(2020, 7, 31)
    early = calculate(LAW, CALENDAR, rule_id, date(2020, 6, 1), {"moved_on": moved})
    late = calculate(LAW, CALENDAR, rule_id, date(2020, 7, 20), {"moved_on": moved})
    assert (early.due, early.excuses) == (moved, ())
    assert (late.due, late.excuses) == (date(2020, 8, 7), ("coronavirus",))


def test_every_provision_lists_what_the_table_of_rules_prints() -> None:
    for printed in printed_rules():
        listed = printed.excuses.split(" (")[0]
        words = () if listed in ("", "none") else tuple(listed.split(", "))
        assert LAW.rule(printed.rule).period[-1].excuses == words, printed.rule


def test_citations_and_addresses_are_those_of_the_table() -> None:
    for printed in printed_rules():
        rule = LAW.rule(printed.rule)
        of_that_day = (each for each in rule.period if str(each.since) == printed.since)
        period = next(of_that_day, rule.period[-1])
        assert (rule.process, period.text, period.counts, period.basis) == (
            printed.process,
            printed.period,
            printed.counts,
            printed.basis,
        )
        assert (period.cite or "", period.url or "", str(period.since or "")) == (
            printed.citation,
            printed.url,
            printed.since,
        )


def test_a_ground_that_borrows_names_the_four_of_reg_10_4() -> None:
    assert LAW.grounds_of("reg_13_3") == (
        "reg_13_3",
        "school_closed",
        "early_years_closed",
        "personal_exceptional",
        "absent_4_weeks",
    )
    assert LAW.grounds_of("missed_appointment") == ("missed_appointment",)


def test_a_waiting_list_is_no_ground() -> None:
    assert not [word for word in LAW.grounds if "wait" in word or "capacity" in word]
