"""What the directory, the tracker's columns, the local standards, the demo cases, reactions and letters name."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from casework.rules.checks.problem import Known, Problem, Source
from casework.rules.checks.statute import HELP, facts_of
from config.tracker_columns import KNOWN as COLUMNS
from notifications.letter_fields import FIELD_NAMES
from notifications.render import Template, fields_used
from statemachines.process import Process

IMPORTED = "ehc_needs_assessment"  # the process whose cases an import opens


def directory_problems(source: Source) -> Iterator[Problem]:
    """The services and local authorities that a body provides for, and no table of the file has."""
    shown = "`sendflow bodies` shows the directory in force."
    services = Known(frozenset(source.tables.get("service", ())), "which is no [service.…] of this file", shown)
    authorities = Known(frozenset(source.tables.get("la", ())), "which is no [la.…] of this file", shown)
    number = 0
    for body in source.tables.get("body", ()):
        for given in body.get("provides", ()):
            yield from source.unknown("body.provides", "service", given.get("service"), services, number)
            yield from source.unknown("body.provides", "la", given.get("la"), authorities, number)
            number += 1


def tracker_problems(source: Source, processes: Mapping[str, Process]) -> Iterator[Problem]:
    """The columns of a tracker that nothing reads, and the facts that no import can record."""
    read = Known(COLUMNS, "which is no column that sendflow reads", f"Expected one of: {', '.join(sorted(COLUMNS))}.")
    facts = facts_of(processes[IMPORTED])
    for name, column in source.tables.get("column", {}).items():
        yield from source.unknown(f"column.{name}", name, name, read)
        yield from source.unknown(f"column.{name}", "fact", column.get("fact"), facts)
    yield from source.unknown("answers", "fact", source.tables.get("answers", {}).get("fact"), facts)


def demo_problems(source: Source, processes: Mapping[str, Process]) -> Iterator[Problem]:
    """The facts of demo cases."""
    facts = Known(frozenset(kind for each in processes.values() for kind in each.facts), "which is no fact", HELP)
    for number, act in enumerate(source.tables.get("act", ())):
        yield from source.unknown("act", "fact", act.get("fact"), facts, number)


def reaction_problems(process: Process, processes: Mapping[str, Process], rules: Known) -> Iterator[Problem]:
    """The processes and facts to which a process reacts, the fields that it copies, and the rules that it reads."""
    names = Known(frozenset(processes), "which is no process", "`sendflow processes` lists the processes.")
    file = f"statemachines/{process.name}.py"
    for reaction in process.reactions:
        table = f"reaction that records {reaction.records}"
        if reaction.process not in processes:
            yield _in_code(file, table, "process", reaction.process, names)
            continue
        other = processes[reaction.process]
        if reaction.kind not in other.facts:
            yield _in_code(file, table, "kind", reaction.kind, facts_of(other))
        fields = Known(
            frozenset(process.facts[reaction.records].model.model_fields),
            f"which is no field of {reaction.records}",
            HELP,
        )
        copied = reaction.fields
        opening_day = () if copied.opening_day is None else (copied.opening_day,)
        for field in (*copied.renamed.values(), *copied.constants, *copied.from_opening.values(), *opening_day):
            if field not in fields.words:
                yield _in_code(file, table, "fields", field, fields)
    for kind, fact in process.facts.items():
        within = [rule for rule, _field in fact.model.WITHIN_PERIOD.values()]
        answered = [how.rpartition(":")[2] for how in fact.model.ANSWERED_FROM_BIRTH_DATE.values() if ":" in how]
        answered = [rule for rule in answered if rule not in fact.model.model_fields]  # a day of the fact itself
        for rule in (*fact.model.READING_IN_FORCE.values(), *within, *answered):
            if rule not in rules.words:
                yield _in_code(file, kind, "rule", rule, rules)


def letter_problems(name: str, cites: tuple[str, ...], source: Path, rules: Known) -> Iterator[Problem]:
    """The rules that a letter cites."""
    for rule in cites:
        if rule not in rules.words:
            text = source.read_text("utf-8").splitlines()
            line = next((number for number, each in enumerate(text, 1) if f'"{rule}"' in each), 0)
            yield Problem(
                f"templates/{source.name}", line, name, "cites", rule, rules.why, rules.nearest(rule), rules.help
            )


FIELDS = Known(
    FIELD_NAMES,
    "which no letter about a duty has",
    "notifications/letter_fields.py says what a letter may use.",
)


def letter_field_problems(template: Template, source: Path) -> Iterator[Problem]:
    """The fields that a letter about a duty uses, and that no such letter has: it could not be written."""
    for field, part in fields_used(template).items():
        if field not in FIELDS.words:
            text = source.read_text("utf-8").splitlines()
            line = next((number for number, each in enumerate(text, 1) if re.search(rf"\b{field}\b", each)), 0)
            where = (f"templates/{source.name}", line, template.id, part, field)
            yield Problem(*where, FIELDS.why, FIELDS.nearest(field), FIELDS.help)


def _in_code(file: str, table: str, key: str, word: str, known: Known) -> Problem:
    return Problem(file, 0, table, key, word, known.why, known.nearest(word), known.help)
