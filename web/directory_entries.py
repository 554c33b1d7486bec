"""One entry of the directory as a form: added or changed, checked with what it would send, and then recorded."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from casework.organisations import Entry, Proposal, propose, record_entry
from casework.own_file_changes import WrongChange
from config.directory import Directory
from config.directory_forms import ADDED, NEW, SORTS, EntryError, Question, Value, questions, stored
from config.text import short_day
from web.answers import Answer, GoTo, Page
from web.asked import Asked
from web.faults import no_page
from web.forms import Field, check, fill
from web.labels import first_capital, words

MEANWHILE = "The directory was changed meanwhile. Look at it again, then send the form again."
LABELS = {
    "name": "Name",
    "also": "Other ways in which trackers write it",
    "mailbox": "Mailbox",
    "body": "Organisation code",
    "kind": "What it is in law",
    "send_lead": "Mailbox of the SEND lead",
    "service": "Service",
    "la": "For which authorities",
    "manager": "Mailbox of the manager",
    "first_day": "First day",
    "last_day": "Last day",
    "successor": "Successor",
    "role": "Role",
    "deputy": "Mailbox of the deputy",
    "dco": "Mailbox of the DCO's team",
    "executive_lead": "Mailbox of the executive lead",
}
HINTS = {
    "also": "Several, separated by commas.",
    "body": "3 to 8 capital letters and digits, for example QX105.",
    "first_day": "For example 1 4 2027.",
    "last_day": "The last day on which it is so. Nothing is deleted: the day after it, it is over.",
    "successor": "Who gets the e-mails from the day after the last one. Only with a last day.",
    "mailbox": "A mailbox that is new gets a test message first.",
}
HINTS_OF = {
    ("person", "mailbox"): "The person's own. Leave it empty for the mailbox of the role.",
    ("team", "mailbox"): "Leave it empty for the team's mailbox.",
    ("absence", "last_day"): "The last day of the absence.",
    ("absence", "first_day"): "For example 21 12 2026.",
}
CHOICES = {
    "nhs_trust": "NHS trust",
    "nhs_foundation_trust": "NHS foundation trust",
    "integrated_care_board": "integrated care board of a neighbour",
    "nhs_england": "NHS England",
    "other": "something else",
}


def form(asked: Asked) -> Answer:
    """The form of one entry, with what it says now."""
    found = _questions(asked)
    if found is None:
        return no_page(404)
    fields = _fields(asked, found, stored(asked.context.directory, asked.place["sort"], asked.place["key"]))
    return _page(asked, fields)


def change(asked: Asked) -> Answer:
    """Say what the change would do; then record it, or send the test messages to its new mailboxes."""
    found = _questions(asked)
    if found is None:
        return no_page(404)
    fields = _fields(asked, found, None)
    if not check(fields):
        return _page(asked, fields, status=400)
    values = {field.name: _value(field) for field in fields}
    entry = Entry(asked.place["sort"], asked.place["key"], values)
    try:
        if asked.form.get("base") != asked.context.directory.digest:
            raise WrongChange(MEANWHILE)
        if asked.form.get("step") != "record":
            return _page(asked, fields, propose(asked.context, entry))
        waits = record_entry(asked.context, entry, asked.account, "page")
    except (EntryError, WrongChange) as problem:
        name = problem.field if isinstance(problem, EntryError) else ""
        return _refused(asked, fields, str(problem), name)
    return GoTo(f"/organisations/mailboxes/{waits}" if waits else "/organisations?done=entry#changes")


def role_name(directory: Directory, role: str) -> str:
    """What a role is called."""
    where, _, key = role.partition(":")
    if where == "icb":
        return f"{directory.icb.name}: executive lead"
    if where.startswith("team."):
        called = directory.team.get(where.removeprefix("team."))
        return f"Our team: {called.name if called is not None else where}"
    name = directory.body_names.get(where, where)
    if key == "send_lead":
        return f"{name}: SEND lead"
    return f"{name}: manager of {directory.service_name(key.partition(':')[2])}"


def _questions(asked: Asked) -> list[Question] | None:
    sort, key = asked.place["sort"], asked.place["key"]
    if sort not in SORTS or (sort not in ADDED and key.rpartition(".")[2] == NEW):
        return None
    try:
        return questions(asked.context.directory, sort, key)
    except EntryError:
        return None


def _fields(asked: Asked, found: list[Question], known: Mapping[str, Value] | None) -> list[Field]:
    """The fields with what was typed, or with what is stored."""
    made = []
    for each in found:
        name = each.name.removeprefix("gives-")
        label = LABELS.get(name, first_capital(words(name)))
        if each.name.startswith("gives-"):
            label = "First service that it gives" if name == "service" else f"{label}: of that service"
        if not each.required:
            label += " (optional)"
        hint = HINTS_OF.get((asked.place["sort"], name), HINTS.get(name, ""))
        if name == "mailbox" and asked.place["key"].rpartition(".")[2] != NEW and asked.place["sort"] != "person":
            hint = HINTS["mailbox"]
        kinds = {"choice": "select", "text": "line"}
        field = Field(each.name, label, hint, kinds.get(each.kind, each.kind), each.required, _options(asked, each))
        if known is None:
            _fill(field, asked.form)
        else:
            _put(field, known.get(each.name))
        made.append(field)
    return made


def _options(asked: Asked, question: Question) -> list[tuple[str, str]]:
    if question.name == "role":
        return [(value, role_name(asked.context.directory, value)) for value, _text in question.options]
    return [(value, CHOICES.get(value, text)) for value, text in question.options]


def _fill(field: Field, form: Mapping[str, str]) -> None:
    if field.kind == "boxes":
        field.value = ",".join(value for value, _text in field.options if f"{field.name}-{value}" in form)
    else:
        fill(field, form)
        if field.value and field.options and field.value not in dict(field.options):
            field.error = f"Choose one of the list: {field.label[0].lower()}{field.label[1:]}"


def _put(field: Field, value: Value) -> None:
    if isinstance(value, date):
        field.value, field.parts = value.isoformat(), (str(value.day), str(value.month), str(value.year))
    elif isinstance(value, list):
        field.value = ",".join(value) if field.kind == "boxes" else ", ".join(value)
    else:
        field.value = value or ""


def _value(field: Field) -> Value:
    if field.kind == "day":
        return date.fromisoformat(field.value) if field.value else None
    if field.kind in ("list", "boxes"):
        return [each.strip() for each in field.value.split(",") if each.strip()]
    return field.value or None


def _sent(fields: list[Field]) -> dict[str, str]:
    """What the fields send again, from the page that asks whether it is right."""
    sent: dict[str, str] = {}
    for field in fields:
        if field.kind == "boxes":
            sent |= {f"{field.name}-{value}": "yes" for value in field.value.split(",") if value}
        else:
            sent |= field.sent()
    return sent


def _refused(asked: Asked, fields: list[Field], said: str, name: str) -> Page:
    """The form with an error beside the field that it names, or at the first one."""
    field = next((each for each in fields if each.name == name), fields[0])
    field.error = first_capital(said)
    return _page(asked, fields, status=400)


def _page(asked: Asked, fields: list[Field], proposal: Proposal | None = None, *, status: int = 200) -> Page:
    sort, key = asked.place["sort"], asked.place["key"]
    errors = [{"text": each.error, "href": f"#{_id(each)}"} for each in fields if each.error]
    new = key.rpartition(".")[2] == NEW
    values: dict[str, Any] = {
        "title": f"Add: {SORTS[sort].title}" if new else f"Change: {SORTS[sort].title}",
        "sort": sort,
        "key": key,
        "about": _about(asked, sort, key),
        "fields": fields,
        "hidden": _sent(fields),
        "base": asked.context.directory.digest,
        "proposal": proposal,
        "said": _said(fields, proposal.before) if proposal is not None else [],
        "errors": errors,
    }
    return Page("directory_entry.html", values, status)


def _id(field: Field) -> str:
    if field.kind == "day":
        return f"{field.name}-day"
    return f"{field.name}-{field.options[0][0]}" if field.kind == "boxes" and field.options else field.name


def _about(asked: Asked, sort: str, key: str) -> str:
    """Whose entry it is, in words."""
    directory, above = asked.context.directory, key.rpartition(".")[0]
    if sort == "provides":
        known = stored(directory, sort, key)
        service = f", {directory.service_name(str(known['service']))}" if known else ""
        return f"{directory.body_names.get(above, above)}{service}"
    if sort == "absence":
        return str(stored(directory, "person", above)["name"])
    known = stored(directory, sort, key)
    role = f", {role_name(directory, str(known['role']))}" if "role" in known else ""
    return f"{known.get('name', '')}{role}"


def _said(fields: list[Field], before: Mapping[str, Value]) -> list[tuple[str, str, str]]:
    """Each field that changes: its label, what it said, and what it will say."""
    found = []
    for field in fields:
        was, will = _words(field, before.get(field.name)), _words(field, _value(field))
        if was != will:
            found.append((field.label.removesuffix(" (optional)"), was, will))
    return found


def _words(field: Field, value: Value) -> str:
    if not value:
        return "nothing"
    if isinstance(value, date):
        return short_day(value)
    known = dict(field.options)
    return ", ".join(known.get(each, each) for each in (value if isinstance(value, list) else [value]))
