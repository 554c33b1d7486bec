"""What may happen in every state of a package of care, written by hand from the local procedure and SI 2013/1617."""

from collections.abc import Sequence
from typing import Any

import pytest

from models.casefile import CaseFile
from models.common_facts import CORRECTIONS, ENGINE_ONLY, OF_THE_CHILD, SHARED
from models.facts import StoredFact
from statemachines.package import PROCESS, cost_of, lines_of, remarks, yearly_pence
from statemachines.process import NotPermitted
from statemachines.replay import replay
from tests.support.by_hand import duties, history
from tests.support.hand_table import HandTable

PAYMENT = {
    "health_budget_offered",
    "direct_payment_requested",
    "direct_payment_refused",
    "service_left_out",
    "refusal_reasons_given",
    "nominee_named",
    "care_plan_agreed",
    "direct_payment_started",
    "direct_payment_reviewed",
    "payment_insufficient",
    "health_of_recipient_changed",
    "review_considered",
    "direct_payment_change_notified",
    "further_review_required",
    "further_review_decided",
    "repayment_required",
    "direct_payment_stopped",
}
OPEN = set(SHARED) | PAYMENT
OPEN |= {"line_ended", "challenge_answered", "interim_funder_named", "true_up_agreed", "adult_decision_made"}
AFTERWARDS = CORRECTIONS | ENGINE_ONLY | OF_THE_CHILD
LINES = {"line_proposed", "line_varied"}
BEFORE = ("proposed", "challenged", "agreed", "approved", "refused")
ALIVE = (*BEFORE, "live", "varied", "ceasing", "ended")


def there(before: Sequence[StoredFact], fact: StoredFact) -> bool:
    """Whether a line or a question of that code is there."""
    return any(
        each.kind in ("line_proposed", "challenge_made") and each.data["item"] == fact.data["item"] for each in before
    )


def new(before: Sequence[StoredFact], fact: StoredFact) -> bool:
    """Whether no line and no question has that code yet."""
    return not there(before, fact)


TABLE = HandTable(
    usual={
        "proposed": OPEN | LINES | {"challenge_made", "agreed_in_principle", "package_refused"},
        "challenged": OPEN | LINES | {"challenge_made", "agreed_in_principle", "package_returned", "package_refused"},
        "agreed": OPEN | {"challenge_made", "package_returned", "package_approved", "package_refused"},
        "approved": OPEN | {"package_went_live"},
        "refused": OPEN,
        "live": OPEN | {"package_reviewed", "variation_proposed", "cessation_notified"},
        "varied": OPEN
        | LINES
        | {"challenge_made", "package_approved", "package_refused", "package_reviewed", "cessation_notified"},
        "ceasing": OPEN | {"package_reviewed", "cessation_taken_back", "package_ended"},
        "ended": OPEN,
        "withdrawn": AFTERWARDS,
        "closed": AFTERWARDS,
    },
    moves={
        ("proposed", "challenge_made"): "challenged",
        ("challenged", "challenge_made"): "challenged",
        ("agreed", "challenge_made"): "challenged",
        ("varied", "challenge_made"): "varied",
        ("proposed", "agreed_in_principle"): "agreed",
        ("challenged", "agreed_in_principle"): "agreed",
        ("challenged", "package_returned"): "proposed",
        ("agreed", "package_returned"): "proposed",
        ("agreed", "package_approved"): "approved",
        ("varied", "package_approved"): "live",
        ("proposed", "package_refused"): "refused",
        ("challenged", "package_refused"): "refused",
        ("agreed", "package_refused"): "refused",
        ("varied", "package_refused"): "live",
        ("approved", "package_went_live"): "live",
        ("live", "variation_proposed"): "varied",
        ("live", "cessation_notified"): "ceasing",
        ("varied", "cessation_notified"): "ceasing",
        ("ceasing", "cessation_taken_back"): "live",
        ("ceasing", "package_ended"): "ended",
        **{(state, "case_withdrawn"): "withdrawn" for state in ALIVE},
        **{(state, "case_closed"): "closed" for state in ALIVE},
    },
    unusual_moves={
        **{(state, "package_approved"): "approved" for state in ("proposed", "challenged", "refused")},
        **{(state, "package_went_live"): "live" for state in ("proposed", "challenged", "agreed", "refused")},
        **{(state, "package_ended"): "ended" for state in ("approved", "live", "varied")},
    },
    leaves={
        "line_proposed": "the approval of the line, which nobody gave",
        "line_varied": "the approval of the change, which nobody gave",
        "challenge_made": "an answer, by the day that the question names",
        "agreed_in_principle": "nothing: it was agreed before, or is live",
        "package_returned": "nothing: the package stays as it is",
        "package_approved": "nothing: it was approved without an agreement in principle, or twice",
        "package_refused": "nothing: the package stays as it is, and a refusal of what is live changes nothing",
        "package_went_live": "an approval, which the package never had; its reviews are owed all the same",
        "package_reviewed": "nothing: a review after the end",
        "variation_proposed": "the decision on the variation before it",
        "cessation_notified": "nothing: notice was given before",
        "package_ended": "the notice that the family never had",
    },
    impossible={
        "package_approved": (("ended",), "nothing is approved after the end"),
        "package_refused": (("ended",), "nothing is refused after the end"),
        "package_went_live": (("ended",), "what ended does not start: propose another package"),
        "package_reviewed": (BEFORE, "what is not live is not reviewed"),
        "variation_proposed": ((*BEFORE, "ended"), "what is not live is not varied"),
        "cessation_notified": ((*BEFORE, "ended"), "what is not live does not cease"),
        "cessation_taken_back": ((*BEFORE, "live", "varied", "ended"), "no notice was given"),
        "package_ended": (("proposed", "challenged", "agreed", "refused", "ended"), "what is not live does not end"),
    },
    possible={
        "line_proposed": new,
        "challenge_made": new,
        "line_varied": there,
        "line_ended": there,
        "challenge_answered": there,
    },
)

