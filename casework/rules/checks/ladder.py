"""The rules, steps, facts, parties and letters that the escalation policy names; the rules that letters cite."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from casework.rules.checks.problem import Known, Problem, Source
from casework.rules.checks.statute import HELP
from config.law import Law
from models.enums import Party
from models.owner import OwnerKind

if TYPE_CHECKING:  # the library of state machines is slow to import
    from statemachines.process import Process

RULE_HELP = "`sendflow rules` lists the rules."
PARTIES = Known(
    frozenset(party.value for party in Party),
    "to whom sendflow writes no letter",
    f"Expected one of: {', '.join(party.value for party in Party)}.",
)
OWNER_ONLY = Known(
    frozenset({Party.OWNER.value}),
    "to whom nothing about a restricted case goes",
    "Expected owner: the role of our team that owes the duty, at its own mailbox.",
)
NOBODY = Known(
    frozenset(),
    "to whom nothing about a restricted case goes",
    'Expected no step, or a rule that a role of our team owes, for example owner = "team:safeguarding".',
)
STEP_FACTS = Known(
    frozenset({"reminder_due", "breached", "escalation_due"}),
    "which is no fact of a step",
    "Expected one of: reminder_due, breached, escalation_due.",
)


def rules_of(law: Law) -> Known:
    """Every rule of the statute files."""
    return Known(frozenset(law.rules), "which is no rule of the statute files", RULE_HELP)


def letters_of(names: frozenset[str]) -> Known:
    """Every letter that has a template."""
    return Known(names, "which is no letter", "Letters are in notifications/templates.")


def ladder_problems(source: Source, rules: Known, letters: Known) -> Iterator[Problem]:
    """The rules, letters and parties that one file of the escalation policy names and that do not exist."""
    for rule_id, steps in _tables(source, "rung"):
        table = f"rung.{rule_id}"
        yield from source.unknown(table, rule_id, rule_id, rules)
        for number, step in enumerate(steps if isinstance(steps, list) else []):
            for key, known in (("fact", STEP_FACTS), ("template", letters), ("withdrawal", letters)):
                yield from source.unknown(table, key, step.get(key), known, number)
            yield from _parties(source, table, step, number)
    for kind, letter in _tables(source, "letter"):
        table, of_rules = f"letter.{kind}", letter.get("template_for") or {}
        yield from source.unknown(table, "template", letter.get("template"), letters)
        yield from source.unknown(f"{table}.template_for", "template_for", list(of_rules), rules)
        yield from source.unknown(f"{table}.template_for", "template_for", list(of_rules.values()), letters)
        yield from _parties(source, table, letter)
    for rule_id, end in _tables(source, "ended"):
        table = f"ended.{rule_id}"
        yield from source.unknown(table, rule_id, rule_id, rules)
        for key in ("template", "again"):
            yield from source.unknown(table, key, end.get(key), letters)
        yield from _parties(source, table, end)


def ladder_fact_problems(source: Source, law: Law, processes: Mapping[str, Process]) -> Iterator[Problem]:
    """The facts that one file names and no process has, and the rules of which no step can ever fall due."""
    facts = Known(frozenset(kind for each in processes.values() for kind in each.facts), "which is no fact", HELP)
    opened = {rule.id for name in processes for rule in law.duties_of(name)}
    never = {rule.id for rule in law.rules.values() if rule.calculation_only} - opened
    falls_due = Known(
        _named_rules(source) - never, "which is a rule that no fact opens, so that no step of it falls due", RULE_HELP
    )
    for name in ("rung", "ended"):
        for rule_id, _each in _tables(source, name):
            yield from source.unknown(f"{name}.{rule_id}", rule_id, rule_id, falls_due)
    for kind, _letter in _tables(source, "letter"):
        yield from source.unknown(f"letter.{kind}", kind, kind, facts)
    for rule_id, end in _tables(source, "ended"):
        yield from source.unknown(f"ended.{rule_id}", "unless_by", end.get("unless_by"), facts)


def restricted_problems(source: Source, law: Law, restricted: Collection[str]) -> Iterator[Problem]:
    """The letters of a restricted process that would go to others than the role of our team that owes the duty."""
    for name in ("rung", "ended"):
        for rule_id, each in _tables(source, name):
            rule = law.rules.get(rule_id)
            if rule is not None and rule.process in restricted:
                steps = each if isinstance(each, list) else [each]
                known = OWNER_ONLY if rule.owned_by[0] is OwnerKind.TEAM and rule.owned_by[1] else NOBODY
                for number, step in enumerate(steps):
                    yield from _parties(source, f"{name}.{rule_id}", step, number, known)


def _named_rules(source: Source) -> frozenset[str]:
    return frozenset(rule_id for name in ("rung", "ended") for rule_id, _each in _tables(source, name))


def _parties(
    source: Source, table: str, addressed: Mapping[str, Any], number: int = 0, known: Known = PARTIES
) -> Iterator[Problem]:
    for key in ("to", "to_if_ours", "to_if_others"):
        yield from source.unknown(table, key, addressed.get(key), known, number)


def _tables(source: Source, name: str) -> Iterator[tuple[str, Any]]:
    tables = source.tables.get(name)
    if isinstance(tables, Mapping):
        yield from tables.items()
