"""Which duties a history opens, meets, ends and reopens: each expectation worked by hand from the
regulation it cites.
"""

from typing import Any

import pytest

from config.law import load_law
from deadlines.duties import Duty
from tests.support.by_hand import ADVICE, PAEDS, PHYSIO, PHYSIO_TRUST, SALT, TRUST, advice, duties, history, line

SALT_ASKED: dict[str, Any] = {"body": TRUST, "service": SALT}
PAEDS_ASKED = {"body": TRUST, "service": PAEDS}
OPENED = [("ehc_assessment_requested", "2 Feb 2026"), ("assessment_agreed", "20 Feb 2026")]
ASK = ("health_advice_requested", "2 Mar 2026", SALT_ASKED)


def of(found: list[Duty], rule: str) -> list[Duty]:
    return [duty for duty in found if duty.rule == rule]


def one(found: list[Duty], rule: str) -> Duty:
    assert len(of(found, rule)) == 1
    return of(found, rule)[0]


def iso(duty: Duty) -> tuple[str | None, ...]:
    return tuple(
        each.isoformat() if each else None
        for each in (duty.dates.due, duty.dates.strict_due, duty.dates.act_by, duty.met_on, duty.ended_on)
    )


def test_what_the_request_opens_and_by_when() -> None:
    """Request received Mon 2 Feb 2026: 6, 16 and 20 weeks after (regs 5(1), 4(1), 10(1), 13(2)); the stricter reading
    is a day less.
    """
    found = {duty.rule: iso(duty)[:3] for duty in duties(history(OPENED[0]))}
    assert found == {
        "ehc_assess_decision_notify": ("2026-03-16", "2026-03-15", "2026-03-13"),
        "ehc_no_assess_determination_notify": ("2026-03-16", "2026-03-15", "2026-03-13"),
        # Mon 25 May is the spring bank holiday; Sun 24 May and Sat 23 May are no working days: Fri 22 May.
        "ehc_no_plan_notify": ("2026-05-25", "2026-05-24", "2026-05-22"),
        "ehc_final_plan_send": ("2026-06-22", "2026-06-21", "2026-06-19"),
    }


def test_six_weeks_for_each_body_from_its_own_receipt() -> None:
    """reg 8(1): Mon 2 Mar 2026 + 6 weeks = Mon 13 Apr; strict Sun 12 Apr; act by Fri 10 Apr."""
    lines = history(*OPENED, ASK, ("health_advice_requested", "5 Mar 2026", {"body": PHYSIO_TRUST, "service": PHYSIO}))
    found = of(duties(lines), ADVICE)
    assert [(duty.body, duty.opened_seq, *iso(duty)[:3]) for duty in found] == [
        (TRUST, 3, "2026-04-13", "2026-04-12", "2026-04-10"),
        (PHYSIO_TRUST, 4, "2026-04-16", "2026-04-15", "2026-04-15"),
    ]
    assert {duty.dates.basis for duty in found} == {"regulation"}
    assert all("reg 8(1)" in duty.dates.citation for duty in found)


def test_easter_is_no_help_and_no_weekend_rolls_forward() -> None:
    """Receipt Fri 20 Feb 2026: six weeks end on Good Friday 3 Apr and stay there; to act by: Thu 2 Apr."""
    assert iso(advice(history(OPENED[0], ("health_advice_requested", "20 Feb 2026", SALT_ASKED))))[:3] == (
        "2026-04-03",
        "2026-04-02",
        "2026-04-02",
    )


def test_an_answer_meets_the_duty_of_that_body_and_service_only() -> None:
    lines = history(
        *OPENED,
        ASK,
        ("health_advice_requested", "2 Mar 2026", PAEDS_ASKED),
        ("health_advice_received", "13 Apr 2026", PAEDS_ASKED),
    )
    assert iso(advice(lines, PAEDS))[3] == "2026-04-13"
    assert iso(advice(lines, SALT))[3] is None


def test_an_answer_without_a_service_answers_for_all_that_the_body_was_asked() -> None:
    lines = history(
        *OPENED,
        ASK,
        ("health_advice_requested", "2 Mar 2026", PAEDS_ASKED),
        ("health_advice_received", "13 Apr 2026", {"body": TRUST}),
    )
    assert [iso(duty)[3] for duty in of(duties(lines), ADVICE)] == ["2026-04-13", "2026-04-13"]


