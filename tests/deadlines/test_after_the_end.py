"""A duty that begins after its ground has ended for good is owed by nobody: what is recorded then opens nothing."""

import pytest

from config.law import load_law
from statemachines.registry import processes

# What ends the ground of a process for good, though its case stays open: no fact leads back from there.
FOR_GOOD = {
    "transition": ("handover_completed", "transition_ended"),
    "register_entry": ("register_entry_ended",),
    "continuing_care": ("adult_package_started",),
    "package": ("package_ended",),
    "learning_disability_check": ("ld_check_ended",),
    "local_offer_review": ("local_offer_reviewed",),
    "looked_after_health": ("ceased_to_be_looked_after",),
}


@pytest.mark.parametrize("name", FOR_GOOD)
def test_no_fact_leads_back_from_the_end(name: str) -> None:
    process = processes()[name]
    ended = {target for (_state, kind), target in process.table.items() if kind in FOR_GOOD[name]}
    back = {(state, kind): to for (state, kind), to in process.table.items() if state in ended}
    assert ended and all(to in ended | process.final for to in back.values())


@pytest.mark.parametrize("name", FOR_GOOD)
def test_what_the_end_ends_does_not_begin_after_it(name: str) -> None:
    openings = processes()[name].openings
    rules = [rule for rule in load_law().duties_of(name) if rule.starts and not set(rule.starts) <= openings]
    ended = {(rule.id, end) for rule in rules for end in FOR_GOOD[name] if end in rule.ends}
    assert ended
    assert {(rule, end) for rule, end in ended if end not in load_law().rules[rule].not_after} == set()
