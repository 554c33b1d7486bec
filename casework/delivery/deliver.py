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

from casework.context import LONDON, AppContext, instant
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
from notifications.transport import Transport

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


def may_leave(context: AppContext, moment: datetime) -> bool:
    """Whether letters leave at this instant: a working day in England and Wales, from 08:00 and before 18:00 London."""
    here = moment.astimezone(LONDON)
    return context.almanac.is_working_day(here.date()) and OPENS <= here.time() < CLOSES


def delivery_is_called_for(context: AppContext) -> bool:
    """Whether a delivery begun now would have anything to do: it is time, and a letter could leave or has to be
    finished.
    """
    moment = context.now()
    if not may_leave(context, moment):
        return False
    with reading(context.engine) as connection:
        unfinished = any(abandoned(row.claimed_by, row.claimed_at, moment) for row in outbox.unfinished(connection))
        if unfinished or outbox.anyone_without_mailbox(connection, context.today()):
            return True
        boxes = outbox.mailboxes_to_write(connection, context.today(), instant(moment))
        return any(not outbox.written_to_on(connection, box, context.today()) for box in boxes)


def deliver(
    context: AppContext,
    now: bool = False,
    reason: str | None = None,
    run: str | None = None,
    transport: Transport | None = None,
    seconds: float | None = None,
) -> DeliveryReport:
    """Send every letter that may leave now.

    `now` waits neither for a working day's hours nor for a letter's next try. `transport` replaces the configured one.
    After `seconds` no further letter is begun. Raises RulesetMismatch if the database's active rule set is another.
    """
    if not now and not may_leave(context, context.now()):
        with reading(context.engine) as connection:
            return DeliveryReport(waiting=outbox.count_waiting(connection), held=outbox.count_held(connection)[1])
    with reading(context.engine) as connection:
        anything = outbox.anything_open(connection)
    counts: Mapping[str, int] = {}
    relay = None
    if anything:
        context.ensure_ruleset_active("deliver")
        with Sender() as sender, carrier(context.settings, transport) as carried:
            work = Round(context, sender, run, now, carried)
            _deliver_all(work, None if seconds is None else monotonic() + seconds)
            counts, relay = work.counts, work.relay
    with writing(context.engine) as connection:
        waiting = outbox.count_waiting(connection)
        report = DeliveryReport(
            **counts, waiting=waiting, held=outbox.count_held(connection)[1], relay=None if relay == WORKS else relay
        )
        kept = _keep_reason(context, connection, reason) if now and reason else None
        detail = (
            {**report.model_dump(), "now": now}
            | ({"reason": kept} if kept else {})
            | ({"relay": relay} if relay else {})
        )
        if anything or kept:
            finish(
                connection,
                context,
                "deliver",
                context.today(),
                "failed" if report.failed else "done",
                orjson.dumps(detail).decode(),
            )
    return report


def _keep_reason(context: AppContext, connection: Connection, reason: str) -> str:
    """A person's reason may say anything, so that its words are sealed and the record of the run keeps the passage's
    id.
    """
    passage = people.encrypt_free_text(context.seal, HOUSE_PASSAGE, reason, instant(context.now()))
    people.insert_free_texts(connection, [passage])
    return passage.id


def _deliver_all(work: Round, until: float | None) -> None:
    context = work.context
    work.counts["failed"] += _fail_unaddressed(work)
    moment = context.now()
    with reading(context.engine) as connection:
        orphans = [row for row in outbox.unfinished(connection) if abandoned(row.claimed_by, row.claimed_at, moment)]
        at_once = work.now or context.rehearsed
        boxes = outbox.mailboxes_to_write(
            connection, None if work.now else context.today(), None if at_once else instant(moment)
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
            outbox.without_mailbox(connection, work.context.today()) if outbox.mailbox_is_free(connection, "") else []
        )
        if not drafts:
            return 0
        unit = work.unit(connection)
        asked = compose.ask(unit, drafts, work.context.today())
        work.counts["withdrawn"] += len(asked.withdrawn)
        groups: dict[str, list[NoticeDraft]] = {}
        for draft in asked.called_for:
            groups.setdefault(f"{draft.body}/{draft.service}/{draft.recipient}", []).append(draft)
        compose.settle(
            connection, compose.Asked(withdrawn=asked.withdrawn, superseded=asked.superseded, left=asked.left), None
        )
        for name, group in groups.items():
            stem = compose.letter_stem(f"{name}/{NO_ADDRESS}", work.context.today())
            letter = open_letter(
                work, connection, "", stem, compose.compose(work.context, group, work.context.today()), group
            )
            compose.settle(connection, compose.Asked(called_for=group), letter.id)
            conclude(work, connection, letter, LetterState.FAILED, NO_ADDRESS)
        return len(groups)

    return transact(work.context.engine, once)


def _take_over(work: Round, orphan: Row[Any]) -> Claimed | None:
    """A dead sender's letter, claimed by this run as it stands; None where its mailbox has had another letter today."""
    today = work.context.today()
    with writing(work.context.engine) as connection:
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
        return transact(work.context.engine, once)
    except (IntegrityError, Contended, _Outrun):
        work.counts.update(before)
        return None


def _claim_within(work: Round, connection: Connection, mailbox: str) -> Claimed | None:
    today = work.context.today()
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
    return _claimed(work, connection, mailbox, waiting, compose.ask(work.unit(connection), drafts, today))


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
        today = work.context.today()
        written = compose.compose(
            work.context, asked.called_for, today, outbox.was_ever_written_to(connection, mailbox)
        )
        letter = open_letter(work, connection, mailbox, compose.letter_stem(mailbox, today), written, asked.called_for)
    else:
        letter = _reopen_letter(work, connection, waiting, asked.called_for)
    if not compose.settle(connection, asked, letter.id):
        raise _Outrun
    return letter


def _reopen_letter(work: Round, connection: Connection, waiting: Row[Any], drafts: Sequence[NoticeDraft]) -> Claimed:
    """A letter that was certainly not taken over yet is written afresh for today; its id and Message-ID stay."""
    known = outbox.was_ever_written_to(connection, waiting.mailbox)
    template, version, fields = compose.compose(work.context, drafts, work.context.today(), known)
    values = {
        **claim_values(work),
        "on": work.context.today(),
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
        work.context.today(),
        template,
        version,
        fields,
        waiting.message_id,
        list(drafts),
        False,
    )
