"""Deliver: send the letters of the outbox, one message to a mailbox a day, and record what became of each.

For each mailbox in turn, one transaction leases its letter and rechecks that each notice is still needed; the letter
is sent outside any transaction; another transaction records the outcome. A notice says that somebody has to be
informed; only `notice_sent` says that anyone was. If the process dies in between, the next run finds the expired lease
and sends the letter once more under the same Message-ID, as `sent_perhaps_twice`.

Letters leave on working days from 08:00 to 18:00 London time. `now` does not wait; its reason is stored encrypted.

After two letters in a row that a mail transport did not accept, the run leaves that transport alone, because it would
otherwise wait for it once for each mailbox. The remaining letters stay as they are.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, time
from functools import partial
from time import monotonic
from typing import NamedTuple

import orjson
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from casework.access.seen import as_seen_by
from casework.cases.loaded_case import UNREADABLE
from casework.cases.restricted_cases import without_restricted
from casework.context import LONDON, AppContext, instant
from casework.delivery import compose
from casework.delivery.addresses import readdress
from casework.delivery.deliverer import Deliverer, is_expired
from casework.delivery.lease import (
    DeliveryRun,
    Lease,
    TakenByAnotherRun,
    lease_expired,
    lease_mailbox,
    lease_new,
)
from casework.delivery.send import SENT, LetterOutcome, record_outcome, send
from casework.delivery.transports import is_quiet, transport_name, transports, usable
from casework.job_runs import MAIL_SERVER_ACCEPTS, record_job_run
from casework.steps import Step, run_step
from casework.sweep import Shard
from models.database import Contended, reading, transact, writing
from models.enums import LetterState
from models.free_text import insert_free_texts, new_free_text
from models.visibility import SERIES as RESTRICTED
from notifications import outbox
from notifications.notices import NoticeDraft
from notifications.transport import Transport

OPENS, CLOSES = time(8, 0), time(18, 0)
NO_ADDRESS = "no_address"
NO_CASE = "-"  # in place of a case's reference: free text that belongs to no case


class DeliveryReport(BaseModel):
    """What a delivery did. sent, failed and waiting count letters; withdrawn counts notices that were cancelled as not
    needed any more; held counts mailboxes with notices on hold.

    `mail_server_error` is no part of the document: a word for why the mail server accepts no letter, such as
    `login_refused`; None if it does, or was not asked.
    """

    model_config = ConfigDict(frozen=True)
    sent: int = 0
    failed: int = 0
    waiting: int = 0
    withdrawn: int = 0
    held: int = 0
    mail_server_error: str | None = Field(default=None, exclude=True)


class Extent(NamedTuple):
    """How much one run delivers: it begins no letter after so many seconds, and writes to one shard's mailboxes."""

    seconds: float | None = None
    part: Shard | None = None


class Deliveries(NamedTuple):
    """What one run did: the outcome of each letter sent, letters that failed for want of an address, how many notices
    were cancelled as not needed any more, mailboxes whose notices or letter cannot be read, and the transports' state.
    """

    outcomes: Sequence[LetterOutcome] = ()
    unaddressed: int = 0
    cancelled: int = 0
    unreadable: Sequence[str] = ()
    mail_server: str | None = None


def may_leave(context: AppContext, moment: datetime) -> bool:
    """Whether letters leave at this instant: a working day in England and Wales, from 08:00 and before 18:00 London."""
    here = moment.astimezone(LONDON)
    return context.calendar.is_working_day(here.date()) and OPENS <= here.time() < CLOSES


def delivery_is_due(context: AppContext) -> bool:
    """Whether a delivery would now have anything to do: letters may leave, and one is ready or has to be finished."""
    moment = context.now()
    if not may_leave(context, moment):
        return False
    today = context.today()
    with reading(context.engine) as connection:
        if any(is_expired(row.claimed_by, row.claimed_at, moment) for row in outbox.unfinished(connection)):
            return True
        if outbox.anyone_without_mailbox(connection, today):
            return True
        mailboxes = outbox.mailboxes_to_write(connection, today, instant(moment))
        unwritten = [mailbox for mailbox in mailboxes if not outbox.written_to_on(connection, mailbox, today)]
    names = usable(context) if unwritten else set()
    return any(transport_name(context, each) in names and not is_quiet(context, each) for each in unwritten)


def deliver(
    context: AppContext,
    now: bool = False,
    reason: str | None = None,
    run: str | None = None,
    transport: Transport | None = None,
    extent: Extent = Extent(),  # noqa: B008 (a constant)
) -> DeliveryReport:
    """Send every letter that may leave now.

    `now` waits neither for a working day's hours nor for a letter's next try. `transport` replaces the configured one.
    Raises RulesetMismatch if the database's active rule set is another.
    """
    if not now and not may_leave(context, context.now()):
        with reading(as_seen_by(context, None).engine) as connection:
            return DeliveryReport(waiting=outbox.count_waiting(connection), held=outbox.count_held(connection)[1])
    with reading(context.engine) as connection:
        anything_open = outbox.anything_open(connection)
    done = Deliveries()
    if anything_open:
        context.ensure_ruleset_active("deliver")
        with Deliverer() as deliverer, transports(context, transport, at_once=now) as carrying:
            delivery_run = DeliveryRun(context, deliverer, run, now, carrying, extent.part)
            until = None if extent.seconds is None else monotonic() + extent.seconds
            step = Step(f"letters by {context.settings.carrier.in_words}")
            done = run_step(step, partial(_deliver_all, delivery_run, until))
    with reading(as_seen_by(context, None).engine) as connection:
        report = _report(connection, done)
    with writing(context.engine) as connection:
        if not anything_open:
            context.keep_time(connection)
        stored_reason = _store_reason(context, connection, reason) if now and reason else None
        if anything_open or stored_reason:
            detail = {**report.model_dump(), "now": now}
            detail |= {"reason": stored_reason} if stored_reason else {}
            detail |= {"relay": done.mail_server} if done.mail_server else {}
            detail |= {"unreadable": sorted(done.unreadable)} if done.unreadable else {}
            outcome = "failed" if report.failed else "done"
            record_job_run(connection, context, "deliver", context.today(), outcome, orjson.dumps(detail).decode())
    return report


