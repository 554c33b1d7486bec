"""Delivering: the outbox is emptied, one message to a mailbox a day, and what became of every letter is recorded.

Purpose: a notice says that somebody is to be told; only `notice_sent` says that anyone was. For each mailbox in turn: one transaction claims
the letter (and asks of every notice whether it is still called for), the letter is sent outside any transaction, a second transaction
records the outcome. Whatever ends the process between them leaves a letter in `sending`, whose dead sender is noticed by the next run: it
sends the same Message-ID once more and the letter says `sent_perhaps_twice`. Letters leave on working days from 08:00 to 18:00 London;
`now` does not wait, and its reason is kept as a passage. One message a mailbox and day holds even then.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from typing import Any

import orjson
from pydantic import BaseModel, ConfigDict
from sqlalchemy import Connection, Row
from sqlalchemy.exc import IntegrityError

from config.settings import Carrier
from flows import composing, killpoints, outbox
from flows.claims import Sender, abandoned
from flows.desk import Desk
from flows.house import LONDON, House, instant
from flows.outbox import Claimed
from flows.running import read_running
from flows.sweeping import finish
from models import people
from models.database import reading, writing
from models.facts import Draft, canonical
from models.words import LetterState, NoticeState
from notifications.notice import NoticeDraft, withdrawals_owed
from notifications.post import Attempt, FilePost, Letter, Outcome, Post, SmtpPost, message_id
from notifications.render import RenderError, render
from notifications.sink import Sink

OPENS, CLOSES = time(8, 0), time(18, 0)
FIRST_WAIT, LONGEST_WAIT = timedelta(minutes=5), timedelta(hours=4)
UNSURE = "outcome_unknown"
NO_ADDRESS = "no_address"
HOUSE_PASSAGE = "-"


class DeliveryReport(BaseModel):
    """What a delivery did. sent, failed and waiting count letters; withdrawn counts notices that were no longer called for."""

    model_config = ConfigDict(frozen=True)
    sent: int = 0
    failed: int = 0
    waiting: int = 0
    withdrawn: int = 0


@dataclass
class _Round:
    """One run of deliver, and what it has counted so far."""

    house: House
    sender: Sender
    run: str | None
    now: bool
    post: Post
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(("sent", "failed", "withdrawn"), 0))

    def desk(self, connection: Connection) -> Desk:
        return Desk(self.house, connection, actor="sendflow", via="deliver", run=self.run)


def may_leave(house: House, moment: datetime) -> bool:
    """Whether letters leave at this instant: a working day in England and Wales, from 08:00 and before 18:00 London."""
    here = moment.astimezone(LONDON)
    return house.almanac.is_working_day(here.date()) and OPENS <= here.time() < CLOSES


def delivery_is_called_for(house: House) -> bool:
    """Whether a delivery begun now would have anything to do: it is time, and a letter could leave or has to be finished."""
    moment = house.now()
    if not may_leave(house, moment):
        return False
    with reading(house.engine) as connection:
        if outbox.without_mailbox(connection) or any(abandoned(row.claimed_by, row.claimed_at, moment) for row in outbox.unfinished(connection)):
            return True
        boxes = outbox.mailboxes_to_write(connection, instant(moment))
        return any(not outbox.written_to_on(connection, box, house.today()) for box in boxes)


def deliver(house: House, now: bool = False, reason: str | None = None, run: str | None = None, post: Post | None = None) -> DeliveryReport:
    """Send what is to be sent. `now` does not wait for a working day's hours nor for the next try; `post` replaces the house's carrier."""
    if not now and not may_leave(house, house.now()):
        with reading(house.engine) as connection:
            return DeliveryReport(waiting=outbox.count_waiting(connection))
    with reading(house.engine) as connection:
        anything = outbox.anything_open(connection)
    counts: Mapping[str, int] = {}
    if anything:
        with Sender() as sender, carrier(house, post) as carried:
            work = _Round(house, sender, run, now, carried)
            _deliver_all(work)
            counts = work.counts
    with writing(house.engine) as connection:
        waiting = outbox.count_waiting(connection)
        report = DeliveryReport(**counts, waiting=waiting)
        kept = _keep_reason(house, connection, reason) if now and reason else None
        detail = {**report.model_dump(), "now": now} | ({"reason": kept} if kept else {})
        if anything or kept:
            finish(connection, house, "deliver", house.today(), "failed" if report.failed else "done", orjson.dumps(detail).decode())
    return report


def _keep_reason(house: House, connection: Connection, reason: str) -> str:
    """A person's reason may say anything, so that its words are sealed and the record of the run keeps the passage's id."""
    passage = people.seal_passage(house.seal, HOUSE_PASSAGE, reason, instant(house.now()))
    people.put_passages(connection, [passage])
    return passage.id


@contextmanager
def carrier(house: House, post: Post | None = None) -> Iterator[Post]:
    """The house's carrier. With the local sink and none listening, one is started for as long as it is needed."""
    settings = house.settings
    if post is not None:
        yield post
    elif settings.carrier is Carrier.SMTP:
        yield SmtpPost(settings.smtp_host, settings.smtp_port)
    elif settings.carrier is Carrier.FILE:
        yield FilePost(settings.letters)
    else:
        running = read_running(settings)
        if running is not None and SmtpPost(running.smtp_host, running.smtp_port).answers():
            yield SmtpPost(running.smtp_host, running.smtp_port)
        else:
            with Sink(settings.letters) as sink:
                yield SmtpPost("127.0.0.1", sink.port)


