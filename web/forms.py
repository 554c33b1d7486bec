"""A fact's form, made from the fact's own model: a new process gets pages without new code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from casework.cases.standards import standards_of
from casework.context import AppContext
from casework.reports.case_models import CaseReport
from casework.reports.recordable import FieldForm
from casework.reports.registers.answers import reusable_answers
from casework.reports.registers.shape import Wanted
from config.directory_entries import Body
from config.local_standards import STANDARDS
from config.text import full_day
from models.fields import in_pounds
from web.labels import field as name_of_field
from web.labels import first_capital, words

LABELS = {
    "la": "Local authority",
    "la_reference": "The authority's reference",
    "linked_to": "A case of the same child",
    "nhs_number": "NHS number",
    "date_of_birth": "Date of birth",
    "body": "Organisation",
    "service": "Service",
    "ground": "Ground in the regulations",
    "rule": "Which duty",
    "claim": "Number of the claim",
    "began_on": "First day",
    "ended_on": "Last day",
    "look_again_on": "Day to look at it again",
    "until": "Until and including",
    "redirected_to": "Redirected to",
    "weeks": "How many weeks",
    "with_whom": "With whom",
    "agreed": "What was agreed",
    "agreed_by": "By when",
    "occurred_on": "Day on which it happened",
    "evidence": "Evidence, in words",
    "reason": "Reason",
    "note": "Note",
}
KIND_HINTS = {
    "money": "In pounds, for example 12.50",
    "list": "Several, separated by commas",
    "case": "The reference of a case, for example NX00042",
    "fact": "A case and the number of its fact, for example NX00042/3",
}
HINTS = {
    "nhs_number": "It is encrypted, and in no page until somebody asks with a purpose.",
    "date_of_birth": "It is encrypted. sendflow stores only what the law asks of it.",
    "la_reference": "For example NS-04412. Never a name.",
    "linked_to": "For example NX00042. Needed only if the NHS number is not given.",
}
CONFIDENTIAL = "Confidential words: encrypted, and shown only to who gives a purpose."
PARTS = ("day", "month", "year")
OPTIONAL = " (optional)"


@dataclass
class Field:
    """One question of a form. `value` is what was typed; a day has its three parts in `parts`, and may have a `latest`
    day that it can be.
    """

    name: str
    label: str
    hint: str
    kind: str
    required: bool
    options: Sequence[tuple[str, str]] = ()
    value: str = ""
    parts: tuple[str, str, str] = ("", "", "")
    error: str = ""
    latest: date | None = None

    def given(self) -> str:
        """What was answered, as a fact takes it: an amount on a page is in pounds, with or without the sign."""
        return f"£{self.value.removeprefix('£')}" if self.kind == "money" and self.value else self.value

    def sent(self) -> dict[str, str]:
        """What a form sends for it."""
        if self.kind == "day":
            return {f"{self.name}-{part}": value for part, value in zip(PARTS, self.parts, strict=True)}
        return {self.name: self.value}


def fields_for(
    context: AppContext, forms: Sequence[FieldForm], found: CaseReport | None, form: Mapping[str, str]
) -> list[Field]:
    """The questions for a fact, with what was typed."""
    made = []
    for each in forms:
        options = _options(context, each, found)
        kind: str = "select" if options and len(options) > 6 else "choice" if options else each.kind
        kind = "text" if each.encrypted else kind
        hint = CONFIDENTIAL if each.encrypted else HINTS.get(each.name, KIND_HINTS.get(each.kind, ""))
        label = LABELS.get(each.name, first_capital(name_of_field(each.name)))
        field = Field(each.name, label if each.required else label + OPTIONAL, hint, kind, each.required, options)
        fill(field, form)
        made.append(field)
    return made


def day_field(
    name: str, label: str, hint: str, form: Mapping[str, str], default: date | None = None, latest: date | None = None
) -> Field:
    """The question for a day, with today's date if nothing was typed."""
    field = Field(name, label, hint, "day", True, latest=latest)
    fill(field, form)
    if default is not None and not any(f"{name}-{part}" in form for part in PARTS):
        field.parts = (str(default.day), str(default.month), str(default.year))
        field.value = default.isoformat()
    return field


