"""Delivering: the outbox is emptied, one message to a mailbox a day, and what became of every letter is recorded.

Purpose: a notice says that somebody is to be told; only `notice_sent` says that anyone was. For each mailbox in turn:
one transaction claims the letter (and asks of every notice whether it is still called for), the letter is sent outside
any transaction, a second transaction records the outcome. Whatever ends the process between them leaves a letter in
`sending`, whose dead sender is noticed by the next run: it sends the same Message-ID once more and the letter says
`sent_perhaps_twice`. Letters leave on working days from 08:00 to 18:00 London;
`now` does not wait, and its reason is kept as a passage. One message a mailbox and day holds even then.

A relay that does not work ends the round at the second letter in a row: the rest stay as they are, and are looked at
again. Otherwise one that says nothing would be waited for once for each mailbox, and all else that waits for the round
with it.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, time
from functools import partial
from time import monotonic
from typing import Any

import orjson
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection, Row
from sqlalchemy.exc import IntegrityError

from casework.context import LONDON, House, instant
from casework.delivery import compose
from casework.delivery.lease import Sender, abandoned
from casework.delivery.send import (
    UNSURE,
    WORKS,
    Round,
    as_it_stands,
    carrier,
    claim_values,
    conclude,
    open_letter,
    send,
)
from casework.sweep import finish
from models import people
from models.database import Contended, reading, transact, writing
from models.enums import LetterState
from models.facts import canonical
from notifications import outbox
from notifications.notices import NoticeDraft
from notifications.outbox import Claimed
from notifications.transport import Post

OPENS, CLOSES = time(8, 0), time(18, 0)
NO_ADDRESS = "no_address"
MORNING = "morning_digest"
HOUSE_PASSAGE = "-"
ENOUGH = 2  # letters in a row that a relay kept from leaving


class DeliveryReport(BaseModel):
    """What a delivery did. sent, failed and waiting count letters; withdrawn counts notices that were no longer called
    for; held counts mailboxes that a person has to release.

    `relay` is no part of the document: a word for why the mail server lets no letter leave (`login_refused`), None
    where it does or was not asked.
    """

    model_config = ConfigDict(frozen=True)
    sent: int = 0
    failed: int = 0
    waiting: int = 0
    withdrawn: int = 0
    held: int = 0
    relay: str | None = Field(default=None, exclude=True)


def may_leave(house: House, moment: datetime) -> bool:
    """Whether letters leave at this instant: a working day in England and Wales, from 08:00 and before 18:00 London."""
    here = moment.astimezone(LONDON)
    return house.almanac.is_working_day(here.date()) and OPENS <= here.time() < CLOSES


def delivery_is_called_for(house: House) -> bool:
    """Whether a delivery begun now would have anything to do: it is time, and a letter could leave or has to be
    finished.
    """
    moment = house.now()
    if not may_leave(house, moment):
        return False
    with reading(house.engine) as connection:
        unfinished = any(abandoned(row.claimed_by, row.claimed_at, moment) for row in outbox.unfinished(connection))
        if unfinished or outbox.anyone_without_mailbox(connection, house.today()):
            return True
        boxes = outbox.mailboxes_to_write(connection, house.today(), instant(moment))
        return any(not outbox.written_to_on(connection, box, house.today()) for box in boxes)


def deliver(
    house: House,
    now: bool = False,
    reason: str | None = None,
    run: str | None = None,
    post: Post | None = None,
    seconds: float | None = None,
) -> DeliveryReport:
    """Send what is to be sent. `now` does not wait for a working day's hours nor for the next try; `post` replaces the
    house's carrier.

    After `seconds` no further letter is begun: for who has something else to do as well. Raises OtherLaw where the
    records go by another law than this house.
    """
    if not now and not may_leave(house, house.now()):
        with reading(house.engine) as connection:
            return DeliveryReport(waiting=outbox.count_waiting(connection), held=outbox.count_held(connection)[1])
    with reading(house.engine) as connection:
        anything = outbox.anything_open(connection)
    counts: Mapping[str, int] = {}
    relay = None
    if anything:
        house.keep_law("deliver")
        with Sender() as sender, carrier(house.settings, post) as carried:
            work = Round(house, sender, run, now, carried)
            _deliver_all(work, None if seconds is None else monotonic() + seconds)
            counts, relay = work.counts, work.relay
    with writing(house.engine) as connection:
        waiting = outbox.count_waiting(connection)
        report = DeliveryReport(
            **counts, waiting=waiting, held=outbox.count_held(connection)[1], relay=None if relay == WORKS else relay
        )
        kept = _keep_reason(house, connection, reason) if now and reason else None
        detail = (
            {**report.model_dump(), "now": now}
            | ({"reason": kept} if kept else {})
            | ({"relay": relay} if relay else {})
        )
        if anything or kept:
            finish(
                connection,
                house,
                "deliver",
                house.today(),
                "failed" if report.failed else "done",
                orjson.dumps(detail).decode(),
            )
    return report


def _keep_reason(house: House, connection: Connection, reason: str) -> str:
    """A person's reason may say anything, so that its words are sealed and the record of the run keeps the passage's
    id.
    """
    passage = people.seal_passage(house.seal, HOUSE_PASSAGE, reason, instant(house.now()))
    people.put_passages(connection, [passage])
    return passage.id


def _deliver_all(work: Round, until: float | None) -> None:
    house = work.house
    work.counts["failed"] += _fail_unaddressed(work)
    moment = house.now()
    with reading(house.engine) as connection:
        orphans = [row for row in outbox.unfinished(connection) if abandoned(row.claimed_by, row.claimed_at, moment)]
        at_once = work.now or house.rehearsed
        boxes = outbox.mailboxes_to_write(
            connection, None if work.now else house.today(), None if at_once else instant(moment)
        )
    for claim in (
        *(partial(_take_over, work, orphan) for orphan in orphans),
        *(partial(_claim, work, mailbox) for mailbox in boxes),
    ):
        if work.in_a_row >= ENOUGH or (until is not None and monotonic() >= until):
            return
        send(work, claim())


def _fail_unaddressed(work: Round) -> int:
    """A recipient without an address is a failure that somebody has to mend, recorded like any other and
    never skipped.
    """
    before = dict(work.counts)

    def once(connection: Connection) -> int:
        work.counts.update(before)
        drafts = (
            outbox.without_mailbox(connection, work.house.today()) if outbox.mailbox_is_free(connection, "") else []
        )
        if not drafts:
            return 0
        desk = work.desk(connection)
        asked = compose.ask(desk, drafts, work.house.today())
        work.counts["withdrawn"] += len(asked.withdrawn)
        groups: dict[str, list[NoticeDraft]] = {}
        for draft in asked.called_for:
            groups.setdefault(f"{draft.body}/{draft.service}/{draft.recipient}", []).append(draft)
        compose.settle(
            connection, compose.Asked(withdrawn=asked.withdrawn, superseded=asked.superseded, left=asked.left), None
        )
        for name, group in groups.items():
            stem = compose.letter_stem(f"{name}/{NO_ADDRESS}", work.house.today())
            letter = open_letter(
                work, connection, "", stem, compose.compose(work.house, group, work.house.today()), group
            )
            compose.settle(connection, compose.Asked(called_for=group), letter.id)
            conclude(work, connection, letter, LetterState.FAILED, NO_ADDRESS)
        return len(groups)

    return transact(work.house.engine, once)


def _take_over(work: Round, orphan: Row[Any]) -> Claimed | None:
    """A dead sender's letter, claimed by this run as it stands; None where its mailbox has had another letter today."""
    today = work.house.today()
    with writing(work.house.engine) as connection:
        if not outbox.mailbox_is_free(connection, orphan.mailbox) or outbox.written_to_on(
            connection, orphan.mailbox, today, besides=orphan.id
        ):
            return None
        values = {**claim_values(work), "on": today, "attempts": orphan.attempts + 1, "why": UNSURE}
        taken = outbox.change_letter(connection, orphan.id, LetterState.SENDING, values, by=orphan.claimed_by)
        return as_it_stands(connection, orphan, True) if taken else None


