"""Random links between cases of all processes: every report works, and no fact is copied twice or without end."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import timedelta
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from casework.cases.propagation import ROUNDS
from statemachines.process import Process
from statemachines.registry import processes
from tests.support.chain import CHAIN
from tests.support.examples import examples
from tests.support.random_links import KINDS, LAST, ODD, REACTIONS, REFS, Linking, clear_away, linking, random_fields

# The few of `make test` are the same each time; the many of `make fuzz` are others each time.
QUIET = settings(
    max_examples=examples(4),
    deadline=None,
    suppress_health_check=list(HealthCheck),
    derandomize="EXAMPLES" not in os.environ,
)
DEEDS = ("open",) * 4 + ("move",) * 14 + ("correct", "correct", "withdraw", "day")
UNDOING = ("open", "move", "move", "move", "correct", "correct", "correct", "withdraw", "withdraw", "day")


@pytest.fixture(scope="module", autouse=True)
def context() -> Iterator[None]:
    yield
    clear_away()


@QUIET
@given(dice=st.randoms(use_true_random=True))
def test_cases_are_linked_at_random(dice: Random) -> None:
    with linking() as context:
        for _step in range(dice.randrange(4, 40)):
            act(context, dice)
        context.settle()


@QUIET
@given(dice=st.randoms(use_true_random=True))
def test_random_facts_follow_on_linked_cases(dice: Random) -> None:
    """A team records a chain of linked cases up to a random day, then random facts, mostly corrections."""
    with linking() as context:
        context.lives(dice.randrange(10, len(CHAIN) - 8))
        for _step in range(dice.randrange(2, 16)):
            act(context, dice, UNDOING)
        context.settle()


def test_no_fact_causes_itself_and_chains_of_causes_end_within_the_rounds() -> None:
    """Follow from each fact the facts that it causes on other cases. A circle would never end."""

    def longest(fact: tuple[str, str], before: tuple[tuple[str, str], ...]) -> int:
        assert fact not in before, f"{fact} causes itself by way of {before}"
        return 1 + max((longest(caused, (*before, fact)) for caused in after.get(fact, ())), default=0)

    after: dict[tuple[str, str], set[tuple[str, str]]] = {}
    for process in processes().values():
        for reaction in process.reactions:
            after.setdefault((reaction.process, reaction.kind), set()).add((process.name, reaction.records))
        for kind, again in process.requests_again.items():
            after.setdefault((process.name, kind), set()).add((process.name, again))
    assert 2 <= max(longest(fact, ()) for fact in after) < ROUNDS


def act(context: Linking, dice: Random, deeds: tuple[str, ...] = DEEDS) -> None:
    """Do one act of a team, on this day or a later one."""
    context.today = min(context.today + timedelta(days=dice.randrange(12)), LAST - timedelta(days=45))
    known = context.lines()
    refs: tuple[str | None, ...] = tuple(known) or (None,)
    match dice.choice(deeds) if known else "open":
        case "open":
            process = processes()[dice.choice(sorted(processes()))]
            kind = dice.choice((process.opens, process.opens, *sorted(process.opens_too)))
            case = dice.choice(REFS) if dice.randrange(10) else dice.choice(ODD)
            say(context, dice, process, case, kind, (*known, case) if dice.randrange(10) == 0 else refs)
        case "move":
            case = dice.choice(sorted(known))
            process, state = context.process_and_state(case)
            say(context, dice, process, case, likely(process, state, dice), refs)
        case "correct":
            case = dice.choice(sorted(known))
            line, process = dice.choice(known[case]), context.process_and_state(case)[0]
            model = process.facts[line.kind].model
            fields = random_fields(model, process, line.occurred_on, refs, dice) if dice.randrange(2) else {}
            moved = (
                {"occurred_on": (line.occurred_on + timedelta(days=dice.randrange(-20, 20))).isoformat()}
                if dice.randrange(2) or not fields
                else {}
            )
            context.say(case, "fact_corrected", context.today, {**fields, **moved}, line.seq)
        case "withdraw":
            case = dice.choice(sorted(known))
            context.say(case, "fact_withdrawn", context.today, {}, dice.randrange(1, len(known[case]) + 2))
        case "day":
            context.settle()


def likely(process: Process, state: str, dice: Random) -> str:
    """Choose a permitted kind that moves the case or causes a fact on another case; now and then any other kind."""
    permitted = [kind for kind in process.permitted(state) if kind in KINDS[process.name]]
    moves = [kind for kind in permitted if (state, kind) in process.table and not kind.startswith("case_")]
    causing = [kind for kind in permitted if (process.name, kind) in REACTIONS]
    among = dice.choice((moves, moves, causing, causing, permitted, KINDS[process.name]))
    return dice.choice(among or permitted or KINDS[process.name])


def say(context: Linking, dice: Random, process: Process, case: str, kind: str, refs: tuple[str | None, ...]) -> None:
    on = context.today - timedelta(days=dice.randrange(9) if dice.randrange(3) == 0 else 0)
    context.say(case, kind, on, random_fields(process.facts[kind].model, process, on, refs, dice))
