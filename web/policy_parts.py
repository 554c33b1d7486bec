"""A part of the escalation policy besides its steps: a form, what it would change, and then it is recorded."""

from __future__ import annotations

from typing import Any

from casework.cases.fact_form import Refused
from casework.own_file_changes import WrongChange
from casework.policy_changes import PartChange, Proposed, parts_of, propose_part, record_part
from config.policy_edit import PARTIES
from config.policy_parts import GRACE_DAYS, LETTER, QUIET, PartValues
from config.toml_reader import ConfigFault
from web import labels
from web.answers import Answer, GoTo, Page
from web.asked import Asked
from web.faults import no_page
from web.forms import Field, check_one
from web.policy import LABELS, ensure_as_seen, filled, is_known, note_error, shared_values
from web.policy_words import ANSWERS, in_words, title_of

NUMBERS = {
    QUIET: "For how many working days no step falls due after that",
    GRACE_DAYS: "How many working days letters wait",
}


def form(asked: Asked) -> Answer:
    """The form of one part, with what it says now."""
    values = parts_of(asked.context).get(asked.place["part"])
    return _page(asked, _fields(asked, values, True)) if values is not None else no_page(404)


def change(asked: Asked) -> Answer:
    """Say what the change would do; then record it, or that this person asked for it."""
    now = parts_of(asked.context).get(asked.place["part"])
    if now is None:
        return no_page(404)
    fields = _fields(asked, now, False)
    well = [check_one(field) and is_known(field) for field in fields]
    if not all(well):
        return _page(asked, fields, status=400)
    part = PartChange(asked.place["part"], {field.name: _value(field) for field in fields})
    try:
        ensure_as_seen(asked)
        if asked.form.get("step") != "record":
            return _page(asked, fields, propose_part(asked.context, part))
        record_part(asked.context, part, asked.account, "page")
    except Refused as refused:
        return _page(asked, fields, error=refused.message, status=409)
    except (WrongChange, ConfigFault) as problem:
        note_error(fields, problem)
        return _page(asked, fields, status=400)
    return GoTo("/policy?done=part")


def _fields(asked: Asked, now: PartValues, stored: bool) -> list[Field]:
    parties = [(party, labels.first_capital(labels.person(party))) for party in PARTIES]
    made: list[Field] = []
    for name, value in now.items():
        if isinstance(value, list):
            needed = name == "to" and asked.place["part"].startswith(LETTER)
            label = LABELS[name] if needed or name != "to" else "Who gets it besides those who got an e-mail about it"
            field = Field(name, label, "", "boxes", needed, parties, ",".join(value))
        elif isinstance(value, bool):
            field = Field(name, "What it means", "", "select", True, ANSWERS, "yes" if value else "no")
        else:
            field = Field(name, NUMBERS[name], "0 to 20.", "number", True, value=str(value))
        if not stored:
            filled(field, asked.form)
        made.append(field)
    return made


def _value(field: Field) -> list[str] | bool | int:
    if field.kind == "boxes":
        return [each for each in field.value.split(",") if each]
    return field.value == "yes" if field.kind == "select" else int(field.value)


def _page(
    asked: Asked, fields: list[Field], proposal: Proposed | None = None, *, error: str = "", status: int = 200
) -> Page:
    part = asked.place["part"]
    values: dict[str, Any] = {"title": title_of(asked.context, part), "part": part, "sort": part.partition(".")[0]}
    values |= {"now": in_words(parts_of(asked.context)[part])} | shared_values(asked, fields, proposal, error)
    values |= {"then": in_words({field.name: _value(field) for field in fields}) if proposal is not None else ""}
    return Page("policy_part.html", values, status)
