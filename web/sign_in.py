"""Signing in by a one-time link, and signing out."""

from __future__ import annotations

from datetime import UTC, datetime

from casework.access import sessions
from casework.access.sessions import COOKIE
from models.database import transact
from web.answers import Answer, GoTo, Page
from web.asked import Asked
from web.faults import fault


def enter(asked: Asked) -> Answer:
    """Spend a one-time link and start a session."""
    token = asked.query.get("token")
    if token is None:
        return (
            GoTo("/")
            if asked.session
            else fault(
                "Sign in", "Open your sign-in link. Ask the team's administrator for one if you have none.", status=200
            )
        )
    try:
        secret, _session = transact(
            asked.context.engine, lambda connection: sessions.redeem(connection, token, datetime.now(UTC))
        )
    except sessions.NoSuchLink:
        return fault(
            "This sign-in link does not work",
            "It has been used, is older than 12 hours, or is not complete.",
            "Ask the team's administrator for a new one (sendflow sign-in makes it).",
            status=403,
        )
    return GoTo("/", {"set-cookie": _cookie(secret, asked.secure)})


def ask_to_leave(_asked: Asked) -> Answer:
    """The page with the button that signs out."""
    return Page("sign_out.html", {"title": "Sign out"})


def leave(asked: Asked) -> Answer:
    """End this session, or every session of the account."""
    session, now = asked.session, datetime.now(UTC)
    assert session is not None
    if asked.form.get("everywhere"):
        transact(asked.context.engine, lambda connection: sessions.end_sessions(connection, session.account, now))
    else:
        transact(asked.context.engine, lambda connection: sessions.end_session(connection, session, now))
    page = fault("You are signed out", "Close this window if others use this computer.", status=200)
    return page._replace(headers={"set-cookie": f"{COOKIE}=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax"})


def _cookie(secret: str, secure: bool) -> str:
    return f"{COOKIE}={secret}; Path=/; HttpOnly; SameSite=Lax{'; Secure' if secure else ''}"