assert PROCESS.initial == "proposed"
CASE = "PK00001"
OPENED = ("package_proposed", "2026-03-02", {"la": "northshire"})
# 4 visits a week at £50.00 in 52 weeks: 4 x 52 x 5000 = 1,040,000 pence.
LINE: dict[str, Any] = {
    "item": "line_1",
    "basis": "continuing_care",
    "provider": "QX101",
    "quantity": 4,
    "unit": "visit",
    "per": "week",
    "times_a_year": 52,
    "unit_cost_pence": 5000,
    "shares": ["health=60", "social_care=40"],
    "starts_on": "2026-04-01",
}
APPROVED = ("package_approved", "2026-03-20", {"approver": "icb_commissioner", "limit_pence": 2_500_000})
STARTED = ("package_went_live", "2026-04-01")


def line(on: str = "2026-03-02", **more: Any) -> tuple[Any, ...]:
    return ("line_proposed", on, {key: value for key, value in {**LINE, **more}.items() if value is not None})


def now(*facts: tuple[Any, ...]) -> CaseFile:
    return replay(CASE, history(OPENED, *facts))


def refused(*facts: tuple[Any, ...]) -> str:
    with pytest.raises(NotPermitted) as problem:
        now(*facts)
    return problem.value.sentence


def due_of(*facts: tuple[Any, ...]) -> dict[str, Any]:
    return {duty.rule: duty for duty in duties(now(*facts).lines, process="package")}


# What it costs
# ----------------------------------------------------------------------------------------------------------------


def test_a_line_costs_units_by_price_by_periods() -> None:
    assert yearly_pence(LINE) == 1_040_000
    assert yearly_pence({"quantity": 4, "unit_cost_pence": 5000}) is None, "without a frequency nothing is made up"


def test_a_package_costs_the_sum_of_its_lines_each_split_by_its_own_shares() -> None:
    # 3 hours of term: 3 x 39 x 3333 = 389,961 pence, of which a third each: 129,987 and a penny to share.
    thirds = ["health=33.33", "education=33.33", "social_care=33.34"]
    hours = line(item="line_2", quantity=3, times_a_year=39, unit_cost_pence=3333, shares=thirds)
    total, paid = cost_of(lines_of(now(line(), hours).lines))
    assert total == 1_040_000 + 389_961 == sum(paid.values())
    # 389,961 x 33.33 % = 129,974.0; x 33.34 % = 130,013.0 (129,974.0013 and 130,012.9974)
    assert paid == {"health": 624_000 + 129_974, "education": 129_974, "social_care": 416_000 + 130_013}
    assert remarks(now(line()))[0] == ("The package costs £10,400.00 a year: health £6,240.00; social care £4,160.00.")


def test_a_variation_changes_what_it_says_and_a_line_that_ended_costs_nothing() -> None:
    varied = ("line_varied", "2026-03-03", {"item": "line_1", "quantity": 5})
    assert cost_of(lines_of(now(line(), varied).lines))[0] == 1_300_000
    assert cost_of(lines_of(now(line(), varied, ("line_ended", "2026-03-04", {"item": "line_1"})).lines)) == (0, {})


@pytest.mark.parametrize(("limit", "beyond"), [(1_040_000, False), (1_039_999, True)])
def test_an_approval_beyond_the_delegated_limit_is_taken_and_marked(limit: int, beyond: bool) -> None:
    approved = ("package_approved", "2026-03-20", {"approver": "icb_commissioner", "limit_pence": limit})
    file = now(line(), ("agreed_in_principle", "2026-03-10"), approved)
    assert file.state == "approved"
    words = file.out_of_order.get(4, "")
    assert (("£10,400.00 a year" in words) and "ICB commissioner is £10,399.99" in words) is beyond


