"""Signing in by a one-time link or a password, signing out, and the password itself."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import Connection

from casework.access import accounts, sessions
from casework.access.sessions import COOKIE
from models.database import transact
from web.answers import Answer, GoTo, Page
from web.asked import Asked
from web.faults import fault

GONE = f"{COOKIE}=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax"


def first_page(asked: Asked, addresses: Sequence[str]) -> Answer:
    """Go to the first page that the account may see."""
    if addresses:
        return GoTo(addresses[0])
    return fault(
        "Your account has no role here",
        f"You are signed in as {asked.account}, and nobody has given this account a role.",
        "Ask the team's administrator, or the operator: sendflow sign-in --account NAME --role ROLE",
        status=403,
    )


def enter(asked: Asked) -> Answer:
    """Spend a one-time link and start a session; without a link, ask for name and password."""
    token = asked.query.get("token")
    if token is None:
        return GoTo("/") if asked.session else Page("sign_in.html", {"title": "Sign in"})
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
    return GoTo("/", {"set-cookie": cookie(secret, asked.secure)})


def by_password(asked: Asked) -> Answer:
    """Start a session by name and password. A wrong name and a wrong password get the same answer."""
    name, password = asked.form.get("account", "").strip().lower(), asked.form.get("password", "")

    def work(connection: Connection) -> str | None:
        if not accounts.check_password(connection, name, password):
            return None
        now = datetime.now(UTC)
        return sessions.redeem(connection, sessions.create_link(connection, name, now), now)[0]

    secret = transact(asked.context.engine, work)
    if secret is None:
        error = "The name or the password is wrong, or the account is locked for 15 minutes after 5 wrong ones."
        return Page("sign_in.html", {"title": "Sign in", "error": error, "name": name, "errors": True}, 403)
    return GoTo("/", {"set-cookie": cookie(secret, asked.secure)})


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
    return page._replace(headers={"set-cookie": GONE}, values={**page.values, "account": None, "menu": ()})


def ask_password(_asked: Asked) -> Answer:
    """The form of a new password."""
    return Page("password.html", {"title": "Choose a password"})


def set_password(asked: Asked) -> Answer:
    """Store a password for the account of the session."""
    first, second = asked.form.get("password", ""), asked.form.get("again", "")
    error = None if first == second else "The two passwords are not the same. Type the same one twice."
    if error is None:
        try:
            transact(asked.context.engine, lambda connection: accounts.set_password(connection, asked.account, first))
        except accounts.WrongAccount as problem:
            error = str(problem)
    if error is not None:
        return Page("password.html", {"title": "Choose a password", "error": error, "errors": True}, 400)
    return fault("The password is stored", "From now on you can sign in with it.", status=200)


def cookie(secret: str, secure: bool) -> str:
    """The cookie of a session. No script reads it, and no other site sends it with a form."""
    return f"{COOKIE}={secret}; Path=/; HttpOnly; SameSite=Lax{'; Secure' if secure else ''}"