def fill(field: Field, form: Mapping[str, str]) -> None:
    """Put in what was typed. A day that is none stays as it was typed, with an error."""
    if field.kind != "day":
        field.value = form.get(field.name, "").strip()
        return
    first, second, third = (form.get(f"{field.name}-{part}", "").strip() for part in PARTS)
    field.parts = (first, second, third)
    if any(field.parts):
        try:
            field.value = date(int(third), int(second), int(first)).isoformat()
        except ValueError:
            field.error = f"{field.label}: enter a real day, for example 14 4 2026"


def as_typed(kind: str, value: Any) -> str:
    """A stored value as a person types it: an amount in pounds, a list with commas."""
    if value is None:
        return ""
    if kind == "money":
        return in_pounds(int(value)).removeprefix("£")
    return ", ".join(value) if isinstance(value, list) else str(value)


def put(field: Field, value: Any) -> None:
    """Put in a value that is stored."""
    field.value = as_typed(field.kind, value)
    if field.kind == "day" and field.value:
        day = date.fromisoformat(field.value)
        field.parts = (str(day.day), str(day.month), str(day.year))


def prefill(fields: Sequence[Field], found: CaseReport, form: Mapping[str, str]) -> None:
    """Answer what the case answers: by the claim that is decided, else the one body and service that owe something."""
    claim = next((fact for fact in found.facts if str(fact.seq) == form.get("claim")), None)
    owed = [duty for duty in found.duties if duty.body and duty.met_on is None and duty.ended_on is None]
    for field in fields:
        if field.name in form or f"{field.name}-day" in form:
            continue
        if claim is not None:
            known = {claim.data.get(field.name)}
        elif field.name in ("body", "service"):
            known = {duty.body if field.name == "body" else duty.service for duty in owed}
        else:
            continue
        only = next(iter(known), None) if len(known) == 1 else None
        if only is not None and field.name not in ("evidence", "reason", "note"):
            put(field, only)


def check(fields: Sequence[Field]) -> bool:
    """Mark what is missing. Whether every question is answered in its form."""
    return not [field for field in fields if not check_one(field)]


def check_one(field: Field) -> bool:
    """Mark a question that has to be answered and is not. Whether it is answered in its form."""
    if field.required and not field.value and not field.error:
        verb = "choose" if field.kind in ("choice", "select", "boxes") else "enter"
        field.error = f"{field.label}: {verb} an answer"
    if field.latest is not None and not field.error and field.value > field.latest.isoformat():
        field.error = f"{field.label}: enter a day that has come, {full_day(field.latest)} at the latest"
    return not field.error


def _options(context: AppContext, form: FieldForm, found: CaseReport | None) -> list[tuple[str, str]]:
    if form.kind == "choice":
        return [(choice, words(choice)) for choice in form.choices]
    if form.kind == "yes_no":
        return [("true", "Yes"), ("false", "No")]
    directory, name = context.directory, form.name
    options: list[tuple[str, str]] = []
    if name in ("la", "new_la", "other_la"):
        options = [(la, each.name) for la, each in directory.la.items()]
    elif name in ("body", "redirected_to", "to_body", "passed_to"):
        options = _asked_first(found, "body", [(each.body, _with_last_day(each)) for each in directory.bodies])
    elif name in ("service", "to_service"):
        options = _asked_first(found, "service", [(slug, each.name) for slug, each in directory.service.items()])
    elif name == "ground":
        options = [(ground, each.meaning) for ground, each in context.law.grounds.items()]
    elif name == "reused_answer":
        rows = reusable_answers(context, Wanted.of(context.today())).rows
        options = [(row.wording, f"{row.title} ({row.wording})") for row in rows]
    elif name in STANDARDS:
        options = [(word, each.name) for word, each in standards_of(context, name).items()]
    elif name == "rule" and found is not None:
        options = [(duty.rule, context.law.rules[duty.rule].action) for duty in found.duties]
    elif name == "claim" and found is not None:
        options = [(str(seq), f"Fact {seq}") for seq in found.claims_to_decide]
    return list(dict(options).items())


def _with_last_day(body: Body) -> str:
    return body.name if body.last_day is None else f"{body.name} (until {full_day(body.last_day)})"


def _asked_first(found: CaseReport | None, key: str, options: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Those that the case has named before come first."""
    named = {fact.data.get(key) for fact in found.facts} if found is not None else set()
    return sorted(options, key=lambda option: option[0] not in named)