def _report(connection: Connection, done: Deliveries) -> DeliveryReport:
    states = [outcome.state for outcome in done.outcomes]
    return DeliveryReport(
        sent=sum(state in SENT for state in states),
        failed=states.count(LetterState.FAILED) + done.unaddressed + len(done.unreadable),
        withdrawn=done.cancelled,
        waiting=outbox.count_waiting(connection),
        held=outbox.count_held(connection)[1],
        mail_server_error=None if done.mail_server == MAIL_SERVER_ACCEPTS else done.mail_server,
    )


def _store_reason(context: AppContext, connection: Connection, reason: str) -> str:
    """Store a person's reason encrypted, because it may say anything. Returns its id, which the job's row names."""
    text = new_free_text(NO_CASE, reason)
    insert_free_texts(connection, context.cipher, [text])
    return text.id


def _deliver_all(run: DeliveryRun, until: float | None) -> Deliveries:
    """Send every letter that is ready, until the time is up (`until`, monotonic)."""
    unaddressed, cancelled = 0, 0
    outcomes: list[LetterOutcome] = []
    unreadable: list[str] = []
    if run.part is None:  # a shard is followed by a delivery of everything
        try:
            transact(run.context.engine, partial(readdress, run.context, today=run.context.today()))
            unaddressed, cancelled = transact(run.context.engine, partial(_fail_unaddressed, run))
        except UNREADABLE:
            unreadable.append(NO_ADDRESS)
    leases = _leases(run, unreadable)
    while until is None or monotonic() < until:
        lease = next(leases, None)
        if lease is None:
            break
        cancelled += lease.cancelled
        if lease.letter is not None:
            outcome = send(run, lease.letter)
            refs = [draft.case_ref for draft in lease.letter.notices]
            if without_restricted(refs) == refs:
                outcomes.append(outcome)
    return Deliveries(outcomes, unaddressed, cancelled, unreadable, run.transports.state())


def _leases(run: DeliveryRun, unreadable: list[str]) -> Iterator[Lease]:
    """Lease one letter after another, each when the one before is sent: expired leases first, then each mailbox.

    A mailbox with a row that cannot be read is added to `unreadable`, and the others get their letters.
    """
    context, moment = run.context, run.context.now()
    with reading(context.engine) as connection:
        unfinished = outbox.unfinished(connection)
        today, ready_by = context.today(), instant(moment)
        mailboxes = outbox.mailboxes_to_write(
            connection,
            None if run.at_once else today,
            None if run.at_once or context.simulated else ready_by,
        )
    if run.part is not None:
        unfinished = [letter for letter in unfinished if run.part.holds(letter.mailbox)]
        mailboxes = [mailbox for mailbox in mailboxes if run.part.holds(mailbox)]
    for letter in unfinished:
        if is_expired(letter.claimed_by, letter.claimed_at, moment):
            yield from _lease(run, letter.mailbox, partial(lease_expired, run, letter=letter), unreadable)
    for mailbox in mailboxes:
        yield from _lease(run, mailbox, partial(lease_mailbox, run, mailbox=mailbox), unreadable)


def _lease(
    run: DeliveryRun, mailbox: str, lease_letter: Callable[[Connection], Lease], unreadable: list[str]
) -> Iterator[Lease]:
    """Lease a mailbox's letter if its transport may be used now, and its bodies have no quiet day."""
    if (is_quiet(run.context, mailbox) and not run.at_once) or not run.transports.take(mailbox):
        return
    lease = Lease()
    try:
        lease = transact(run.context.engine, lease_letter)
    except (IntegrityError, Contended, TakenByAnotherRun):
        pass
    except UNREADABLE:
        unreadable.append(mailbox)
    if lease.letter is None:
        run.transports.give_back(mailbox)
    yield lease


def _fail_unaddressed(run: DeliveryRun, connection: Connection) -> tuple[int, int]:
    """Record a letter to a recipient without an address as failed: a person has to fix the directory. Returns how many
    letters failed, and how many notices were cancelled.
    """
    if not outbox.mailbox_is_free(connection, ""):
        return 0, 0
    drafts = outbox.without_mailbox(connection, run.today())
    if not drafts:
        return 0, 0
    result = compose.recheck(run.unit(connection), drafts, run.today())
    needed, result.needed = result.needed, []
    compose.apply_recheck(connection, result, None)
    by_recipient: dict[str, list[NoticeDraft]] = {}
    for draft in needed:
        whose = "" if without_restricted([draft.case_ref]) else f"/{RESTRICTED}"
        by_recipient.setdefault(f"{draft.body}/{draft.service}/{draft.recipient}{whose}", []).append(draft)
    for recipient, group in by_recipient.items():
        stem = compose.letter_stem(f"{recipient}/{NO_ADDRESS}", run.today())
        letter = lease_new(run, connection, "", stem, compose.compose(run.context, group, run.today()), group)
        compose.apply_recheck(connection, compose.RecheckResult(needed=group), letter.id)
        record_outcome(run, connection, letter, LetterState.FAILED, NO_ADDRESS)
    shown = [group for group in by_recipient.values() if without_restricted(draft.case_ref for draft in group)]
    return len(shown), len(without_restricted(draft.case_ref for draft in result.cancelled))
