"""The second factor of an account: codes of RFC 6238, which an authenticator app makes, and recovery codes.

Purpose: a password or a mailbox that somebody else has opens nothing by itself. The secret is encrypted with the
installation's key, as persons are; of recovery codes the database has digests. Instants are in UTC.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import UTC, datetime
from typing import NamedTuple

import pyotp
import segno
from sqlalchemy import Connection, delete, insert, select, update

from casework.access import sessions
from models.change_log import insert_logged, log_keys
from models.encryption import Cipher, Place
from models.errors import Refusal
from models.key_checks import check_key_for_writing
from models.tables import ACCOUNT_FACTOR, RECOVERY_CODE

ISSUER = "sendflow"
STEP_SECONDS = 30
EITHER_SIDE = 1  # codes of the half minute before and after count: clocks differ
RECOVERY_CODES = 10
ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"


class Setup(NamedTuple):
    """What a person needs to add the account to an app: the key as text, and a QR code as an image in a data URI."""

    key: str
    picture: str


class WrongCode(Refusal):
    """The code is wrong, old or used; or there were too many attempts."""

    default_code = "wrong_code"


def has_factor(connection: Connection, account: str) -> bool:
    """Whether the account's second factor is set up."""
    return sessions.has_factor(connection, account)


def begin_setup(connection: Connection, cipher: Cipher, account: str) -> Setup:
    """Give the key of a factor that is not confirmed yet, made once. Raises WrongCode if one is confirmed already."""
    row = connection.execute(select(ACCOUNT_FACTOR).where(ACCOUNT_FACTOR.c.account == account)).first()
    if row is not None and row.confirmed_at is not None:
        raise WrongCode("The account has a second factor. An administrator can remove it", code="factor_is_set")
    if row is not None and row.sealed:
        return _setup(account, cipher.decrypt(row.sealed, _place(account)))
    key = pyotp.random_base32()
    check_key_for_writing(connection, cipher)
    _store(connection, account, cipher.encrypt(key, _place(account)), None, account)
    return _setup(account, key)


def confirm(connection: Connection, cipher: Cipher, account: str, code: str) -> list[str]:
    """Confirm the factor by its first code; returns the recovery codes, which are shown once. Raises WrongCode."""
    row = connection.execute(select(ACCOUNT_FACTOR).where(ACCOUNT_FACTOR.c.account == account)).first()
    if row is None or row.confirmed_at is not None or not row.sealed:
        raise WrongCode("There is no key to confirm: open the page again", code="no_setup")
    now = datetime.now(UTC)
    step = _step(cipher.decrypt(row.sealed, _place(account)), code)
    if step is None:
        raise WrongCode("The code is not the one of this key. Check that the phone's clock is right, and try the next")
    _store(connection, account, row.sealed, _text(now), account, step)
    return _new_recovery_codes(connection, account, _text(now))


def check_code(connection: Connection, cipher: Cipher, account: str, code: str) -> bool:
    """Whether a code is right: one of the app that was not used before, or an unused recovery code, which is spent."""
    typed = "".join(character for character in code.lower() if character.isalnum())
    now = datetime.now(UTC)
    row = connection.execute(select(ACCOUNT_FACTOR).where(ACCOUNT_FACTOR.c.account == account)).first()
    if row is None or row.confirmed_at is None:
        return False
    step = _step(cipher.decrypt(row.sealed, _place(account)), typed)
    if step is not None:
        taken = connection.execute(
            update(ACCOUNT_FACTOR)
            .where(ACCOUNT_FACTOR.c.account == account, ACCOUNT_FACTOR.c.last_step < step)
            .values(last_step=step)
        )
        return taken.rowcount == 1
    spent = connection.execute(
        update(RECOVERY_CODE)
        .where(
            RECOVERY_CODE.c.digest == _digest(account, typed),
            RECOVERY_CODE.c.account == account,
            RECOVERY_CODE.c.used_at.is_(None),
        )
        .values(used_at=_text(now))
    )
    return spent.rowcount == 1


def remove(connection: Connection, account: str, actor: str) -> None:
    """Take the second factor away, for a person who lost phone and codes; the account's sessions end."""
    _store(connection, account, b"", None, actor)
    _forget_recovery_codes(connection, account)
    sessions.end_sessions(connection, account, datetime.now(UTC))


def _place(account: str) -> Place:
    """Where a secret is stored: it decrypts in the row of its account only."""
    return Place("account_factor", "sealed", account)


def _setup(account: str, key: str) -> Setup:
    address = pyotp.TOTP(key).provisioning_uri(name=account, issuer_name=ISSUER)
    return Setup(key, segno.make(address, error="m").svg_data_uri(scale=5, border=4, light="#fff"))


def present_step() -> int:
    """The number of the half minute that it is."""
    return int(datetime.now(UTC).timestamp()) // STEP_SECONDS


def _step(key: str, code: str) -> int | None:
    """The step of time (30 seconds) whose code this is; None if it is of none near now."""
    if len(code) != 6 or not code.isascii() or not code.isdigit():
        return None
    totp, present, found = pyotp.TOTP(key), present_step(), None
    for step in range(present - EITHER_SIDE, present + EITHER_SIDE + 1):
        if secrets.compare_digest(totp.generate_otp(step), code):
            found = step
    return found


def _store(
    connection: Connection, account: str, sealed: bytes, confirmed_at: str | None, actor: str, step: int = 0
) -> None:
    now = _text(datetime.now(UTC))
    connection.execute(delete(ACCOUNT_FACTOR).where(ACCOUNT_FACTOR.c.account == account))
    row = {"account": account, "sealed": sealed, "confirmed_at": confirmed_at, "changed_at": now, "changed_by": actor}
    connection.execute(insert(ACCOUNT_FACTOR).values(**row, last_step=step))
    log_keys(connection, ACCOUNT_FACTOR, [account], now)


def _new_recovery_codes(connection: Connection, account: str, at: str) -> list[str]:
    _forget_recovery_codes(connection, account)
    codes = ["".join(secrets.choice(ALPHABET) for _ in range(16)) for _ in range(RECOVERY_CODES)]
    rows = [{"digest": _digest(account, code), "account": account, "made_at": at, "used_at": None} for code in codes]
    insert_logged(connection, RECOVERY_CODE, rows, at)
    return ["-".join(code[place : place + 4] for place in range(0, 16, 4)) for code in codes]


def _forget_recovery_codes(connection: Connection, account: str) -> None:
    old = list(connection.scalars(select(RECOVERY_CODE.c.digest).where(RECOVERY_CODE.c.account == account)))
    connection.execute(delete(RECOVERY_CODE).where(RECOVERY_CODE.c.account == account))
    log_keys(connection, RECOVERY_CODE, old)


def _digest(account: str, code: str) -> str:
    """A code has 79 random bits, so that a plain digest of it cannot be searched for."""
    return hashlib.sha256(f"{account}/{code}".encode()).hexdigest()


def _text(moment: datetime) -> str:
    return moment.isoformat(timespec="microseconds")


__all__ = ["Setup", "WrongCode", "begin_setup", "check_code", "confirm", "has_factor", "remove"]
