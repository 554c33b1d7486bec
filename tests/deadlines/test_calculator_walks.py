"""Every rule from its first entry to the end of 2028: both ways of counting give the same dates.

Each count (a period with its counting rule and inputs) is walked by one rule that has it: on every start day since
2025, around the first day of each version, in every February and March, and on every 11th day besides. `make fuzz`
walks every start day.
"""

import inspect
import os
from collections.abc import Sequence
from datetime import date, timedelta
from functools import cache
from itertools import groupby

import pytest

from config.law import Law, NoAnswer, load_law
from deadlines.calculator import calculate, dates_for
from deadlines.duty_rule import Dates
from deadlines.working_calendar import OutsideCalendarRange, WorkingCalendar, load_calendar
from tests.support import second_count as second_count_module
from tests.support.second_count import Given, Printed, Second, Unknown, printed_rules, second_count

LAW, CALENDAR = load_law(), load_calendar()
PRINTED = printed_rules()
END = date(2028, 12, 31)
WALKED_SINCE = 2025
FROM_BIRTH_DATE = ("birthday", "prescribed_day")

NOTHING: Given = {}

# Inputs as days from the start day: where the boundary of each rule lies, and a little to both sides of it.
OFFSETS: dict[str, list[dict[str, int]]] = {
    "la_move_transfer_plan": [{"moved_on": days} for days in (-20, 0, 14, 19, 20, 21, 22, 23, 24, 25, 26, 27, 60)],
    "rcb_move_notify_new_rcb": [{"moved_on": days} for days in (-20, 0, 14, 19, 20, 21, 22, 23, 24, 25, 26, 27, 60)],
    "new_la_review_after_transfer": [{"last_reviewed_on": days} for days in (-400, -274, -273, -1, 0, 30)],
    "ehc_school_closure_window_start": [{"reopens_on": days} for days in (0, 27, 28, 29, 42)],
    "ehc_school_closure_window_end": [{"reopens_on": days} for days in (0, 27, 28, 29, 42)],
    "remain_special_school": [
        {},
        {"closed_from": -9, "reopens_on": 3},
        {"closed_from": 2, "reopens_on": 44},
        {"closed_from": 30, "reopens_on": 40},
    ],
    "appeal_register": [{}, *({"certificate_date": days} for days in (1, 28, 30, 31, 45, 70))],
    "cease_plan_earliest": [{}, *({"certificate_date": days} for days in (1, 28, 31, 70))],
    "review_amend_outer_limit": [{}, *({"notice_sent_on": days} for days in (0, 27, 28, 29, 60))],
    "mediation_date_notice": [{}, {"agreed_on": -2}],
    "mediation_agreement_no_appeal_right": [{}, {"agreed_on": 90}],
    "appeal_la_response": [{}, {"directed_on": 33}],
    "appeal_evidence": [{}, {"directed_on": 33}],
    "order_assess_notify": [{}, {"directed_on": 5}],
}


def start_days(printed: Printed) -> Sequence[date]:
    # Births whose birthdays fall on both sides of the first entry.
    birth = printed.counts in FROM_BIRTH_DATE
    return _days(date(1995, 1, 1) if birth else printed.first or date(2014, 9, 1))


@cache
def _days(first: date) -> Sequence[date]:
    return [first + timedelta(days=days) for days in range((END - first).days + 1)]


def is_walked(printed: Printed, on: date) -> bool:
    """Whether `make suite` walks this start day of a rule. It has 29 February, each Easter and each year's turn."""
    if on.year >= WALKED_SINCE or on.month in (2, 3) or (on.month, on.day) in ((12, 31), (1, 1)):
        return True
    return on.toordinal() % 11 == 0 or any(abs((on - first).days) <= 70 for first in versions_of(printed.rule))


@cache
def versions_of(rule: str) -> Sequence[date]:
    """The first day of each version of a rule."""
    return [period.since for period in LAW.rules[rule].period if period.since is not None]


SOURCE = inspect.getsource(second_count_module)
WORDS = {"text", "basis", "cite", "url", "excuses", "excuses_cite"}


@cache
def count_of(printed: Printed) -> str:
    """What the dates of a rule follow from. Two rules of one count differ in their words only."""
    rule = LAW.rules[printed.rule]
    if printed.rule in OFFSETS or f'"{printed.rule}"' in SOURCE or rule.inputs or rule.strict_start:
        return printed.rule
    periods = [period.model_dump(exclude=WORDS) for period in rule.period]
    return repr((printed.counts, printed.period, printed.since, rule.bound, periods))


FIRST_OF_COUNT = {count_of(printed): printed.rule for printed in reversed(PRINTED)}


def days_to_walk(printed: Printed) -> Sequence[date]:
    """Every day, or every 29th where another rule of the same count is walked on every day."""
    every = start_days(printed)
    if FIRST_OF_COUNT[count_of(printed)] != printed.rule:
        return every[::29]
    return every if "EXAMPLES" in os.environ else [on for on in every if is_walked(printed, on)]


