"""The entries of the directory as forms, made from its own models, and the text with one entry added or changed.

Purpose: a new field of an entry is a new question, without other code. Comments, order and every other entry of the
file stay: the changed text is read again, and is given back only if it says what was asked and nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import Any, Literal, NamedTuple, get_args, get_origin

import tomlkit
from pydantic import AfterValidator, BaseModel, ValidationError
from tomlkit.items import AoT, Table

from config.directory import Directory, DirectoryError, directory_of
from config.directory_entries import (
    Absence,
    Authority,
    Called,
    Icb,
    Person,
    Provider,
    Provides,
    TeamRole,
    checked_mailbox,
)
from config.toml_edit import edited

NEW = "new"
Kind = Literal["text", "mailbox", "day", "list", "choice", "boxes"]
Value = str | date | list[str] | None


class Sort(NamedTuple):
    """One sort of entry: what it is called, its model, and the fields that are set once or never by a form."""

    title: str
    model: type[BaseModel]
    fixed: frozenset[str] = frozenset()
    left_out: frozenset[str] = frozenset()


SORTS: Mapping[str, Sort] = {
    "la": Sort("local authority", Authority),
    "service": Sort("service", Called),
    "team": Sort("role of our team", TeamRole),
    "body": Sort("organisation", Provider, frozenset({"body"}), frozenset({"role", "letters", "provides"})),
    "provides": Sort("service of an organisation", Provides, frozenset({"service"})),
    "person": Sort("person in a role", Person, frozenset({"role"}), frozenset({"absence"})),
    "absence": Sort("absence of a person", Absence),
    "icb": Sort("our board", Icb, frozenset({"body"}), frozenset({"letters"})),
}
ADDED = ("la", "service", "team", "body", "provides", "person", "absence")


class Question(NamedTuple):
    """One field of an entry: its name in the file, its kind, whether it has to be answered, and the known answers."""

    name: str
    kind: Kind
    required: bool
    options: tuple[tuple[str, str], ...] = ()


class EntryError(DirectoryError):
    """An entry cannot be so; `field` names the question that is wrong, or is empty where it is none alone."""

    def __init__(self, message: str, field: str = "") -> None:
        """Say what is wrong, and where."""
        super().__init__(message)
        self.field = field


def questions(directory: Directory, sort: str, key: str) -> list[Question]:
    """The questions of an entry; a new one has those that are set once too. Raises EntryError for an unknown entry."""
    new = _is_new(key)
    found = SORTS[sort]
    _entry(directory, sort, key)
    names = [
        name for name in found.model.model_fields if name not in found.left_out and (new or name not in found.fixed)
    ]
    asked = [_question(directory, found.model, name) for name in names]
    if sort == "body" and new:
        given = [_question(directory, Provides, name) for name in ("service", "la", "mailbox", "manager")]
        asked += [each._replace(name=f"gives-{each.name}", required=False) for each in given]
    return asked


def stored(directory: Directory, sort: str, key: str) -> dict[str, Value]:
    """What an entry says, by the names of its fields; empty for a new one. Raises EntryError for an unknown entry."""
    entry = _entry(directory, sort, key)
    if entry is None:
        return {}
    found: dict[str, Value] = {}
    for name in SORTS[sort].model.model_fields:
        value = getattr(entry, name)
        if name not in SORTS[sort].left_out:
            found[name] = list(value) if isinstance(value, tuple) else value
    return found


def with_entry(text: str, sort: str, key: str, values: Mapping[str, Value]) -> str:
    """The text with an entry added or changed; a value of None or an empty list takes a value away.

    Raises EntryError, which names the question, also where the file would have to be changed by hand.
    """
    directory = directory_of(text)
    if sort not in SORTS:
        raise EntryError("there is no such sort of entry")
    allowed = {each.name for each in questions(directory, sort, key)}
    given = {name: value for name, value in values.items() if name in allowed}
    _check(directory, sort, key, given)
    made = edited(text, lambda content: _put(content, sort, key, given), EntryError)
    try:
        directory_of(made)
    except DirectoryError as problem:
        raise EntryError(_short(str(problem))) from None
    return made


def slug_of(name: str) -> str:
    """The word of a new entry, from its name."""
    return re.sub(r"[^a-z0-9]+", "_", name.casefold()).strip("_")[:40]


def _is_new(key: str) -> bool:
    return key.rpartition(".")[2] == NEW


def _short(message: str) -> str:
    """A reader's message without the name of the file and the pointer to an example."""
    return message.removeprefix("directory.toml: ").removeprefix("the file: ").partition(". config/directory")[0]


def _question(directory: Directory, model: type[BaseModel], name: str) -> Question:
    field = model.model_fields[name]
    options = _options(directory, model, name)
    kind: Kind = "text"
    if any(isinstance(each, AfterValidator) and each.func is checked_mailbox for each in _metadata(field)):
        kind = "mailbox"
    elif date in (field.annotation, *get_args(field.annotation)):
        kind = "day"
    elif name == "la":
        kind = "boxes"
    elif options:
        kind = "choice"
    elif get_origin(field.annotation) is tuple:
        kind = "list"
    return Question(name, kind, field.is_required(), options)


def _metadata(field: Any) -> list[Any]:
    """What is said of a value, also where the value may be missing."""
    inner = [each for part in get_args(field.annotation) for each in getattr(part, "__metadata__", ())]
    return [*field.metadata, *inner]