def test_a_line_that_was_added_after_the_approval_does_not_change_what_was_approved() -> None:
    later = line("2026-05-01", item="line_2", quantity=400)
    assert 4 not in now(line(), ("agreed_in_principle", "2026-03-10"), APPROVED, later).out_of_order


# What is missing
# ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("without", "says"),
    [
        ({"quantity": None}, "no frequency"),
        ({"provider": None}, "no provider"),
        ({"starts_on": None}, "no start"),
        ({"per": None, "provider": None, "starts_on": None}, "no frequency and no provider and no start"),
    ],
)
def test_a_line_of_section_g_says_how_often_by_whom_and_from_when(without: dict[str, Any], says: str) -> None:
    said = [each for each in remarks(now(line(basis="section_g", **without))) if "section G" in each]
    assert len(said) == 1 and f"has {says}:" in said[0]
    assert [each for each in remarks(now(line(basis="section_g"))) if "section G" in each] == []
    assert [each for each in remarks(now(line(basis="other", **without))) if "section G" in each] == []


def test_therapy_of_section_f_is_not_charged_to_health() -> None:
    said = remarks(now(line(basis="section_f_therapy")))
    assert any("of section F and charged to health" in each for each in said)
    paid = remarks(now(line(basis="section_f_therapy", shares=["education=100"])))
    assert not any("section F" in each for each in paid)


@pytest.mark.parametrize(("under", "warned"), [("yes", True), ("no", False), (None, False)])
def test_an_end_before_18_without_an_adult_decision_is_said(under: str | None, warned: bool) -> None:
    ending = line(ends_on="2027-03-31", under_18_at_end=under)
    assert any("before the 18th birthday" in each for each in remarks(now(ending))) is warned
    decided = ("adult_decision_made", "2026-03-04", {"decision": "adult_continuing_care"})
    assert not any("18th birthday" in each for each in remarks(now(ending, decided)))


def test_a_notice_that_ends_the_package_before_18_is_said_too() -> None:
    notice = ("cessation_notified", "2026-06-01", {"ends_on": "2026-07-01", "under_18_at_end": "yes"})
    said = remarks(now(line(), STARTED, notice))
    assert "The package ends on 1 July 2026, before the 18th birthday, and no adult decision is recorded." in said


def test_who_pays_meanwhile_is_said_until_it_is_settled() -> None:
    meanwhile = ("interim_funder_named", "2026-03-03", {"funder": "health"})
    settled = ("true_up_agreed", "2026-05-01", {"amount_pence": 100, "owed_by": "education", "owed_to": "health"})
    assert remarks(now(meanwhile)) == ["Health pays meanwhile, without prejudice to who has to pay."]
    assert remarks(now(meanwhile, settled)) == []


def test_an_agreement_over_an_open_question_is_taken_and_marked() -> None:
    asked = ("challenge_made", "2026-03-05", {"item": "q1", "asked_of": "provider", "answer_by": "2026-03-12"})
    agreed = ("agreed_in_principle", "2026-03-10")
    assert "no answer to q1" in now(asked, agreed).out_of_order[3]
    answered = ("challenge_answered", "2026-03-09", {"item": "q1", "result": "accepted"})
    file = now(asked, answered, agreed)
    assert file.out_of_order == {} and file.state == "agreed"
    assert [each.called for each in file.items.values()] == ["challenge"]


# By when
# ----------------------------------------------------------------------------------------------------------------


def test_a_package_is_reviewed_after_three_months_and_then_yearly() -> None:
    found = due_of(line(), STARTED, ("package_reviewed", "2026-06-30", {"result": "goes_on"}))
    assert (str(found["package_first_review"].due), str(found["package_first_review"].met_on)) == (
        "2026-07-01",
        "2026-06-30",
    )
    assert (str(found["package_yearly_review"].due), found["package_yearly_review"].met_on) == ("2027-06-30", None)


def test_an_end_ends_the_reviews() -> None:
    notice = ("cessation_notified", "2026-05-01", {"ends_on": "2026-06-01"})
    found = due_of(line(), STARTED, notice, ("package_ended", "2026-06-01"))
    assert str(found["package_first_review"].ended_on) == "2026-06-01"


def test_a_question_is_answered_by_the_day_that_it_names() -> None:
    found = due_of(("challenge_made", "2026-03-05", {"item": "q1", "asked_of": "provider", "answer_by": "2026-03-12"}))
    assert str(found["package_challenge"].due) == "2026-03-12"


# Direct payments
# ----------------------------------------------------------------------------------------------------------------