def _deliver_all(work: _Round) -> None:
    house = work.house
    work.counts["failed"] += _fail_unaddressed(work)
    moment = house.now()
    with reading(house.engine) as connection:
        orphans = [row for row in outbox.unfinished(connection) if abandoned(row.claimed_by, row.claimed_at, moment)]
        boxes = outbox.mailboxes_to_write(connection, None if work.now or house.rehearsed else instant(moment))
    for orphan in orphans:
        _send(work, _take_over(work, orphan))
    for mailbox in boxes:
        _send(work, _claim(work, mailbox))


def _fail_unaddressed(work: _Round) -> int:
    """A recipient without an address is a failure that somebody has to mend, recorded like any other and never skipped."""
    with writing(work.house.engine) as connection:
        drafts = outbox.without_mailbox(connection)
        if not drafts:
            return 0
        desk = work.desk(connection)
        asked = composing.ask(desk, drafts, work.house.today())
        work.counts["withdrawn"] += len(asked.withdrawn)
        groups: dict[str, list[NoticeDraft]] = {}
        for draft in asked.called_for:
            groups.setdefault(f"{draft.body}/{draft.service}/{draft.recipient}", []).append(draft)
        composing.settle(connection, composing.Asked(withdrawn=asked.withdrawn, superseded=asked.superseded), None)
        for name, group in groups.items():
            letter = _open_letter(work, connection, "", f"{name}/{NO_ADDRESS}", group)
            composing.settle(connection, composing.Asked(called_for=group), letter.id)
            _conclude(work, connection, letter, LetterState.FAILED, NO_ADDRESS)
        return len(groups)


def _take_over(work: _Round, orphan: Row[Any]) -> Claimed | None:
    """A dead sender's letter, claimed by this run as it stands."""
    with writing(work.house.engine) as connection:
        values = {"claimed_by": work.sender.name, "claimed_at": instant(work.house.now()), "attempts": orphan.attempts + 1, "why": UNSURE}
        if not outbox.change_letter(connection, orphan.id, LetterState.SENDING, values, by=orphan.claimed_by):
            return None
        return _as_it_stands(connection, orphan)


def _as_it_stands(connection: Connection, row: Row[Any]) -> Claimed:
    notices = outbox.notices_of(connection, row.id)
    return Claimed(row.id, row.mailbox, row.on, row.template, row.template_version, orjson.loads(row.fields), row.message_id, notices, True)


