"""Who an account is at the identity provider, and the attempts to sign in by it.

Purpose: an account comes in by single sign-on if and only if this list names its issuer and subject; an e-mail
address, which an organisation may give to somebody else, names nobody. An account is named once: by who holds the
account's invitation, or by a person who knows the subject. The list is only added to, and each row is compared with
the change log. An attempt begins before anybody is known; its secret is in the browser's cookie and its digest here,
so what the provider answers counts in that browser alone, once, within ten minutes. A session notes, by a digest, the
session at the provider that it came from, so that the provider can end it. Instants are in UTC.
"""

from __future__ import annotations

import hmac
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import NamedTuple

from sqlalchemy import Connection, delete, func, insert, select, update

from casework.access import sessions
from casework.access.accounts import WrongAccount, account_of
from casework.access.identity_provider import (
    CLOCK_SKEW_SECONDS,
    LOGOUT_AGE_SECONDS,
    LONGEST_SUBJECT,
    Identity,
    NotSignedIn,
    Proofs,
    SignedOut,
)
from casework.access.sessions import TOKEN, Session, digest_of
from casework.context import AppContext
from models.change_log import insert_logged, is_as_recorded
from models.database import reading, transact
from models.locks import lock_exclusive
from models.tables import ACCOUNT_IDENTITY, LOGOUT_TOKEN, SIGN_IN_ATTEMPT

ATTEMPT_LIFETIME = timedelta(minutes=10)
# A token of an age that is refused cannot come again. Its iat may be a minute ahead of our clock, or behind.
REMEMBERED = timedelta(seconds=LOGOUT_AGE_SECONDS + 2 * CLOCK_SKEW_SECONDS)
COOKIE = "sendflow_attempt"
NOBODY = ""


class AccountIdentity(NamedTuple):
    """Who an account is at an identity provider."""

    account: str
    issuer: str
    subject: str


def proofs_of(secret: str) -> Proofs:
    """What ties an attempt to its browser: each is a keyed digest by the secret of the cookie, so nothing is stored."""
    return Proofs(*(_keyed(secret, name) for name in Proofs._fields))


def begin_attempt(connection: Connection, now: datetime, link: str = "") -> str:
    """Begin an attempt, with the token of an invitation if there is one; returns the secret of its cookie."""
    secret = secrets.token_urlsafe(32)
    connection.execute(delete(SIGN_IN_ATTEMPT).where(SIGN_IN_ATTEMPT.c.expires_at < _text(now - timedelta(days=1))))
    row = {
        "digest": digest_of(secret),
        "created_at": _text(now),
        "expires_at": _text(now + ATTEMPT_LIFETIME),
        "link": digest_of(link) if TOKEN.fullmatch(link) else None,
    }
    connection.execute(insert(SIGN_IN_ATTEMPT).values(**row))
    return secret


def take_attempt(connection: Connection, secret: str, state: str, now: datetime) -> str:
    """Spend an attempt: the digest of its invitation, empty without one. Raises NotSignedIn if there is none open."""
    known = bool(TOKEN.fullmatch(secret)) and hmac.compare_digest(proofs_of(secret).state.encode(), state.encode())
    digest = digest_of(secret) if known else NOBODY
    spent = connection.execute(
        update(SIGN_IN_ATTEMPT)
        .where(
            SIGN_IN_ATTEMPT.c.digest == digest,
            SIGN_IN_ATTEMPT.c.used_at.is_(None),
            SIGN_IN_ATTEMPT.c.expires_at > _text(now),
        )
        .values(used_at=_text(now))
    )
    if spent.rowcount != 1:
        raise NotSignedIn("this browser has begun no such sign-in, or it was used", code="no_attempt")
    return str(connection.scalar(select(SIGN_IN_ATTEMPT.c.link).where(SIGN_IN_ATTEMPT.c.digest == digest)) or NOBODY)


def enter(
    connection: Connection,
    identity: Identity,
    link: str,
    app_roles: Mapping[str, str],
    must_have: Collection[str] | None = (),
) -> tuple[str, Session]:
    """Start the session of the account that is this identity: the secret of its cookie, and the session.

    `link`: the digest of an invitation, which names the account once. `app_roles`: our role for each app role; empty
    asks for none. `must_have`: the roles whose accounts must have a second factor; None: the provider asked for it.
    Raises NotSignedIn.
    """
    now = datetime.now(UTC)
    lock_exclusive(connection, "account_identity")
    account = _account_with(connection, identity.issuer, identity.subject)
    if account is None and link:
        account = sessions.spend_link(connection, link, now)
        if account is not None and identity_of(connection, account) is not None:
            raise NotSignedIn("the invitation is for an account of somebody else", code="not_invited")
    if account is None:
        raise NotSignedIn("no account of this list is this identity", code="not_invited")
    found = account_of(connection, account)
    if found is None:
        raise NotSignedIn("the account has no role", code="no_role")
    if app_roles and found.role not in {app_roles[each] for each in identity.app_roles if each in app_roles}:
        raise NotSignedIn("the identity provider gives the account no role that it has here", code="no_app_role")
    if _account_with(connection, identity.issuer, identity.subject) is None:
        _insert(connection, AccountIdentity(account, identity.issuer, identity.subject), account, now)
    session = session_of(identity.issuer, identity.session)
    return sessions.start_session(
        connection, account, now, must_have or (), factor_shown=must_have is None, provider_session=session
    )


