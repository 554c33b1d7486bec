"""One-time sign-in links, and sessions in the database that the Prefect UI and the web pages share.

Purpose: a person who may use this installation gets a link that works once. Opening it starts a session, and the
session's cookie opens every port of the installation. The database holds digests only: a person who reads it cannot
take over a session. A session whose account has a second factor, or must have one, is half open until a code is
given: it is found only by who asks for half open ones. Instants are in UTC.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, bindparam, insert, select, update

from models.errors import Refusal
from models.questions import Question
from models.tables import ACCOUNT_CHANGE, ACCOUNT_FACTOR, SESSION, SIGN_IN_LINK

COOKIE = "sendflow_session"
LINK_LIFETIME = timedelta(hours=12)
SESSION_LIFETIME = timedelta(hours=12)
IDLE_LIMIT = timedelta(hours=1)
SEEN_EVERY = timedelta(minutes=1)
ACCOUNT = re.compile(r"[a-z][a-z0-9._-]{0,39}")
TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")
AWAITS_CODE, AWAITS_SETUP = "code", "setup"


class Session(NamedTuple):
    """A session that is open: the id of the account that signed in, and when it was last used.

    `awaits`: a code of the second factor, or its setup; empty if the session is whole.
    """

    account: str
    digest: str
    seen_at: datetime
    awaits: str = ""


class NoSuchLink(Refusal):
    """The link is wrong, used, or too old: all three look alike."""


def create_link(connection: Connection, account: str, now: datetime, lifetime: timedelta = LINK_LIFETIME) -> str:
    """Make a one-time link for an account and return its token. Raises ValueError for a name that is no account id."""
    if not ACCOUNT.fullmatch(account):
        raise ValueError("an account is named by lower-case letters, digits, . _ and -, for example dco.team")
    token = secrets.token_urlsafe(32)
    connection.execute(
        insert(SIGN_IN_LINK).values(
            digest=digest_of(token), account=account, created_at=_text(now), expires_at=_text(now + lifetime)
        )
    )
    return token


def redeem(connection: Connection, token: str, now: datetime, must_have: Collection[str] = ()) -> tuple[str, Session]:
    """Spend a link and start a session: the secret of its cookie, and the session. Raises NoSuchLink.

    `must_have`: the roles whose accounts must have a second factor.
    """
    account = spend_link(connection, digest_of(token), now) if TOKEN.fullmatch(token) else None
    if account is None:
        raise NoSuchLink
    return start_session(connection, account, now, must_have)


def spend_link(connection: Connection, digest: str, now: datetime) -> str | None:
    """Spend the link of a digest: its account; None where it is wrong, used or too old."""
    spent = connection.execute(
        update(SIGN_IN_LINK)
        .where(
            SIGN_IN_LINK.c.digest == digest,
            SIGN_IN_LINK.c.used_at.is_(None),
            SIGN_IN_LINK.c.expires_at > _text(now),
        )
        .values(used_at=_text(now))
    )
    if spent.rowcount != 1:
        return None
    return str(connection.scalar(select(SIGN_IN_LINK.c.account).where(SIGN_IN_LINK.c.digest == digest)))


def is_open_link(connection: Connection, token: str, now: datetime) -> bool:
    """Whether a link would still sign somebody in. It spends nothing."""
    query = select(SIGN_IN_LINK.c.digest).where(
        SIGN_IN_LINK.c.digest == digest_of(token if TOKEN.fullmatch(token) else ""),
        SIGN_IN_LINK.c.used_at.is_(None),
        SIGN_IN_LINK.c.expires_at > _text(now),
    )
    return connection.scalar(query) is not None


def start_session(
    connection: Connection,
    account: str,
    now: datetime,
    must_have: Collection[str] = (),
    *,
    factor_shown: bool = False,
    provider_session: str | None = None,
) -> tuple[str, Session]:
    """Start a session of an account that has shown who it is: the secret of its cookie, and the session.

    `factor_shown`: another program has asked for the second factor already, so the session awaits none.
    `provider_session`: the digest of the session at the identity provider that it comes from.
    """
    secret = secrets.token_urlsafe(32)
    role = select(ACCOUNT_CHANGE.c.role).where(ACCOUNT_CHANGE.c.account == account)
    awaits = ""
    if factor_shown:
        awaits = ""
    elif has_factor(connection, account):
        awaits = AWAITS_CODE
    elif must_have and connection.scalar(role.order_by(ACCOUNT_CHANGE.c.number.desc()).limit(1)) in must_have:
        awaits = AWAITS_SETUP
    session = Session(account, digest_of(secret), now, awaits)
    connection.execute(
        insert(SESSION).values(
            digest=session.digest,
            account=account,
            created_at=_text(now),
            seen_at=_text(now),
            expires_at=_text(now + SESSION_LIFETIME),
            awaits=awaits or None,
            provider_session=provider_session,
        )
    )
    return secret, session


def complete(connection: Connection, session: Session, now: datetime) -> str:
    """Open a half open session: it ends, and a whole one with another secret, which is returned, takes its place."""
    end_session(connection, session, now)
    secret = secrets.token_urlsafe(32)
    came_from = select(SESSION.c.provider_session).where(SESSION.c.digest == session.digest)
    connection.execute(
        insert(SESSION).values(
            digest=digest_of(secret),
            account=session.account,
            created_at=_text(now),
            seen_at=_text(now),
            expires_at=_text(now + SESSION_LIFETIME),
            provider_session=connection.scalar(came_from),
        )
    )
    return secret


def has_factor(connection: Connection, account: str) -> bool:
    """Whether the account's second factor is set up."""
    query = select(ACCOUNT_FACTOR.c.account).where(
        ACCOUNT_FACTOR.c.account == account, ACCOUNT_FACTOR.c.confirmed_at.is_not(None)
    )
    return connection.scalar(query) is not None