def _claim(work: _Round, mailbox: str) -> Claimed | None:
    """The mailbox's letter of today, claimed; None where it has had one, where nothing is called for, or where another run was first."""
    house, today = work.house, work.house.today()
    try:
        with writing(house.engine) as connection:
            waiting = outbox.waiting_letter(connection, mailbox)
            if outbox.written_to_on(connection, mailbox, today):
                return None
            if waiting is not None and waiting.why == UNSURE:
                values = {**_claim_values(work), "attempts": waiting.attempts + 1}
                taken = outbox.change_letter(connection, waiting.id, LetterState.WAITING, values)
                return _as_it_stands(connection, waiting) if taken else None
            drafts = outbox.created_for(connection, mailbox) + (outbox.notices_of(connection, waiting.id) if waiting is not None else [])
            return _claimed(work, connection, mailbox, waiting, composing.ask(work.desk(connection), drafts, today))
    except (IntegrityError, _Outrun):
        return None


class _Outrun(Exception):
    """Another run took some of these notices first; the claim is undone."""


def _claimed(work: _Round, connection: Connection, mailbox: str, waiting: Row[Any] | None, asked: composing.Asked) -> Claimed | None:
    work.counts["withdrawn"] += len(asked.withdrawn)
    if not asked.called_for:
        composing.settle(connection, asked, None)
        if waiting is not None:
            outbox.change_letter(connection, waiting.id, LetterState.WAITING, {"state": LetterState.WITHDRAWN, "next_try_at": None})
        return None
    if waiting is None:
        letter = _open_letter(work, connection, mailbox, mailbox, asked.called_for)
    else:
        letter = _reopen_letter(work, connection, waiting, asked.called_for)
    if not composing.settle(connection, asked, letter.id):
        work.counts["withdrawn"] -= len(asked.withdrawn)
        raise _Outrun
    return letter


def _claim_values(work: _Round) -> dict[str, Any]:
    return {"state": LetterState.SENDING, "claimed_by": work.sender.name, "claimed_at": instant(work.house.now()), "next_try_at": None}


def _open_letter(work: _Round, connection: Connection, mailbox: str, stem: str, drafts: Sequence[NoticeDraft]) -> Claimed:
    house, today = work.house, work.house.today()
    template, version, fields = composing.compose(house, drafts, today)
    id_ = outbox.letter_id(connection, composing.letter_stem(stem, today))
    letter = Claimed(id_, mailbox, today, template, version, fields, message_id(id_, house.directory.dco), list(drafts), False)
    outbox.put_letter(connection, {
        "id": id_, "mailbox": mailbox, "on": today, "template": template, "template_version": version, "fields": canonical(fields).decode(),
        "message_id": letter.message_id, "attempts": 1, **_claim_values(work),
    })  # fmt: skip
    return letter


def _reopen_letter(work: _Round, connection: Connection, waiting: Row[Any], drafts: Sequence[NoticeDraft]) -> Claimed:
    """A letter that was certainly not taken over yet is written afresh for today; its id and Message-ID stay."""
    template, version, fields = composing.compose(work.house, drafts, work.house.today())
    values = {
        **_claim_values(work), "on": work.house.today(), "template": template, "template_version": version,
        "fields": canonical(fields).decode(), "attempts": waiting.attempts + 1,
    }  # fmt: skip
    if not outbox.change_letter(connection, waiting.id, LetterState.WAITING, values):
        raise _Outrun
    return Claimed(waiting.id, waiting.mailbox, work.house.today(), template, version, fields, waiting.message_id, list(drafts), False)


def _send(work: _Round, letter: Claimed | None) -> None:
    """Sends one claimed letter, outside any transaction, and records what became of it."""
    if letter is None:
        return
    killpoints.here("after_claim")
    attempt = _attempt(work, letter)
    killpoints.here("after_send_before_record")
    with writing(work.house.engine) as connection:
        _record(work, connection, letter, attempt)
    killpoints.here("after_record")