def asked_first(law: Law, almanac: WorkingCalendar, rule: str, on: date, given: Given) -> Dates | type[Exception]:
    try:
        return dates_for(law, almanac, rule, on, given)
    except OutsideCalendarRange:
        return OutsideCalendarRange
    except NoAnswer:
        return NoAnswer


def asked_second(printed: Printed, on: date, given: Given) -> Second | type[Exception]:
    try:
        answer = second_count(printed, on, given)
    except Unknown:
        return OutsideCalendarRange
    too_early = printed.counts in FROM_BIRTH_DATE and printed.first and answer.due and answer.due < printed.first
    return NoAnswer if too_early else answer


def differs(printed: Printed, on: date, given: Given) -> str | None:
    first = asked_first(LAW, CALENDAR, printed.rule, on, given)
    second = asked_second(printed, on, given)
    same = first[:3] == second[:3] if isinstance(first, tuple) and isinstance(second, tuple) else first is second
    return None if same else f"{printed.rule} on {on} given {given}: {first} against {second}"


@pytest.mark.all_processes
def test_the_table_has_every_rule_and_no_other() -> None:
    assert {printed.rule for printed in PRINTED} == set(LAW.rules)


@pytest.mark.each_process
@pytest.mark.parametrize("process", sorted({printed.process for printed in PRINTED}))
def test_both_ways_of_counting_agree_on_every_day(process: str) -> None:
    wrong: list[str] = []
    for printed in (row for row in PRINTED if row.process == process):
        for offsets in OFFSETS.get(printed.rule, [{}]):
            for on in days_to_walk(printed):
                given = {name: on + timedelta(days=days) for name, days in offsets.items()} if offsets else NOTHING
                if said := differs(printed, on, given):
                    wrong.append(said)
    assert not wrong, "\n".join(wrong[:10])


def test_every_rule_answers_on_most_of_its_days() -> None:
    """So that two ways of refusing cannot pass for agreement."""
    for printed in PRINTED:
        given = {
            name: date(2026, 3, 2) + timedelta(days=days) for name, days in OFFSETS.get(printed.rule, [{}])[-1].items()
        }
        answer = asked_first(LAW, CALENDAR, printed.rule, date(2026, 3, 2), given)
        assert isinstance(answer, tuple), printed.rule


@pytest.mark.each_process
@pytest.mark.parametrize("process", sorted({printed.process for printed in PRINTED}))
def test_the_full_answer_and_the_fast_one_are_one(process: str) -> None:
    for printed in (row for row in PRINTED if row.process == process):
        for offsets in OFFSETS.get(printed.rule, [{}]):
            for on in start_days(printed)[::211]:
                given = {name: on + timedelta(days=days) for name, days in offsets.items()}
                fast = asked_first(LAW, CALENDAR, printed.rule, on, given)
                if not isinstance(fast, tuple):
                    with pytest.raises(fast):
                        calculate(LAW, CALENDAR, printed.rule, on, given)
                    continue
                full = calculate(LAW, CALENDAR, printed.rule, on, given)
                assert (full.due, full.strict_due, full.act_by, full.excuses) == (
                    fast.due,
                    fast.strict_due,
                    fast.act_by,
                    fast.excuses,
                )
                assert (full.basis, full.citation or "", full.url, full.version_from) == (
                    fast.basis,
                    fast.citation,
                    fast.url,
                    fast.version_from,
                )
                assert full.steps[0].startswith(f"Start: {on:%A} {on.day} {on:%B} {on.year}")
                if full.due is None:
                    assert full.reason and full.due_at is None and full.act_by is None
                    assert full.reason in full.steps[-1] or full.reason in " ".join(full.steps)
                else:
                    last = f"Last day: {full.due:%A} {full.due.day} {full.due:%B} {full.due.year}"
                    assert any(step.startswith(last) for step in full.steps)


def test_every_day_left_out_is_named_once_with_its_reason() -> None:
    """In a count of working days, the days of the span are either counted or named as left out."""
    for on in (date(2026, 3, 27), date(2025, 12, 19), date(2026, 12, 23), date(2026, 7, 30)):
        for rule, number in (("he_disclosure", 15), ("appeal_la_response", 30), ("lac_iha", 20)):
            answer = calculate(LAW, CALENDAR, rule, on)
            assert answer.due is not None
            before_act_by = [
                step
                for key, group in groupby(answer.steps, lambda step: step.startswith("Left out"))
                if key
                for step in group
            ]
            assert (answer.due - on).days - number == sum(days_named(step) for step in before_act_by)


def days_named(step: str) -> int:
    if " days)," in step:
        return int(step.split("(")[1].split(" days)")[0])
    return 2 if " and " in step.split(",")[0] else 1
