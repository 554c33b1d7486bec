"""What holds for every process alike, found by walking the folder: a process that drifts from its law, its table or its
words fails here.
"""

import json
import random
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statemachine.exceptions import TransitionNotAllowed

from casework.cases.validation import Refused
from config.escalation_policy import load_escalation_policy
from config.law import load_law
from deadlines.duties import duties_of
from models.common_facts import SHARED
from models.enums import About
from models.facts import FactDraft, StoredFact
from models.owner import OwnerKind
from notifications.render import newest
from statemachines.items import item_table
from statemachines.process import NotPermitted, Process
from statemachines.registry import opened_by, processes
from statemachines.released import TABLES, released_items, released_tables, rows_of, table_of
from statemachines.replay import replay
from tests.support.any_fact import FIRST, data_of, kinds
from tests.support.by_hand import book, dates_of, line
from tests.support.examples import examples
from tests.support.team import Team, reference_for

ALL = list(processes().values())
# Ids as the issue of the whole names them, so that none is lost or renamed by the way.
NAMED = {
    "ehc_needs_assessment",
    "section23",
    "continuing_care",
    "tribunal",
    "annual_review",
    "mediation",
    "reassessment",
    "transfer",
}
CASE = "NX00042"
_of_each = pytest.mark.parametrize("process", ALL, ids=lambda process: process.name)


def each_process(test: Callable[..., None]) -> Callable[..., None]:
    """Run a test once for each process, and mark it as one that a new process has to pass."""
    marked: Callable[..., None] = pytest.mark.each_process(_of_each(test))
    return marked


@pytest.mark.all_processes
def test_sendflow_has_every_process_that_it_is_for() -> None:
    assert set(processes()) >= NAMED  # a further one needs no edit here: docs/develop/adding-a-process.md
    openings = [kind for process in ALL for kind in (process.opens, *process.opens_too)]
    assert len(set(openings)) == len(openings) == len(opened_by()), "an opening fact opens one process"


@each_process
def test_class_table_and_frozen_table_are_one(process: Process) -> None:
    assert table_of(process.machine) == dict(process.table) == released_tables(process.name)[process.version]
    rows = json.loads((TABLES / f"{process.name}.v{process.version}.json").read_text("utf-8"))
    assert rows == rows_of(process.table, process.unusual_moves)
    assert len({(row[0], row[1]) for row in rows}) == len(rows)


@each_process
def test_the_items_of_a_process_move_as_their_frozen_table_says(process: Process) -> None:
    frozen = released_items(process.name)
    if process.items is None:
        assert frozen == {}
        return
    assert item_table(process.items) == frozen[process.version], "python -m tools.freeze_tables, for a new version"
    assert set(frozen) == set(process.item_tables) <= set(process.tables)


@each_process
def test_the_class_moves_as_the_table_says_for_every_state_and_fact(process: Process) -> None:
    for state in process.states:
        for kind in sorted({event for _state, event in process.table}):
            machine = process.machine(start_value=state)
            target = process.table.get((state, kind))
            if target is None:
                with pytest.raises(TransitionNotAllowed):
                    machine.send(kind)
            else:
                machine.send(kind)
            assert machine.current_state_value == (target or state)


@each_process
def test_every_state_can_be_reached_and_reaches_an_end(process: Process) -> None:
    reached, ending = {process.initial}, set(process.final)
    for _ in process.states:
        reached |= {target for (state, _kind), target in process.table.items() if state in reached}
        ending |= {state for (state, _kind), target in process.table.items() if target in ending}
    assert reached == ending == set(process.states)
    alive = set(process.states) - process.final
    for state in alive:
        assert {
            process.table.get((state, "case_withdrawn")),
            process.table.get((state, "case_closed")),
        } <= process.final


@each_process
def test_every_fact_is_permitted_somewhere_and_every_reaction_names_known_facts(process: Process) -> None:
    known = set(process.facts)
    for reaction in process.reactions:
        assert reaction.kind in processes()[reaction.process].facts, (
            f"{process.name} reacts to {reaction.kind} of {reaction.process}, which has no such fact"
        )
        assert reaction.records in known
        assert not reaction.if_nothing_is_due or reaction.records == process.opens
    lawful = {kind for state in process.states for kind in process.permitted(state)}
    assert known - lawful <= {process.opens, *process.opens_too}


@each_process
def test_every_duty_has_a_fact_that_starts_it_and_one_that_meets_it(process: Process) -> None:
    law = load_law()
    own = law.duties_of(process.name)
    assert own or process.about is not About.CHILD, "a case about a child without a duty is no case"
    for rule in own:
        supplied = {kind for given in rule.inputs.values() for kind in given.told_by}
        kinds_named = {*rule.starts, *rule.met_by, *rule.ends, *rule.reopened_by, *rule.superseded_by} | supplied
        assert kinds_named <= set(process.facts), (
            f"{rule.id} names {sorted(kinds_named - set(process.facts))}, which {process.name} does not know"
        )
        for kind in rule.starts:
            said = set(process.facts[kind].model.model_fields)
            assert set(rule.starts_if) <= said, f"{rule.id}: {kind} never says {sorted(set(rule.starts_if) - said)}"
        # A fact that does not say the start day counts from its own: the last check, after what came before it.
        said_by = [kind for kind in rule.starts if rule.start_day in process.facts[kind].model.model_fields]
        assert rule.start_day is None or said_by, f"{rule.id}: no fact that starts it says {rule.start_day}"
        named = [kind for kind in rule.starts if rule.per in process.facts[kind].model.model_fields]
        assert rule.per == "case" or named, f"{rule.id} is per {rule.per}, and none of its facts names one"
        assert rule.met_by, f"{rule.id} is met by nothing"
        assert {"case_withdrawn", "case_closed"} <= set(rule.ends), rule.id


