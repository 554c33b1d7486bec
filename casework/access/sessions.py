"""One-time sign-in links, and sessions in the database that the Prefect UI and the web pages share.

Purpose: a person who may use this installation gets a link that works once. Opening it starts a session, and the
session's cookie opens every port of the installation. The database holds digests only: a person who reads it cannot
take over a session. Instants are in UTC.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Connection, insert, select, update

from models.errors import Refusal
from models.tables import SESSION, SIGN_IN_LINK

COOKIE = "sendflow_session"
LINK_LIFETIME = timedelta(hours=12)
SESSION_LIFETIME = timedelta(hours=12)
IDLE_LIMIT = timedelta(hours=1)
SEEN_EVERY = timedelta(minutes=1)
ACCOUNT = re.compile(r"[a-z][a-z0-9._-]{0,39}")
TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")


class Session(NamedTuple):
    """A session that is open: the id of the account that signed in, and when it was last used."""

    account: str
    digest: str
    seen_at: datetime


class NoSuchLink(Refusal):
    """The link is wrong, used, or too old: all three look alike."""


def create_link(connection: Connection, account: str, now: datetime) -> str:
    """Make a one-time link for an account and return its token. Raises ValueError for a name that is no account id."""
    if not ACCOUNT.fullmatch(account):
        raise ValueError("an account is named by lower-case letters, digits, . _ and -, for example dco.team")
    token = secrets.token_urlsafe(32)
    connection.execute(
        insert(SIGN_IN_LINK).values(
            digest=_digest(token), account=account, created_at=_text(now), expires_at=_text(now + LINK_LIFETIME)
        )
    )
    return token


def redeem(connection: Connection, token: str, now: datetime) -> tuple[str, Session]:
    """Spend a link and start a session: the secret of its cookie, and the session. Raises NoSuchLink."""
    if not TOKEN.fullmatch(token):
        raise NoSuchLink
    digest = _digest(token)
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
        raise NoSuchLink
    account = str(connection.scalar(select(SIGN_IN_LINK.c.account).where(SIGN_IN_LINK.c.digest == digest)))
    secret = secrets.token_urlsafe(32)
    session = Session(account, _digest(secret), now)
    connection.execute(
        insert(SESSION).values(
            digest=session.digest,
            account=account,
            created_at=_text(now),
            seen_at=_text(now),
            expires_at=_text(now + SESSION_LIFETIME),
        )
    )
    return secret, session


def find_session(connection: Connection, secret: str | None, now: datetime) -> Session | None:
    """The open session of a cookie's secret; None where it is wrong, idle for an hour, too old, or ended."""
    if secret is None or not TOKEN.fullmatch(secret):
        return None
    query = select(SESSION.c.account, SESSION.c.digest, SESSION.c.seen_at).where(
        SESSION.c.digest == _digest(secret),
        SESSION.c.ended_at.is_(None),
        SESSION.c.expires_at > _text(now),
        SESSION.c.seen_at > _text(now - IDLE_LIMIT),
    )
    row = connection.execute(query).first()
    if row is None:
        return None
    return Session(str(row.account), str(row.digest), datetime.fromisoformat(str(row.seen_at)))


def note_use(connection: Connection, session: Session, now: datetime) -> None:
    """Remember that a session was used; at most once a minute, so that reading pages costs no write."""
    connection.execute(
        update(SESSION)
        .where(SESSION.c.digest == session.digest, SESSION.c.seen_at < _text(now - SEEN_EVERY))
        .values(seen_at=_text(now))
    )


def end_sessions(connection: Connection, account: str, now: datetime) -> int:
    """Sign an account out everywhere and void its unused links; returns how many sessions were open."""
    connection.execute(
        update(SIGN_IN_LINK)
        .where(SIGN_IN_LINK.c.account == account, SIGN_IN_LINK.c.used_at.is_(None))
        .values(used_at=_text(now))
    )
    ended = connection.execute(
        update(SESSION).where(SESSION.c.account == account, SESSION.c.ended_at.is_(None)).values(ended_at=_text(now))
    )
    return int(ended.rowcount)


def end_session(connection: Connection, session: Session, now: datetime) -> None:
    """Sign out of one session."""
    connection.execute(update(SESSION).where(SESSION.c.digest == session.digest).values(ended_at=_text(now)))


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("ascii")).hexdigest()


def _text(moment: datetime) -> str:
    return moment.isoformat(timespec="microseconds")
