"""The machine of every process beside its table by hand, cell by cell, and random walks that the table judges.

A walk takes facts in any order of kinds and of days. What is possible is taken and marked; what is impossible is
refused and named; no duty ends without a fact that ends it; corrections in any order give what the right order gives.
"""

import importlib
import random
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deadlines.duties import Duty, duties_of
from deadlines.status import days_late, status_of
from models.common_facts import DIED, ENGINE_ONLY, OF_THE_CHILD, shared_facts
from models.facts import StoredFact
from statemachines.items import ItemMove
from statemachines.process import NotPermitted, OpeningFact, Process
from statemachines.registry import processes
from statemachines.replay import replay
from tests.support.any_fact import FIRST, data_of, kinds
from tests.support.by_hand import book, dates_of, line
from tests.support.examples import examples
from tests.support.hand_table import HandTable, Possible

pytestmark = pytest.mark.each_process
CASE = "NX00042"
ENDS = {"case_withdrawn", "case_closed"}
# A claim of an exception is decided after it was made.
DECIDED: dict[str, Possible] = {
    "excuse_decided": lambda before, fact: any(
        each.kind == "excuse_claimed" and each.seq == fact.data["claim"] for each in before
    )
}


@cache
def tables() -> Mapping[str, HandTable]:
    """The tables by hand, found in the test module of each process."""
    found: dict[str, HandTable] = {}
    for path in sorted(Path(__file__).parent.glob("test_*_permitted.py")):
        module = importlib.import_module(f"tests.statemachines.{path.stem}")
        if hasattr(module, "TABLE"):
            found[module.PROCESS.name] = module.TABLE
    return found


CELLS = [(name, state) for name, table in tables().items() for state in table.usual]


@pytest.mark.all_processes
def test_every_process_that_takes_facts_out_of_order_has_a_table() -> None:
    lenient = {process.name for process in processes().values() if process.out_of_order_from is not None}
    assert lenient == set(tables())


@pytest.mark.parametrize(("name", "state"), CELLS)
def test_every_fact_in_every_state_is_usual_unusual_or_impossible(name: str, state: str) -> None:
    process, table = processes()[name], tables()[name]
    opening = {kind for kind, fact in process.facts.items() if isinstance(fact, OpeningFact)}
    assert set(process.permitted(state)) == set(table.usual[state])
    expected = set() if state in process.final else table.unusual(state, process.facts, opening)
    assert set(process.out_of_order(state)) == expected
    for kind in {*table.usual[state], *expected}:
        assert process.table.get((state, kind), state) == table.next_state(state, kind), kind


@pytest.mark.parametrize("name", tables())
def test_the_table_is_whole_and_says_what_an_unusual_fact_leaves_owed(name: str) -> None:
    process, table = processes()[name], tables()[name]
    assert set(table.usual) == set(process.states)
    assert set(process.unusual_moves) == set(table.unusual_moves)
    unusual = {kind for state in process.states for kind in process.out_of_order(state)}
    assert set(table.leaves) == unusual, "say for each fact that may be out of order what it leaves owed"
    assert all(len(words) > 15 for words in table.leaves.values())
    for kind, (states, why) in table.impossible.items():
        assert set(process.facts[kind].impossible_in) == set(states), kind
        assert why


# Walks
# ----------------------------------------------------------------------------------------------------------------


def walk(name: str, at: random.Random, length: int) -> list[StoredFact]:
    """An opening fact and further facts of any kind, on days in any order, as the present machine records them."""
    process = processes()[name]
    lines = [_fact(name, 1, process.opens, at, FIRST)]
    known = [kind for kind in kinds(process) if kind not in ENDS and kind != process.opens]
    for seq in range(2, length + 2):
        day = FIRST + timedelta(days=at.randrange(1, 200))
        lines.append(_fact(name, seq, at.choice(known), at, day))
    return lines


