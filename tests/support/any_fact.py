"""Facts of any process, made from its models: for tests that name no process."""

from __future__ import annotations

import random
import types
from datetime import date, timedelta
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from config.local_standards import STANDARDS
from models.common_facts import CORRECTIONS, ENGINE_ONLY
from models.fields import form_of
from statemachines.process import Process

FIRST = date(2026, 2, 2)
BODIES = ("QX101", "QX900", "QX901")
BY_NAME = {
    "la": "northshire",
    "other_la": "westland",
    "service": "speech_and_language_therapy",
    "rule": None,
    "ground": None,
    "linked_to": None,
    # A local standard fills other fields by the word of one of its entries.
    **{name: next(iter(each.load(None))) for name, each in STANDARDS.items()},
}
# A birth that makes a child five, and of compulsory school age on no day of these walks.
BORN = "2022-07-21"


def kinds(process: Process) -> list[str]:
    """Return the kinds that people may record: without sendflow's own facts and without corrections."""
    return sorted(process.facts.keys() - ENGINE_ONLY - CORRECTIONS)


def data_of(process: Process, kind: str, at: random.Random, on: date, stored: bool) -> dict[str, Any]:
    """Return valid fields of a fact, permitted or not. `stored` adds the fields that sendflow calculates when it
    records.
    """
    model = process.facts[kind].model
    data: dict[str, Any] = {}
    for name, field in model.model_fields.items():
        worked_out = any(
            name in each for each in (model.ANSWERED_FROM_BIRTH_DATE, model.READING_IN_FORCE, model.FROM_SAMPLE)
        )
        if (name in model.IDENTITY_FIELDS or worked_out) and not (stored and worked_out):
            continue
        form = form_of(field)
        value = BY_NAME[name] if name in BY_NAME and not field.is_required() else _value(name, field.annotation, at, on)
        if form is not None and form.kind == "list":
            value = form.example.split(", ")
        if value is not None and (field.is_required() or at.random() < 0.5):
            data[name] = value
    if "date_of_birth" in model.IDENTITY_FIELDS and model.ANSWERED_FROM_BIRTH_DATE and not stored:
        data["date_of_birth"] = BORN
    return data


def _value(name: str, annotation: Any, at: random.Random, on: date) -> Any:  # noqa: PLR0911 (one kind of field a line)
    if BY_NAME.get(name):
        return BY_NAME[name]
    origin = get_origin(annotation)
    if origin is Annotated:
        return _value(name, get_args(annotation)[0], at, on)
    if origin in (Union, types.UnionType):
        return _value(name, next(each for each in get_args(annotation) if each is not type(None)), at, on)
    if origin is list:
        return [_value(name, get_args(annotation)[0], at, on)]
    if origin is Literal:
        return at.choice(get_args(annotation))
    if annotation is date:
        return (on + timedelta(days=at.randrange(-20, 60))).isoformat()
    if annotation is bool:
        return at.random() < 0.5
    if annotation is int:
        return at.randrange(1, 8)
    if name == "body" or name.endswith("_body"):
        return at.choice(BODIES)
    return "NX00042" if name.endswith("reference") else "words"
