"""Changes of the directory by a person: a new mailbox once it has answered a test message, days and a successor.

Purpose: a mistyped mailbox sends a service's letters to nobody, or to a stranger. What was asked is a row of
`config_held`, and so is the directory after it, in the name of who changed it. The row is in force; the file
`directory.toml` of each machine follows it (`casework/rules/shared_files.py`). Instants are in UTC.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from html import escape

import orjson

from casework.access import limits
from casework.context import AppContext, instant
from casework.delivery.compose import office
from casework.delivery.ladder_check import check
from casework.delivery.transports import transports
from casework.own_file_changes import Change, WrongChange, put_in_force
from casework.rules.config_held import DIRECTORY, hold, texts_held
from config.directory import DirectoryError, directory_of
from config.directory_edit import DAYS, Place, changed, mailboxes
from config.directory_entries import ADDRESS
from models.database import reading, transact
from notifications.message_ids import message_id
from notifications.transport import Letter, Outcome

ASKED = "directory_asked"
LIFETIME = timedelta(days=7)


def new_problems(context: AppContext, text: str) -> list[str]:
    """Which letters would reach nobody after the change that reach somebody now."""
    before = {each.message for each in check(context)}
    after = check(replace(context, directory=directory_of(text)))
    return [each.message for each in after if each.message not in before]


def with_days(context: AppContext, body: str, first: date | None, last: date | None, successor: str | None) -> str:
    """The directory with the first and last day of a body, and who follows it. Raises WrongChange."""
    if body not in {each.body for each in context.directory.body_}:
        raise WrongChange("there is no such organisation in the directory")
    values = [*zip(DAYS, (first, last), strict=True), ("successor", successor)]
    return _changed(context, [(Place(body, key), value) for key, value in values])


def record_days(
    context: AppContext, actor: str, body: str, first: date | None, last: date | None, successor: str | None
) -> None:
    """Change the days of a body, in the name of a person. Raises WrongChange."""
    _apply(context, actor, with_days(context, body, first, last, successor))


def ask_mailbox(context: AppContext, actor: str, word: str, mailbox: str) -> str:
    """Send a test message with a code to a new mailbox, which counts once somebody gives the code back; returns its id.

    Raises WrongChange, also where the mail server does not take the message.
    """
    place, whose = _place(context, word)
    if not ADDRESS.fullmatch(mailbox):
        raise WrongChange("that is no mailbox: expected an address such as slt@trust.example")
    _changed(context, [(place, mailbox)])
    id_, code = secrets.token_hex(6), f"{secrets.randbelow(10**6):06}"
    row = {"place": word, "mailbox": mailbox, "code": _digest(context, id_, code), "actor": actor}
    row["until"] = instant(datetime.now(UTC) + LIFETIME)
    with transports(context, None, at_once=True) as post:
        outcome = post.send(_test_message(context, whose, mailbox, code), None).outcome
    if outcome is not Outcome.ACCEPTED:
        raise WrongChange("the mail server did not take the test message: nothing was changed. Try again later")
    at = instant(context.now())
    text = orjson.dumps(row, option=orjson.OPT_SORT_KEYS).decode()
    transact(context.engine, lambda each: hold(each, ASKED, id_, text, at=at, actor=actor, via="page"))
    return id_


def asked_for(context: AppContext, id_: str) -> dict[str, str]:
    """What was asked under an id: its place, the mailbox, by whom. Raises WrongChange where it waits no longer."""
    with reading(context.engine) as connection:
        found = texts_held(connection, ASKED, id_)
    row: dict[str, str] = orjson.loads(found[-1][1]) if found else {}
    if not row or row["until"] < instant(datetime.now(UTC)):
        raise WrongChange("nothing waits under that address: ask for the change again")
    return row


def confirm_mailbox(context: AppContext, actor: str, id_: str, code: str) -> None:
    """Let a new mailbox count, by the code of its test message, in the name of a person. Raises WrongChange."""
    row = asked_for(context, id_)
    now = datetime.now(UTC)
    take = partial(limits.take, cipher=context.cipher, limit=limits.CODE, who=f"directory/{id_}", now=now)
    if not transact(context.engine, take):
        raise WrongChange("too many wrong codes: wait 15 minutes, or ask for the change again")
    if not secrets.compare_digest(row["code"], _digest(context, id_, code.strip())):
        raise WrongChange("the code is another one: give the six digits of the test message")
    place, _whose = _place(context, row["place"])
    _apply(context, actor, _changed(context, [(place, row["mailbox"])]))


def _place(context: AppContext, word: str) -> tuple[Place, str]:
    for each in mailboxes(context.directory):
        if each.place.word == word:
            return each.place, each.whose
    raise WrongChange("there is no such mailbox in the directory")


def _changed(context: AppContext, values: Sequence[tuple[Place, str | date | None]]) -> str:
    try:
        text = changed(context.directory.text, values)
        directory_of(text)
    except DirectoryError as problem:
        raise WrongChange(str(problem)) from None
    return text


def _apply(context: AppContext, actor: str, text: str) -> None:
    put_in_force(context, Change(DIRECTORY, text, actor, "page"))


def _digest(context: AppContext, id_: str, code: str) -> str:
    return context.cipher.index("directory code", f"{id_}/{code}")


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
