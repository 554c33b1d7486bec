"""Send one leased letter through the mail transport, outside any transaction, and record its outcome in another one.

Deliver and digest both send through here, so that every letter ends in a named state, with `notice_sent` or
`notice_failed` among the facts of each case that it is about.
"""

from datetime import timedelta
from functools import partial
from typing import Any, NamedTuple

from sqlalchemy import Connection

from casework import fault_points
from casework.cases.commit import commit
from casework.cases.unit_of_work import load_readable
from casework.context import instant
from casework.delivery import compose, receipt_rows
from casework.delivery.lease import DeliveryRun
from casework.delivery.letter_links import put_links
from casework.delivery.party_mailbox import NO_ADDRESS, address_of
from casework.reports.for_a_person import OUTCOME_UNKNOWN
from models.enums import LetterState, NoticeState
from models.facts import FactDraft
from models.when_back import transact_when_back
from notifications import outbox
from notifications.message_ids import as_it_leaves
from notifications.notices import NoticeDraft, late_corrections
from notifications.outbox import LeasedLetter
from notifications.render import RenderError, content_digest, render
from notifications.transport import CANNOT_BE_WRITTEN, NOT_TAKEN, Attempt, Letter, Outcome

FIRST_WAIT, LONGEST_WAIT = timedelta(minutes=5), timedelta(hours=4)
SENT = (LetterState.SENT, LetterState.SENT_PERHAPS_TWICE)


class LetterOutcome(NamedTuple):
    """What became of one letter: the attempt, and the state recorded; None if another run had taken the letter over."""

    attempt: Attempt
    state: LetterState | None


def send(run: DeliveryRun, letter: LeasedLetter) -> LetterOutcome:
    """Send one leased letter, outside any transaction, and record what became of it."""
    fault_points.here("after_claim")
    attempt = _attempt(run, letter)
    fault_points.here("after_send_before_record")
    # The next run would send a letter once more whose outcome it does not find.
    record, again = (partial(each, run, letter, attempt) for each in (_record_attempt, _record_unless_done))
    state = transact_when_back(run.context.engine, record, again)
    fault_points.here("after_record")
    return LetterOutcome(attempt, state)


def _record_unless_done(
    run: DeliveryRun, letter: LeasedLetter, attempt: Attempt, connection: Connection
) -> LetterState | None:
    """Record an outcome, unless it is there: the database may have stored it and gone away before it said so."""
    stored = outbox.state_of(connection, letter.id)
    return _record_attempt(run, letter, attempt, connection) if stored is LetterState.SENDING else stored


def _attempt(run: DeliveryRun, letter: LeasedLetter) -> Attempt:
    context = run.context
    try:
        content = render(letter.template, letter.version, letter.fields)
    except RenderError:
        # Only a person can fix a template; the letter records it, and nothing is sent half written.
        return Attempt(Outcome.REFUSED, CANNOT_BE_WRITTEN)
    mailbox = address_of(context, letter.mailbox)
    if mailbox is None:
        return Attempt(Outcome.REFUSED, NO_ADDRESS)
    leaves = put_links(context, letter, content)
    attempt = run.transports.send(
        Letter(
            letter.id,
            as_it_leaves(context.cipher, letter.id, letter.message_id),
            mailbox,
            compose.office(context),
            context.directory.dco,
            leaves.subject,
            leaves.text,
            leaves.html,
            context.now(),
            letter.again,
        )
    )
    return attempt._replace(content_digest=content_digest(content))


def _record_attempt(
    run: DeliveryRun, letter: LeasedLetter, attempt: Attempt, connection: Connection
) -> LetterState | None:
    if attempt.outcome is Outcome.ACCEPTED and attempt.receipt is not None:
        receipt_rows.insert(run.context, connection, letter, attempt.receipt)
    if attempt.outcome is Outcome.ACCEPTED and letter.again and not attempt.once:
        return record_outcome(run, connection, letter, LetterState.SENT_PERHAPS_TWICE, OUTCOME_UNKNOWN, attempt)
    if attempt.outcome is Outcome.ACCEPTED:
        return record_outcome(run, connection, letter, LetterState.SENT, None, attempt)
    if attempt.outcome is Outcome.REFUSED:
        return record_outcome(run, connection, letter, LetterState.FAILED, attempt.why)
    if attempt.outcome is Outcome.UNKNOWN and letter.again:
        # The outcome of both attempts is unknown: no fact may say that it was sent, and a person has to ask.
        return record_outcome(run, connection, letter, LetterState.FAILED, OUTCOME_UNKNOWN)
    unknown = (letter.again and not attempt.once) or attempt.outcome is Outcome.UNKNOWN
    return _postpone(run, connection, letter, OUTCOME_UNKNOWN if unknown else attempt.why)


def _postpone(run: DeliveryRun, connection: Connection, letter: LeasedLetter, why: str | None) -> LetterState | None:
    """Let a letter wait for its next try: after 5 minutes, then twice as long each time, at most 4 hours.

    One that certainly was not taken is tried at once, with what is true now.
    """
    wait = min(FIRST_WAIT * 2 ** min(outbox.attempts(connection, letter.id) - 1, 10), LONGEST_WAIT)
    wait = timedelta() if why == NOT_TAKEN else wait
    values = {
        "state": LetterState.WAITING,
        "why": why,
        "next_try_at": instant(run.context.now() + wait),
        "claimed_by": None,
        "claimed_at": None,
    }
    changed = outbox.update_letter(connection, letter.id, LetterState.SENDING, values, by=run.deliverer.name)
    return LetterState.WAITING if changed else None


def record_outcome(
    run: DeliveryRun,
    connection: Connection,
    letter: LeasedLetter,
    state: LetterState,
    why: str | None,
    attempt: Attempt | None = None,
) -> LetterState | None:
    """Record the end of a letter: its state, the states of its notices, and a fact about each. Returns the state, or
    None if another run has taken the letter over. `attempt` is the one by which it was sent.
    """
    sent = state in SENT
    values: dict[str, Any] = {
        "state": state,
        "why": why,
        "sent_at": instant(run.context.now()) if sent else None,
        "claimed_by": None,
    }
    if attempt is not None:
        values |= {"content_digest": attempt.content_digest, "message_digest": attempt.message_digest}
    if not outbox.update_letter(connection, letter.id, LetterState.SENDING, values, by=run.deliverer.name):
        return None
    keys = [notice.key for notice in letter.notices]
    outbox.change_state(connection, keys, (NoticeState.CLAIMED,), NoticeState(str(state)), letter.id)
    unit = run.unit(connection)
    # A case altered since the lease cannot take the fact. The letter ends all the same, or it would be sent for ever.
    cases = load_readable(unit, {notice.case_ref for notice in letter.notices})
    for notice in letter.notices:
        case = cases.get(notice.case_ref)
        if case is None:
            continue
        data = _outcome_data(letter, notice, why)
        unit.append(case, [FactDraft("notice_sent" if sent else "notice_failed", run.today(), data)])
        if sent:
            unit.notices += late_corrections(compose.view_of(run.context, case), data)
    commit(unit)
    return state


def _outcome_data(letter: LeasedLetter, notice: NoticeDraft, why: str | None) -> dict[str, Any]:
    data: dict[str, Any] = {
        "rule": notice.rule,
        "rung": notice.rung,
        "opened_seq": notice.opened_seq,
        "recipient": str(notice.recipient),
        "letter": letter.id,
        "due": notice.due.isoformat() if notice.due else None,
        "rung_seq": notice.fact_seq,
        "body": notice.body,
        "service": notice.service,
        "why": why,
    }
    return {key: value for key, value in data.items() if value is not None}
