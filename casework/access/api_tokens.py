"""Tokens of programs that call `/api/v1`: each for one account, with some of its role's rights, until a day.

Purpose: a program acts in the name of an account, so its facts and looks name who did it. The database has digests
only, and each row is compared with the change log, so that a row that somebody altered opens nothing. A token does not
ask for a second factor; who makes one on a page can therefore give no right that is not their own. Instants are in UTC.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Connection, select, update

from casework.access import limits
from casework.access.accounts import WrongAccount, account_of
from casework.access.sessions import digest_of
from casework.access.token_ends import end_tokens
from casework.context import AppContext
from config.rights import roles
from models.change_log import insert_logged, is_as_recorded
from models.database import reading, transact
from models.errors import Refusal
from models.tables import API_TOKEN

SCOPES = ("today", "cases", "case", "letters", "record", "identity", "own", "answer", "own_cases", "hand_over")
MOST_DAYS = 366
TOKEN = re.compile(r"sendflow_[A-Za-z0-9_-]{43}")
SEEN_EVERY = timedelta(minutes=1)
CALLS = limits.Limit("api calls", 600, timedelta(minutes=1))
WRONG_TOKENS = limits.Limit("wrong api tokens", 60, timedelta(minutes=5))
# Who records for the team may also let a body or an authority see and answer what is its own.
_GIVEN_WITH_RECORD = frozenset({"own", "answer", "own_cases", "hand_over"})
_COVERED = [column for column in API_TOKEN.columns if column.name != "used_at"]


class ApiToken(BaseModel):
    """A token as a list shows it: never the token itself. `used_at`: its last use, to the minute."""

    model_config = ConfigDict(frozen=True)
    id: str
    account: str
    scopes: list[str]
    made_at: str
    made_by: str
    expires_at: str
    ended_at: str | None
    ended_by: str | None
    used_at: str | None


class Caller(NamedTuple):
    """Who calls: the account of a token, what it may do, and for which body or authority (empty: the team)."""

    token: str
    account: str
    role: str
    scope: str
    rights: frozenset[str]
    expires_at: str


class WrongToken(Refusal):
    """A token cannot be made so, or there is none of that id."""

    default_code = "bad_token"


class TooManyCalls(Refusal):
    """A token, or an address with wrong tokens, called too often."""

    default_code = "too_many_calls"

    def __init__(self, limit: limits.Limit) -> None:
        self.seconds = int(limit.span.total_seconds())
        super().__init__(f"there were more than {limit.most} calls within {self.seconds} seconds")


def make(
    context: AppContext, account: str, scopes: Sequence[str], days: int, actor: str, may: Collection[str] | None = None
) -> tuple[str, ApiToken]:
    """Make a token, which is returned once and stored nowhere, and what a list shows of it.

    `days` are calendar days from now. `may`: the rights of who makes it; None for who may read SENDFLOW_HOME. Raises
    WrongAccount or WrongToken.
    """
    now = datetime.now(UTC)
    secret = f"sendflow_{secrets.token_urlsafe(32)}"
    if not 1 <= days <= MOST_DAYS:
        raise WrongToken(f"a token is for 1 to {MOST_DAYS} days, for example 90")
    _check_scopes(scopes, may)
    row = {
        "id": f"t-{secrets.token_hex(4)}",
        "digest": digest_of(secret),
        "account": account,
        "scopes": " ".join(each for each in SCOPES if each in scopes),
        "made_at": _text(now),
        "made_by": actor,
        "expires_at": _text(now + timedelta(days=days)),
    }

    def once(connection: Connection) -> None:
        found = account_of(connection, account)
        if found is None or found.role not in roles():
            raise WrongAccount(
                "that account has no role: give it one first, for example sendflow sign-in --account northshire.system"
                " --role administrator"
            )
        if beyond := sorted(set(scopes) - roles()[found.role].may):
            raise WrongToken(
                f"the role of {account} has no right {beyond[0]}. It may have: "
                f"{', '.join(each for each in SCOPES if each in roles()[found.role].may)}"
            )
        insert_logged(connection, API_TOKEN, [row], _text(now))

    transact(context.engine, once)
    return secret, _shown({**row, "ended_at": None, "ended_by": None, "used_at": None})


def _check_scopes(scopes: Sequence[str], may: Collection[str] | None) -> None:
    if not scopes or (unknown := sorted(set(scopes) - set(SCOPES))):
        named = f"{unknown[0]} is no scope: " if scopes else "a token has one scope or more: "
        raise WrongToken(f"{named}expected some of {', '.join(SCOPES)}, for example case")
    if may is not None:
        own = set(may) | (_GIVEN_WITH_RECORD if "record" in may else frozenset())
        if beyond := sorted(set(scopes) - own):
            raise WrongToken(f"you cannot give the right {beyond[0]}, because your role does not have it")


def end(context: AppContext, id_: str, actor: str) -> ApiToken:
    """End a token: it opens nothing from now on. Raises WrongToken if none of that id is open."""
    now = datetime.now(UTC)

    def once(connection: Connection) -> ApiToken:
        if not end_tokens(connection, API_TOKEN.c.id == id_, actor, now):
            raise WrongToken("there is no such token, or it has ended: sendflow tokens lists them by their ids")
        return _shown(connection.execute(select(API_TOKEN).where(API_TOKEN.c.id == id_)).one()._mapping)

    return transact(context.engine, once)


def listed(context: AppContext) -> list[ApiToken]:
    """Every token that was made, the newest first."""
    with reading(context.engine) as connection:
        rows = connection.execute(select(API_TOKEN).order_by(API_TOKEN.c.made_at.desc(), API_TOKEN.c.id)).all()
    return [_shown(row._mapping) for row in rows]


def caller_of(context: AppContext, secret: str, client: str) -> Caller | None:
    """Who a token is; None for every token that opens nothing: unknown, ended, expired, altered, or without a role.

    Each call is counted. `client` is the address of the caller, by which wrong tokens are counted. Raises TooManyCalls.
    """
    now = datetime.now(UTC)
    with reading(context.engine) as connection:
        caller = _find(connection, secret, now) if TOKEN.fullmatch(secret) else None
    limit, who = (CALLS, caller.token) if caller is not None else (WRONG_TOKENS, client)

    def once(connection: Connection) -> bool:
        if caller is not None:
            seen = API_TOKEN.c.used_at
            old = seen.is_(None) | (seen < _text(now - SEEN_EVERY))
            unseen = update(API_TOKEN).where(API_TOKEN.c.id == caller.token, old)
            connection.execute(unseen.values(used_at=_text(now)))
        return limits.take(connection, context.cipher, limit, who, now)

    if not transact(context.engine, once):
        raise TooManyCalls(limit)
    return caller


def _find(connection: Connection, secret: str, now: datetime) -> Caller | None:
    row = connection.execute(select(*_COVERED).where(API_TOKEN.c.digest == digest_of(secret))).first()
    if row is None or row.ended_at is not None or row.expires_at <= _text(now):
        return None
    account = account_of(connection, row.account)
    if account is None or account.role not in roles() or not is_as_recorded(connection, API_TOKEN, tuple(row)):
        return None
    rights = roles()[account.role].may & set(row.scopes.split())
    return Caller(row.id, row.account, account.role, account.scope, frozenset(rights), row.expires_at)


def _shown(row: object) -> ApiToken:
    values = dict(row)  # type: ignore[call-overload]  # a row of SQLAlchemy, or what becomes one
    values.pop("digest")
    return ApiToken(**{**values, "scopes": values["scopes"].split()})


def _text(moment: datetime) -> str:
    return moment.isoformat(timespec="microseconds")
