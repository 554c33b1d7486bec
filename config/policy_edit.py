"""One step of the escalation policy, read from a form and put into the text of its file; comments and the rest stay.

Purpose: a team that wants a reminder a week later, or to another recipient, changes one step and sees it in words. The
changed text is read again, and is given back only if it says what was asked and nothing else.
"""

from __future__ import annotations

from datetime import date
from typing import Any, Literal, NamedTuple, get_args

import tomlkit
from pydantic import ValidationError

from config.escalation_policy import EscalationPolicyError, EscalationStep, policy_of
from config.text import counted
from config.toml_edit import edited
from models.enums import Party

NEW = "new"
UNITS = {"days": "day", "weeks": "week", "working_days": "working day"}
FROM = {
    "after_start": "after the start",
    "after_due": "after the due date",
    "after_breach": "after the breach",
    "before_due": "before the due date",
}
RECIPIENTS = ("to", "to_if_ours", "to_if_others")
# A party that one may name in a step: `owner` stands for whoever owes the duty.
PARTIES = tuple(party.value for party in Party if party is not Party.TEAM_ROLE)
FACTS = get_args(EscalationStep.model_fields["fact"].annotation)
KEYS = ("id", "called", "fact", "after", "before", *UNITS, "unless", "template", "withdrawal", *RECIPIENTS)
Value = str | int | list[str] | None


class StepError(EscalationPolicyError):
    """A step cannot be so; `field` names the question that is wrong, or is empty where it is none alone."""

    def __init__(self, message: str, field: str = "") -> None:
        """Say what is wrong, and where."""
        super().__init__(message)
        self.field = field


class StepForm(NamedTuple):
    """The answers of the form of a step. `level` is its place among the steps of its rule, from 1.

    `called` is its name for people, if it has one besides its id.
    """

    distance: int
    unit: Literal["days", "weeks", "working_days"]
    counted_from: str
    to: list[str]
    to_if_ours: list[str]
    to_if_others: list[str]
    unless: str | None
    level: int
    id: str
    fact: str
    template: str
    called: str | None = None


def form_of(step: EscalationStep) -> StepForm:
    """The answers that a step gives now."""
    unit = next(unit for unit in UNITS if getattr(step, unit) is not None)
    return StepForm(
        distance=getattr(step, unit),
        unit=unit,  # type: ignore[arg-type]  # one of the three
        counted_from=f"after_{step.after}" if step.after is not None else f"before_{step.before}",
        to=[str(party) for party in step.to],
        to_if_ours=[str(party) for party in step.to_if_ours],
        to_if_others=[str(party) for party in step.to_if_others],
        unless=step.unless,
        level=step.rank,
        id=step.id,
        fact=step.fact,
        template=step.template,
        called=step.called,
    )


def when(step: EscalationStep) -> str:
    """When a step is due, in words."""
    form = form_of(step)
    return f"{counted(form.distance, UNITS[form.unit])} {FROM[form.counted_from]}"


def with_step(text: str, rule: str, step: str, answers: StepForm | None, on: date) -> str:
    """The text with a step of a rule changed, added (`new`) or left out (None), decided on a day.

    Raises StepError, which names the question, also where the file would have to be changed by hand.
    """
    before = policy_of(text).steps(rule)
    known = {each.id for each in before}
    if step != NEW and step not in known:
        raise StepError("there is no such step in this rule")
    if answers is not None:
        if step == NEW and answers.id in known:
            raise StepError("the rule has a step of that name: expected another one", "id")
        _validate(answers)
    made = edited(text, lambda content: _put(content, rule, step, answers, on), StepError)
    try:
        policy_of(made)
    except EscalationPolicyError as problem:
        raise StepError(str(problem).removeprefix("ladder.toml: ")) from None
    return made


def _content(answers: StepForm) -> dict[str, Value]:
    place, _, day = answers.counted_from.partition("_")
    found: dict[str, Value] = {"id": answers.id, "called": answers.called, "fact": answers.fact}
    found |= {place: day, answers.unit: answers.distance}
    found |= {"unless": answers.unless, "template": answers.template, "to": answers.to}
    found |= {"to_if_ours": answers.to_if_ours, "to_if_others": answers.to_if_others}
    return {name: value for name, value in found.items() if value not in (None, [], "")}


def _validate(answers: StepForm) -> None:
    if answers.counted_from not in FROM:
        raise StepError("choose from which day it counts", "counted_from")
    if unknown := [each for name in RECIPIENTS for each in getattr(answers, name) if each not in PARTIES]:
        raise StepError(f"{unknown[0]} gets no e-mails: expected some of {', '.join(PARTIES)}", "to")
    try:
        EscalationStep.model_validate(_content(answers))
    except ValidationError as problem:
        first = problem.errors(include_url=False, include_input=False)[0]
        field = str(first["loc"][0]) if first["loc"] else "counted_from"
        field = "distance" if field in UNITS else "counted_from" if field in ("after", "before") else field
        said = "choose at least one recipient" if field == "to" else str(first["msg"]).removeprefix("Value error, ")
        raise StepError(said, field) from None


def _put(content: Any, rule: str, step: str, answers: StepForm | None, on: date) -> None:
    """Put the step into the document, or into its plain content."""
    plain = not isinstance(content, tomlkit.TOMLDocument)
    content["decided_on"] = on
    rules = content.setdefault("rung", {} if plain else tomlkit.table(is_super_table=True))
    if rule not in rules:
        rules[rule] = [] if plain else tomlkit.aot()
    steps = rules[rule]
    number = next((place for place, each in enumerate(steps) if each["id"] == step), len(steps))
    if answers is None:
        del steps[number]
        if not len(steps):
            del rules[rule]
        return
    table: Any = steps[number] if number < len(steps) else ({} if plain else tomlkit.table())
    made = _content(answers)
    for key in KEYS:
        if key in table and key not in made and key != "withdrawal":
            del table[key]
    for key, value in made.items():
        if table.get(key) != value:
            table[key] = value
    level = min(max(answers.level, 1), max(len(steps), 1) if number < len(steps) else len(steps) + 1)
    if number == len(steps):
        steps.insert(level - 1, table)
    elif level - 1 != number:
        moved = table if plain else table.copy()
        del steps[number]
        steps.insert(level - 1, moved)
