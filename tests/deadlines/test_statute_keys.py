"""What each key of a statute file does to a duty, on rules that no law has: one key, one test."""

import tomllib
from collections.abc import Mapping
from datetime import date
from typing import Any

import pytest

from config.rule_schema import Rule
from deadlines.duties import Duty, duties_of
from deadlines.duty_rule import Dates
from deadlines.duty_rules import DutyRules
from tests.support.by_hand import day, history

Fact = tuple[Any, ...]
OPENED: Fact = ("asked", "2 Mar 2026")


def dates_of(_rule: str, on: date, given: Mapping[str, Any]) -> Dates:
    """Six weeks after the day that a fact supplied, or after the start."""
    start = date.fromisoformat(given["moved_on"]) if "moved_on" in given else on
    due = date.fromordinal(start.toordinal() + 42)
    return Dates(due, due, due, "local_standard", "invented", None, (), None)


def found(keys: str, *facts: Fact) -> list[Duty]:
    """The duties of one invented rule with these keys, after these facts."""
    table = tomllib.loads(
        'starts = ["asked"]\nmet_by = ["answered"]\nclock_starts = "asked"\naction = "answer"\n'
        'source_status = "unverified"\n' + keys + '\n[[period]]\ntext = "6 weeks"\nweeks = 6\n'
        'counts = "after"\nbasis = "local_standard"\n'
    )
    rule = Rule.model_validate({**table, "id": "invented", "process": "invented"})
    return duties_of(history(*facts), DutyRules.of([rule]), dates_of)


def test_only_after_a_closing_fact_counts_once_another_has_come_since_the_duty_opened() -> None:
    keys = 'only_after = { answered = ["met"] }'
    (early,) = found(keys, OPENED, ("answered", "9 Mar 2026"))
    assert early.met_on is None
    (right,) = found(keys, OPENED, ("met", "9 Mar 2026"), ("answered", "16 Mar 2026"))
    assert right.met_on == day("16 Mar 2026")
    (before,) = found(keys, ("met", "1 Mar 2026"), OPENED, ("answered", "16 Mar 2026"))
    assert before.met_on is None, "what came before the duty is about an earlier one"


def test_only_after_counts_the_fact_that_opened_the_duty() -> None:
    (same,) = found('only_after = { answered = ["asked"] }', OPENED, ("answered", "16 Mar 2026"))
    assert same.met_on == day("16 Mar 2026")


def test_resumed_by_takes_back_the_end_that_the_named_fact_gave() -> None:
    keys = 'ends = ["stopped", "closed"]\nresumed_by = { resumed = ["stopped"] }'
    stopped, resumed = ("stopped", "9 Mar 2026"), ("resumed", "16 Mar 2026")
    (duty,) = found(keys, OPENED, stopped, resumed)
    assert (duty.closed_on, duty.due) == (None, day("13 Apr 2026")), "it is owed again, by its old day"
    (other,) = found(keys, OPENED, ("closed", "9 Mar 2026"), resumed)
    assert other.ended_on == day("9 Mar 2026"), "another end stays"
    (met,) = found(keys, OPENED, ("answered", "6 Mar 2026"), stopped, resumed)
    assert met.met_on == day("6 Mar 2026"), "what was met stays met"


@pytest.mark.parametrize(
    ("once", "between", "duties"),
    [
        ("", (), 2),
        ("starts_once = true", (), 1),
        ("starts_once = true", (("stopped", "9 Mar 2026"),), 1),
        ('starts_once = "while_open"', (), 1),
        ('starts_once = "while_open"', (("answered", "9 Mar 2026"),), 2),
        ('starts_once = "while_open"', (("stopped", "9 Mar 2026"),), 2),
        ('starts_once = "unless_ended"', (), 1),
        ('starts_once = "unless_ended"', (("answered", "9 Mar 2026"),), 1),
        ('starts_once = "unless_ended"', (("stopped", "9 Mar 2026"),), 2),
    ],
)
def test_starts_once_says_what_a_repetition_opens(once: str, between: tuple[Fact, ...], duties: int) -> None:
    several = found(f'ends = ["stopped"]\n{once}', OPENED, *between, ("asked", "16 Mar 2026"))
    assert len(several) == duties
    assert several[0].due == day("13 Apr 2026"), "the first day stays"


