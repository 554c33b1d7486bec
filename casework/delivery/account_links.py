"""E-mails with one-time links: an invitation to a new account, or a new way in for a person who forgot the password.

Purpose: nobody has to pass a password on. An e-mail is a row until it has left; its link is made as it leaves, so that
the database never holds one. A name that is no account is a row too, and no e-mail: who asks learns nothing. The
letter names an account and no child. An account of a body gets its links by the transport of that body. Instants are in
UTC.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from html import escape
from typing import NamedTuple
from uuid import uuid4

from sqlalchemy import ColumnElement, Connection, delete, insert, or_, select, update

from casework.access import sessions
from casework.access.accounts import WrongAccount, account_of
from casework.context import AppContext
from casework.delivery.compose import office
from casework.delivery.transports import Transports, transport_of_body, transports
from config.directory_entries import ADDRESS
from config.running_instance import read_running
from config.settings import Settings
from models.change_log import is_as_recorded, log_keys
from models.database import reading, transact
from models.tables import ACCOUNT_MAIL, ACCOUNT_MAILBOX, SIGN_IN_LINK
from notifications.message_ids import message_id
from notifications.transport import Letter, Outcome, Transport

AGAIN_AFTER = timedelta(minutes=5)
MOST_TRIES = 12
AT_ONCE = 20


class Kind(StrEnum):
    """Why a link is sent."""

    INVITATION = "invitation"
    RESET = "reset"


LIFETIME = {Kind.INVITATION: timedelta(hours=72), Kind.RESET: timedelta(hours=1)}


class _Claimed(NamedTuple):
    id: int
    account: str
    kind: Kind
    mailbox: str
    token: str
    body: str


def mailboxes(connection: Connection) -> dict[str, str]:
    """Every mailbox, by account."""
    rows = connection.execute(select(ACCOUNT_MAILBOX.c.account, ACCOUNT_MAILBOX.c.mailbox))
    return {row.account: row.mailbox for row in rows}


def set_mailbox(connection: Connection, account: str, mailbox: str, actor: str) -> None:
    """Store where an account's links go. Raises WrongAccount for what is no address."""
    if not ADDRESS.fullmatch(mailbox):
        raise WrongAccount("that is no e-mail address: expected one, as in sam.lee@icb.example", code="bad_mailbox")
    now = _text(datetime.now(UTC))
    connection.execute(delete(ACCOUNT_MAILBOX).where(ACCOUNT_MAILBOX.c.account == account))
    row = {"account": account, "mailbox": mailbox, "changed_at": now, "changed_by": actor}
    connection.execute(insert(ACCOUNT_MAILBOX), [row])
    log_keys(connection, ACCOUNT_MAILBOX, [account], now)


def ask_for_link(connection: Connection, account: str, kind: Kind, actor: str) -> int:
    """Ask for an e-mail; returns its number. It costs the same whether there is such an account or not."""
    now = _text(datetime.now(UTC))
    row = {"account": account, "kind": kind, "asked_at": now, "asked_by": actor, "tries": 0}
    return int(connection.execute(insert(ACCOUNT_MAIL).values(**row).returning(ACCOUNT_MAIL.c.id)).scalar_one())


def invite(context: AppContext, account: str, mailbox: str | None, actor: str) -> bool:
    """Ask for an invitation and send it now; whether it left. Raises WrongAccount."""

    def work(connection: Connection) -> int:
        return ask_for_invitation(connection, account, mailbox, actor)

    number = transact(context.engine, work)
    send_waiting(context)
    with reading(context.engine) as connection:
        outcome = connection.scalar(select(ACCOUNT_MAIL.c.outcome).where(ACCOUNT_MAIL.c.id == number))
    return outcome in (Outcome.ACCEPTED, Outcome.UNKNOWN)


def ask_for_invitation(connection: Connection, account: str, mailbox: str | None, actor: str) -> int:
    """Ask for an invitation to an account that has a role; `mailbox` is its new address. Raises WrongAccount."""
    if account_of(connection, account) is None:
        raise WrongAccount("there is no such account with a role: give it a role first", code="no_account")
    if mailbox:
        set_mailbox(connection, account, mailbox, actor)
    elif account not in mailboxes(connection):
        raise WrongAccount("the account has no e-mail address: name one", code="no_mailbox")
    return ask_for_link(connection, account, Kind.INVITATION, actor)


def any_waiting(context: AppContext) -> bool:
    """Whether an e-mail is to leave now."""
    with reading(context.engine) as connection:
        query = select(ACCOUNT_MAIL.c.id).where(*_waiting(datetime.now(UTC))).limit(1)
        return connection.scalar(query) is not None


