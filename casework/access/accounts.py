"""Accounts of people: the role of each, whose cases it is for, and its password.

A change of a role is a row that is only added to; the newest one of an account holds. Taking a role away ends its
sessions in the same transaction. Instants are in UTC.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Connection, delete, func, insert, select, update

from casework.access import passwords, sessions
from models.change_log import insert_logged, log_keys
from models.errors import Refusal
from models.tables import ACCOUNT_CHANGE, ACCOUNT_PASSWORD

NO_ROLE = ""
MOST_FAILURES = 5
LOCKED_FOR = timedelta(minutes=15)


class Account(BaseModel):
    """What an account is for. `scope` is the code of a body or the word of an authority; empty for the team."""

    model_config = ConfigDict(frozen=True)
    account: str
    role: str
    scope: str
    changed_at: str
    changed_by: str


class WrongAccount(Refusal):
    """The name, the role or the scope is not in the form expected."""

    default_code = "bad_account"


def account_of(connection: Connection, account: str) -> Account | None:
    """The account with its role; None if it has none."""
    query = select(ACCOUNT_CHANGE).where(ACCOUNT_CHANGE.c.account == account)
    row = connection.execute(query.order_by(ACCOUNT_CHANGE.c.number.desc()).limit(1)).first()
    return _account(row) if row is not None and row.role != NO_ROLE else None


def accounts(connection: Connection) -> list[Account]:
    """Every account that has a role, by its name."""
    newest = select(func.max(ACCOUNT_CHANGE.c.number)).group_by(ACCOUNT_CHANGE.c.account)
    query = select(ACCOUNT_CHANGE).where(ACCOUNT_CHANGE.c.number.in_(newest), ACCOUNT_CHANGE.c.role != NO_ROLE)
    return [_account(row) for row in connection.execute(query.order_by(ACCOUNT_CHANGE.c.account))]


def change_role(connection: Connection, account: str, role: str, scope: str, actor: str) -> None:
    """Give an account a role, or none. Its open sessions and unused links end. Raises WrongAccount."""
    if not sessions.ACCOUNT.fullmatch(account):
        raise WrongAccount("an account is named by lower-case letters, digits, . _ and -, for example dco.team")
    now = datetime.now(UTC)
    number = (connection.scalar(select(func.max(ACCOUNT_CHANGE.c.number))) or 0) + 1
    row = {"number": number, "at": _text(now), "actor": actor, "account": account, "role": role, "scope": scope}
    insert_logged(connection, ACCOUNT_CHANGE, [row], _text(now))
    sessions.end_sessions(connection, account, now)


def set_password(connection: Connection, account: str, password: str) -> None:
    """Store the digest of a password; every other session of the account ends. Raises WrongAccount for a weak one."""
    why = passwords.too_weak(password, account)
    if why is not None:
        raise WrongAccount(why, code="weak_password")
    now = datetime.now(UTC)
    connection.execute(delete(ACCOUNT_PASSWORD).where(ACCOUNT_PASSWORD.c.account == account))
    at = _text(now)
    row = {"account": account, "digest": passwords.digest_of(password), "changed_at": at, "failures": 0}
    connection.execute(insert(ACCOUNT_PASSWORD), row)
    log_keys(connection, ACCOUNT_PASSWORD, [account], at)


def check_password(connection: Connection, account: str, password: str) -> bool:
    """Whether the password is right. After 5 wrong ones the account is locked for 15 minutes, for every process.

    An unknown name costs as much time as a known one and gets the same answer.
    """
    now = datetime.now(UTC)
    row = connection.execute(select(ACCOUNT_PASSWORD).where(ACCOUNT_PASSWORD.c.account == account)).first()
    if row is None:
        passwords.is_right(passwords.digest_of_nobody(), password[: passwords.LONGEST])
        return False
    locked = row.locked_until is not None and row.locked_until > _text(now)
    right = passwords.is_right(row.digest, password[: passwords.LONGEST]) and not locked
    failures = 0 if right else row.failures + 1
    until = _text(now + LOCKED_FOR) if failures >= MOST_FAILURES else None
    values = {"failures": failures % MOST_FAILURES, "locked_until": row.locked_until if locked else until}
    connection.execute(update(ACCOUNT_PASSWORD).where(ACCOUNT_PASSWORD.c.account == account).values(**values))
    return right


def _account(row: object) -> Account:
    values = row._mapping  # type: ignore[attr-defined]  # a row of SQLAlchemy
    return Account(
        account=values["account"],
        role=values["role"],
        scope=values["scope"],
        changed_at=values["at"],
        changed_by=values["actor"],
    )


def _text(moment: datetime) -> str:
    return moment.isoformat(timespec="microseconds")