def _fact(name: str, seq: int, kind: str, at: random.Random, on: date) -> StoredFact:
    process = processes()[name]
    data = data_of(process, kind, at, on, stored=True)
    if kind == process.opens:
        data |= tables()[name].opens_with
    return line(seq, kind, on.isoformat(), **data)._replace(machine=process.version)


def in_order(lines: Sequence[StoredFact]) -> list[StoredFact]:
    return sorted(lines, key=lambda fact: (fact.occurred_on, fact.seq))


def judged(name: str, lines: Sequence[StoredFact]) -> tuple[list[StoredFact], list[StoredFact], str]:
    """By the table alone: the facts that can be true, the ones that cannot, and the state that is left."""
    process, table = processes()[name], tables()[name]
    first, *rest = in_order(lines)
    state = table.next_state(process.initial, first.kind)
    possible, impossible = [first], list[StoredFact]()
    for fact in rest:
        ruled_out = state in table.impossible.get(fact.kind, ((), ""))[0]
        opens = isinstance(process.facts[fact.kind], OpeningFact) and state not in table.again.get(fact.kind, ())
        opens = opens and fact.kind not in table.usual[state]
        ask = {**DECIDED, **table.possible}.get(fact.kind)
        true = ask is None or ask(possible, fact)
        over = state in process.final and fact.kind not in OF_THE_CHILD
        if over or ruled_out or opens or not true:
            impossible.append(fact)
        else:
            possible.append(fact)
            state = table.next_state(state, fact.kind)
    return possible, impossible, state


def duties_in(name: str, lines: Sequence[StoredFact]) -> list[Duty]:
    casefile = replay(CASE, lines)
    return duties_of(casefile.lines, book(name), dates_of(), casefile.claims.values())


walks = pytest.mark.parametrize("name", tables())


@walks
@settings(max_examples=examples(60), deadline=None)
@given(seed=st.integers(0, 2**32), length=st.integers(1, 18))
def test_what_is_possible_is_taken_in_any_order_and_the_rest_is_refused(name: str, seed: int, length: int) -> None:
    lines = walk(name, random.Random(seed), length)
    possible, impossible, state = judged(name, lines)
    casefile = replay(CASE, possible)
    assert casefile.state == state
    process, table = processes()[name], tables()[name]
    for fact in possible:
        words, definition = casefile.out_of_order.get(fact.seq), process.facts[fact.kind]
        orders = [definition.order, *(each.order for each in _moves_of_items(process) if each.kind == fact.kind)]
        # An opening fact that comes again says nothing of its place.
        said = [each for each in orders if each] or [""]
        assert words is None or definition.warning is not None or any(each in words for each in said)
    unmarked = {fact.kind for fact in possible if fact.seq not in casefile.out_of_order}
    assert unmarked <= {kind for usual in table.usual.values() for kind in usual} | process.openings
    for fact in impossible:
        earlier = [each for each in possible if (each.occurred_on, each.seq) < (fact.occurred_on, fact.seq)]
        with pytest.raises(NotPermitted) as refusal:
            replay(CASE, [*earlier, fact])
        assert refusal.value.seq == fact.seq
        assert refusal.value.sentence.startswith(f"fact {fact.seq}, {fact.kind} of ")


def _moves_of_items(process: Process) -> Sequence[ItemMove]:
    return process.items.moves if process.items is not None else ()


