"""What may happen in every state of a panel's sitting, written by hand from local terms of reference."""

from collections.abc import Sequence
from typing import Any

import pytest

from models.casefile import CaseFile
from models.common_facts import CORRECTIONS, ENGINE_ONLY, shared_facts
from models.enums import About
from models.facts import StoredFact
from statemachines.panel_sitting import PROCESS
from statemachines.process import NotPermitted
from statemachines.replay import replay
from tests.support.by_hand import duties, history
from tests.support.hand_table import HandTable

OPEN = set(shared_facts(About.MEETING))
AFTERWARDS = (CORRECTIONS | ENGINE_ONLY) & OPEN
PAPERS = {"item_listed", "item_paper_received", "item_papers_incomplete", "item_papers_complete"}
ANY_TIME = {
    "health_view_given",
    "item_deferred",
    "item_removed",
    "item_decided_out_of_panel",
    "item_overturned",
    "action_agreed",
    "action_done",
}
ALIVE = ("called", "circulated", "held", "minuted")


def listed(before: Sequence[StoredFact], fact: StoredFact) -> bool:
    """Whether an item of that code is on the agenda."""
    return any(each.kind == "item_listed" and each.data["item"] == fact.data["item"] for each in before)


def new(before: Sequence[StoredFact], fact: StoredFact) -> bool:
    """Whether no item and no action has that code yet."""
    return not any(
        each.kind in ("item_listed", "action_agreed") and each.data["item"] == fact.data["item"] for each in before
    )


def by_who_may(before: Sequence[StoredFact], fact: StoredFact) -> bool:
    """The authority decides about a plan, health about its own money, and the rest is either's or both's."""
    if not listed(before, fact):
        return False
    question = next(each.data["question"] for each in before if each.kind == "item_listed")
    own = {"continuing_care": "integrated_care_board", "health_package": "integrated_care_board"}
    of_either = ("joint_funding", "other")
    return question in of_either or fact.data["decided_by"] == own.get(question, "local_authority")


def of_item(before: Sequence[StoredFact], fact: StoredFact) -> bool:
    """Whether an action has a code of its own and comes of an item on the agenda."""
    came_of = any(each.kind == "item_listed" and each.data["item"] == fact.data["on_item"] for each in before)
    return came_of and new(before, fact)


def agreed(before: Sequence[StoredFact], fact: StoredFact) -> bool:
    """Whether something of that code was agreed or listed."""
    return not new(before, fact)


AN_ITEM = dict.fromkeys(
    (
        "item_paper_received",
        "item_papers_incomplete",
        "item_papers_complete",
        "health_view_given",
        "item_deferred",
        "item_removed",
        "item_overturned",
    ),
    agreed,
)
TABLE = HandTable(
    usual={
        "called": OPEN | PAPERS | ANY_TIME | {"sitting_moved", "papers_circulated"},
        "circulated": OPEN | PAPERS | ANY_TIME | {"sitting_moved", "papers_circulated", "sitting_held"},
        "held": OPEN | ANY_TIME | {"item_decided", "minutes_agreed"},
        "minuted": OPEN | ANY_TIME | {"item_decided"},
        "withdrawn": AFTERWARDS,
        "closed": AFTERWARDS,
    },
    moves={
        ("called", "papers_circulated"): "circulated",
        ("circulated", "papers_circulated"): "circulated",
        ("circulated", "sitting_held"): "held",
        ("held", "minutes_agreed"): "minuted",
        **{(state, "case_withdrawn"): "withdrawn" for state in ALIVE},
        **{(state, "case_closed"): "closed" for state in ALIVE},
    },
    unusual_moves={("called", "sitting_held"): "held"},
    leaves={
        "sitting_held": "nothing: the papers never went out, and that duty ends with the sitting",
        "papers_circulated": "nothing: what went out after the sitting",
        "minutes_agreed": "nothing: minutes were agreed before",
        "item_listed": "health's view on the new item, by the day of the sitting, which has passed",
        "item_paper_received": "nothing: a paper after the sitting, and late",
        "item_papers_incomplete": "the papers of the item, until it is decided, deferred or taken off",
        "item_papers_complete": "nothing: the papers were complete after the sitting, and late",
    },
    impossible={
        "sitting_moved": (("held", "minuted"), "a sitting that was held is not moved"),
        "sitting_held": (("held", "minuted"), "a sitting is held once"),
        "minutes_agreed": (("called", "circulated"), "minutes are of a sitting that was held"),
        "item_decided": (("called", "circulated"), "a sitting that was not held decides nothing"),
    },
    possible={
        **AN_ITEM,
        "item_listed": new,
        "item_decided": by_who_may,
        "item_decided_out_of_panel": by_who_may,
        "action_agreed": of_item,
        "action_done": agreed,
    },
)

