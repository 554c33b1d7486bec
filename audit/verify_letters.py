"""Verifying, the letters: each beside its own id and beside the notices that are in it, and the days that they went
beside those that the facts tell.

A letter holds the notices of many cases, so that it is looked at by itself: letters and what their notices say together
are read side by side in the order of the letters' ids, and memory is that of one. Its words are not compared: a letter
is rendered from its fields, and nothing keeps their digest.
"""

import contextlib
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from hashlib import sha256
from typing import Any, NamedTuple

import orjson
from sqlalchemy import Connection

from audit.verify_notices import ENDED, OUTCOMES, sent_on
from casework.context import london_day
from casework.delivery.lease import DAILY_DIGEST
from models.bulk_io import Row, mark, stream
from models.enums import LetterState, NoticeState
from notifications.notices import SENT

Found = Callable[[str | None, int | None, str], None]  # case, fact, message
WENT = OUTCOMES[SENT]
STRADDLE = timedelta(
    minutes=10
)  # an outcome is recorded a moment after its letter was sent, and midnight may lie between
_COLUMNS = 'id, mailbox, "on", message_id, template, state, sent_at'
_LETTERS = f"SELECT {_COLUMNS} FROM letter ORDER BY id"  # noqa: S608
_IN_THEM = """
    SELECT letter, count(*), min(coalesce(mailbox, '')), max(coalesce(mailbox, '')), min(state), max(state)
    FROM notice WHERE letter IS NOT NULL GROUP BY letter ORDER BY letter
"""
_IN_IT = "SELECT case_ref, fact_seq, rung, mailbox, state FROM notice WHERE letter = {mark} ORDER BY key"
_TOLD = "SELECT case_ref, seq, occurred_on, text FROM fact WHERE kind = 'notice_sent' ORDER BY case_ref, seq"


class Gathered(NamedTuple):
    """What the notices that are in one letter say together."""

    letter: str
    notices: int
    first_mailbox: str
    last_mailbox: str
    first_state: str
    last_state: str


def check_letters(connection: Connection, day: Callable[[date], Any], told: int, found: Found) -> None:
    """Name every letter that is changed, added or missing. `told` is what the facts come to of what was sent when
    (`NoticeCheck.sent`).
    """
    letters = stream(connection, _LETTERS)
    letter = next(letters, None)
    sent = 0
    for gathered in map(Gathered._make, stream(connection, _IN_THEM)):
        while letter is not None and letter[0] < gathered.letter:
            _check_letter(connection, letter, None, day, found)
            letter = next(letters, None)
        if letter is None or letter[0] != gathered.letter:
            _name_gone(connection, gathered.letter, found)
            continue
        sent += _check_letter(connection, letter, gathered, day, found)
        letter = next(letters, None)
    while letter is not None:
        _check_letter(connection, letter, None, day, found)
        letter = next(letters, None)
    if sent != told:
        _name_days(connection, found)


def check_letters_of(connection: Connection, case: str, day: Callable[[date], Any], found: Found) -> None:
    """The same for the letters in which the notices of one case are."""
    statement = _IN_THEM.replace("WHERE", f"WHERE case_ref = {mark(connection)} AND")
    for gathered in map(Gathered._make, list(stream(connection, statement, (case,)))):
        letter = _letter(connection, gathered.letter)
        if letter is not None:
            _check_letter(connection, letter, gathered, day, found)
        else:
            _name_gone(connection, gathered.letter, found)
    _name_days(connection, found, case)


def _check_letter(
    connection: Connection, letter: Row, gathered: Gathered | None, day: Callable[[date], Any], found: Found
) -> int:
    """One letter and the notices in it; returns what they come to of what was sent when."""
    id_, mailbox, on, message_id, template, state, sent_at = letter
    went = state in WENT
    moment = _moment(sent_at) if went else None
    stamp, _, whose = id_.removeprefix("digest-").partition("-")
    begun = _moment(stamp)
    held = {
        "mailbox": not (whose and mailbox) or whose.partition("-")[0] == sha256(mailbox.encode()).hexdigest()[:10],
        "id": begun is not None,
        "on": (begun is None or on >= day(begun.date())) and (moment is None or on <= day(london_day(moment))),
        "message_id": message_id.startswith(f"<{id_}.sendflow@"),
        "sent_at": (moment is not None) == went,
    }
    if wrong := [name for name, right in held.items() if not right]:
        found(None, None, f"the letter {id_} differs in {', '.join(wrong)}")
    if gathered is None:
        if template != DAILY_DIGEST and state != LetterState.WITHDRAWN:
            found(None, None, f"the letter {id_} stands without a notice")
        return 0
    wanted = state if state in ENDED else NoticeState.CLAIMED
    if (gathered.first_mailbox, gathered.last_mailbox, gathered.first_state, gathered.last_state) != (
        mailbox,
        mailbox,
        wanted,
        wanted,
    ):
        for ref, seq, rung, to, noticed in list(_in_it(connection, id_)):
            if differs := [
                name for name, other in (("mailbox", (to or "") != mailbox), ("state", noticed != wanted)) if other
            ]:
                found(ref, seq, f"the letter {id_} and the notice {rung} of fact {seq} differ in {', '.join(differs)}")
    return sent_on(id_, london_day(moment)) * gathered.notices if moment is not None else 0


def _name_gone(connection: Connection, letter: str, found: Found) -> None:
    for ref, seq, rung, _to, _state in list(_in_it(connection, letter)):
        found(ref, seq, f"the letter {letter}, in which the notice {rung} of fact {seq} is, is gone")


def _in_it(connection: Connection, letter: str) -> Iterator[Row]:
    return stream(connection, _IN_IT.format(mark=mark(connection)), (letter,))


def _moment(sent_at: str | None) -> datetime | None:
    try:
        return datetime.fromisoformat(sent_at) if sent_at is not None else None
    except ValueError:
        return None


def _letter(connection: Connection, id_: str) -> Row | None:
    return next(stream(connection, f"SELECT {_COLUMNS} FROM letter WHERE id = {mark(connection)}", (id_,)), None)  # noqa: S608


def _name_days(connection: Connection, found: Found, case: str | None = None) -> None:
    """Facts that tell of another day than their letter; asked one by one, and only where the days do not add up."""
    for ref, seq, on, letter in _told(connection, case):
        row = _letter(connection, letter)
        moment = _moment(row[-1]) if row is not None else None
        if moment is not None and on not in {london_day(moment).isoformat(), london_day(moment + STRADDLE).isoformat()}:
            found(ref, seq, f"the letter {letter} was sent on another day than fact {seq} says")


def _told(connection: Connection, case: str | None) -> Iterator[tuple[str, int, str, str]]:
    statement = _TOLD if case is None else _TOLD.replace("ORDER BY", f"AND case_ref = {mark(connection)} ORDER BY")
    for ref, seq, on, text in stream(connection, statement, () if case is None else (case,)):
        with contextlib.suppress(ValueError, KeyError, TypeError):  # a text that cannot be read is named by its hash
            yield ref, seq, on, orjson.loads(text)["data"]["letter"]
