"""Lease a letter: reserve it for this run, in one transaction, before it is sent.

Every function here works in the caller's transaction and returns what it did. A lease leaves the letter in `sending`
with the name of its deliverer; send.py records the outcome, which ends the lease. If the process dies in between, the
lease expires, and the next run leases the letter again as it is stored, under the same Message-ID.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row

from casework.cases.restricted_cases import without_restricted
from casework.cases.unit_of_work import UnitOfWork
from casework.context import AppContext, instant
from casework.delivery import compose
from casework.delivery.compose import LetterContent, RecheckResult
from casework.delivery.deliverer import Deliverer, is_expired
from casework.delivery.letter_links import put_placeholders, renew_links
from casework.delivery.transports import Transports
from casework.reports.for_a_person import DAILY_DIGEST, OUTCOME_UNKNOWN
from casework.sweep import Shard
from models.enums import LetterState
from models.facts import canonical
from notifications import outbox
from notifications.message_ids import message_id
from notifications.notices import NoticeDraft
from notifications.outbox import LeasedLetter

FINISHED = (LetterState.SENT, LetterState.SENT_PERHAPS_TWICE, LetterState.FAILED)


@dataclass(frozen=True)
class DeliveryRun:
    """One run of deliver or digest. `at_once`: a person asked not to wait for working hours or a letter's next try.
    `part`: only the mailboxes of this shard.
    """

    context: AppContext
    deliverer: Deliverer
    run: str | None
    at_once: bool
    transports: Transports
    part: Shard | None = None

    def today(self) -> date:
        """Today in London."""
        return self.context.today()

    def unit(self, connection: Connection) -> UnitOfWork:
        """A unit of work whose facts name this run."""
        return UnitOfWork(self.context, connection, actor="sendflow", via="deliver", run=self.run)


class Lease(NamedTuple):
    """What one lease transaction did: the leased letter, if any, and how many notices it cancelled as not needed."""

    letter: LeasedLetter | None = None
    cancelled: int = 0


class TakenByAnotherRun(Exception):
    """Another run took some of these notices or this letter first; the caller's transaction has to be undone."""


def lease_mailbox(run: DeliveryRun, connection: Connection, mailbox: str) -> Lease:
    """Lease the mailbox's letter of today. No letter: the mailbox had one today, another run is at it, or nothing is
    needed any more. Raises TakenByAnotherRun.
    """
    if not outbox.mailbox_is_free(connection, mailbox):
        return Lease()
    waiting = outbox.waiting_letter(connection, mailbox)
    if outbox.written_to_on(connection, mailbox, run.today()):
        return Lease()
    if waiting is not None and (waiting.why == OUTCOME_UNKNOWN or waiting.template == DAILY_DIGEST):
        return Lease(lease_as_stored(run, connection, waiting))
    drafts = outbox.created_for(connection, mailbox, None if run.at_once else run.today())
    drafts += outbox.notices_of(connection, waiting.id) if waiting is not None else []
    result = compose.recheck(run.unit(connection), drafts, run.today())
    if not result.needed:
        compose.apply_recheck(connection, result, None)
        if waiting is not None:
            cancel_letter(connection, waiting.id)
        return Lease(cancelled=_counted(result))
    letter = _write_letter(run, connection, mailbox, waiting, result)
    if not compose.apply_recheck(connection, result, letter.id):
        raise TakenByAnotherRun
    return Lease(letter, _counted(result))


def _counted(result: RecheckResult) -> int:
    """How many notices were cancelled, none of a restricted case among them: reports say it."""
    return len(without_restricted(draft.case_ref for draft in result.cancelled))


def lease_expired(run: DeliveryRun, connection: Connection, letter: Row[Any]) -> Lease:
    """Lease a letter whose own lease expired, as it is stored. No letter: its mailbox had another letter today, or
    another run is at it.
    """
    if not outbox.mailbox_is_free(connection, letter.mailbox):
        return Lease()
    if outbox.written_to_on(connection, letter.mailbox, run.today(), besides=letter.id):
        return Lease()
    return Lease(lease_as_stored(run, connection, letter))


def lease_as_stored(run: DeliveryRun, connection: Connection, row: Row[Any]) -> LeasedLetter | None:
    """Lease a letter that was written before, with its stored text. None: it is finished, or another run has it."""
    if row.state in FINISHED:
        return None
    if row.state == LetterState.SENDING and not is_expired(row.claimed_by, row.claimed_at, run.context.now()):
        return None
    outcome_unknown = row.state == LetterState.SENDING or row.why == OUTCOME_UNKNOWN
    values = {
        **_lease_values(run),
        "on": run.today(),
        "attempts": row.attempts + 1,
        "why": OUTCOME_UNKNOWN if outcome_unknown else row.why,
    }
    if not outbox.update_letter(connection, row.id, LetterState(row.state), values, by=row.claimed_by):
        return None
    notices = outbox.notices_of(connection, row.id)
    content = LetterContent(row.template, row.template_version, outbox.stored_fields(row.fields))
    letter = LeasedLetter(row.id, row.mailbox, run.today(), *content, row.message_id, notices, outcome_unknown)
    renew_links(run.context, connection, letter)
    return letter


def lease_new(
    run: DeliveryRun,
    connection: Connection,
    mailbox: str,
    stem: str,
    content: LetterContent,
    drafts: Sequence[NoticeDraft],
) -> LeasedLetter:
    """Write a new letter of today and lease it. Raises IntegrityError if another run wrote it first."""
    id_ = outbox.letter_id(connection, stem)
    sent_as = message_id(id_, run.context.directory.dco)
    row = {"id": id_, "mailbox": mailbox, "message_id": sent_as, "attempts": 1}
    outbox.insert_letter(connection, {**row, **_content_values(run, content), **_lease_values(run)})
    return LeasedLetter(id_, mailbox, run.today(), *content, sent_as, list(drafts), False)


def cancel_letter(connection: Connection, letter: str) -> None:
    """End a waiting letter of which nothing is needed any more."""
    values = {"state": LetterState.WITHDRAWN, "next_try_at": None}
    outbox.update_letter(connection, letter, LetterState.WAITING, values)


def _write_letter(
    run: DeliveryRun, connection: Connection, mailbox: str, waiting: Row[Any] | None, result: RecheckResult
) -> LeasedLetter:
    introduced = outbox.was_ever_written_to(connection, mailbox)
    content = compose.compose(run.context, result.needed, run.today(), introduced)
    content = put_placeholders(run.context, connection, mailbox, content, result.needed)
    if waiting is None:
        stem = compose.letter_stem(mailbox, run.today())
        return lease_new(run, connection, mailbox, stem, content, result.needed)
    # The mail server certainly did not accept it yet: its text is written again for today; id and Message-ID stay.
    values = {**_lease_values(run), **_content_values(run, content), "attempts": waiting.attempts + 1}
    if not outbox.update_letter(connection, waiting.id, LetterState.WAITING, values):
        raise TakenByAnotherRun
    return LeasedLetter(waiting.id, mailbox, run.today(), *content, waiting.message_id, result.needed, False)


def _lease_values(run: DeliveryRun) -> dict[str, Any]:
    """The columns of a letter that this run has leased."""
    return {
        "state": LetterState.SENDING,
        "claimed_by": run.deliverer.name,
        "claimed_at": instant(run.context.now()),
        "next_try_at": None,
    }


def _content_values(run: DeliveryRun, content: LetterContent) -> dict[str, Any]:
    return {
        "on": run.today(),
        "template": content.template,
        "template_version": content.version,
        "fields": canonical(content.fields).decode(),
    }