def test_starts_once_is_of_one_body() -> None:
    several = found(
        'per = "body"\nstarts_once = true',
        ("asked", "2 Mar 2026", {"body": "QX101"}),
        ("asked", "9 Mar 2026", {"body": "QX102"}),
        ("asked", "16 Mar 2026", {"body": "QX101"}),
    )
    assert [duty.body for duty in several] == ["QX101", "QX102"]


def test_settled_by_fixes_the_day_of_an_open_duty() -> None:
    keys = (
        '[inputs.moved_on]\nneeded = false\nmeaning = "the move"\ntold_by = ["moved"]\nsettled_by = ["moved"]\n'
        'told_as = "moved_on"'
    )
    moved = ("moved", "9 Mar 2026", {"moved_on": "2026-03-09"})
    (once,) = found(keys, OPENED, moved)
    assert once.due == day("20 Apr 2026")
    (twice,) = found(keys, OPENED, moved, ("moved", "30 Mar 2026", {"moved_on": "2026-03-30"}))
    assert twice.due == day("20 Apr 2026"), "a second move is no other day of the first"


def test_counts_already_meets_or_ends_a_new_duty_by_what_came_before() -> None:
    keys = 'ends = ["stopped"]\ncounts_already = { answered = ["undone"], stopped = [] }'
    answered, again = ("answered", "1 Mar 2026"), ("asked", "16 Mar 2026")
    (met,) = found(keys, answered, OPENED)
    assert met.met_on == day("1 Mar 2026")
    (ended,) = found(keys, ("stopped", "1 Mar 2026"), OPENED)
    assert (ended.met_on, ended.ended_on) == (None, day("1 Mar 2026"))
    (undone,) = found(keys, answered, ("undone", "9 Mar 2026"), again)
    assert undone.closed_on is None, "what was undone counts no longer"
    (redone,) = found(keys, answered, ("undone", "9 Mar 2026"), ("answered", "10 Mar 2026"), again)
    assert redone.met_on == day("10 Mar 2026")


def test_met_if_asks_of_the_answers_together_what_the_law_asks() -> None:
    keys = 'met_if = [{ to = ["family", "both"] }, { to = ["authority", "both"] }]'
    family, authority = ("answered", "9 Mar 2026", {"to": "family"}), ("answered", "16 Mar 2026", {"to": "authority"})
    (one,) = found(keys, OPENED, family)
    assert one.met_on is None
    (two,) = found(keys, OPENED, family, authority)
    assert two.met_on == day("16 Mar 2026"), "with the second of them"
    (both,) = found(keys, OPENED, ("answered", "9 Mar 2026", {"to": "both"}))
    assert both.met_on == day("9 Mar 2026")


def test_not_after_a_start_opens_nothing_once_that_fact_has_come() -> None:
    keys = 'not_after = ["responded"]'
    assert found(keys, ("responded", "1 Mar 2026"), OPENED) == []
    (before,) = found(keys, OPENED, ("responded", "3 Mar 2026"))
    assert before.closed_on is None, "a duty that was there goes on"


def test_two_keys_together_a_met_duty_is_opened_again_only_after_it_was_undone() -> None:
    keys = 'ends = ["stopped"]\nstarts_once = "unless_ended"\ncounts_already = { answered = ["stopped"] }'
    facts = (OPENED, ("stopped", "9 Mar 2026"), ("answered", "10 Mar 2026"), ("asked", "16 Mar 2026"))
    first, second = found(keys, *facts)
    assert (first.ended_on, second.met_on) == (day("9 Mar 2026"), day("10 Mar 2026"))
