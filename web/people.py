"""Accounts and their roles: who may come in, as what, for whom."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import Connection

from casework.access import accounts, api_tokens, factors, sessions, single_sign_on
from casework.access.accounts import named_for
from casework.delivery.account_links import ask_for_invitation, mailboxes
from config.rights import roles
from models.database import reading, transact
from models.visibility import hidden_processes
from web.answers import Answer, Page
from web.asked import LONGEST_NUMBER, Asked

MOST_TOKENS = 20
SCOPE_MEANINGS = {
    "today": "list late and coming duties",
    "cases": "list cases",
    "case": "read a case",
    "letters": "list and read e-mails",
    "record": "open cases and record facts",
    "identity": "read who a case is about, with a purpose",
    "own": "list the duties of its own body or authority",
    "answer": "answer for its own body",
    "own_cases": "read the cases of its own authority",
    "hand_over": "hand over requests of its own authority",
}


def people(asked: Asked) -> Answer:
    """The accounts, and the form that gives a role."""
    return _page(asked)


def change(asked: Asked) -> Answer:
    """Give an account a role or take it away; a new role brings a one-time link, shown once."""
    account, role = asked.form.get("account", "").strip().lower(), asked.form.get("role", "")
    scope = asked.form.get("scope", "").strip() if role in roles() and roles()[role].scope else _named(asked, role)
    error = _wrong(asked, account, role, scope)
    if error is None:

        def work(connection: Connection) -> str | None:
            accounts.change_role(connection, account, role, scope, asked.account)
            return sessions.create_link(connection, account, datetime.now(UTC)) if role else None

        try:
            token = transact(asked.context.engine, work)
        except accounts.WrongAccount as problem:
            error = str(problem)
        else:
            address = f"{asked.context.settings.pages_url}/sign-in?token={token}"
            return _page(asked, changed=account, link=address if token else None)
    return _page(asked, error=error, status=400)


def invite(asked: Asked) -> Answer:
    """Store an account's mailbox and send a one-time link to it. The link is on no page."""
    account, mailbox = asked.form.get("account", "").strip().lower(), asked.form.get("mailbox", "").strip()

    try:
        transact(
            asked.context.engine,
            lambda connection: ask_for_invitation(connection, account, mailbox or None, asked.account),
        )
    except accounts.WrongAccount as problem:
        return _page(asked, error=f"Nothing was sent: {problem}.", status=400)
    return _page(asked, invited=account)


def remove_factor(asked: Asked) -> Answer:
    """Take an account's second factor away, for a person who lost the phone; nobody does it for themselves."""
    account = asked.form.get("account", "").strip().lower()
    if account == asked.account:
        return _page(asked, error="You cannot remove your own second factor: another administrator does.", status=400)

    def work(connection: Connection) -> bool:
        known = factors.has_factor(connection, account)
        if known:
            factors.remove(connection, account, asked.account)
        return known

    if not transact(asked.context.engine, work):
        return _page(asked, error="There is no such account with a second factor.", status=400)
    return _page(asked, without=account)


def part_identity(asked: Asked) -> Answer:
    """Take away who an account is at the identity provider; its next invitation names another person there."""
    account, now = asked.form.get("account", "").strip().lower(), datetime.now(UTC)
    known = transact(asked.context.engine, lambda each: single_sign_on.part(each, account, asked.account, now))
    if not known:
        return _page(asked, error="There is no such account with a single sign-on.", status=400)
    return _page(asked, parted=account)


def _may_name(asked: Asked) -> list[str]:
    """The restricted processes for which this account is named: only for those may it name others."""
    return sorted(asked.context.restricted - hidden_processes(asked.context.engine))


def _named(asked: Asked, role: str) -> str:
    """For which restricted processes the form names an account of the team."""
    return ",".join(each for each in _may_name(asked) if role and asked.form.get(f"named-{each}") == "yes")


def make_token(asked: Asked) -> Answer:
    """Make a token of a program, which is shown once. Nobody gives a right that their own role does not have."""
    account, days = asked.form.get("account", "").strip().lower(), asked.form.get("days", "")
    scopes = [each for each in api_tokens.SCOPES if asked.form.get(f"scope-{each}")]
    may = asked.role.may if asked.role is not None else frozenset()
    try:
        number = int(days) if days.isascii() and days.isdecimal() and len(days) <= LONGEST_NUMBER else 0
        secret, made = api_tokens.make(asked.context, account, scopes, number, asked.account, may)
    except (accounts.WrongAccount, api_tokens.WrongToken) as problem:
        return _page(asked, error=f"No token was made: {problem}.", status=400)
    return _page(asked, with_token=made.account, secret=secret)


def end_token(asked: Asked) -> Answer:
    """End a token of a program: it opens nothing from now on."""
    try:
        ended = api_tokens.end(asked.context, asked.form.get("token_id", ""), asked.account)
    except api_tokens.WrongToken:
        return _page(asked, error="There is no such token, or it has ended already.", status=400)
    return _page(asked, ended_token=ended.id)


def _wrong(asked: Asked, account: str, role: str, scope: str) -> str | None:
    if role and role not in roles():
        return "Choose a role of the list."
    if account == asked.account:
        return "You cannot change your own role: another administrator does that."
    wanted = roles()[role].scope if role else None
    directory = asked.context.directory
    if wanted == "body" and scope not in {each.body for each in directory.bodies}:
        return "A provider's account is for one body: choose it."
    if wanted == "la" and scope not in directory.la:
        return "A local authority's account is for one authority: choose it."
    return None


def _tokens(asked: Asked) -> list[api_tokens.ApiToken]:
    """The tokens that are open, and of those that ended the newest: the last use of each says which are needed."""
    found = api_tokens.listed(asked.context)
    is_open = [each for each in found if each.ended_at is None]
    return [*is_open, *(each for each in found if each.ended_at is not None)][: max(len(is_open), MOST_TOKENS)]


def _page(asked: Asked, *, status: int = 200, **values: str | None) -> Page:
    with reading(asked.context.engine) as connection:
        found = accounts.accounts(connection)
        with_factor = {each.account for each in found if factors.has_factor(connection, each.account)}
        identified = {each.account for each in found if single_sign_on.identity_of(connection, each.account)}
        reached = mailboxes(connection)
    shared = {"title": "People", "accounts": found, "roles": roles(), "errors": bool(values.get("error"))}
    shared |= {"mailboxes": reached, "with_factor": with_factor, "may_name": _may_name(asked), "named_for": named_for}
    shared |= {"identified": identified, "provider": asked.provider.access.name if asked.provider is not None else ""}
    shared |= {"tokens": _tokens(asked), "scopes": SCOPE_MEANINGS, "now": datetime.now(UTC).isoformat()}
    places = {"bodies": asked.context.directory.bodies, "las": asked.context.directory.la}
    return Page("people.html", {**shared, **places, **values}, status)
