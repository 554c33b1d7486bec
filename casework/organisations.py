"""Changes of the directory by a person: what each would change is shown first, and a new mailbox counts once tested.

Purpose: a mistyped mailbox sends a service's letters to nobody, or to a stranger. A change that brings a mailbox which
the directory does not have waits until somebody gives back the code of the test message to it. What was asked is a row
of `config_held`, and so is the directory after it, in the name of who changed it. The row is in force; the file
`directory.toml` of each machine follows it (`casework/rules/shared_files.py`). Instants are in UTC.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from html import escape
from typing import Any

import orjson

from casework.access import limits
from casework.context import AppContext, instant
from casework.delivery.compose import office
from casework.delivery.ladder_check import check
from casework.delivery.transports import transports
from casework.month_change import MonthChange, month_change
from casework.own_file_changes import Change, WrongChange, put_in_force
from casework.rules.config_held import DIRECTORY, hold, texts_held
from config.directory import Directory, DirectoryError, directory_of
from config.directory_edit import Place, changed, mailboxes
from config.directory_entries import ADDRESS
from config.directory_forms import EntryError, Value, stored, with_entry
from models.database import reading, transact
from notifications.message_ids import message_id
from notifications.transport import Letter, Outcome

ASKED = "directory_asked"
MAILBOX = "mailbox"  # the sort of a change of one mailbox, whose key is the word of its place
LIFETIME = timedelta(days=7)


@dataclass(frozen=True)
class Entry:
    """A change of one entry: its sort and key (`config/directory_forms.py`), and its values by field."""

    sort: str
    key: str
    values: Mapping[str, Value]


@dataclass(frozen=True)
class Proposal:
    """What a change would do: the text after it, mailboxes to test, letters that would reach nobody, and the month."""

    text: str
    to_test: list[str]
    problems: list[str]
    month: list[MonthChange]
    before: Mapping[str, Value]


class WrongCode(WrongChange):
    """A code is not the one of the test message to `mailbox`."""

    def __init__(self, mailbox: str, *, of_several: bool) -> None:
        whose = f" to {mailbox}" if of_several else ""
        super().__init__(f"the code is another one: give the six digits of the test message{whose}")
        self.mailbox = mailbox


@dataclass(frozen=True)
class Waiting:
    """A change that waits for the codes of its test messages: by whom it was asked, and until when (UTC)."""

    id: str
    entry: Entry
    mailboxes: list[str]
    actor: str
    until: str
    codes: Mapping[str, str]


def propose(context: AppContext, entry: Entry) -> Proposal:
    """Say what a change would do. Writes nothing. Raises EntryError or WrongChange."""
    text = _text(context, entry)
    if text == context.directory.text:
        raise WrongChange("the directory says so already: nothing was changed")
    after = directory_of(text)
    before = {} if entry.sort == MAILBOX else stored(context.directory, entry.sort, entry.key)
    then = replace(context, directory=after)
    return Proposal(
        text, _to_test(context.directory, after), _new_problems(context, then), month_change(context, then), before
    )


def record_entry(context: AppContext, entry: Entry, actor: str, via: str) -> str | None:
    """Record a change in the name of a person, or ask for it where a mailbox is new: then its id is given.

    Raises EntryError or WrongChange, also where the mail server does not take a test message.
    """
    text = _text(context, entry)
    if text == context.directory.text:
        raise WrongChange("the directory says so already: nothing was changed")
    wanted = _to_test(context.directory, directory_of(text))
    if not wanted:
        put_in_force(context, Change(DIRECTORY, text, actor, via))
        return None
    return _ask(context, entry, wanted, actor, via)


def waiting(context: AppContext, id_: str) -> Waiting:
    """What waits under an id. Raises WrongChange where nothing does any more."""
    with reading(context.engine) as connection:
        found = texts_held(connection, ASKED, id_)
    row: dict[str, Any] = orjson.loads(found[-1][1]) if found else {}
    if not row or row["until"] < instant(datetime.now(UTC)):
        raise WrongChange("nothing waits under that id: ask for the change again")
    entry = Entry(row["sort"], row["key"], {name: _value(value) for name, value in row["values"].items()})
    return Waiting(id_, entry, list(row["codes"]), row["actor"], row["until"], row["codes"])


def confirm(context: AppContext, id_: str, codes: Mapping[str, str], actor: str, via: str) -> None:
    """Let a change count by the codes of its test messages, by mailbox, in the name of a person. Raises WrongChange."""
    row = waiting(context, id_)
    now = datetime.now(UTC)
    take = partial(limits.take, cipher=context.cipher, limit=limits.CODE, who=f"directory/{id_}", now=now)
    if not transact(context.engine, take):
        raise WrongChange("too many wrong codes: wait 15 minutes, or ask for the change again")
    for mailbox, digest in row.codes.items():
        given = _digest(context, id_, mailbox, codes.get(mailbox, "").strip())
        if not secrets.compare_digest(digest, given):
            raise WrongCode(mailbox, of_several=len(row.codes) > 1)
    put_in_force(context, Change(DIRECTORY, _text(context, row.entry), actor, via))


def called(context: AppContext, entry: Entry) -> str:
    """What a change is about, in words: the name of its entry."""
    if entry.sort == MAILBOX:
        return next((each.whose for each in mailboxes(context.directory) if each.place.word == entry.key), entry.key)
    try:
        before = stored(context.directory, entry.sort, entry.key)
    except EntryError:
        before = {}
    known = {**before, **entry.values}
    name = next((known[field] for field in ("name", "service", "deputy") if known.get(field)), entry.key)
    return context.directory.service_name(str(name)) if entry.sort == "provides" else str(name)


def _text(context: AppContext, entry: Entry) -> str:
    if entry.sort != MAILBOX:
        return with_entry(context.directory.text, entry.sort, entry.key, entry.values)
    place = next((each.place for each in mailboxes(context.directory) if each.place.word == entry.key), None)
    mailbox = entry.values.get("mailbox")
    if place is None:
        raise WrongChange("there is no such mailbox in the directory")
    if not isinstance(mailbox, str) or not ADDRESS.fullmatch(mailbox):
        raise WrongChange("that is no mailbox: expected an address such as slt@trust.example")
    return _changed(context, place, mailbox)


def _changed(context: AppContext, place: Place, mailbox: str) -> str:
    try:
        text = changed(context.directory.text, [(place, mailbox)])
        directory_of(text)
    except DirectoryError as problem:
        raise WrongChange(str(problem)) from None
    return text


def _to_test(before: Directory, after: Directory) -> list[str]:
    return sorted(after.every_mailbox - before.every_mailbox)


def _new_problems(context: AppContext, then: AppContext) -> list[str]:
    """Which letters would reach nobody after the change that reach somebody now."""
    before = {each.message for each in check(context)}
    return [each.message for each in check(then) if each.message not in before]


def _ask(context: AppContext, entry: Entry, wanted: list[str], actor: str, via: str) -> str:
    id_ = secrets.token_hex(6)
    codes = {mailbox: f"{secrets.randbelow(10**6):06}" for mailbox in wanted}
    whose = called(context, entry)
    with transports(context, None, at_once=True) as post:
        for mailbox, code in codes.items():
            if post.send(_test_message(context, whose, mailbox, code), None).outcome is not Outcome.ACCEPTED:
                raise WrongChange(
                    f"the mail server did not take the test message to {mailbox}: nothing was changed. Try again later"
                )
    row = {
        "sort": entry.sort,
        "key": entry.key,
        "values": {name: {"day": value} if isinstance(value, date) else value for name, value in entry.values.items()},
        "codes": {mailbox: _digest(context, id_, mailbox, code) for mailbox, code in codes.items()},
        "actor": actor,
        "until": instant(datetime.now(UTC) + LIFETIME),
    }
    at = instant(context.now())
    text = orjson.dumps(row, option=orjson.OPT_SORT_KEYS).decode()
    transact(context.engine, lambda each: hold(each, ASKED, id_, text, at=at, actor=actor, via=via))
    return id_


def _value(stored_value: Any) -> Value:
    return date.fromisoformat(stored_value["day"]) if isinstance(stored_value, dict) else stored_value


def _digest(context: AppContext, id_: str, mailbox: str, code: str) -> str:
    return context.cipher.index("directory code", f"{id_}/{mailbox}/{code}")


def _test_message(context: AppContext, whose: str, mailbox: str, code: str) -> Letter:
    who = context.directory.icb.name
    said = (
        f"{who} wants to write to this mailbox about duties in SEND casework, for: {whose}.",
        f"To confirm that this mailbox is read, give this code to the team: {code}",
        "If you did not expect this e-mail, reply and say so. Letters then do not come here.",
    )
    number = f"test-{secrets.token_hex(8)}"
    reply_to = context.directory.icb.dco
    html = "".join(f"<p>{escape(each)}</p>" for each in said)
    text = "\n\n".join(said) + "\n"
    subject = "sendflow: please confirm this mailbox"
    sent_as, at = message_id(number, reply_to), datetime.now(UTC)
    return Letter(number, sent_as, mailbox, office(context), reply_to, subject, text, html, at)