@walks
@settings(max_examples=examples(40), deadline=None)
@given(seed=st.integers(0, 2**32), length=st.integers(1, 18))
def test_no_duty_ends_without_a_named_reason_and_no_standing_contradicts_its_dates(
    name: str, seed: int, length: int
) -> None:
    possible, _impossible, _state = judged(name, walk(name, random.Random(seed), length))
    by_seq = {fact.seq: fact for fact in possible}
    last = max(fact.occurred_on for fact in possible) + timedelta(days=40)
    for duty in duties_in(name, possible):
        if duty.met_on is not None:
            assert duty.met_seq is not None and by_seq[duty.met_seq].kind in duty.law.met_by
        if duty.ended_on is not None:
            assert duty.ended_seq is not None
            provisional = duty.law.provisional.ends if duty.law.provisional else ()
            restarts = duty.law.starts if duty.law.provisional else ()
            reasons = {DIED, *duty.law.ends, *duty.law.superseded_by, *provisional, *restarts}
            assert by_seq[duty.ended_seq].kind in reasons
        standing = status_of(duty, last)
        if standing == "breached":
            assert duty.due is not None and duty.due < last and days_late(duty, last) > 0
        if standing == "met" and duty.due is not None and duty.met_on is not None and duty.law.bound == "by":
            assert duty.met_on <= duty.due or duty.met_before or duty.open_ended
        if standing == "met_late":
            assert duty.due is not None and duty.met_on is not None and duty.met_on > duty.due


@walks
@settings(max_examples=examples(30), deadline=None)
@given(seed=st.integers(0, 2**32), length=st.integers(2, 14))
def test_days_that_are_corrected_in_any_order_give_what_the_right_days_give(name: str, seed: int, length: int) -> None:
    at = random.Random(seed)
    right, _impossible, _state = judged(name, walk(name, at, length))
    wrong_days = [FIRST + timedelta(days=at.randrange(1, 200)) for _ in right]
    typed = [right[0], *(fact._replace(occurred_on=day) for fact, day in zip(right[1:], wrong_days, strict=False))]
    days = {fact.seq: fact.occurred_on.isoformat() for fact in right[1:]}
    corrections = [
        line(100 + seq, "fact_corrected", "2026-11-20", corrects=seq, occurred_on=day) for seq, day in days.items()
    ]
    corrections = [each._replace(machine=right[0].machine) for each in at.sample(corrections, len(corrections))]
    corrections = [each._replace(seq=100 + number) for number, each in enumerate(corrections)]
    expected, found = replay(CASE, right), replay(CASE, [*typed, *corrections])
    assert found.state == expected.state
    own = {fact.seq for fact in right}
    assert {seq: words for seq, words in found.out_of_order.items() if seq in own} == expected.out_of_order
    assert _plain(duties_in(name, right)) == _plain(duties_in(name, [*typed, *corrections]))
    assert replay(CASE, at.sample([*typed, *corrections], len(typed) + len(corrections))) == found, "order of arrival"


def _plain(duties: Sequence[Duty]) -> list[tuple[object, ...]]:
    return [
        (each.rule, each.body, each.service, each.opened_seq, each.due, each.met_seq, each.ended_seq, each.closed_on)
        for each in duties
    ]


@walks
@settings(max_examples=examples(30), deadline=None)
@given(seed=st.integers(0, 2**32), length=st.integers(1, 14))
def test_the_newest_machine_gives_every_older_history_the_same_result(name: str, seed: int, length: int) -> None:
    process, at = processes()[name], random.Random(seed)
    known = [kind for kind in kinds(process) if kind != process.opens]
    for older in sorted(process.tables)[:-1]:
        lines = [_fact(name, 1, process.opens, at, FIRST)._replace(machine=older)]
        day = FIRST
        for _ in range(length):
            day += timedelta(days=at.randrange(0, 20))
            fact = _fact(name, len(lines) + 1, at.choice(known), at, day)._replace(machine=older)
            try:
                replay(CASE, [*lines, fact])
            except NotPermitted:
                continue
            lines.append(fact)
        before = replay(CASE, lines)
        after = replay(CASE, [*lines[:-1], lines[-1]._replace(machine=process.version)])
        assert after.state == before.state
        assert duties_of(after.lines, book(name), dates_of()) == duties_of(before.lines, book(name), dates_of())


def test_the_engine_s_facts_are_usual_everywhere() -> None:
    for name, table in tables().items():
        for state in table.usual:
            own = ENGINE_ONLY & shared_facts(processes()[name].about).keys()
            assert set(table.usual[state]) >= own, (name, state)
