"""Asks for a fact and its fields in turn, at a terminal. What identifies a child is typed unseen."""

from __future__ import annotations

from datetime import date
from getpass import getpass
from typing import TYPE_CHECKING, NamedTuple

import typer

if TYPE_CHECKING:
    from casework.reports.recordable import FieldForm, Recordable, RecordableFact

EXPECTED = {"day": "a day, as 2026-03-02", "yes_no": "true or false", "number": "a number", "words": "words"}
EXPECTED |= {"money": "an amount", "list": "several, separated by commas", "fact": "a case and the number of its fact"}


class Answers(NamedTuple):
    """What a person answered: the fact, its day, the account that records it, and its fields as key=value."""

    kind: str
    on: str
    actor: str
    pairs: list[str]


def listed(found: Recordable) -> str:
    """List the facts with their fields, the usual ones first."""
    head = (
        f"Case {found.case_ref}, {found.process}, is at '{found.state}'. It accepts:"
        if found.case_ref
        else "A case is opened by:"
    )
    lines, group = [head], None
    for fact in found.facts:
        if fact.group != group:
            group = fact.group
            lines.append(f"{group[0].upper()}{group[1:]}")
        lines.append(f"  {fact.kind}{_what_it_does(fact)}")
        if fact.fields:
            lines.append(f"      fields: {', '.join(_field(field) for field in fact.fields)}")
    target = found.case_ref or "new"
    lines.append(f"To record one: sendflow record {target} FACT --on DAY --actor WHO --data FIELD=VALUE")
    return "\n".join(lines)


def _what_it_does(fact: RecordableFact) -> str:
    parts = [f"meets: {'; '.join(fact.meets)}"] if fact.meets else []
    if fact.leads_to is not None:
        parts.append(f"leads to '{fact.leads_to}'")
    return f" ({', '.join(parts)})" if parts else ""


def _field(field: FieldForm) -> str:
    return field.name if field.required else f"[{field.name}]"


def ask(found: Recordable) -> Answers | None:
    """Ask for a fact, its day, who records it and each field. None if no fact is chosen."""
    kinds = {fact.kind: fact for fact in found.facts}
    chosen = typer.prompt("Fact (nothing to stop)", default="", show_default=False).strip()
    while chosen and chosen not in kinds:
        chosen = typer.prompt("That is not in the list. Fact (nothing to stop)", default="", show_default=False).strip()
    if not chosen:
        return None
    on = typer.prompt("Day on which it happened", default=date.today().isoformat()).strip()  # noqa: DTZ011
    pairs = [f"{field.name}={value}" for field in kinds[chosen].fields if (value := _answer(field))]
    actor = typer.prompt("Account name of who records it, such as dco.team").strip()
    return Answers(chosen, on, actor, pairs)


def _answer(field: FieldForm) -> str:
    expected = " or ".join(field.choices) if field.choices else EXPECTED.get(field.kind, "words")
    example = f", for example {field.example}" if field.example and field.example != "-" else ""
    text = f"{field.name}: {expected}{example}{'' if field.required else ' (nothing to leave out)'}"
    while True:
        if field.hidden:
            value = getpass(f"{text} (not shown): ").strip()
        else:
            value = typer.prompt(text, default="", show_default=False).strip()
        if value or not field.required:
            return value
