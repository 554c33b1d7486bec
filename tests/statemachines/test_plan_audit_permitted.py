"""What may happen in every state of a round of audits, written by hand from a local audit method."""

from collections.abc import Sequence
from typing import Any

import pytest

from models.casefile import CaseFile
from models.common_facts import CORRECTIONS, ENGINE_ONLY, shared_facts
from models.enums import About
from models.facts import StoredFact
from statemachines.plan_audit import PROCESS, in_letters
from statemachines.process import NotPermitted
from statemachines.replay import replay
from tests.support.by_hand import duties, history
from tests.support.hand_table import HandTable, asked_before

OPEN = set(shared_facts(About.ORGANISATION))
AFTERWARDS = (CORRECTIONS | ENGINE_ONLY) & OPEN
ALIVE = ("opened", "sampled", "fed_back", "reported")
MARKING = {"item_drawn", "item_marked", "item_marked_again", "item_moderated", "item_left_out"}
BESIDES = {"author_named", "view_recorded", "action_agreed", "action_done", "reaudit_agreed", "reaudit_opened"}
MARKS = ("item_marked", "item_marked_again")


def about(before: Sequence[StoredFact], fact: StoredFact, *kinds: str) -> list[StoredFact]:
    return [each for each in before if each.kind in kinds and each.data["item"] == fact.data["item"]]


def there(before: Sequence[StoredFact], fact: StoredFact) -> bool:
    """Whether an item or an action has that code."""
    return bool(about(before, fact, "item_drawn", "action_agreed"))


def new(before: Sequence[StoredFact], fact: StoredFact) -> bool:
    """Whether nothing has that code yet."""
    return not there(before, fact)


def not_its_marker(before: Sequence[StoredFact], fact: StoredFact) -> bool:
    """An author of an item that is there did not mark it."""
    marked_by = {each.data["marked_by"] for each in about(before, fact, *MARKS)}
    return there(before, fact) and fact.data["author"] not in marked_by


def by_another(before: Sequence[StoredFact], fact: StoredFact) -> bool:
    """The marker is neither the author nor the other marker, and answers what the tool asks."""
    by = fact.data["marked_by"]
    (other,) = set(MARKS) - {fact.kind}
    wrote = any(each.data["author"] == by for each in about(before, fact, "author_named"))
    marked_it = any(each.data["marked_by"] == by for each in about(before, fact, other))
    asked = set(before[0].data["criteria"])
    answered = {each.partition("=")[0] for each in fact.data["answers"]}
    return there(before, fact) and asked == answered and not wrote and not marked_it


def of_what_was_marked(before: Sequence[StoredFact], fact: StoredFact) -> bool:
    """Feedback goes to a body of which an item was marked; to a service, if an item of it was."""
    marked = {each.data["item"] for each in before if each.kind == "item_marked"}
    return any(
        each.kind == "item_drawn"
        and each.data["item"] in marked
        and each.data.get("body") == fact.data["body"]
        and fact.data.get("service") in (None, each.data.get("service"))
        for each in before
    )