@pytest.mark.parametrize(
    "answer", ["not_known", "discharged", "redirected", "declined_with_reasons", "existing_advice_suffices"]
)
def test_an_answer_without_new_advice_meets_the_duty(answer: str) -> None:
    """CFA 2014 s31(2)-(3): a body may decline with its reasons in writing; reg 6(4): existing advice may suffice."""
    found = advice(history(*OPENED, ASK, ("health_advice_answered", "9 Mar 2026", {**SALT_ASKED, "answer": answer})))
    assert (iso(found)[3], found.met_by, found.met_seq) == ("2026-03-09", "health_advice_answered", 4)


@pytest.mark.parametrize("kind", ["health_advice_acknowledged", "waiting_list_stated", "appointment_missed"])
def test_what_answers_nothing(kind: str) -> None:
    assert advice(history(*OPENED, ASK, (kind, "9 Mar 2026", SALT_ASKED))).closed_on is None


def test_advice_returned_reopens_the_same_duty_with_the_same_due_date() -> None:
    lines = history(
        *OPENED,
        ASK,
        ("health_advice_received", "7 Apr 2026", SALT_ASKED),
        ("health_advice_returned", "9 Apr 2026", SALT_ASKED),
    )
    found = advice(lines)
    assert (found.opened_seq, found.closed_on, found.reopened, iso(found)[0]) == (3, None, 1, "2026-04-13")
    lines.append(line(6, "health_advice_received", "20 Apr 2026", **SALT_ASKED))
    found = advice(lines)
    assert (found.opened_seq, iso(found)[3], found.met_seq, iso(found)[0]) == (3, "2026-04-20", 6, "2026-04-13")


def test_a_new_request_opens_another_duty() -> None:
    again = ("health_advice_requested", "1 Jun 2026", {**SALT_ASKED, "asked_because": "order"})
    found = of(duties(history(*OPENED, ASK, ("health_advice_received", "7 Apr 2026", SALT_ASKED), again)), ADVICE)
    assert [(duty.opened_seq, iso(duty)[0], iso(duty)[3]) for duty in found] == [
        (3, "2026-04-13", "2026-04-07"),
        (5, "2026-07-13", None),
    ]


def test_advice_returned_reopens_the_request_it_answered_and_not_an_earlier_one() -> None:
    lines = history(
        *OPENED,
        ASK,
        ("health_advice_received", "7 Apr 2026", SALT_ASKED),
        ("health_advice_requested", "1 Jun 2026", SALT_ASKED),
        ("health_advice_received", "6 Jul 2026", SALT_ASKED),
        ("health_advice_returned", "8 Jul 2026", SALT_ASKED),
    )
    first, second = of(duties(lines), ADVICE)
    assert (iso(first)[3], first.reopened) == ("2026-04-07", 0)
    assert (iso(second)[3], second.reopened) == (None, 1)


def test_one_report_that_answered_two_requests_reopens_both() -> None:
    lines = history(
        *OPENED,
        ASK,
        ("health_advice_requested", "9 Mar 2026", SALT_ASKED),
        ("health_advice_received", "7 Apr 2026", SALT_ASKED),
        ("health_advice_returned", "9 Apr 2026", SALT_ASKED),
    )
    assert [duty.reopened for duty in of(duties(lines), ADVICE)] == [1, 1]


def test_a_bodys_duty_outlives_the_final_plan() -> None:
    """A plan may be issued without advice that was asked for; reg 8(1) still binds the body."""
    lines = history(*OPENED, ASK, ("final_plan_received", "15 Jun 2026"))
    assert advice(lines).closed_on is None
    lines.append(line(5, "health_advice_received", "29 Jun 2026", **SALT_ASKED))
    assert iso(advice(lines))[3] == "2026-06-29"


@pytest.mark.parametrize("end", ["case_withdrawn", "case_closed"])
def test_the_end_of_the_case_ends_every_open_duty_and_meets_none(end: str) -> None:
    found = duties(history(*OPENED, ASK, (end, "30 Mar 2026")))
    assert {duty.rule: iso(duty)[3:] for duty in found} == {
        "ehc_assess_decision_notify": ("2026-02-20", None),
        "ehc_no_assess_determination_notify": (None, "2026-02-20"),
        "ehc_no_plan_notify": (None, "2026-03-30"),
        "ehc_final_plan_send": (None, "2026-03-30"),
        ADVICE: (None, "2026-03-30"),
    }