# Made once: every page asks for its session, and composing a statement takes as long as running it.
OPEN_SESSION = Question(
    select(SESSION.c.account, SESSION.c.digest, SESSION.c.seen_at, SESSION.c.awaits).where(
        SESSION.c.digest == bindparam("digest"),
        SESSION.c.ended_at.is_(None),
        SESSION.c.expires_at > bindparam("now"),
        SESSION.c.seen_at > bindparam("idle_since"),
    )
)


def values_of(secret: str, now: datetime) -> dict[str, str]:
    """The values with which the open session of a cookie's secret is asked for."""
    return {"digest": digest_of(secret), "now": _text(now), "idle_since": _text(now - IDLE_LIMIT)}


def find_session(
    connection: Connection, secret: str | None, now: datetime, *, half_open: bool = False
) -> Session | None:
    """The open session of a cookie's secret; None where it is wrong, idle for an hour, too old, or ended.

    A session that awaits its second factor is found with `half_open` only.
    """
    if secret is None or not TOKEN.fullmatch(secret):
        return None
    row = OPEN_SESSION.first(connection, **values_of(secret, now))
    if row is None or (row.awaits is not None and not half_open):
        return None
    return Session(str(row.account), str(row.digest), datetime.fromisoformat(str(row.seen_at)), row.awaits or "")


def note_use(connection: Connection, session: Session, now: datetime) -> None:
    """Remember that a session was used; at most once a minute, so that reading pages costs no write."""
    connection.execute(
        update(SESSION)
        .where(SESSION.c.digest == session.digest, SESSION.c.seen_at < _text(now - SEEN_EVERY))
        .values(seen_at=_text(now))
    )


def end_sessions(connection: Connection, account: str, now: datetime, but: Session | None = None) -> int:
    """Sign an account out everywhere, `but` of one session, and void its unused links; returns how many were open."""
    connection.execute(
        update(SIGN_IN_LINK)
        .where(SIGN_IN_LINK.c.account == account, SIGN_IN_LINK.c.used_at.is_(None))
        .values(used_at=_text(now))
    )
    ended = connection.execute(
        update(SESSION)
        .where(
            SESSION.c.account == account,
            SESSION.c.ended_at.is_(None),
            SESSION.c.digest != (but.digest if but is not None else ""),
        )
        .values(ended_at=_text(now))
    )
    return int(ended.rowcount)


def end_session(connection: Connection, session: Session, now: datetime) -> None:
    """Sign out of one session."""
    connection.execute(update(SESSION).where(SESSION.c.digest == session.digest).values(ended_at=_text(now)))


def end_sessions_of_provider(
    connection: Connection, account: str | None, provider_sessions: Collection[str] | None, now: datetime
) -> int:
    """End sessions because the identity provider ended them; returns how many were open.

    `account`: only its own; None asks for none. `provider_sessions`: only those that came from one of these; None
    takes every session.
    """
    wanted: list[ColumnElement[bool]] = [SESSION.c.ended_at.is_(None)]
    if account is not None:
        wanted.append(SESSION.c.account == account)
    if provider_sessions is not None:
        wanted.append(SESSION.c.provider_session.in_(provider_sessions))
    return int(connection.execute(update(SESSION).where(*wanted).values(ended_at=_text(now))).rowcount)


def digest_of(secret: str) -> str:
    """The digest by which a link or a session is stored."""
    return hashlib.sha256(secret.encode("ascii")).hexdigest()


def _text(moment: datetime) -> str:
    return moment.isoformat(timespec="microseconds")