LEAVES = "nothing: it changes what the round says, and no duty"
TABLE = HandTable(
    usual={
        "opened": OPEN | {"sample_drawn"},
        "sampled": OPEN | MARKING | BESIDES | {"feedback_given"},
        "fed_back": OPEN | MARKING | BESIDES | {"feedback_given", "feedback_read", "audit_reported"},
        "reported": OPEN | BESIDES | {"feedback_read"},
        "withdrawn": AFTERWARDS,
        "closed": AFTERWARDS,
    },
    moves={
        ("opened", "sample_drawn"): "sampled",
        ("sampled", "feedback_given"): "fed_back",
        ("fed_back", "feedback_given"): "fed_back",
        ("fed_back", "audit_reported"): "reported",
        **{(state, "case_withdrawn"): "withdrawn" for state in ALIVE},
        **{(state, "case_closed"): "closed" for state in ALIVE},
    },
    unusual_moves={("sampled", "audit_reported"): "reported"},
    leaves={
        "sample_drawn": "the mark of each item that it adds",
        "item_drawn": "the mark of the item",
        "author_named": LEAVES,
        "item_marked": "nothing: the item was marked",
        "item_marked_again": "moderation of the item",
        "item_moderated": "nothing: the item was moderated",
        "item_left_out": "nothing: the item is not audited",
        "view_recorded": LEAVES,
        "feedback_given": "the answer of the service",
        "action_agreed": "the action, by its day",
        "action_done": "nothing: it was done",
        "reaudit_agreed": "auditing again, by its day",
        "reaudit_opened": "nothing: it is audited again",
        "audit_reported": "nothing: no feedback was given, or it was reported before",
    },
    impossible={
        "feedback_given": (("opened",), "nothing is drawn yet"),
        "feedback_read": (("opened", "sampled"), "feedback is read after it was given"),
        "audit_reported": (("opened",), "nothing is drawn yet"),
    },
    possible={
        "item_drawn": new,
        "action_agreed": new,
        "author_named": not_its_marker,
        "item_marked": by_another,
        "item_marked_again": by_another,
        "item_moderated": there,
        "item_left_out": there,
        "view_recorded": there,
        "action_done": there,
        "feedback_given": of_what_was_marked,
        "feedback_read": asked_before("feedback_given"),
    },
    opens_with={"criteria": ["provision_specific", "provider_named"], "essential": ["provision_specific"]},
)

CASE = "PA00001"
TOOL = {
    "audit_tool": "tool_1",
    "subject": "plan",
    "criteria": ["a", "b"],
    "essential": ["a"],
    "outstanding_from": 90,
    "good_from": 70,
    "requires_improvement_from": 45,
    "second_mark_percent": 20,
}
OPENED = ("audit_opened", "2026-03-02", TOOL)
SAMPLE = {"from_on": "2026-01-01", "to_on": "2026-02-28", "seed": "spring", "size": 2, "in_frame": 9, "left_out": 0}
DRAWN = ("sample_drawn", "2026-03-03", {**SAMPLE, "drawn": ["NX00001/4", "NX00002/4"]})


def item(code: str, number: int = 1, **more: str) -> tuple[Any, ...]:
    whose = {"body": "QX101", "service": "camhs", "on_time": "yes", "second_mark": "no"}
    return ("item_drawn", "2026-03-03", {"item": code, "of_fact": f"NX0000{number}/4", **whose, **more})


def mark(code: str, a: str, b: str, by: str = "kim.roe") -> tuple[Any, ...]:
    return ("item_marked", "2026-03-09", {"item": code, "marked_by": by, "answers": [f"a={a}", f"b={b}"]})


def again(code: str, a: str, b: str, blind: bool = True) -> tuple[Any, ...]:
    given = {"item": code, "marked_by": "jo.fox", "answers": [f"a={a}", f"b={b}"], "blind": blind}
    return ("item_marked_again", "2026-03-10", given)


def now(*facts: tuple[Any, ...]) -> CaseFile:
    return replay(CASE, history(OPENED, DRAWN, *facts))


def refused(*facts: tuple[Any, ...]) -> str:
    with pytest.raises(NotPermitted) as problem:
        now(*facts)
    return problem.value.sentence


def said(file: CaseFile) -> list[str]:
    assert PROCESS.remarks is not None
    return PROCESS.remarks(file)


def test_grades_agreement_and_what_is_unusable_are_said_as_worked_by_hand() -> None:
    """a=yes b=yes is 100 percent; a=partly b=partly is 50; a=no b=no is 0. Of four answers three are equal.

    The first marker gave yes, yes, partly, partly and the second yes, yes, partly, no. Expected by chance: yes 1/2 x
    1/2, partly 1/2 x 1/4: 3/8. Kappa is (3/4 - 3/8) / (5/8) = 3/5.
    """
    file = now(
        item("one"),
        item("two", 2, on_time="no"),
        item("three", 3),
        mark("one", "yes", "yes"),
        again("one", "yes", "yes"),
        mark("two", "partly", "partly"),
        again("two", "partly", "no"),
        mark("three", "no", "no"),
    )
    assert said(file) == [
        "2 of 9 were drawn under the seed spring.",
        "Marked so far: 3. Grades: 1 outstanding, 1 requires improvement, 1 inadequate.",
        "In time and unusable: 1 of 2 that came in time (50.0 per cent).",
        "Two markers agree on 3 of 4 answers (75.0 per cent). Cohen's kappa is 0.60.",
        "Weakest criteria of QX101 CAMHS: a, b.",
    ]
    assert "chosen by hand" in file.out_of_order[5] and 3 not in file.out_of_order