def _options(directory: Directory, model: type[BaseModel], name: str) -> tuple[tuple[str, str], ...]:
    if name == "la":
        return tuple((la, each.name) for la, each in directory.la.items())
    if name == "service":
        return tuple((service, each.name) for service, each in directory.service.items())
    if name == "successor":
        return tuple((each.body, each.name) for each in directory.bodies)
    if name == "role":
        return tuple((role, role) for role in directory.roles)
    literals = [
        each
        for part in (model.model_fields[name].annotation, *get_args(model.model_fields[name].annotation))
        if get_origin(part) is Literal
        for each in get_args(part)
    ]
    return tuple((word, word) for word in literals)


def _entry(directory: Directory, sort: str, key: str) -> BaseModel | None:
    """The entry of a key; None for a new one. Raises EntryError for an unknown entry, or a part of one."""
    above, _, last = key.rpartition(".")
    new = last == NEW
    found: BaseModel | None = None
    if sort in ("la", "service", "team"):
        found = getattr(directory, sort).get(key)
    elif sort == "icb":
        found = directory.icb if key == "icb" else None
        new = False
    elif sort == "person":
        found = _numbered(directory.person, key)
    elif sort == "body":
        found = next((each for each in directory.body_ if each.body == key), None)
    else:
        parent = (
            next((each for each in directory.body_ if each.body == above), None)
            if sort == "provides"
            else _numbered(directory.person, above)
        )
        if parent is None:
            raise EntryError("there is no such entry in the directory")
        found = _numbered(getattr(parent, sort), last)
    if found is None and not new:
        raise EntryError("there is no such entry in the directory")
    return found


def _numbered(entries: tuple[Any, ...], number: str) -> Any:
    place = int(number) if number.isascii() and number.isdecimal() and len(number) < 4 else 0
    return entries[place - 1] if 1 <= place <= len(entries) else None


def _check(directory: Directory, sort: str, key: str, given: Mapping[str, Value]) -> None:
    """Raise EntryError with the question that is wrong, by the model of the entry."""
    entry = _entry(directory, sort, key)
    before = entry.model_dump(by_alias=True) if entry is not None else {}
    own = {name: value for name, value in given.items() if not name.startswith("gives-")}
    content = {name: value for name, value in {**before, **own}.items() if value not in (None, [], "")}
    gives = {name.removeprefix("gives-"): value for name, value in given.items() if name.startswith("gives-") and value}
    if gives:
        _validate(Provides, gives, "gives-")
        content["provides"] = [gives]
    if entry is None and sort in ("la", "service", "team"):
        word = slug_of(str(given.get("name") or ""))
        if word in getattr(directory, sort) or word in ("", NEW):
            raise EntryError("that name is taken, or has no letter: expected another one", "name")
    _validate(SORTS[sort].model, content, "")


def _validate(model: type[BaseModel], content: Mapping[str, Any], before: str) -> None:
    try:
        model.model_validate(content)
    except ValidationError as problem:
        first = problem.errors(include_url=False, include_input=False)[0]
        field = str(first["loc"][0]) if first["loc"] else ""
        said = "this has to be answered" if first["type"] == "missing" else str(first["msg"])
        said = said.removeprefix("Value error, ")
        if not field:
            field = next((name for name in ("last_day", "first_day") if name in said), "")
            field = "gives-service" if "provides nothing" in said else field
        raise EntryError(said, before + field if field in model.model_fields else field) from None


def _put(content: Any, sort: str, key: str, given: Mapping[str, Value]) -> None:
    """Put the values into the document, or into its plain content."""
    plain = not isinstance(content, tomlkit.TOMLDocument)
    table = _table(content, sort, key, str(given.get("name") or ""), plain=plain)
    gives: dict[str, Value] = {}
    for name, value in given.items():
        if name.startswith("gives-"):
            if value:
                gives[name.removeprefix("gives-")] = value
        elif value in (None, [], ""):
            table.pop(name, None)
        else:
            table[name] = value
    if gives:
        offer = _added(table, "provides", plain=plain)
        for name, value in gives.items():
            offer[name] = value


def _table(content: Any, sort: str, key: str, name: str, *, plain: bool) -> Any:
    above, _, last = key.rpartition(".")
    if sort == "icb":
        return content["icb"]
    if sort in ("la", "service", "team"):
        tables = content.setdefault(sort, {} if plain else tomlkit.table(is_super_table=True))
        if last != NEW:
            return tables[key]
        word = slug_of(name)
        tables[word] = {} if plain else tomlkit.table()
        return tables[word]
    parent = content
    if sort == "provides":
        parent = next(each for each in content["body"] if each["body"] == above)
    elif sort == "absence":
        parent = content["person"][int(above) - 1]
    if last == NEW:
        return _added(parent, sort, plain=plain)
    if sort == "body":
        return next(each for each in content["body"] if each["body"] == key)
    return parent[sort][int(last) - 1]


def _added(parent: Any, name: str, *, plain: bool) -> Any:
    """A new table at the end of a list of tables, which is made if there is none."""
    if name not in parent:
        parent[name] = [] if plain else tomlkit.aot()
    tables: list[Any] | AoT = parent[name]
    made: dict[str, Any] | Table = {} if plain else tomlkit.table()
    tables.append(made)
    return tables[-1]
