"""Signing in by the organisation's identity provider: the way there, the way back, the first time, and signing out,
here or there.

The way there begins by a link: a browser does not let a form of ours lead to another site. The first time begins by
the button of an invitation, so that a link of somebody else names nobody's account.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime

import orjson
from sqlalchemy import Connection

from casework.access import limits, sessions, single_sign_on
from casework.access.identity_provider import IdentityProvider, NotSignedIn
from casework.access.sessions import Session
from config.rights import app_roles, need_second_factor
from config.single_sign_on import PROVIDER
from models.database import reading, transact
from web.answers import Answer, GoTo, Page, Plain
from web.asked import Asked
from web.faults import fault, no_page, too_many
from web.sign_in import cookie, take

LOG = logging.getLogger("sendflow.web")
WHO = "Ask the team's administrator (People), or the operator (sendflow sign-in)."
AGAIN = "Start again from the address /sign-in."
# By code: the status, the title, and what it means and what to do. `{name}` is what people call the provider.
REFUSED: dict[str, tuple[int, str, tuple[str, ...]]] = {
    "no_attempt": (
        400,
        "Start signing in again",
        (
            "This browser has no open sign-in: it took more than ten minutes, it was used, or the cookie is lost.",
            AGAIN,
        ),
    ),
    "provider_refused": (403, "{name} did not sign you in", ("You or {name} ended the sign-in.", AGAIN, WHO)),
    "not_invited": (
        403,
        "Nobody has invited this account",
        (
            "{name} knows you, and no account of sendflow is yours. sendflow does not go by e-mail addresses.",
            "Ask the team's administrator for an invitation, and open its link. " + WHO,
        ),
    ),
    "no_role": (403, "Your account has no role here", ("Nobody has given your account a role.", WHO)),
    "no_app_role": (
        403,
        "{name} gives you no role that you have here",
        (
            "Your role in sendflow and the app roles that {name} gives you do not agree, so nothing is shown.",
            "Ask who manages sendflow at {name} for the app role, or the team's administrator for another role.",
        ),
    ),
    "too_many_groups": (
        403,
        "{name} names too many groups",
        (
            "You are in more groups than {name} can name, so sendflow cannot see your role.",
            "Ask who manages {name} to give app roles, or to send only the groups of sendflow.",
        ),
    ),
}
FAILED = (
    502,
    "Signing in by {name} does not work now",
    (
        "sendflow cannot ask {name}, or cannot believe what it says. You are not signed in.",
        "Try again. If it comes again, the operator runs sendflow doctor, which says what to repair.",
        "A link from the team's administrator works without {name}.",
    ),
)


def begin(asked: Asked) -> Answer:
    """Begin a sign-in and go on to the identity provider."""
    address, secret = _begun(asked, "")
    return GoTo(address, {"set-cookie": _cookie(asked, secret)}) if isinstance(address, str) else address


def claim(asked: Asked) -> Answer:
    """Begin the first sign-in of an invited account, by the button of its invitation: a page with the way there."""
    link = asked.form.get("link", "")
    with reading(asked.context.engine) as connection:
        is_open = sessions.is_open_link(connection, link, datetime.now(UTC))
    if not is_open:
        return fault("This sign-in link does not work", "It has been used, or is too old.", WHO, status=403)
    address, secret = _begun(asked, link)
    if not isinstance(address, str):
        return address
    assert asked.provider is not None
    values = {"title": "Sign in", "address": address, "name": asked.provider.access.name}
    return Page("single_sign_on.html", values, headers={"set-cookie": _cookie(asked, secret)})


def back(asked: Asked) -> Answer:
    """Take what the identity provider answered. The session that was open in this browser ends."""
    provider = asked.provider
    if provider is None:
        return no_page(404)
    if not take(asked, limits.SINGLE_SIGN_ON, asked.client):
        return too_many()
    context, settings = asked.context, asked.context.settings
    try:
        link = transact(
            context.engine,
            lambda each: single_sign_on.take_attempt(
                each, asked.attempt, asked.query.get("state", ""), datetime.now(UTC)
            ),
        )
        identity = provider.finish(asked.query, single_sign_on.proofs_of(asked.attempt))
        of_provider = provider.access.second_factor == PROVIDER
        must_have = None if of_provider else need_second_factor(settings, simulated=context.simulated)
        granted = app_roles(settings)

        def work(connection: Connection) -> tuple[str, Session]:
            if asked.session is not None:
                sessions.end_session(connection, asked.session, datetime.now(UTC))
            return single_sign_on.enter(connection, identity, link, granted, must_have)

        secret, session = transact(context.engine, work)
    except NotSignedIn as problem:
        return _refused(provider, problem)
    return GoTo("/second-factor" if session.awaits else "/", {"set-cookie": cookie(secret, asked.secure)})


def out(asked: Asked) -> Answer:
    """End the session at the identity provider too. The one here has ended before."""
    if asked.provider is None:
        return no_page(404)
    try:
        address = asked.provider.sign_out_address(f"{asked.context.settings.pages_url}/sign-in")
    except NotSignedIn as problem:
        return _refused(asked.provider, problem)
    return GoTo(address or "/sign-in")


def ended_there(asked: Asked) -> Answer:
    """Take the provider's word that a session ended there, and end it here: 200, or 400 with what is wrong.

    The provider's server calls it, without a session and without a form of ours. Only wrong calls count against its
    address.
    """
    provider, context = asked.provider, asked.context
    if provider is None:
        return Plain(404)
    if not take(asked, limits.LOGOUT_TOKENS, asked.client):
        return Plain(429)
    try:
        said = provider.signed_out(asked.form.get("logout_token", ""))

        def work(connection: Connection) -> int:
            limits.give_back(connection, context.cipher, limits.LOGOUT_TOKENS, asked.client)
            return single_sign_on.sign_out(connection, said, datetime.now(UTC))

        ended = transact(context.engine, work)
    except NotSignedIn as problem:
        LOG.warning("a logout token was refused (%s)", problem.code)
        wrong = {"error": "invalid_request", "error_description": str(problem)}
        return Plain(400, orjson.dumps(wrong), "application/json")
    LOG.info("the identity provider ended %d sessions", ended)
    return Plain(200)


def _begun(asked: Asked, link: str) -> tuple[str | Answer, str]:
    """Where the person goes on, and the secret of the attempt; or a page that says why not."""
    if asked.provider is None:
        return no_page(404), ""
    if not take(asked, limits.SINGLE_SIGN_ON, asked.client):
        return too_many(), ""
    try:
        asked.provider.metadata()
        secret = transact(
            asked.context.engine, lambda each: single_sign_on.begin_attempt(each, datetime.now(UTC), link)
        )
        return asked.provider.begin(single_sign_on.proofs_of(secret)), secret
    except NotSignedIn as problem:
        return _refused(asked.provider, problem), ""


def _refused(provider: IdentityProvider, problem: NotSignedIn) -> Page:
    """The page of a refusal. The log has its code, and nothing that a token said."""
    LOG.warning("a single sign-on was refused (%s)", problem.code)
    status, title, sentences = REFUSED.get(problem.code, FAILED)
    name = provider.access.name
    said = [each.replace("{name}", name) for each in sentences]
    return fault(title.replace("{name}", name[0].upper() + name[1:]), *said, status=status)


def _cookie(asked: Asked, secret: str) -> str:
    """The cookie of an attempt: `Lax`, because the way back comes from another site."""
    seconds = int(single_sign_on.ATTEMPT_LIFETIME.total_seconds())
    secure = "; Secure" if asked.secure else ""
    return f"{single_sign_on.COOKIE}={secret}; Path=/sign-in/sso; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}"
