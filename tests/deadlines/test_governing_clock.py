"""Which of several clocks for one plan governs (SEND Regs 2014 regs 13(2), 42(2), 44(2), 45)."""

from config.law import load_law
from deadlines.duties import duties_of
from deadlines.governing_clock import Governing, governing
from models.facts import StoredFact
from tests.support.by_hand import book, dates_of, duties, history

REFUSED = (("ehc_assessment_requested", "13 Jan 2025", {"la": "northshire"}), ("assessment_refused", "17 Feb 2025"))
TURNED = ("refusal_reversed", "9 Jun 2025")
ORDERED = ("assessment_ordered", "7 Jul 2025")


def found(lines: list[StoredFact]) -> Governing | None:
    rules = {rule.id: rule for rule in load_law().duties_of("ehc_needs_assessment")}
    return governing(duties([line._replace(machine=2) for line in lines]), rules)


def test_one_clock_needs_no_word() -> None:
    assert found(history(*REFUSED)) is None


def test_without_an_order_the_request_s_own_clock_governs() -> None:
    clocks = found(history(*REFUSED, TURNED))
    assert clocks is not None
    assert (clocks.duty.rule, str(clocks.duty.due)) == ("ehc_final_plan_send", "2025-06-02"), "13 January + 140 days"
    said = clocks.sentence()
    assert "One plan has 2 clocks" in said and "[2023] EWHC 3138 (Admin)" in said
    assert "ehc_final_plan_after_reversal, due 2025-09-15" in said, "9 June + 98 days"
    assert [clocks.says(each) for each in clocks.clocks] == [True, False]


def test_an_order_governs_from_its_day_and_the_others_stay_beside_it() -> None:
    clocks = found(history(*REFUSED, TURNED, ORDERED))
    assert clocks is not None
    assert [each.rule for each in clocks.clocks] == [
        "ehc_final_plan_send",
        "ehc_final_plan_after_reversal",
        "order_assess_final_plan",
    ]
    assert (clocks.duty.rule, str(clocks.duty.due)) == ("order_assess_final_plan", "2025-10-13"), "7 July + 98 days"
    assert "reg" in clocks.sentence() and "44(2)" in clocks.sentence()
    assert "No order was made" not in clocks.sentence()


def test_the_time_of_an_order_that_fell_governs_nothing() -> None:
    fell = history(*REFUSED, ORDERED, ("order_set_aside", "14 Jul 2025"))
    rules = {rule.id: rule for rule in load_law().duties_of("ehc_needs_assessment")}
    lines = [line._replace(machine=3) for line in fell]
    assert governing(duties(lines), rules, lines) is None, "the refusal is under appeal again"
    again = [
        line._replace(machine=3) for line in history(*REFUSED, TURNED, ORDERED, ("order_set_aside", "14 Jul 2025"))
    ]
    clocks = governing(duties(again), rules, again)
    assert clocks is not None and clocks.duty.rule == "ehc_final_plan_send", "the reversal goes on without the order"


def test_a_decision_taken_twice_is_no_order() -> None:
    lines = history(
        ("reassessment_requested", "6 Jan 2025", {"la": "northshire", "requested_by": "parent"}),
        ("reassessment_refused", "20 Jan 2025", {"ground": "not_necessary"}),
        ("refusal_reversed", "20 Feb 2025"),
        ("reassessment_refused", "22 Apr 2025", {"ground": "not_necessary"}),
        ("refusal_reversed", "20 May 2025"),
    )
    rules = {rule.id: rule for rule in load_law().duties_of("reassessment")}
    clocks = governing(duties_of(lines, book("reassessment"), dates_of()), rules)
    assert clocks is not None and str(clocks.duty.due) == "2025-08-26", "20 May + 98 days"
    assert "Tribunal" not in clocks.sentence() and "latest decision (SEND Regs 2014" in clocks.sentence()