def test_a_refusal_meets_the_decision_and_ends_what_hung_on_a_plan() -> None:
    """Refused Fri 6 Mar 2026: regs 4(1) and 5(1) are met, regs 10(1) and 13(2) have nothing left to date."""
    found = duties(history(OPENED[0], ("assessment_refused", "6 Mar 2026")))
    assert {duty.rule: iso(duty)[3:] for duty in found} == {
        "ehc_assess_decision_notify": ("2026-03-06", None),
        "ehc_no_assess_determination_notify": ("2026-03-06", None),
        "ehc_no_plan_notify": (None, "2026-03-06"),
        "ehc_final_plan_send": (None, "2026-03-06"),
    }


def test_a_reversal_starts_its_clocks_beside_those_of_the_request() -> None:
    """LGSCO 25 007 473: agreed on 21 Feb 2025 after first refusing: decision by 2 May 2025, final plan by
    30 May 2025.
    """
    lines = history(
        ("ehc_assessment_requested", "2 Dec 2024"),
        ("assessment_refused", "10 Jan 2025"),
        ("refusal_reversed", "21 Feb 2025"),
    )
    found = duties(lines)
    assert iso(one(found, "ehc_decision_after_reversal"))[0] == "2025-05-02"
    assert iso(one(found, "ehc_final_plan_after_reversal"))[0] == "2025-05-30"
    # The 16 and 20 weeks of the request of 2 Dec 2024 go on as if never ended: 24 Mar and 21 Apr 2025.
    assert iso(one(found, "ehc_no_plan_notify")) == ("2025-03-24", "2025-03-23", "2025-03-21", None, None)
    assert iso(one(found, "ehc_final_plan_send")) == ("2025-04-21", "2025-04-20", "2025-04-17", None, None)
    lines.append(line(4, "final_plan_received", "28 May 2025"))
    met = {duty.rule: iso(duty)[3] for duty in duties(lines)}
    assert (
        met["ehc_final_plan_after_reversal"]
        == met["ehc_final_plan_send"]
        == met["ehc_decision_after_reversal"]
        == "2025-05-28"
    )
    assert met["ehc_no_plan_notify"] is None


def test_no_plan_and_then_a_draft_after_all() -> None:
    lines = history(*OPENED, ("plan_refused", "20 May 2026"))
    found = duties(lines)
    assert iso(one(found, "ehc_no_plan_notify"))[3] == "2026-05-20"
    assert iso(one(found, "ehc_final_plan_send"))[4] == "2026-05-20"
    lines.append(line(4, "draft_plan_received", "1 Jul 2026"))
    assert iso(one(duties(lines), "ehc_final_plan_send")) == ("2026-06-22", "2026-06-21", "2026-06-19", None, None)


def test_every_draft_opens_fifteen_days_of_its_own() -> None:
    """reg 13(1)(a): at least 15 days beginning with service: served Mon 1 Jun, the last of them is Mon 15 Jun; a
    further draft has its own.
    """
    found = of(
        duties(history(*OPENED, ("draft_plan_received", "1 Jun 2026"), ("draft_plan_received", "8 Jun 2026"))),
        "draft_plan_parent_response_min",
    )
    assert [(duty.bound, *iso(duty)[:3]) for duty in found] == [
        ("not_before", "2026-06-15", "2026-06-16", None),
        ("not_before", "2026-06-22", "2026-06-23", None),
    ]


def test_a_continuing_duty_and_a_gate_have_no_invented_date() -> None:
    """CFA 2014 s42(3) and SEND Regs 2014 reg 12(2) give no number."""
    found = duties(
        history(
            *OPENED,
            ("draft_plan_received", "1 Jun 2026"),
            ("section_g_agreed", "9 Jun 2026"),
            ("final_plan_received", "17 Jun 2026"),
        )
    )
    assert iso(one(found, "section_g_agree")) == (None, None, None, "2026-06-09", None)
    assert iso(one(found, "s42_arrange_health_provision")) == (None, None, None, None, None)


def test_every_rule_of_the_process_is_opened_by_a_lawful_history_or_is_a_calculation() -> None:
    drafted = [("draft_plan_received", "1 Jun 2026", {"check_owed": "yes"}), ("final_plan_received", "17 Jun 2026")]
    refused = [OPENED[0], ("assessment_refused", "10 Feb 2026"), ("refusal_reversed", "20 Feb 2026")]
    seen = {duty.rule for duty in duties(history(*refused, ASK, *drafted))}
    assert seen == {rule.id for rule in load_law().for_process("ehc_needs_assessment") if not rule.calculation_only}


def test_an_imported_duty_is_known_as_such() -> None:
    lines = [*history(*OPENED), line(3, "health_advice_requested", "2 Mar 2026", via="import", **SALT_ASKED)]
    assert advice(lines).imported
    assert not advice(history(*OPENED, ASK)).imported
