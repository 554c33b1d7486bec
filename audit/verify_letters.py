"""Verify the letters: each beside its own id and beside the notices in it, and the day it was sent beside its facts.

A letter contains notices of many cases, so letters are verified by themselves: letters and the combined values of
their notices are read side by side in order of id, and memory is that of one. A letter's text is not compared,
because it is rendered from its fields, and no digest of them is stored.
"""

import contextlib
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import orjson
from sqlalchemy import Connection

from audit.verify_notices import ENDED, OUTCOME_STATES, SentDays
from casework.context import london_day
from casework.reports.for_a_person import DAILY_DIGEST
from models.bulk_io import mark, stream
from models.enums import LetterState, NoticeState
from notifications.letter_fields import SENT

Report = Callable[[str | None, int | None, str], None]  # case, seq of the fact, message
# An outcome is recorded a moment after its letter was sent, and midnight may lie between.
MIDNIGHT_MARGIN = timedelta(minutes=10)
_COLUMNS = 'id, mailbox, "on", message_id, template, state, sent_at'
_LETTERS = f"SELECT {_COLUMNS} FROM letter ORDER BY id"  # noqa: S608
_NOTICES_BY_LETTER = """
    SELECT letter, count(*), min(coalesce(mailbox, '')), max(coalesce(mailbox, '')), min(state), max(state)
    FROM notice WHERE letter IS NOT NULL GROUP BY letter ORDER BY letter
"""
_NOTICES_OF_LETTER = "SELECT case_ref, fact_seq, rung, mailbox, state FROM notice WHERE letter = {mark} ORDER BY key"
_SENT_FACTS = """
    SELECT case_ref, seq, occurred_on, text FROM fact WHERE kind = 'notice_sent' ORDER BY case_ref, seq
"""


class StoredLetter(NamedTuple):
    """One row of the letter table, as far as it is verified."""

    id: str
    mailbox: str
    on: Any
    message_id: str
    template: str
    state: str
    sent_at: str | None


class LetterNotices(NamedTuple):
    """How many notices one letter has, and their smallest and largest values, which are equal if all agree."""

    letter: str
    notices: int
    first_mailbox: str
    last_mailbox: str
    first_state: str
    last_state: str


class NoticeInLetter(NamedTuple):
    """One notice of a letter."""

    case_ref: str
    fact_seq: int
    rung: str
    mailbox: str | None
    state: str


def check_letters(connection: Connection, day: Callable[[date], Any], sent_days: SentDays, report: Report) -> None:
    """Report every letter that is altered, invented or missing, and every fact that names another day than its letter.

    `sent_days` is what the facts say, and is emptied (`NoticeCheck.sent_days`).
    """
    all_agree = True
    letters = map(StoredLetter._make, stream(connection, _LETTERS))
    letter = next(letters, None)
    for notices in map(LetterNotices._make, stream(connection, _NOTICES_BY_LETTER)):
        while letter is not None and letter.id < notices.letter:
            _check_letter(connection, letter, None, day, report)
            letter = next(letters, None)
        if letter is None or letter.id != notices.letter:
            _report_missing(connection, notices.letter, report)
            continue
        _check_letter(connection, letter, notices, day, report)
        if sent_on := _sent_on(letter):
            all_agree &= sent_days.pop((letter.id, sent_on), 0) == notices.notices
        letter = next(letters, None)
    while letter is not None:
        _check_letter(connection, letter, None, day, report)
        letter = next(letters, None)
    if sent_days or not all_agree:
        _check_sent_days(connection, None, report)


def check_files(connection: Connection, folder: Path, report: Report) -> None:
    """Report each file of the local mail server, or of the folder for letters, that is not as it was sent.

    A file that is gone is no finding: people may empty the folder. A letter sent perhaps twice has a second file.
    """
    statement = "SELECT id, message_id, message_digest FROM letter WHERE state = 'sent' AND message_digest IS NOT NULL"
    sent: dict[str, tuple[str, str]] = {}
    for id_, message_id, digest in stream(connection, statement):
        sent[sha256(message_id.encode()).hexdigest()[:12]] = sent[id_] = (id_, digest)
    for file in sorted(folder.glob("*.eml")):
        letter = sent.get(file.stem) or sent.get(file.stem.partition("-")[2])
        if letter is None:
            continue
        with contextlib.suppress(OSError):
            raw = file.read_bytes()
            if sha256(raw if raw.endswith(b"\r\n") else raw + b"\r\n").hexdigest() != letter[1]:
                report(None, None, f"the file {file.name} is not the letter {letter[0]} as it was sent")


