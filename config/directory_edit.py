"""Changes one value of a directory's text, and nothing else: comments, order and every other value stay.

Purpose: a mailbox is corrected on a page, and the file remains one that a person reads and writes. The changed text is
parsed again; it is given back only if it says what was asked and everything else as before.
"""

from __future__ import annotations

import copy
import itertools
import re
from collections.abc import Sequence
from datetime import date
from typing import Any, NamedTuple

import tomli

from config.directory import Directory, DirectoryError

DAYS = ("first_day", "last_day")


class Place(NamedTuple):
    """One value: its table (such as `icb`, `la.northshire`, or the code of a body), the service it is of, its key."""

    table: str
    key: str
    service: str = ""

    @property
    def word(self) -> str:
        """The place as one word, for a form."""
        return ":".join((self.table, self.key, self.service))


class Entry(NamedTuple):
    """A place with whose it is, in words, and its value; None where it has none."""

    place: Place
    whose: str
    value: str | None


def mailboxes(directory: Directory) -> list[Entry]:
    """Every mailbox that a person may change, in the order of the file."""
    icb = directory.icb
    found = [
        Entry(Place("icb", "dco"), f"{icb.name}: the DCO's team", icb.dco),
        Entry(Place("icb", "executive_lead"), f"{icb.name}: the executive lead", icb.executive_lead),
    ]
    found += [
        Entry(Place(f"team.{word}", "mailbox"), f"Our team: {each.name}", each.mailbox)
        for word, each in directory.team.items()
    ]
    found += [Entry(Place(f"la.{word}", "mailbox"), each.name, each.mailbox) for word, each in directory.la.items()]
    for body in directory.body_:
        found.append(Entry(Place(body.body, "send_lead"), f"{body.name}: the SEND lead", body.send_lead))
        for given in body.provides:
            service = directory.service_name(given.service)
            for key, value in (("mailbox", given.mailbox), ("manager", given.manager)):
                whose = f"{body.name}: {service}{', the manager' if key == 'manager' else ''}"
                found.append(Entry(Place(body.body, key, given.service), whose, value))
    return found


def changed(text: str, changes: Sequence[tuple[Place, str | date | None]]) -> str:
    """The text with these values; None takes a value away. Raises DirectoryError where it cannot be done safely."""
    wanted, made = copy.deepcopy(tomli.loads(text)), text
    for place, value in changes:
        table = _table(wanted, place)
        if value is None:
            table.pop(place.key, None)
        else:
            table[place.key] = value
        made = _with(made, place, value)
    if tomli.loads(made) != wanted:
        raise _by_hand(changes[0][0])
    return made


def _table(wanted: dict[str, Any], place: Place) -> dict[str, Any]:
    found: Any = wanted
    if "." in place.table or place.table == "icb":
        for part in place.table.split("."):
            found = found.get(part, {})
    else:
        found = next((each for each in wanted.get("body", ()) if each.get("body") == place.table), {})
    if place.service:
        found = next((each for each in found.get("provides", ()) if each.get("service") == place.service), {})
    if not found:
        raise _by_hand(place)
    return dict(found) if not isinstance(found, dict) else found


def _with(text: str, place: Place, value: str | date | None) -> str:
    lines = text.splitlines(keepends=True)
    start, end = _section(lines, place)
    line = None
    if value is not None:
        shown = (
            value.isoformat()
            if isinstance(value, date)
            else '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
        )
        line = f"{place.key} = {shown}\n"
    for number in range(start, end):
        if re.match(rf"\s*{place.key}\s*=", lines[number]):
            lines[number : number + 1] = [line] if line is not None else []
            return "".join(lines)
    if line is not None:
        while end > start and not lines[end - 1].strip():
            end -= 1
        lines.insert(end, line if not lines[end - 1] or lines[end - 1].endswith("\n") else f"\n{line}")
    return "".join(lines)


def _section(lines: Sequence[str], place: Place) -> tuple[int, int]:
    """The lines of a table, after its heading and before the next one."""
    headings = [number for number, line in enumerate(lines) if re.match(r"\s*\[", line)] + [len(lines)]
    here = ""
    for start, end in itertools.pairwise(headings):
        heading = lines[start].strip().partition("#")[0].strip()
        said = {
            found[1]: found[2]
            for line in lines[start + 1 : end]
            if (found := re.match(r'\s*(body|service)\s*=\s*"([^"]*)"', line))
        }
        if heading == "[[body]]":
            here = said.get("body", "")
        is_body = heading == "[[body]]" and here == place.table and not place.service
        is_service = heading == "[[body.provides]]" and here == place.table and said.get("service") == place.service
        if is_body or (is_service and place.service) or heading == f"[{place.table}]":
            return start + 1, end
    raise _by_hand(place)


def _by_hand(place: Place) -> DirectoryError:
    return DirectoryError(
        f"the value {place.key} of {place.table} cannot be changed here without changing something else: change"
        " directory.toml by hand, then run sendflow check"
    )