def _claim(work: Round, mailbox: str) -> Claimed | None:
    """The mailbox's letter of today, claimed; None where it has had one, where nothing is called for, or where another
    run was first.
    """
    before = dict(work.counts)

    def once(connection: Connection) -> Claimed | None:
        work.counts.update(before)
        return _claim_within(work, connection, mailbox)

    try:
        return transact(work.house.engine, once)
    except (IntegrityError, Contended, _Outrun):
        work.counts.update(before)
        return None


def _claim_within(work: Round, connection: Connection, mailbox: str) -> Claimed | None:
    today = work.house.today()
    if not outbox.mailbox_is_free(connection, mailbox):
        return None
    waiting = outbox.waiting_letter(connection, mailbox)
    if outbox.written_to_on(connection, mailbox, today):
        return None
    if waiting is not None and (waiting.why == UNSURE or waiting.template == MORNING):
        values = {**claim_values(work), "on": today, "attempts": waiting.attempts + 1}
        taken = outbox.change_letter(connection, waiting.id, LetterState.WAITING, values)
        return as_it_stands(connection, waiting, waiting.why == UNSURE) if taken else None
    drafts = outbox.created_for(connection, mailbox, None if work.now else today)
    drafts += outbox.notices_of(connection, waiting.id) if waiting is not None else []
    return _claimed(work, connection, mailbox, waiting, compose.ask(work.desk(connection), drafts, today))


class _Outrun(Exception):
    """Another run took some of these notices first; the claim is undone."""


def _claimed(
    work: Round, connection: Connection, mailbox: str, waiting: Row[Any] | None, asked: compose.Asked
) -> Claimed | None:
    work.counts["withdrawn"] += len(asked.withdrawn)
    if not asked.called_for:
        compose.settle(connection, asked, None)
        if waiting is not None:
            outbox.change_letter(
                connection, waiting.id, LetterState.WAITING, {"state": LetterState.WITHDRAWN, "next_try_at": None}
            )
        return None
    if waiting is None:
        today = work.house.today()
        written = compose.compose(work.house, asked.called_for, today, outbox.was_ever_written_to(connection, mailbox))
        letter = open_letter(work, connection, mailbox, compose.letter_stem(mailbox, today), written, asked.called_for)
    else:
        letter = _reopen_letter(work, connection, waiting, asked.called_for)
    if not compose.settle(connection, asked, letter.id):
        raise _Outrun
    return letter


def _reopen_letter(work: Round, connection: Connection, waiting: Row[Any], drafts: Sequence[NoticeDraft]) -> Claimed:
    """A letter that was certainly not taken over yet is written afresh for today; its id and Message-ID stay."""
    known = outbox.was_ever_written_to(connection, waiting.mailbox)
    template, version, fields = compose.compose(work.house, drafts, work.house.today(), known)
    values = {
        **claim_values(work),
        "on": work.house.today(),
        "template": template,
        "template_version": version,
        "fields": canonical(fields).decode(),
        "attempts": waiting.attempts + 1,
    }
    if not outbox.change_letter(connection, waiting.id, LetterState.WAITING, values):
        raise _Outrun
    return Claimed(
        waiting.id,
        waiting.mailbox,
        work.house.today(),
        template,
        version,
        fields,
        waiting.message_id,
        list(drafts),
        False,
    )