PLAN = (
    "care_plan_agreed",
    "2026-03-10",
    {
        "first_review_on": "2026-06-01",
        "notice_days": 28,
        "coordinator": "community_nurse",
        "amount_pence": 80_000,
        "interval": "four_weekly",
    },
)
PAID = ("direct_payment_started", "2026-04-01", {"account": "separate"})


def test_a_direct_payment_is_reviewed_on_its_plans_day_within_three_months_and_then_within_twelve() -> None:
    """SI 2013/1617 regs 8(4)(f) and 14(2)."""
    found = due_of(PLAN, PAID)
    assert str(found["direct_payment_planned_review"].due) == "2026-06-01"
    assert str(found["health_direct_payment_first_review"].due) == "2026-07-01"
    done = due_of(PLAN, PAID, ("direct_payment_reviewed", "2026-06-01", {"result": "goes_on"}))
    assert str(done["direct_payment_planned_review"].met_on) == "2026-06-01"
    assert str(done["health_direct_payment_first_review"].met_on) == "2026-06-01"
    assert str(done["health_direct_payment_yearly_review"].due) == "2027-06-01"


def test_a_payment_without_a_care_plan_is_taken_and_marked() -> None:
    file = now(PAID)
    assert "a care plan comes before the payment (SI 2013/1617 reg 8(1))" in file.out_of_order[2]
    assert "no care plan is recorded" in remarks(file)[0]
    assert now(PLAN, PAID).out_of_order == {}


@pytest.mark.parametrize(
    ("relation", "certificate", "marked"),
    [("other", "no", True), ("other", "yes", False), ("close_family", "no", False), ("friend_carer", "no", False)],
)
def test_a_nominee_outside_the_family_has_a_certificate_before_anything_is_paid(
    relation: str, certificate: str, marked: bool
) -> None:
    nominee = ("nominee_named", "2026-03-11", {"relation": relation, "certificate_seen": certificate})
    words = now(PLAN, nominee, PAID).out_of_order.get(4)
    assert (words is not None and "reg 7(7)(b)" in words) is marked


@pytest.mark.parametrize(("takes_effect_on", "short"), [("2026-08-29", False), ("2026-08-28", True)])
def test_a_change_takes_effect_after_the_notice_that_the_care_plan_gives(takes_effect_on: str, short: bool) -> None:
    """28 days from 1 August 2026 are over on 29 August."""
    cut = ("direct_payment_change_notified", "2026-08-01", {"change": "reduced", "takes_effect_on": takes_effect_on})
    words = now(PLAN, PAID, cut).out_of_order.get(4)
    assert (words is not None and "the first day is 29 August 2026" in words) is short


def test_one_further_review_of_each_decision_is_owed_and_decided_with_reasons() -> None:
    """SI 2013/1617 reg 14(9) to (12)."""
    cut = ("direct_payment_change_notified", "2026-08-01", {"change": "stopped", "takes_effect_on": "2026-08-31"})
    asked = ("further_review_required", "2026-08-10")
    found = due_of(PLAN, PAID, cut, asked)["direct_payment_further_review"]
    assert (found.due, found.closed_on) == (None, None), "no day count in the regulations, and none is made up"
    decided = ("further_review_decided", "2026-08-20", {"result": "confirmed"})
    assert str(due_of(PLAN, PAID, cut, asked, decided)["direct_payment_further_review"].met_on) == "2026-08-20"
    again = now(PLAN, PAID, cut, asked, decided, ("further_review_required", "2026-08-25"))
    assert "one further review of a decision was required already" in again.out_of_order[7]
    second = ("direct_payment_change_notified", "2026-09-01", {"change": "stopped", "takes_effect_on": "2026-10-01"})
    fresh = now(PLAN, PAID, cut, asked, decided, second, ("further_review_required", "2026-09-05"))
    assert 8 not in fresh.out_of_order, "each decision has one"
    assert "of a decision that was notified" in now(PLAN, PAID, asked).out_of_order[4]


def test_what_the_regulations_owe_without_a_number_has_no_date() -> None:
    found = due_of(
        PLAN,
        PAID,
        ("payment_insufficient", "2026-05-01"),
        ("health_of_recipient_changed", "2026-05-01"),
        ("direct_payment_refused", "2026-05-02", {"in_writing": "no"}),
    )
    for rule in ("direct_payment_sufficiency_review", "direct_payment_health_change", "direct_payment_refusal_reasons"):
        assert (found[rule].due, found[rule].closed_on) == (None, None), rule
    written = due_of(("direct_payment_refused", "2026-05-02", {"in_writing": "yes"}))
    assert "direct_payment_refusal_reasons" not in written


def test_what_is_not_live_does_not_end_and_is_not_reviewed() -> None:
    assert (
        "record package_went_live first" in refused(("package_reviewed", "2026-03-05", {"result": "goes_on"})).lower()
    )
    assert "was not live by that day" in refused(line(), ("package_ended", "2026-03-05"))