def send_waiting(context: AppContext, transport: Transport | None = None) -> int:
    """Send the e-mails that wait, 20 at most; returns how many left. What the mail server does not take waits."""
    sent = 0
    if not any_waiting(context):
        return sent
    with transports(context, transport, at_once=True) as post:
        for _number in range(AT_ONCE):
            claimed = transact(context.engine, lambda connection: _claim(context, connection))
            if claimed is None:
                break
            if isinstance(claimed, _Claimed):
                sent += _send(context, claimed, post)
    return sent


def _waiting(now: datetime) -> tuple[ColumnElement[bool], ...]:
    free = or_(ACCOUNT_MAIL.c.claimed_at.is_(None), ACCOUNT_MAIL.c.claimed_at < _text(now - AGAIN_AFTER))
    return ACCOUNT_MAIL.c.done_at.is_(None), free


def _claim(context: AppContext, connection: Connection) -> _Claimed | int | None:
    """Take the e-mail that waits longest, and make its link; its number if it leads nowhere; None if none waits."""
    now = datetime.now(UTC)
    query = select(ACCOUNT_MAIL).where(*_waiting(now)).order_by(ACCOUNT_MAIL.c.id).limit(1)
    row = connection.execute(query.with_for_update(skip_locked=True)).first()
    if row is None:
        return None
    mailbox = select(ACCOUNT_MAILBOX).where(ACCOUNT_MAILBOX.c.account == row.account)
    to = connection.execute(mailbox).first()
    account = account_of(connection, row.account)
    known = to is not None and account is not None
    if row.tries >= MOST_TRIES or not known:
        _finish(connection, row.id, "gave_up" if known else "nobody", now)
        return int(row.id)
    assert to is not None and account is not None
    if not is_as_recorded(connection, ACCOUNT_MAILBOX, tuple(to)):
        _finish(connection, row.id, "altered", now)
        return int(row.id)
    values = {"claimed_at": _text(now), "tries": row.tries + 1}
    connection.execute(update(ACCOUNT_MAIL).where(ACCOUNT_MAIL.c.id == row.id).values(**values))
    kind = Kind(row.kind)
    token = sessions.create_link(connection, row.account, now, LIFETIME[kind])
    return _Claimed(row.id, row.account, kind, to.mailbox, token, account.scope)


def _send(context: AppContext, claimed: _Claimed, post: Transports) -> int:
    outcome = post.send(_letter(context, claimed), transport_of_body(context, claimed.body)).outcome

    def record(connection: Connection) -> None:
        now = datetime.now(UTC)
        if outcome in (Outcome.ACCEPTED, Outcome.UNKNOWN):
            _finish(connection, claimed.id, str(outcome), now)
            return
        connection.execute(delete(SIGN_IN_LINK).where(SIGN_IN_LINK.c.digest == sessions.digest_of(claimed.token)))
        if outcome is Outcome.REFUSED:
            _finish(connection, claimed.id, str(outcome), now)

    transact(context.engine, record)
    return int(outcome is Outcome.ACCEPTED)


def _finish(connection: Connection, number: int, outcome: str, now: datetime) -> None:
    done = {"done_at": _text(now), "outcome": outcome}
    connection.execute(update(ACCOUNT_MAIL).where(ACCOUNT_MAIL.c.id == number).values(**done))


def _letter(context: AppContext, claimed: _Claimed) -> Letter:
    hours = int(LIFETIME[claimed.kind].total_seconds()) // 3600
    until = f"once, within {hours} hours" if hours > 1 else "once, within an hour"
    why = (
        f"You have been given the account {claimed.account} on sendflow."
        if claimed.kind is Kind.INVITATION
        else f"Somebody asked for a new way in for your account {claimed.account} on sendflow."
    )
    subject = "sendflow: your invitation" if claimed.kind is Kind.INVITATION else "sendflow: your new sign-in link"
    link = f"{address_of_pages(context.settings)}/start?token={claimed.token}"
    what = f"This link signs you in, {until}. You then choose a password:"
    not_you = "If you did not expect this e-mail, do not open the link, and inform the team's administrator."
    text = f"{why}\n\n{what}\n\n{link}\n\n{not_you}\n"
    html = (
        f"<p>{escape(why)}</p><p>{escape(what)}</p><p><a href='{escape(link)}'>{escape(link)}</a></p>"
        f"<p>{escape(not_you)}</p>"
    )
    reply_to = context.directory.icb.dco
    number = f"account-{uuid4().hex}"
    at = datetime.now(UTC)
    return Letter(
        number, message_id(number, reply_to), claimed.mailbox, office(context), reply_to, subject, text, html, at
    )


def address_of_pages(settings: Settings) -> str:
    """The address under which people open the pages, for a link."""
    running = read_running(settings) if settings.pages_at is None else None
    return running.pages_url if running is not None and running.pages_url else settings.pages_url


def _text(moment: datetime) -> str:
    return moment.isoformat(timespec="microseconds")