def sign_out(connection: Connection, said: SignedOut, now: datetime) -> int:
    """End the sessions that the provider ended; returns how many were open. Raises NotSignedIn for a token that was
    taken before.

    A subject alone ends every session of its account, however it began: their organisation says that the person is
    out. A session of the provider ends the one that came from it, and with the subject also those of the account whose
    own token named no session.
    """
    lock_exclusive(connection, "logout_token")
    connection.execute(delete(LOGOUT_TOKEN).where(LOGOUT_TOKEN.c.expires_at < _text(now)))
    digest = _digest(said.issuer, said.token)
    if connection.scalar(select(LOGOUT_TOKEN.c.digest).where(LOGOUT_TOKEN.c.digest == digest)) is not None:
        raise NotSignedIn("the logout token was taken before", code="bad_token")
    connection.execute(insert(LOGOUT_TOKEN).values(digest=digest, expires_at=_text(now + REMEMBERED)))
    account = _account_with(connection, said.issuer, said.subject) if said.subject else None
    if said.subject and account is None:
        return 0
    of_provider = {session_of(said.issuer, said.session)} if said.session else None
    if of_provider is not None and account is not None:
        of_provider.add(session_of(said.issuer, ""))
    return sessions.end_sessions_of_provider(connection, account, of_provider, now)


def session_of(issuer: str, session: str) -> str:
    """The digest by which a session of the provider is stored; of an empty one, that its token named none."""
    return _digest(issuer, session)


def identify(connection: Connection, wanted: AccountIdentity, actor: str, now: datetime) -> None:
    """Say who an account is at the identity provider; its sessions end. Raises WrongAccount."""
    lock_exclusive(connection, "account_identity")
    if account_of(connection, wanted.account) is None:
        raise WrongAccount("there is no such account with a role: give it a role first", code="no_account")
    if not 0 < len(wanted.subject) <= LONGEST_SUBJECT or not wanted.subject.isprintable():
        raise WrongAccount(
            f"a subject has 1 to {LONGEST_SUBJECT} characters: it is the claim sub of a token, and no e-mail address",
            code="bad_subject",
        )
    other = _account_with(connection, wanted.issuer, wanted.subject)
    if other not in (None, wanted.account):
        raise WrongAccount(f"that identity is the account {other}: part it first", code="other_account")
    _insert(connection, wanted, actor, now)
    sessions.end_sessions(connection, wanted.account, now)


def part(connection: Connection, account: str, actor: str, now: datetime) -> bool:
    """Take the identity of an account away: its sessions end, and its next invitation names another one."""
    lock_exclusive(connection, "account_identity")
    if identity_of(connection, account) is None:
        return False
    _insert(connection, AccountIdentity(account, NOBODY, NOBODY), actor, now)
    sessions.end_sessions(connection, account, now)
    return True


def identity_of(connection: Connection, account: str) -> AccountIdentity | None:
    """Who the account is; None if nobody, or if the row was altered."""
    newest = (
        select(ACCOUNT_IDENTITY)
        .where(ACCOUNT_IDENTITY.c.account == account)
        .order_by(ACCOUNT_IDENTITY.c.number.desc())
        .limit(1)
    )
    row = connection.execute(newest).first()
    if row is None or row.subject == NOBODY or not is_as_recorded(connection, ACCOUNT_IDENTITY, tuple(row)):
        return None
    return AccountIdentity(row.account, row.issuer, row.subject)


def change(context: AppContext, account: str, subject: str | None, actor: str) -> None:
    """Say who an account is at the identity provider of the settings; without a subject, that it is nobody there.

    Raises WrongAccount.
    """
    access, now = context.settings.single_sign_on, datetime.now(UTC)
    if subject is not None and access is None:
        raise WrongAccount(
            "no identity provider is set: set SENDFLOW_OIDC_ISSUER first (docs/operate/configure.md)",
            code="no_provider",
        )

    def once(connection: Connection) -> bool:
        if subject is None or access is None:
            return part(connection, account, actor, now)
        identify(connection, AccountIdentity(account, access.issuer, subject), actor, now)
        return True

    if not transact(context.engine, once):
        raise WrongAccount("that account is nobody at the identity provider", code="no_account")


def listed(context: AppContext) -> list[AccountIdentity]:
    """Who each account is, by account."""
    with reading(context.engine) as connection:
        names = connection.scalars(select(ACCOUNT_IDENTITY.c.account).distinct().order_by(ACCOUNT_IDENTITY.c.account))
        return [found for name in names.all() if (found := identity_of(connection, name)) is not None]


def _account_with(connection: Connection, issuer: str, subject: str) -> str | None:
    """The account that is this identity now."""
    query = select(ACCOUNT_IDENTITY.c.account).where(
        ACCOUNT_IDENTITY.c.issuer == issuer, ACCOUNT_IDENTITY.c.subject == subject
    )
    for account in sorted(set(connection.scalars(query))):
        if identity_of(connection, account) == (account, issuer, subject):
            return str(account)
    return None


def _insert(connection: Connection, identity: AccountIdentity, actor: str, now: datetime) -> None:
    number = (connection.scalar(select(func.max(ACCOUNT_IDENTITY.c.number))) or 0) + 1
    row = {"number": number, "at": _text(now), "actor": actor, **identity._asdict()}
    insert_logged(connection, ACCOUNT_IDENTITY, [row], _text(now))


def _digest(issuer: str, name: str) -> str:
    return sha256(f"{issuer}\0{name}".encode()).hexdigest()


def _keyed(secret: str, name: str) -> str:
    return urlsafe_b64encode(hmac.digest(secret.encode(), name.encode(), "sha256")).decode().rstrip("=")


def _text(moment: datetime) -> str:
    return moment.isoformat(timespec="microseconds")