CASE = "PS00001"
# A Wednesday sitting: papers by the Thursday before, out on the Friday, three of three roles.
DAYS = {"sits_on": "2026-03-18", "papers_by": "2026-03-12", "circulate_on": "2026-03-13"}
CALLED = (
    "sitting_called",
    "2026-03-02",
    {"panel": "ehc_weekly", **DAYS, "quorum": 3, "quorum_roles": ["education", "health", "social_care"]},
)
OUT = ("papers_circulated", "2026-03-13", {"pack": "pack_1"})
HELD = ("sitting_held", "2026-03-18", {"attended": 4, "present": ["education", "health", "social_care"]})


def one(question: str = "assess", item: str = "one") -> tuple[Any, ...]:
    return ("item_listed", "2026-03-03", {"item": item, "question": question})


def view(says: str, on: str = "2026-03-10") -> tuple[Any, ...]:
    return ("health_view_given", on, {"item": "one", "view": says, "given_by": "dco"})


def decided(outcome: str, by: str = "local_authority", **more: str) -> tuple[Any, ...]:
    return ("item_decided", "2026-03-18", {"item": "one", "outcome": outcome, "decided_by": by, **more})


def now(*facts: tuple[Any, ...]) -> CaseFile:
    return replay(CASE, history(CALLED, *facts))


def refused(*facts: tuple[Any, ...]) -> str:
    with pytest.raises(NotPermitted) as problem:
        now(*facts)
    return problem.value.sentence


@pytest.mark.parametrize("question", ["assess", "issue_plan", "placement", "tribunal_decision"])
@pytest.mark.parametrize("by", ["integrated_care_board", "both"])
def test_a_view_of_health_is_never_recorded_as_the_authoritys_decision(question: str, by: str) -> None:
    said = refused(one(question), view("supports"), OUT, HELD, decided("agreed", by))
    assert "the local authority decides this question, and health advises only" in said
    assert "health_view_given" in said and "decided_by=local_authority" in said
    file = now(one(question), view("supports"), OUT, HELD)
    assert file.items["one"].state == "listed", "a view decides nothing"


@pytest.mark.parametrize("question", ["continuing_care", "health_package"])
def test_only_a_commissioning_body_decides_about_healths_own_money(question: str) -> None:
    assert "the commissioning body of health decides" in refused(one(question), OUT, HELD, decided("agreed"))
    file = now(one(question), view("supports"), OUT, HELD, decided("agreed", "integrated_care_board"))
    assert file.items["one"].state == "decided"


def test_a_joint_question_may_be_decided_by_both() -> None:
    file = now(one("joint_funding"), view("supports"), OUT, HELD, decided("agreed_in_part", "both"))
    assert file.items["one"].state == "decided" and file.out_of_order == {}


@pytest.mark.parametrize(
    ("attended", "present", "says"),
    [
        (3, ["education", "health", "social_care"], None),
        (2, ["education", "health", "social_care"], "2 attended, and the quorum is 3"),
        (5, ["education", "social_care"], "nobody attended for health"),
        (1, ["education"], "1 attended, and the quorum is 3; nobody attended for health, social care"),
    ],
)
def test_a_sitting_is_quorate_by_number_and_by_roles(attended: int, present: list[str], says: str | None) -> None:
    file = now(OUT, ("sitting_held", "2026-03-18", {"attended": attended, "present": present}))
    assert file.state == "held", "what happened is recorded all the same"
    words = file.out_of_order.get(3)
    assert words is None if says is None else words is not None and says in words


@pytest.mark.parametrize(("on", "late"), [("2026-03-12", False), ("2026-03-13", True)])
def test_a_paper_is_late_after_the_last_day_for_papers(on: str, late: bool) -> None:
    paper = {"item": "one", "document_kind": "advice", "document_held_in": "records_system", "document_on": on}
    file = now(one(), ("item_paper_received", on, paper))
    assert (3 in file.out_of_order) is late
    assert not late or "the last day for papers was Thursday 12 March 2026" in file.out_of_order[3]