@pytest.mark.all_processes
def test_every_rule_is_used_by_a_process_or_says_why_none_opens_it() -> None:
    law = load_law()
    used = {
        rule.id
        for process in ALL
        for rule in (*law.for_process(process.name), *law.used.get(process.name, ()))
        if rule.starts
    }
    for rule in law.rules.values():
        assert (rule.id in used) != bool(rule.calculation_only), (
            f"{rule.id} is opened by a fact, or says why no fact opens it"
        )
        assert rule.calculation_only is None or len(rule.calculation_only) > 20
    assert set(law.used) <= set(processes())


@pytest.mark.all_processes
def test_only_duties_that_a_process_opens_are_chased_and_only_those_of_health_and_our_team() -> None:
    law, ladder = load_law(), load_escalation_policy()
    opened = {rule.id: rule for process in ALL for rule in law.duties_of(process.name)}
    opened |= {rule.id: rule for rule in law.rules.values() if rule.starts}
    for rule_id, steps in ladder.rung.items():
        owner, _code = opened[rule_id].owned_by
        assert owner in (OwnerKind.SERVICE, OwnerKind.TEAM), f"{rule_id} is chased and lies on neither"
        for step in steps:
            assert newest(step.template).called_for == "open"
            assert newest(step.withdrawal).called_for == "always"
    facts = {kind for process in ALL for kind in process.facts}
    assert set(ladder.letter) <= facts
    assert all(newest(letter.template).called_for in {"open", "met"} for letter in ladder.letter.values())


# Walks
# ----------------------------------------------------------------------------------------------------


def begun(process: Process, at: random.Random) -> StoredFact:
    while True:
        opening = made(process, 1, process.opens, at, FIRST)
        if folded([opening]) is not None:
            return opening


def made(process: Process, seq: int, kind: str, at: random.Random, on: date) -> StoredFact:
    """A fact as the machine's present version would record it."""
    return line(seq, kind, on.isoformat(), **data_of(process, kind, at, on, stored=True))._replace(
        machine=process.version
    )


def folded(lines: list[StoredFact]) -> Any:
    try:
        return replay(CASE, lines)
    except NotPermitted:
        return None


@pytest.mark.each_process
@pytest.mark.parametrize("name", processes())
@settings(max_examples=examples(60), deadline=None)
@given(seed=st.integers(0, 2**32), length=st.integers(1, 25))
def test_random_facts_are_lawful_where_the_table_says_so_or_refused_with_a_sentence(
    name: str, seed: int, length: int
) -> None:
    process, at = processes()[name], random.Random(seed)
    lines, day = [begun(process, at)], FIRST
    for _ in range(length):
        before = replay(CASE, lines)
        day += timedelta(days=at.randrange(0, 25))
        # Half of the steps are among what is lawful, so that walks get past the beginning.
        choice = at.choice(
            kinds(process)
            if at.random() < 0.5
            else [kind for kind in process.permitted(before.state) if kind in kinds(process)] or kinds(process)
        )
        fact = made(process, len(lines) + 1, choice, at, day)
        lawful = choice in {*process.permitted(before.state), *process.out_of_order(before.state)}
        try:
            after = replay(CASE, [*lines, fact])
        except NotPermitted as refused:
            # What is said late of a case may also make an earlier fact unlawful (an appeal turns out to be
            # about
            # something else): that one is named.
            assert refused.seq == fact.seq or (lawful and any(line.seq == refused.seq for line in lines))
            assert refused.sentence.startswith(f"fact {refused.seq}, {refused.kind} of ")
            if not lawful:
                assert re.search("(Lawful|Usual) then: ", refused.sentence)
            else:
                of_items = [each.kind for each in process.items.moves] if process.items is not None else []
                assert process.facts[refused.kind].guard is not None or refused.kind in {*SHARED, *of_items}, (
                    f"{choice} is lawful at {before.state} and was refused without a guard"
                )
            assert replay(CASE, lines) == before
        else:
            assert lawful
            assert after.state == process.table.get((before.state, choice), before.state)
            lines.append(fact)
    once = replay(CASE, lines)
    assert replay(CASE, at.sample(lines, len(lines))) == once
    duties = duties_of(once.lines, book(process.name), dates_of(), once.claims.values())
    assert duties == duties_of(once.lines, book(process.name), dates_of(), once.claims.values())


@each_process
@pytest.mark.parametrize("seed", [1, 2])
def test_a_refusal_has_a_sentence_and_leaves_no_trace(process: Process, seed: int, team: Team) -> None:
    at = random.Random(f"{process.name}{seed}")
    team.case = reference_for(process)
    today = FIRST + timedelta(days=400)
    accepted = refusals = 0
    while not team.lines():
        offer(team, process, process.opens, FIRST, today, at)
    for number in range(30):
        state = replay(team.case, team.lines()).state
        known = (
            kinds(process)
            if number % 2
            else [kind for kind in process.permitted(state) if kind in kinds(process)] or kinds(process)
        )
        taken = offer(team, process, at.choice(known), FIRST + timedelta(days=number * 6), today, at)
        accepted, refusals = accepted + taken, refusals + (not taken)
    assert accepted and refusals
    assert team.verify(today.isoformat()).intact


def offer(team: Team, process: Process, kind: str, on: date, today: date, at: random.Random) -> bool:
    from casework.cases.record import record

    context = replace(team.first, settings=replace(team.first.settings, today=today))
    before = team.dump()
    try:
        record(context, team.case, [FactDraft(kind, on, data_of(process, kind, at, on, stored=False))], "dco.team")
    except Refused as refused:
        assert team.dump() == before, "what is refused changes nothing"
        assert len(refused.message) > 20
        return False
    return True
