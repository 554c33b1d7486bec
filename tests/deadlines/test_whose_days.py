"""Whose the late days are: each has one holder, with a fact and a provision, in every case of a small universe."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from config.law import load_law
from deadlines.duties import duties_of
from deadlines.status import days_late
from deadlines.whose_days import GROUNDS, ORDERS, OWNERS, REFUSALS, Holder, LateDays, whose_days
from models.facts import StoredFact
from statemachines.registry import processes
from statemachines.replay import replay
from tests.support.by_hand import CASE, PAEDS, SALT, TRUST, book, dates_of, day, history, line
from tests.support.team import Team

DAY = timedelta(days=1)
PLAN = "ehc_final_plan_send"
ADVICE = "ehc_body_advice_respond"
ASKED: dict[str, Any] = {"body": TRUST, "service": SALT}
OTHER: dict[str, Any] = {"body": "QX102", "service": PAEDS}
REQUESTED, AGREED = ("ehc_assessment_requested", "2 Feb 2026"), ("assessment_agreed", "2 Mar 2026")
PLAN_DUE = day("22 Jun 2026")


def found_in(facts: Sequence[StoredFact], as_at: str) -> list[LateDays]:
    law = load_law()
    casefile = replay(CASE, list(facts), day(as_at))
    duties = duties_of(casefile.lines, book(), dates_of(), casefile.claims.values())
    rules = {rule.id: rule for rule in law.duties_of("ehc_needs_assessment")}
    provisions = {ground: each.read_by for ground, each in law.grounds.items()}
    found = whose_days(duties, casefile.lines, rules, provisions, day(as_at))
    for duty in duties:
        if duty.rule not in {PLAN, "order_make_plan_final", "unopposed_issue_final", "order_assess_final_plan"}:
            mine = [each for each in found if (each.rule, each.opened_seq) == (duty.rule, duty.opened_seq)]
            assert sum(each.days for each in mine) == days_late(duty, day(as_at))
    return found


def plan_days(found: Sequence[LateDays]) -> dict[date, LateDays]:
    """The late days of the plan, one by one; a day that is there twice is an error."""
    days: dict[date, LateDays] = {}
    for run in found:
        for number in range(run.days) if run.rule == PLAN else ():
            assert run.first + number * DAY not in days
            days[run.first + number * DAY] = run
    return days


def in_words(found: Sequence[LateDays], rule: str = PLAN) -> list[tuple[str, int, int]]:
    """Holder, days and fact of each run of a duty."""
    return [(each.whose.holder.value, each.days, each.whose.seq) for each in found if each.rule == rule]


def test_a_plan_that_is_late_while_nothing_is_awaited_is_the_authoritys() -> None:
    found = found_in(history(REQUESTED, AGREED), "2 Jul 2026")
    assert in_words(found) == [("authority", 10, 1)]
    assert "reg 13(2)" in next(each for each in found if each.rule == PLAN).whose.provision


def test_advice_that_is_late_takes_the_days_of_the_plan_until_it_comes() -> None:
    facts = history(
        REQUESTED,
        AGREED,
        ("health_advice_requested", "27 Apr 2026", ASKED),  # due 8 Jun
        ("health_advice_received", "26 Jun 2026", ASKED),
    )
    found = found_in(facts, "2 Jul 2026")
    assert in_words(found) == [("body", 4, 3), ("authority", 6, 1)]
    assert in_words(found, ADVICE) == [("body", 18, 3)]
    [first, _second] = [each for each in found if each.rule == PLAN]
    assert (first.whose.body, first.whose.service) == (TRUST, SALT)
    assert "reg 8(1)" in first.whose.provision


def test_advice_that_the_authority_asked_for_late_and_that_is_in_time_takes_no_day() -> None:
    facts = history(REQUESTED, AGREED, ("health_advice_requested", "1 Jun 2026", ASKED))  # due 13 Jul
    assert in_words(found_in(facts, "10 Jul 2026")) == [("authority", 18, 1)]
    assert in_words(found_in(facts, "15 Jul 2026")) == [("authority", 21, 1), ("body", 2, 3)]


def test_of_two_late_bodies_the_one_that_was_due_first_has_the_day() -> None:
    facts = history(
        REQUESTED,
        AGREED,
        ("health_advice_requested", "27 Apr 2026", ASKED),
        ("health_advice_requested", "20 Apr 2026", OTHER),
        ("health_advice_received", "25 Jun 2026", OTHER),
    )
    assert in_words(found_in(facts, "30 Jun 2026")) == [("body", 3, 4), ("body", 5, 3)]


def test_the_time_between_a_refusal_and_the_tribunals_order_is_the_tribunals() -> None:
    facts = history(
        REQUESTED,
        AGREED,
        ("plan_refused", "24 Jun 2026"),
        ("plan_ordered", "1 Sep 2026"),
        ("final_plan_received", "10 Sep 2026"),
    )
    found = found_in(facts, "30 Sep 2026")
    assert in_words(found) == [("authority", 2, 1), ("tribunal", 69, 4), ("authority", 9, 4)]


def test_an_appeal_that_the_authority_does_not_oppose_is_the_authoritys_time() -> None:
    facts = history(REQUESTED, AGREED, ("plan_refused", "24 Jun 2026"), ("plan_conceded", "1 Sep 2026"))
    assert {each.whose.holder for each in found_in(facts, "3 Sep 2026") if each.rule == PLAN} == {Holder.AUTHORITY}


def test_an_accepted_exception_gives_its_days_to_whom_it_is_about() -> None:
    facts = history(
        REQUESTED,
        AGREED,
        ("excuse_claimed", "20 Jun 2026", {"ground": "absent_4_weeks", "rule": PLAN}),
        (
            "excuse_decided",
            "21 Jun 2026",
            {
                "claim": 3,
                "decision": "accepted",
                "began_on": "2026-06-01",
                "ended_on": "2026-06-30",
                "look_again_on": "2026-07-10",
            },
        ),
    )
    found = found_in(facts, "2 Jul 2026")
    assert in_words(found) == [("family", 8, 3), ("authority", 2, 1)]
    assert "reg 5(4)(d)" in found[-1].whose.provision or "reg 5(4)(d)" in found[0].whose.provision


REQUEST_DAYS = ("20 Apr 2026", "10 May 2026")  # due 1 Jun, and 21 Jun
ADVICE_CAME = (None, "28 May 2026", "10 Jun 2026", "25 Jun 2026", "3 Jul 2026")
# The last one begins after the due date, so it excepts nothing.
ABSENCES = (None, ("2026-06-20", "2026-06-26"), ("2026-06-10", None), ("2026-07-01", None))
REFUSED = (None, ("24 Jun 2026", "28 Jun 2026"))
PLANS = (None, "20 Jun 2026", "27 Jun 2026", "2 Jul 2026")
AS_AT = ("22 Jun 2026", "23 Jun 2026", "5 Jul 2026")
UNIVERSE = list(product(REQUEST_DAYS, ADVICE_CAME, ABSENCES, REFUSED, PLANS, AS_AT))


def case_of(asked: str, came: str | None, absent: Any, refused: Any, plan: str | None) -> list[StoredFact]:
    """A history of the universe. Fact 3 asks for the advice, fact 4 claims the exception, fact 7 is the order."""
    facts = [line(1, *REQUESTED), line(2, *AGREED), line(3, "health_advice_requested", asked, **ASKED)]
    if absent is not None:
        began, ended = absent
        facts.append(line(4, "excuse_claimed", "19 Jun 2026", ground="absent_4_weeks", rule=PLAN))
        days: dict[str, Any] = {"began_on": began, **({"ended_on": ended} if ended else {})}
        accepted: dict[str, Any] = {"claim": 4, "decision": "accepted", "look_again_on": "2026-08-01", **days}
        facts.append(line(5, "excuse_decided", "19 Jun 2026", **accepted))
    if refused is not None:
        facts += [line(6, "plan_refused", refused[0]), line(7, "plan_ordered", refused[1])]
    if came is not None:
        facts.append(line(8, "health_advice_received", came, **ASKED))
    if plan is not None:
        facts.append(line(9, "final_plan_received", plan))
    return facts


def expected(on: date, asked: str, came: str | None, absent: Any, refused: Any) -> tuple[str, int]:
    """Whose a day is, by its own words: the order of the rule is Tribunal, exception, late advice, authority."""
    if refused is not None and day(refused[0]) < on <= day(refused[1]):
        return "tribunal", 7
    ordered = refused is not None and on >= day(refused[1])
    first, last = (day(absent[0]), day(absent[1]) if absent[1] else date.max) if absent else (date.max, date.min)
    if not ordered and first <= PLAN_DUE and first <= on <= last:
        return "family", 4
    due = day(asked) + timedelta(weeks=6)
    if due < on and (came is None or on <= day(came)):
        return "body", 3
    return "authority", 7 if ordered else 1


@pytest.mark.parametrize("as_at", AS_AT)
def test_every_late_day_of_every_case_has_the_holder_that_the_rule_names(as_at: str) -> None:
    wrong = []
    for asked, came, absent, refused, plan, at in UNIVERSE:
        if at != as_at or (plan is not None and refused is not None and day(plan) <= day(refused[1])):
            continue  # a plan cannot come between a refusal and the order that follows it
        facts = [each for each in case_of(asked, came, absent, refused, plan) if each.occurred_on <= day(at)]
        got = plan_days(found_in(facts, at))
        kinds = {fact.kind for fact in facts}
        end = day(plan) if "final_plan_received" in kinds and plan else day(at)
        if "plan_refused" in kinds and "plan_ordered" not in kinds and refused is not None:
            end = min(end, day(refused[0]))
        seen = came if "health_advice_received" in kinds else None
        stretch = [PLAN_DUE + number * DAY for number in range(1, (end - PLAN_DUE).days + 1)]
        whose = {on: (got[on].whose.holder.value, got[on].whose.seq) for on in got}
        if whose != {on: expected(on, asked, seen, absent, refused) for on in stretch}:
            wrong.append((asked, came, absent, refused, plan, at, whose))
    assert wrong == []


def test_every_duty_of_the_statute_has_an_owner_and_every_ground_a_holder() -> None:
    law = load_law()
    unsaid = [rule for rule in law.rules.values() if rule.starts and rule.per != "body" and rule.owner is None]
    words = {rule.duty_on for rule in unsaid if rule.duty_on}
    health = {"ICB", "RCB", "adult CHC", "ICB children"}  # a body of the NHS that the case does not name
    assert words - set(OWNERS) == health
    assert set(law.grounds) - set(GROUNDS) == {"reg_13_3", "coronavirus"}
    assert set(GROUNDS) <= set(law.grounds)
    kinds = {kind for process in processes().values() for kind in process.facts}
    assert kinds >= REFUSALS | ORDERS


def test_a_late_day_of_our_own_team_or_of_another_party_is_no_bodys(tmp_path: Path) -> None:
    team = Team(tmp_path, case="EQ90001")
    asked: dict[str, Any] = {"sorted_as": "enquiry", "sender_is": "school", "topic": "training"}
    team.record("2 Mar 2026", "enquiry_received", **asked)
    late = team.report("16 Mar 2026").whose_days
    assert {(each.rule, each.holder, each.body) for each in late} == {
        ("enquiry_acknowledge", "our_team", None),
        ("enquiry_answer", "our_team", None),
    }
    team.case = "PS90001"
    team.record("2 Mar 2026", "sitting_called", panel="ehc_weekly", la="northshire", sits_on="2026-03-18")
    action: dict[str, Any] = {
        "item": "act_1",
        "on_item": "one",
        "action_owner": "school",
        "due_on": "2026-04-01",
        "what": "write",
    }
    team.record("3 Mar 2026", "item_listed", item="one", question="assess")
    team.record("18 Mar 2026", "sitting_held", attended=4, present=["education", "health", "social_care"])
    team.record("18 Mar 2026", "action_agreed", **action)
    found = {(each.rule, each.holder) for each in team.report("8 Apr 2026").whose_days}
    assert ("panel_action", "other_party") in found and ("panel_minutes", "authority") in found
    team.first.engine.dispose()


def test_no_late_day_is_no_line() -> None:
    facts = history(REQUESTED, AGREED, ("health_advice_requested", "2 Mar 2026", ASKED))
    assert found_in(facts, "13 Apr 2026") == []
    assert [each.rule for each in found_in(facts, "14 Apr 2026")] == [ADVICE]
