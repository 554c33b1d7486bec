"""A step of the escalation policy from a form: only that step changes, and what is wrong is named."""

from __future__ import annotations

from datetime import date

import pytest

from config.escalation_policy import DEFAULT, policy_of
from config.policy_edit import NEW, StepError, StepForm, form_of, when, with_step
from config.step_words import step_name
from config.tracker_columns import DEFAULT as COLUMNS
from config.tracker_columns import TrackerError, columns_of
from config.tracker_edit import SHORT, lists, with_words

RULE, DAY = "ehc_body_advice_respond", date(2026, 11, 30)
FILES = sorted(DEFAULT.glob("*.toml"))
TEXT = (DEFAULT / "ehc_needs_assessment.toml").read_text("utf-8")
STEPS = {each.id: each for each in policy_of(TEXT).steps(RULE)}
THIRD = StepForm(
    4, "weeks", "after_start", ["service", "dco"], [], [], None, 3, "reminder_4_weeks", "reminder_due", "reminder"
)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_each_step_sent_back_unchanged_changes_the_day_of_the_decision_alone(file) -> None:  # type: ignore[no-untyped-def]
    text = file.read_text("utf-8")
    for rule, steps in policy_of(text).rung.items():
        for step in steps:
            made = with_step(text, rule, step.id, form_of(step), DAY)
            changed = [line for line in made.splitlines() if line not in text.splitlines()]
            assert changed in ([], ["decided_on = 2026-11-30"]), (rule, step.id)


def test_a_step_is_a_week_later_and_goes_to_one_more() -> None:
    answers = form_of(STEPS["reminder_3_weeks"])._replace(distance=10, unit="working_days", to=["service", "dco"])
    made = policy_of(with_step(TEXT, RULE, "reminder_3_weeks", answers, DAY))
    step = made.step(RULE, "reminder_3_weeks")
    assert step is not None
    assert (step.weeks, step.working_days, list(step.to)) == (None, 10, ["service", "dco"])
    assert when(step) == "10 working days after the start"
    others = [each for each in made.steps(RULE) if each.id != step.id]
    assert others == [each for each in policy_of(TEXT).steps(RULE) if each.id != step.id]
    assert made.decided_on == DAY


def test_a_step_is_added_at_its_level_moved_and_left_out() -> None:
    made = with_step(TEXT, RULE, NEW, THIRD, DAY)
    ids = [each.id for each in policy_of(made).steps(RULE)]
    assert ids[1:4] == ["reminder_3_weeks", "reminder_4_weeks", "reminder_5_weeks"]
    moved = with_step(made, RULE, "reminder_4_weeks", THIRD._replace(level=1), DAY)
    assert policy_of(moved).steps(RULE)[0].id == "reminder_4_weeks"
    last = with_step(made, RULE, "reminder_4_weeks", THIRD._replace(level=99), DAY)
    assert policy_of(last).steps(RULE)[-1].id == "reminder_4_weeks"
    gone = with_step(made, RULE, "reminder_4_weeks", None, DAY)
    assert policy_of(gone).steps(RULE) == policy_of(TEXT).steps(RULE)


def test_a_new_step_may_have_a_name_for_people_which_is_the_same_in_every_rule() -> None:
    policy = policy_of(with_step(TEXT, RULE, NEW, THIRD._replace(called="third reminder"), DAY))
    assert step_name("reminder_4_weeks", policy) == "third reminder"
    unnamed = policy_of(with_step(TEXT, RULE, NEW, THIRD, DAY))
    assert step_name("reminder_4_weeks", unnamed) == "reminder 4 weeks"
    named = with_step(TEXT, RULE, "reminder_3_weeks", form_of(STEPS["reminder_3_weeks"])._replace(called="x"), DAY)
    without = with_step(named, RULE, "reminder_3_weeks", form_of(STEPS["reminder_3_weeks"]), DAY)
    assert ('called = "x"' in named, 'called = "x"' in without) == (True, False)
    with pytest.raises(StepError, match="at most 80") as refused:
        with_step(TEXT, RULE, NEW, THIRD._replace(called="x" * 81), DAY)
    assert refused.value.field == "called"


@pytest.mark.parametrize(
    ("step", "change", "field", "said"),
    [
        ("breach", {"to": []}, "to", "at least one recipient"),
        ("breach", {"to": ["everybody"]}, "to", "gets no e-mails"),
        ("breach", {"counted_from": "before_due"}, "counted_from", "for a reminder"),
        ("breach", {"counted_from": "later"}, "counted_from", "from which day"),
        ("breach", {"distance": -1}, "distance", "greater than or equal to 0"),
        ("none", {}, "", "no such step"),
        (NEW, {"id": "breach"}, "id", "a step of that name"),
        (NEW, {"id": "No Slug"}, "id", "small letters"),
    ],
)
def test_what_is_wrong_with_a_step_is_named(step: str, change: dict[str, object], field: str, said: str) -> None:
    answers = THIRD if step == NEW else form_of(STEPS.get(step, STEPS["breach"]))
    with pytest.raises(StepError, match=said) as refused:
        with_step(TEXT, RULE, step, answers._replace(**change), DAY)  # type: ignore[arg-type]  # wrong on purpose
    assert refused.value.field == field


WORDS = COLUMNS.read_text("utf-8")


@pytest.mark.parametrize("each", lists(columns_of(WORDS)), ids=lambda each: each.place)
def test_each_list_of_words_is_changed_and_nothing_else(each) -> None:  # type: ignore[no-untyped-def]
    word = "nthw = northshire word" if each.place == SHORT else "Northshire word"
    made = columns_of(with_words(WORDS, each.place, [*each.words, word]))
    expected = [(one.place, one.words) for one in lists(columns_of(WORDS))]
    assert [(one.place, one.words) for one in lists(made)] == [
        (place, (*words, word) if place == each.place else words) for place, words in expected
    ]


@pytest.mark.parametrize(
    ("place", "words", "said"),
    [
        ("column.reference", [], "at least 1"),
        ("column.reference", ["Ref", "NHS number"], "stands for"),
        ("column.reference", ["Ref", "ref"], "twice"),
        ("column.none", ["Ref"], "no such list"),
        ("answers.short", ["recd"], "for example recd = received"),
        ("answers.short", ["recd = received", "Rec'd = report"], "twice"),
    ],
)
def test_a_wrong_list_of_words_is_refused(place: str, words: list[str], said: str) -> None:
    with pytest.raises(TrackerError, match=said):
        with_words(WORDS, place, words)