def test_agreement_leaves_out_a_second_mark_that_was_not_blind() -> None:
    file = now(item("one"), mark("one", "yes", "no"), again("one", "no", "no", blind=False))
    assert not any("agree" in each for each in said(file))
    assert "was not blind" in file.out_of_order[5]
    file = now(item("one"), mark("one", "yes", "yes"), again("one", "yes", "yes"))
    assert "Cohen's kappa is undefined" in " ".join(said(file))


def test_a_moderated_grade_counts_and_another_than_the_calculated_one_is_marked() -> None:
    settled = ("item_moderated", "2026-03-12", {"item": "one", "moderated_by": "lead", "grade": "good"})
    file = now(item("one"), mark("one", "yes", "no"), settled)
    assert "Marked so far: 1. Grades: 1 good." in said(file)
    assert "the calculated one, requires improvement" in file.out_of_order[5]
    same = ("item_moderated", "2026-03-12", {**settled[2], "grade": "requires_improvement"})
    assert 5 not in now(item("one"), mark("one", "yes", "no"), same).out_of_order


@pytest.mark.parametrize("first", ["author_named", "item_marked"])
def test_nobody_audits_their_own_advice_in_whichever_order_it_is_recorded(first: str) -> None:
    author = ("author_named", "2026-03-09", {"item": "one", "author": "kim.roe"})
    facts = [mark("one", "yes", "yes"), author]
    assert "nobody audits their own advice" in refused(item("one"), *(facts if first == "item_marked" else facts[::-1]))
    now(item("one"), author, mark("one", "yes", "yes", by="jo.fox"))


def test_every_criterion_of_the_tool_is_answered_and_no_other() -> None:
    short = ("item_marked", "2026-03-09", {"item": "one", "marked_by": "kim.roe", "answers": ["a=yes", "c=no"]})
    assert "each criterion of tool_1 is answered once, and no other: b, c. It has a, b" in refused(item("one"), short)


def test_the_second_mark_is_another_persons() -> None:
    second = ("item_marked_again", "2026-03-10", {**again("one", "yes", "yes")[2], "marked_by": "kim.roe"})
    assert "another person's" in refused(item("one"), mark("one", "yes", "yes"), second)


def test_feedback_says_what_was_marked_of_that_service_alone() -> None:
    feedback = ("feedback_given", "2026-03-16", {"body": "QX101", "service": "camhs"})
    file = now(
        item("one"),
        item("two", 2, service="physiotherapy"),
        mark("one", "no", "no"),
        mark("two", "yes", "yes"),
        feedback,
    )
    fact = next(each for each in file.lines if each.kind == "feedback_given")
    assert in_letters(file, fact) == {
        "subject": "plan",
        "items": 1,
        "grades": [["inadequate", 1]],
        "weakest": ["a", "b"],
        "unusable_on_time": 1,
    }
    other = ("feedback_given", "2026-03-16", {"body": "QX102"})
    words = refused(item("one"), mark("one", "no", "no"), other)
    assert "no marked item of this round is of that body and service. Marked items are of QX101 camhs" in words


def test_each_item_has_its_duties_and_a_second_mark_has_to_be_moderated() -> None:
    lines = now(
        item("one", second_mark="yes"),
        item("two", 2),
        mark("one", "yes", "yes"),
        again("one", "yes", "yes"),
        ("item_left_out", "2026-03-11", {"item": "two", "why": "not_found"}),
    ).lines
    found = {(duty.rule, duty.item): duty for duty in duties(lines, process="plan_audit")}
    assert str(found["audit_mark", "one"].due) == "2026-03-31", "20 working days after Tuesday 3 March"
    assert str(found["audit_mark", "one"].met_on) == "2026-03-09"
    assert str(found["audit_second_mark", "one"].met_on) == "2026-03-10"
    assert str(found["audit_moderation", "one"].due) == "2026-03-24"
    assert str(found["audit_mark", "two"].ended_on) == "2026-03-11"
    assert ("audit_second_mark", "two") not in found