def _attempt(work: _Round, letter: Claimed) -> Attempt:
    house = work.house
    try:
        made = render(letter.template, letter.version, letter.fields)
    except RenderError:
        # A template that cannot be filled is mended by a person; the letter says so and nothing is sent half written.
        return Attempt(Outcome.REFUSED, "cannot_be_written")
    return work.post.send(Letter(
        letter.id, letter.message_id, letter.mailbox, composing.office(house), house.directory.dco, made.subject, made.text, made.html,
        house.now(),
    ))  # fmt: skip


def _record(work: _Round, connection: Connection, letter: Claimed, attempt: Attempt) -> None:
    if attempt.outcome is Outcome.ACCEPTED:
        state = LetterState.SENT_PERHAPS_TWICE if letter.again else LetterState.SENT
        work.counts["sent"] += _conclude(work, connection, letter, state, UNSURE if letter.again else None)
    elif attempt.outcome is Outcome.REFUSED:
        work.counts["failed"] += _conclude(work, connection, letter, LetterState.FAILED, attempt.why)
    elif attempt.outcome is Outcome.UNKNOWN and letter.again:
        # Sent twice and known neither time: nobody may be recorded as told, and a person has to ask.
        work.counts["failed"] += _conclude(work, connection, letter, LetterState.FAILED, UNSURE)
    else:
        _put_off(work, connection, letter, UNSURE if letter.again or attempt.outcome is Outcome.UNKNOWN else attempt.why)


def _put_off(work: _Round, connection: Connection, letter: Claimed, why: str | None) -> None:
    tried = connection.scalar(outbox.LETTER.select().with_only_columns(outbox.LETTER.c.attempts).where(outbox.LETTER.c.id == letter.id)) or 1
    wait = min(FIRST_WAIT * 2 ** min(tried - 1, 10), LONGEST_WAIT)
    values = {"state": LetterState.WAITING, "why": why, "next_try_at": instant(work.house.now() + wait), "claimed_by": None, "claimed_at": None}
    outbox.change_letter(connection, letter.id, LetterState.SENDING, values, by=work.sender.name)


def _conclude(work: _Round, connection: Connection, letter: Claimed, state: LetterState, why: str | None) -> bool:
    """Records the end of a letter: its own state, its notices' states and their facts; False where another run has taken it over."""
    sent = state is not LetterState.FAILED
    values = {"state": state, "why": why, "sent_at": instant(work.house.now()) if sent else None, "claimed_by": None}
    if not outbox.change_letter(connection, letter.id, LetterState.SENDING, values, by=work.sender.name):
        return False
    keys = [notice.key for notice in letter.notices]
    outbox.move(connection, keys, (NoticeState.CLAIMED,), NoticeState(str(state)), letter.id)
    desk = work.desk(connection)
    # A case damaged since the claim cannot take the fact; the letter's end is recorded all the same, or it would be sent for ever.
    works = composing.open_readable(desk, {notice.case_ref for notice in letter.notices})
    for notice in letter.notices:
        case = works.get(notice.case_ref)
        if case is None:
            continue
        about = _outcome(letter, notice, why)
        desk.add(case, [Draft("notice_sent" if sent else "notice_failed", work.house.today(), about)])
        if sent:
            desk.notices += withdrawals_owed(composing.view_of(work.house, case), about)
    desk.flush()
    return True


def _outcome(letter: Claimed, notice: NoticeDraft, why: str | None) -> dict[str, Any]:
    told: dict[str, Any] = {
        "rule": notice.rule, "rung": notice.rung, "opened_seq": notice.opened_seq, "recipient": str(notice.recipient), "letter": letter.id,
        "due": notice.due.isoformat() if notice.due else None, "rung_seq": notice.fact_seq, "body": notice.body, "service": notice.service,
        "why": why,
    }  # fmt: skip
    return {key: value for key, value in told.items() if value is not None}
