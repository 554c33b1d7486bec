"""Changes one value of a directory's text, and nothing else: comments, order and every other value stay.

Purpose: a mailbox is corrected on a page, and the file remains one that a person reads and writes. The changed text is
parsed again; it is given back only if it says what was asked and everything else as before.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any, NamedTuple

from config.directory import Directory, DirectoryError
from config.toml_edit import edited

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

    def put(content: Any) -> None:
        for place, value in changes:
            table = _table(content, place)
            if value is None:
                table.pop(place.key, None)
            else:
                table[place.key] = value

    return edited(text, put, lambda _sentence: _by_hand(changes[0][0]))


def _table(content: Any, place: Place) -> Any:
    """The table of a place, in the document or in its plain content."""
    if "." in place.table or place.table == "icb":
        found = content
        for part in place.table.split("."):
            found = found.get(part, {})
    else:
        found = next((each for each in content.get("body", ()) if each.get("body") == place.table), {})
    if place.service:
        found = next((each for each in found.get("provides", ()) if each.get("service") == place.service), {})
    if not found:
        raise _by_hand(place)
    return found


def _by_hand(place: Place) -> DirectoryError:
    return DirectoryError(
        f"the value {place.key} of {place.table} cannot be changed here without changing something else: change"
        " directory.toml by hand, then run sendflow check"
    )