def check_letters_of(connection: Connection, case: str, day: Callable[[date], Any], report: Report) -> None:
    """Do the same for the letters in which one case has a notice."""
    statement = _NOTICES_BY_LETTER.replace("WHERE", f"WHERE case_ref = {mark(connection)} AND")
    for notices in map(LetterNotices._make, list(stream(connection, statement, (case,)))):
        letter = _letter(connection, notices.letter)
        if letter is not None:
            _check_letter(connection, letter, notices, day, report)
        else:
            _report_missing(connection, notices.letter, report)
    _check_sent_days(connection, case, report)


def _check_sent_days(connection: Connection, case: str | None, report: Report) -> None:
    """Report facts that name another day than their letter: one by one, so only if the days do not agree."""
    for ref, seq, day, letter in _sent_facts(connection, case):
        row = _letter(connection, letter)
        moment = _parse_moment(row.sent_at) if row is not None else None
        if moment is None:
            continue
        if day not in (london_day(moment).isoformat(), london_day(moment + MIDNIGHT_MARGIN).isoformat()):
            report(ref, seq, f"the letter {letter} was sent on another day than fact {seq} says")


def _sent_on(letter: StoredLetter) -> date | None:
    """The London day on which a letter was sent; None if it was not."""
    moment = _parse_moment(letter.sent_at) if letter.state in OUTCOME_STATES[SENT] else None
    return london_day(moment) if moment is not None else None


def _parse_moment(text: str | None) -> datetime | None:
    try:
        return datetime.fromisoformat(text) if text is not None else None
    except ValueError:
        return None


def _check_letter(
    connection: Connection,
    letter: StoredLetter,
    notices: LetterNotices | None,
    day: Callable[[date], Any],
    report: Report,
) -> None:
    if wrong := [name for name, is_right in _own_columns(letter, day).items() if not is_right]:
        report(None, None, f"the letter {letter.id} differs in {', '.join(wrong)}")
    if notices is None:
        if letter.template != DAILY_DIGEST and letter.state != LetterState.WITHDRAWN:
            report(None, None, f"the letter {letter.id} has no notice")
        return
    state = letter.state if letter.state in ENDED else NoticeState.CLAIMED
    if notices[2:] == (letter.mailbox, letter.mailbox, state, state):
        return
    for notice in _notices_of(connection, letter.id):
        same = {"mailbox": (notice.mailbox or "") == letter.mailbox, "state": notice.state == state}
        if differs := [name for name, is_same in same.items() if not is_same]:
            step, columns = notice.rung, ", ".join(differs)
            message = f"the letter {letter.id} and the notice {step} of fact {notice.fact_seq} differ in {columns}"
            report(notice.case_ref, notice.fact_seq, message)


def _own_columns(letter: StoredLetter, day: Callable[[date], Any]) -> dict[str, bool]:
    """Which columns of a letter agree with its id, which has its day and a digest of its mailbox, and its state."""
    was_sent = letter.state in OUTCOME_STATES[SENT]
    sent_on = _sent_on(letter)
    stamp, _, rest = letter.id.removeprefix("digest-").partition("-")
    begun = _parse_moment(stamp)
    digest = rest.partition("-")[0]
    not_before = begun is None or letter.on >= day(begun.date())
    not_after = sent_on is None or letter.on <= day(sent_on)
    return {
        "mailbox": not (rest and letter.mailbox) or digest == sha256(letter.mailbox.encode()).hexdigest()[:10],
        "id": begun is not None,
        "on": not_before and not_after,
        "message_id": letter.message_id.startswith(f"<{letter.id}.sendflow@"),
        "sent_at": (sent_on is not None) == was_sent,
    }


def _report_missing(connection: Connection, letter: str, report: Report) -> None:
    for notice in _notices_of(connection, letter):
        step = notice.rung
        message = f"the letter {letter}, in which the notice {step} of fact {notice.fact_seq} is, is gone"
        report(notice.case_ref, notice.fact_seq, message)


def _notices_of(connection: Connection, letter: str) -> list[NoticeInLetter]:
    statement = _NOTICES_OF_LETTER.format(mark=mark(connection))
    return list(map(NoticeInLetter._make, stream(connection, statement, (letter,))))


def _letter(connection: Connection, id_: str) -> StoredLetter | None:
    statement = f"SELECT {_COLUMNS} FROM letter WHERE id = {mark(connection)}"  # noqa: S608
    return next(map(StoredLetter._make, stream(connection, statement, (id_,))), None)


def _sent_facts(connection: Connection, case: str | None) -> Iterator[tuple[str, int, str, str]]:
    """Case, seq, day and letter of each `notice_sent`. A text that cannot be read is reported by its hash."""
    statement = _SENT_FACTS
    if case is not None:
        statement = statement.replace("ORDER BY", f"AND case_ref = {mark(connection)} ORDER BY")
    for ref, seq, day, text in stream(connection, statement, () if case is None else (case,)):
        with contextlib.suppress(ValueError, KeyError, TypeError):
            yield ref, seq, day, orjson.loads(text)["data"]["letter"]
