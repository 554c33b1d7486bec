"""Items inside a case: each has a state and duties of its own, folded from facts like the rest."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from statemachine import State

from casework.cases.validation import Refused
from casework.rules.checks.files import SHIPPED, problems
from cli.formatting import history
from models.casefile import CaseFile, Item
from models.enums import About
from models.facts import FactData
from statemachines.items import ItemCode, ItemMove, Items, update_of
from statemachines.process import NoTransition, OpeningFact, Process, StatutoryMachine, define_process
from tests.support.by_hand import line
from tests.support.invented import registered, with_rules
from tests.support.team import Team

RULES = """
[item_brief]
per = "item"
owner = "team"
starts = ["item_added"]
met_by = ["item_briefed"]
ends = ["item_deferred", "case_withdrawn", "case_closed"]
bound = "by"
clock_starts = "the item was put on the agenda"
duty_on = "our team"
action = "write the brief of the item"
source_status = "read"

[[item_brief.period]]
from = 2024-04-01
text = "5 working days"
working_days = 5
counts = "working_days_after"
cite = "Northern Vales panel terms 2024, clause 4"
basis = "local_standard"
"""


class Panel(StatutoryMachine):
    """An invented panel."""

    called = State("Called", initial=True)
    withdrawn = State("Withdrawn", final=True)
    closed = State("Closed", final=True)
    case_withdrawn = called.to(withdrawn)
    case_closed = called.to(closed)


class Called(FactData):
    """The panel was called."""


class OfItem(FactData):
    """A fact about an item."""

    item: ItemCode


ADDED = ItemMove("item_added", "waiting")
BRIEFED = ItemMove("item_briefed", "briefed", ("waiting",), order="a brief is written once (clause 4)")
DEFERRED = ItemMove("item_deferred", "deferred", ("waiting", "briefed"), order="what is deferred stays so (clause 5)")
STATES = {"waiting": "Waiting", "briefed": "Briefed", "deferred": "Deferred"}


def panel(*moves: ItemMove, model: type[FactData] = OfItem) -> Process:
    facts = [
        NoTransition(kind, model, accepted_in=("called",)) for kind in ("item_added", "item_briefed", "item_deferred")
    ]
    return define_process(
        Panel,
        name="panel_of_test",
        title="Panel",
        version=1,
        about=About.MEETING,
        facts=[OpeningFact("panel_called", Called), *facts],
        items=Items("agenda item", STATES, moves or (ADDED, BRIEFED, DEFERRED)),
    )


@pytest.fixture
def sitting(team: Team, tmp_path: Path) -> Iterator[Team]:
    """A panel of 2 March 2026 with two items, added on 2 and 3 March."""
    with registered(panel()):
        with_rules(team, tmp_path / "rules", "panel_of_test", RULES)
        team.case = "PA00001"
        team.record("2 Mar 2026", "panel_called")
        team.record("2 Mar 2026", "item_added", item="one")
        team.record("3 Mar 2026", "item_added", item="two")
        yield team


def states(team: Team, today: str, as_at: str | None = None) -> dict[str, str]:
    return {each.item: each.state_name for each in team.report(today, as_at).items}


def duties(team: Team, today: str) -> dict[Any, tuple[str, date | None]]:
    return {each.item: (each.standing, each.due) for each in team.report(today).duties}


def test_each_item_has_a_state_and_a_duty_of_its_own(sitting: Team) -> None:
    assert states(sitting, "4 Mar 2026") == {"one": "Waiting", "two": "Waiting"}
    sitting.record("5 Mar 2026", "item_briefed", item="two")
    assert states(sitting, "5 Mar 2026") == {"one": "Waiting", "two": "Briefed"}
    assert duties(sitting, "5 Mar 2026") == {
        "one": ("due_soon", date(2026, 3, 9)),  # five working days after Monday 2 March
        "two": ("met", date(2026, 3, 10)),
    }
    assert duties(sitting, "11 Mar 2026")["one"][0] == "breached"
    owner = next(each.owner for each in sitting.report("5 Mar 2026").duties)
    assert owner is not None and owner.kind == "team"
    assert sitting.verify("11 Mar 2026").intact


def test_an_end_of_one_item_ends_no_other_and_the_end_of_the_case_ends_all(sitting: Team) -> None:
    sitting.record("5 Mar 2026", "item_deferred", item="one")
    assert [each.ended_on for each in sitting.report("6 Mar 2026").duties] == [date(2026, 3, 5), None]
    sitting.record("6 Mar 2026", "case_closed")
    assert [each.ended_on for each in sitting.report("6 Mar 2026").duties] == [date(2026, 3, 5), date(2026, 3, 6)]


def test_the_items_of_an_earlier_day(sitting: Team) -> None:
    sitting.record("5 Mar 2026", "item_briefed", item="one")
    assert states(sitting, "6 Mar 2026", as_at="2 Mar 2026") == {"one": "Waiting"}
    assert states(sitting, "6 Mar 2026", as_at="4 Mar 2026") == {"one": "Waiting", "two": "Waiting"}


@pytest.mark.parametrize(
    ("kind", "item", "says"),
    [
        ("item_briefed", "three", "no agenda item three was there on that day"),
        ("item_added", "one", "the agenda item one is there already"),
    ],
)
def test_what_cannot_be_true_of_an_item_is_refused(sitting: Team, kind: str, item: str, says: str) -> None:
    before = sitting.dump()
    with pytest.raises(Refused, match=says):
        sitting.record("5 Mar 2026", kind, item=item)
    assert sitting.dump() == before


def test_what_is_out_of_order_for_an_item_is_recorded_and_marked(sitting: Team) -> None:
    sitting.record("5 Mar 2026", "item_deferred", item="one")
    sitting.record("6 Mar 2026", "item_briefed", item="one")
    report = sitting.report("6 Mar 2026")
    assert states(sitting, "6 Mar 2026")["one"] == "Deferred"
    marked = [each.out_of_order for each in report.facts if each.kind == "item_briefed"]
    assert marked == ["out of order on the agenda item one at 'Deferred': a brief is written once (clause 4)"]


def test_a_correction_of_the_item_moves_the_state_and_the_duty(sitting: Team) -> None:
    sitting.record("5 Mar 2026", "item_briefed", item="one")
    sitting.record("6 Mar 2026", "fact_corrected", corrects=4, item="two")
    assert states(sitting, "6 Mar 2026") == {"one": "Waiting", "two": "Briefed"}
    assert {item: status for item, (status, _due) in duties(sitting, "6 Mar 2026").items()} == {
        "one": "due_soon",
        "two": "met",
    }


@pytest.mark.parametrize(
    ("moves", "says"),
    [
        ((BRIEFED,), "no fact adds an item"),
        ((ADDED, ADDED), "two moves of an item by item_added"),
        ((ADDED, ItemMove("item_gone", "briefed", ("waiting",), "once")), "item_gone moves an item and is no fact"),
        ((ADDED, ItemMove("item_briefed", "brief", ("waiting",), "once")), "names \\['brief'\\], which are no states"),
        ((ADDED, ItemMove("item_briefed", "briefed", ("waiting",))), "say in `order`"),
    ],
)
def test_items_that_do_not_agree_with_the_facts_are_refused(moves: tuple[ItemMove, ...], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        panel(*moves)


def test_an_item_moves_by_the_table_of_the_version_that_judges_its_case() -> None:
    process = panel(ADDED, BRIEFED, ItemMove("item_deferred", "deferred", ("briefed",), order="after the brief"))
    assert process.items is not None
    older, newer = panel().item_tables[1], process.item_tables[1]
    by_version = {1: older, 2: newer}
    deferred = next(each for each in process.items.moves if each.kind == "item_deferred")
    states = []
    for machine in (1, 2):
        file = CaseFile("PA00001", process.name, "called", machine=machine)
        file.items["one"] = Item("one", "waiting", date(2026, 3, 2), 2, "agenda item")
        update_of(process.items, by_version, deferred, lambda _fact, words: ValueError(words))(
            file, line(3, "item_deferred", "2026-03-03", item="one")
        )
        states.append((file.items["one"].state, 3 in file.out_of_order))
    assert states == [("deferred", False), ("waiting", True)]


def test_a_fact_that_leaves_an_item_where_it_is_needs_the_item() -> None:
    process = panel(ADDED, ItemMove("item_briefed", None, ("waiting",), order="before it is deferred"), DEFERRED)
    assert process.item_tables[1]["waiting", "item_briefed"] == "waiting"
    with pytest.raises(ValueError, match="item_gone adds an item and names no state of it"):
        panel(ItemMove("item_gone", None))


def test_a_fact_that_moves_an_item_names_it() -> None:
    with pytest.raises(ValueError, match="item_added moves an item and does not need the field `item`"):
        panel(model=Called)


def test_no_item_has_a_name_of_a_person_as_its_code(sitting: Team) -> None:
    with pytest.raises(Refused, match="item"):
        sitting.record("5 Mar 2026", "item_added", item="Mary Jones")


def test_the_command_shows_each_item_with_its_state(sitting: Team) -> None:
    sitting.record("5 Mar 2026", "item_briefed", item="two")
    text = history(sitting.context("5 Mar 2026"), sitting.report("5 Mar 2026"))
    assert "The agenda item one: Waiting, since Mon 2 Mar 2026." in text
    assert "The agenda item two: Briefed, since Thu 5 Mar 2026." in text


def test_a_rule_for_items_whose_facts_name_none_is_a_problem(sitting: Team, tmp_path: Path) -> None:
    del sitting
    rules = RULES.replace('starts = ["item_added"]', 'starts = ["panel_called"]')
    (tmp_path / "more" / "statute").mkdir(parents=True)
    (tmp_path / "more" / "statute" / "panel_of_test.toml").write_text(rules, "utf-8")
    found = [each for each in problems((SHIPPED, tmp_path / "more")) if each.word == "panel_called"]
    assert [each.key for each in found] == ["per"]
    assert "has no field `item`" in found[0].sentence
