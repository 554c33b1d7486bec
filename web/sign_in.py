"""Signing in by a link or a password, with a second factor; a new link by e-mail; signing out; the password itself.

A link of an e-mail is spent by a button, because mail scanners open every link.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import Connection

from casework.access import accounts, factors, limits, sessions
from casework.access.sessions import COOKIE, Session
from casework.delivery.account_links import Kind, ask_for_link
from config.rights import need_second_factor
from models.database import reading, transact
from models.encryption import EncryptionError
from web.answers import Answer, GoTo, Page
from web.asked import Asked
from web.faults import fault, too_many

GONE = f"{COOKIE}=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax"
LONGEST_NAME = 60
WRONG = "The name or the password is wrong, or the account is locked for 15 minutes after 5 wrong ones."


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
        return GoTo("/") if asked.session else Page("sign_in.html", {"title": "Sign in", **_by_provider(asked)})
    return _redeem(asked, token, "/")


def start(asked: Asked) -> Answer:
    """The button that spends the link of an e-mail. Opening the page spends nothing."""
    token = asked.query.get("token", "")
    with reading(asked.context.engine) as connection:
        is_open = sessions.is_open_link(connection, token, datetime.now(UTC))
    values = {"title": "Sign in", "link": token, **_by_provider(asked)}
    return Page("start.html", values) if is_open else _no_link()


def start_now(asked: Asked) -> Answer:
    """Spend the link of an e-mail, and go on to the password."""
    if _passwords_are_off(asked):
        return _no_passwords(asked)
    return _redeem(asked, asked.form.get("link", ""), "/password")


def by_password(asked: Asked) -> Answer:
    """Start a session by name and password. A wrong name and a wrong password get the same answer in the same time."""
    if _passwords_are_off(asked):
        return _no_passwords(asked)
    name, password = asked.form.get("account", "").strip().lower()[:LONGEST_NAME], asked.form.get("password", "")
    if not take(asked, limits.ADDRESS, asked.client):
        return too_many()
    allowed = take(asked, limits.PASSWORD, name)
    if not accounts.is_password(asked.context.engine, name, password) or not allowed:
        values = {"title": "Sign in", "error": WRONG, "name": name, "errors": True}
        return Page("sign_in.html", {**values, **_by_provider(asked)}, 403)

    def work(connection: Connection) -> tuple[str, Session]:
        limits.forget(connection, asked.context.cipher, limits.PASSWORD, name)
        limits.give_back(connection, asked.context.cipher, limits.ADDRESS, asked.client)
        return sessions.start_session(connection, name, datetime.now(UTC), need_second_factor(asked.context.settings))

    secret, session = transact(asked.context.engine, work)
    return GoTo("/second-factor" if session.awaits else "/", {"set-cookie": cookie(secret, asked.secure)})


def ask_reset(asked: Asked) -> Answer:
    """The form that asks for a link by e-mail."""
    if _passwords_are_off(asked):
        return _no_passwords(asked)
    return Page("reset.html", {"title": "Get a sign-in link"})


def reset(asked: Asked) -> Answer:
    """Ask for a link by e-mail. The answer is the same for every name, and so is the work."""
    if _passwords_are_off(asked):
        return _no_passwords(asked)
    name = asked.form.get("account", "").strip().lower()[:LONGEST_NAME]
    if not take(asked, limits.LINKS_OF_ADDRESS, asked.client):
        return too_many()
    if take(asked, limits.LINKS_OF_ACCOUNT, name):
        known_form = name if sessions.ACCOUNT.fullmatch(name) else "nobody"
        transact(
            asked.context.engine,
            lambda connection: ask_for_link(connection, known_form, Kind.RESET, "the sign-in page"),
        )
    return fault(
        "Look at your e-mails",
        "If there is such an account and the team knows its e-mail address, a link leaves in the next minute.",
        "The link works once, within an hour. Nothing came? Ask the team's administrator.",
        status=200,
    )


def second_factor(asked: Asked) -> Answer:
    """Ask for a code; or show the key of a new second factor, which its first code confirms."""
    session = asked.session
    assert session is not None
    values = {"title": "Second factor", "then": _then(asked)}
    if session.awaits == sessions.AWAITS_CODE:
        return Page("code.html", values)
    with reading(asked.context.engine) as connection:
        known = factors.has_factor(connection, session.account)
    if known:
        return Page("factor_set.html", values)
    return _setup_page(asked)


def give_code(asked: Asked) -> Answer:
    """Check the code that a session awaits, or confirm a new second factor."""
    session, context = asked.session, asked.context
    assert session is not None
    if not take(asked, limits.CODE, session.account):
        return too_many()
    code = asked.form.get("code", "")[:40]
    if session.awaits != sessions.AWAITS_CODE:
        return _confirm(asked, code)

    def work(connection: Connection) -> str | None:
        if not factors.check_code(connection, context.cipher, session.account, code):
            return None
        limits.forget(connection, context.cipher, limits.CODE, session.account)
        return sessions.complete(connection, session, datetime.now(UTC))

    try:
        secret = transact(context.engine, work)
    except EncryptionError:
        secret = None
    if secret is None:
        error = "The code is wrong, or it was used already. Give the next one that the app shows, or a recovery code."
        return Page("code.html", {"title": "Second factor", "error": error, "errors": True, "then": _then(asked)}, 403)
    return GoTo(_after(asked), {"set-cookie": cookie(secret, asked.secure)})


def _confirm(asked: Asked, code: str) -> Answer:
    session, context = asked.session, asked.context
    assert session is not None

    def work(connection: Connection) -> tuple[list[str], str]:
        codes = factors.confirm(connection, context.cipher, session.account, code)
        limits.forget(connection, context.cipher, limits.CODE, session.account)
        sessions.end_sessions(connection, session.account, datetime.now(UTC), session)
        return codes, sessions.complete(connection, session, datetime.now(UTC))

    try:
        codes, secret = transact(context.engine, work)
    except factors.WrongCode as problem:
        return _setup_page(asked, str(problem))
    values = {"title": "Recovery codes", "codes": codes, "next": _after(asked)}
    return Page("recovery.html", values, headers={"set-cookie": cookie(secret, asked.secure)})


def _setup_page(asked: Asked, error: str = "") -> Answer:
    account, context = asked.account, asked.context
    try:
        setup = transact(context.engine, lambda connection: factors.begin_setup(connection, context.cipher, account))
    except factors.WrongCode as problem:
        return fault("The second factor is set up already", str(problem), status=409)
    values = {"title": "Set up your second factor", "setup": setup, "errors": bool(error), "error": error}
    return Page("factor.html", {**values, "then": _then(asked)}, 400 if error else 200)


def _then(asked: Asked) -> str:
    return "password" if "password" in (asked.query.get("then"), asked.form.get("then")) else ""


def _after(asked: Asked) -> str:
    """Where a person goes after the second factor."""
    return "/password" if _then(asked) else "/"


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
    values = {**page.values, **_by_provider(asked), "account": None}
    return page._replace(headers={"set-cookie": GONE}, values=values)


def ask_password(asked: Asked) -> Answer:
    """The form of a new password."""
    if _passwords_are_off(asked):
        return _no_passwords(asked)
    return Page("password.html", {"title": "Choose a password"})


def set_password(asked: Asked) -> Answer:
    """Store a password for the account of the session; its other sessions end."""
    if _passwords_are_off(asked):
        return _no_passwords(asked)
    first, second = asked.form.get("password", ""), asked.form.get("again", "")
    error = None if first == second else "The two passwords are not the same. Type the same one twice."
    if error is None:
        try:
            digest = accounts.digest_for(asked.account, first)
        except accounts.WrongAccount as problem:
            error = str(problem)
    if error is not None:
        return Page("password.html", {"title": "Choose a password", "error": error, "errors": True}, 400)
    transact(
        asked.context.engine,
        lambda connection: accounts.set_password(connection, asked.account, digest, asked.session),
    )
    return fault(
        "The password is stored", "From now on you can sign in with it. Other sessions have ended.", status=200
    )


def cookie(secret: str, secure: bool) -> str:
    """The cookie of a session. No script reads it, and no other site sends it with a form."""
    return f"{COOKIE}={secret}; Path=/; HttpOnly; SameSite=Lax{'; Secure' if secure else ''}"


def _redeem(asked: Asked, token: str, then: str) -> Answer:
    """Spend a link. Wrong links are counted by address: they cannot be guessed, but need not be tried."""
    if not take(asked, limits.ADDRESS, asked.client):
        return too_many()
    must_have = need_second_factor(asked.context.settings)

    def work(connection: Connection) -> tuple[str, Session]:
        found = sessions.redeem(connection, token, datetime.now(UTC), must_have)
        limits.give_back(connection, asked.context.cipher, limits.ADDRESS, asked.client)
        return found

    try:
        secret, session = transact(asked.context.engine, work)
    except sessions.NoSuchLink:
        return _no_link()
    if session.awaits:
        then = f"/second-factor{'?then=password' if then == '/password' else ''}"
    return GoTo(then, {"set-cookie": cookie(secret, asked.secure)})


def _by_provider(asked: Asked) -> dict[str, object]:
    """What people call the identity provider, empty without one; and whether nothing else lets them in."""
    name = asked.provider.access.name if asked.provider is not None else ""
    return {"provider": name, "only_provider": _passwords_are_off(asked)}


def _passwords_are_off(asked: Asked) -> bool:
    """Whether people come in by the identity provider alone. A link that the operator makes works all the same."""
    return asked.provider is not None and not asked.provider.access.passwords


def _no_passwords(asked: Asked) -> Page:
    assert asked.provider is not None
    return fault(
        "There are no passwords here",
        f"People sign in by {asked.provider.access.name}, so nothing was checked and nothing was changed.",
        "Start from the address /sign-in. If that does not work, the operator makes a link: sendflow sign-in.",
        status=403,
    )


def _no_link() -> Page:
    return fault(
        "This sign-in link does not work",
        "It has been used, is too old, or is not complete.",
        "Ask for a new one on the sign-in page, or ask the team's administrator (sendflow sign-in makes one).",
        status=403,
    )


def take(asked: Asked, limit: limits.Limit, who: str) -> bool:
    """Count an attempt of somebody; whether it is one of those that are allowed."""
    context = asked.context
    return transact(
        context.engine, lambda connection: limits.take(connection, context.cipher, limit, who, datetime.now(UTC))
    )