def test_a_sitting_that_is_moved_has_other_days_for_everything_that_is_still_owed() -> None:
    lines = now(
        one(),
        (
            "sitting_moved",
            "2026-03-11",
            {"sits_on": "2026-03-25", "papers_by": "2026-03-19", "circulate_on": "2026-03-20"},
        ),
        ("item_listed", "2026-03-12", {"item": "two", "question": "assess"}),
    ).lines
    found = {(duty.rule, duty.item): str(duty.due) for duty in duties(lines, process="panel_sitting")}
    assert found == {
        ("panel_circulation", None): "2026-03-20",
        ("panel_item_papers", "one"): "2026-03-19",
        ("panel_health_view", "one"): "2026-03-25",
        ("panel_item_papers", "two"): "2026-03-19",
        ("panel_health_view", "two"): "2026-03-25",
    }


def test_each_item_and_each_action_has_duties_of_its_own() -> None:
    action = {"item": "act_1", "on_item": "one", "action_owner": "dco", "due_on": "2026-04-01"}
    lines = now(
        one(),
        one(item="two"),
        view("supports"),
        OUT,
        HELD,
        decided("agreed"),
        ("action_agreed", "2026-03-18", action),
        ("action_agreed", "2026-03-18", {**action, "item": "act_2", "due_on": "2026-04-08"}),
        ("action_done", "2026-03-30", {"item": "act_1"}),
    ).lines
    found = {(duty.rule, duty.item): duty for duty in duties(lines, process="panel_sitting")}
    assert str(found["panel_health_view", "one"].met_on) == "2026-03-10"
    assert found["panel_health_view", "two"].closed_on is None
    assert str(found["panel_item_papers", "one"].ended_on) == "2026-03-18"
    assert str(found["panel_minutes", None].due) == "2026-04-01", "10 working days after Wednesday 18 March"
    assert str(found["panel_action", "act_1"].met_on) == "2026-03-30"
    assert (str(found["panel_action", "act_2"].due), found["panel_action", "act_2"].met_on) == ("2026-04-08", None)


def test_an_action_comes_of_an_item_and_no_action_is_an_item() -> None:
    action = (
        "action_agreed",
        "2026-03-18",
        {"item": "a", "on_item": "b", "action_owner": "dco", "due_on": "2026-04-01"},
    )
    assert "names the agenda item that the action came of" in refused(one(), action)
    assert [each.called for each in now(one("assess", "b"), action).items.values()] == ["agenda item", "action"]


def test_a_decision_against_healths_view_is_said_with_or_without_a_dissent() -> None:
    quiet = PROCESS.remarks(now(one(), view("supports"), OUT, HELD, decided("refused"))) if PROCESS.remarks else []
    assert quiet == [
        "Item one was decided against health's view. Health's view was: supports. No dissent of health is recorded."
    ]
    loud = now(one(), view("does_not_support"), OUT, HELD, decided("agreed", health_dissents="yes"))
    assert PROCESS.remarks is not None and PROCESS.remarks(loud)[0].endswith("Health's dissent is recorded.")
    assert PROCESS.remarks(now(one(), view("supports"), OUT, HELD, decided("agreed"))) == []


def test_a_decision_without_a_view_of_health_is_taken_and_marked() -> None:
    assert "no view of health was recorded" in now(one(), OUT, HELD, decided("agreed")).out_of_order[5]


def test_a_decision_out_of_panel_comes_before_the_sitting_and_may_be_overturned_later() -> None:
    outside = {"item": "one", "outcome": "agreed", "decided_by": "local_authority", "why": "emergency"}
    file = now(
        one(),
        view("supports", "2026-03-04"),
        ("item_decided_out_of_panel", "2026-03-05", outside),
        ("item_overturned", "2026-06-01", {"item": "one", "overturned_by": "tribunal"}),
    )
    assert file.items["one"].state == "overturned" and file.out_of_order == {}
    early = now(one(), ("item_overturned", "2026-06-01", {"item": "one", "overturned_by": "tribunal"}))
    assert "a decision is overturned after it was made" in early.out_of_order[3]


def test_a_sitting_that_was_not_held_decides_nothing() -> None:
    assert "Record" not in refused(one(), ("item_decided", "2026-03-10", decided("agreed")[2]))
    assert "a decision between sittings is item_decided_out_of_panel" in refused(
        one(), ("item_decided", "2026-03-10", decided("agreed")[2])
    )


def test_after_the_sitting_a_remark_names_the_items_of_which_nothing_is_recorded() -> None:
    assert PROCESS.remarks is not None
    assert "Nothing says what came of one" in PROCESS.remarks(now(one(), OUT, HELD))[0]
