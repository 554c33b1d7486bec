"""Accounts of people: the role of each, whose cases it is for, and its password.

A change of a role is a row that is only added to; the newest one of an account holds. Taking a role away ends its
sessions in the same transaction. Instants are in UTC.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Connection, Engine, bindparam, delete, func, insert, select

from casework.access import passwords, sessions
from casework.access.token_ends import end_tokens
from config.rights import roles
from models.change_log import insert_logged, log_keys
from models.database import reading
from models.errors import Refusal
from models.questions import Ahead, Question, ask_together
from models.tables import ACCOUNT_CHANGE, ACCOUNT_PASSWORD, API_TOKEN, SESSION

NO_ROLE = ""


class Account(BaseModel):
    """What an account is for. `scope` is the code of a body or the word of an authority.

    Of the team it is empty, or has the restricted processes for which the account is named, separated by commas.
    """

    model_config = ConfigDict(frozen=True)
    account: str
    role: str
    scope: str
    changed_at: str
    changed_by: str


class WrongAccount(Refusal):
    """The name, the role or the scope is not in the form expected."""

    default_code = "bad_account"


# Made once: every page asks for its account, and composing a statement takes as long as running it.
_NEWEST_OF = Question(
    select(ACCOUNT_CHANGE)
    .where(ACCOUNT_CHANGE.c.account == bindparam("account"))
    .order_by(ACCOUNT_CHANGE.c.number.desc())
    .limit(1)
)
# Of the account that a session is of, whether it is open or not.
_NEWEST_OF_SESSION = Question(
    select(ACCOUNT_CHANGE)
    .where(
        ACCOUNT_CHANGE.c.account
        == select(SESSION.c.account).where(SESSION.c.digest == bindparam("digest")).scalar_subquery()
    )
    .order_by(ACCOUNT_CHANGE.c.number.desc())
    .limit(1)
)
WITH_A_ROLE = Question(
    select(ACCOUNT_CHANGE)
    .where(
        ACCOUNT_CHANGE.c.number.in_(select(func.max(ACCOUNT_CHANGE.c.number)).group_by(ACCOUNT_CHANGE.c.account)),
        ACCOUNT_CHANGE.c.role != NO_ROLE,
    )
    .order_by(ACCOUNT_CHANGE.c.account)
)


def account_of(connection: Connection, account: str) -> Account | None:
    """The account with its role; None if it has none."""
    row = _NEWEST_OF.first(connection, account=account)
    return _account(row) if row is not None and row.role != NO_ROLE else None


def who_asks(
    connection: Connection,
    secret: str | None,
    now: datetime,
    also: Sequence[Question] = (),
    *,
    last: bool = True,
    ahead: Ahead | None = None,
) -> tuple[sessions.Session | None, Account | None]:
    """The session of a cookie's secret, half open ones among them, and its account. `also` is asked together with it,
    in a snapshot that remembers, and is asked nothing before. `last`: it ends with them.

    `ahead`: what the page will ask of who is signed in.
    """
    asked: list[tuple[Question, Mapping[str, Any]]] = [(each, {}) for each in also]
    if secret is None or not sessions.TOKEN.fullmatch(secret):
        ask_together(connection, asked, last=last)
        return None, None
    values = sessions.values_of(secret, now)
    digest = {"digest": values["digest"]}
    ask_together(
        connection, [*asked, (sessions.OPEN_SESSION, values), (_NEWEST_OF_SESSION, digest)], last=last, ahead=ahead
    )
    session = sessions.find_session(connection, secret, now, half_open=True)
    row = _NEWEST_OF_SESSION.first(connection, **digest) if session is not None else None
    return session, _account(row) if row is not None and row.role != NO_ROLE else None


def named_for(account: Account | None) -> frozenset[str]:
    """The restricted processes whose cases the account sees: those for which it is named."""
    role = roles().get(account.role) if account is not None else None
    if account is None or role is None or role.scope is not None:
        return frozenset()
    return frozenset(account.scope.split(",")) - {""}


def accounts(connection: Connection) -> list[Account]:
    """Every account that has a role, by its name."""
    return [_account(row) for row in WITH_A_ROLE.rows(connection)]


def changes(connection: Connection, most: int) -> list[Account]:
    """The newest changes of roles, the newest first. A role of "" was taken away."""
    newest = select(ACCOUNT_CHANGE).order_by(ACCOUNT_CHANGE.c.number.desc()).limit(most)
    return [_account(row) for row in connection.execute(newest)]


def change_role(connection: Connection, account: str, role: str, scope: str, actor: str) -> None:
    """Give an account a role, or none. Its open sessions and unused links end, and its programs' tokens if the role or
    its scope is another. Raises WrongAccount.
    """
    if not sessions.ACCOUNT.fullmatch(account):
        raise WrongAccount("an account is named by lower-case letters, digits, . _ and -, for example dco.team")
    now = datetime.now(UTC)
    before = account_of(connection, account)
    if (role, scope) != ((before.role, before.scope) if before is not None else (NO_ROLE, "")):
        end_tokens(connection, API_TOKEN.c.account == account, actor, now)
    number = (connection.scalar(select(func.max(ACCOUNT_CHANGE.c.number))) or 0) + 1
    row = {"number": number, "at": _text(now), "actor": actor, "account": account, "role": role, "scope": scope}
    insert_logged(connection, ACCOUNT_CHANGE, [row], _text(now))
    sessions.end_sessions(connection, account, now)


def digest_for(account: str, password: str) -> str:
    """The digest of a new password. It takes half a second: call it outside a transaction. Raises WrongAccount."""
    why = passwords.too_weak(password, account)
    if why is not None:
        raise WrongAccount(why, code="weak_password")
    return passwords.digest_of(password)


def set_password(connection: Connection, account: str, digest: str, session: sessions.Session | None = None) -> None:
    """Store the digest of a password. The account's sessions end, but this one, and its unused links."""
    now = datetime.now(UTC)
    connection.execute(delete(ACCOUNT_PASSWORD).where(ACCOUNT_PASSWORD.c.account == account))
    at = _text(now)
    # `failures` is of revision 009; since 011 attempts are counted in a table of their own (limits.py).
    connection.execute(
        insert(ACCOUNT_PASSWORD), {"account": account, "digest": digest, "changed_at": at, "failures": 0}
    )
    log_keys(connection, ACCOUNT_PASSWORD, [account], at)
    sessions.end_sessions(connection, account, now, session)


def is_password(engine: Engine, account: str, password: str) -> bool:
    """Whether the password is right. An unknown name costs as much time as a known one. No transaction is open while
    the digest is made, because that takes half a second.
    """
    with reading(engine) as connection:
        row = connection.execute(select(ACCOUNT_PASSWORD.c.digest).where(ACCOUNT_PASSWORD.c.account == account)).first()
    digest = row.digest if row is not None else passwords.digest_of_nobody()
    return passwords.is_right(digest, password[: passwords.LONGEST]) and row is not None


def _account(row: Any) -> Account:
    return Account(account=row.account, role=row.role, scope=row.scope, changed_at=row.at, changed_by=row.actor)


def _text(moment: datetime) -> str:
    return moment.isoformat(timespec="microseconds")
