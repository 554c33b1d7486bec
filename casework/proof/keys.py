"""`log.key`: the private keys with which this installation signs its log, in SENDFLOW_HOME and never in the database.

Purpose: a person who has the database and not this file can sign no checkpoint. The file has two lines, an Ed25519 and
an ML-DSA-44 key, mode 0600. The public keys are in the table `log_act`, so that old checkpoints verify for ever.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Connection, select

from models.change_log import insert_logged
from models.errors import SendflowError
from models.signed_note import (
    ED25519,
    ML_DSA,
    NoteError,
    SigningKey,
    VerifierKey,
    parse_signing_key,
    parse_verifier_key,
)
from models.tables import LOG_ACT

FILE = "log.key"
BEGUN, ROTATED, CONTINUED = "begun", "rotated", "continued"


class LogKeyError(SendflowError, RuntimeError):
    """log.key is missing, unreadable or not the key of this log. The message shows no key."""

    default_code = "log_key"


class LogAct(NamedTuple):
    """A row of `log_act`: from its instant on, the log has this origin and these keys. `size`: leaves at that time."""

    number: int
    at: str
    kind: str
    actor: str
    reason: str
    origin: str
    keys: str
    size: int

    def public(self) -> list[VerifierKey]:
        """The verifier keys. Raises NoteError where the row was altered."""
        return [parse_verifier_key(line) for line in self.keys.splitlines()]


def acts(connection: Connection) -> list[LogAct]:
    """Every act on the log, the earliest first."""
    return [LogAct._make(row) for row in connection.execute(select(LOG_ACT).order_by(LOG_ACT.c.number))]


def known_keys(connection: Connection) -> list[VerifierKey]:
    """Every key that this log ever signed with. Raises NoteError where a row was altered."""
    return [key for act in acts(connection) for key in act.public()]


def read_keys(home: Path) -> list[SigningKey] | None:
    """Read `log.key`; None if there is no such file. Raises LogKeyError."""
    file = home / FILE
    try:
        lines = file.read_text("ascii").splitlines()
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as problem:
        raise LogKeyError(
            f"{FILE} cannot be read ({type(problem).__name__}): restore it from the backup of SENDFLOW_HOME, or replace"
            " the keys: sendflow log rotate --actor WHO --reason WHY"
        ) from None
    try:
        keys = [parse_signing_key(line) for line in lines]
    except (NoteError, ValueError):
        keys = []
    if [key.kind for key in keys] != [ED25519, ML_DSA] or len({key.name for key in keys}) != 1:
        raise LogKeyError(
            f"{FILE} is not a file that sendflow made: restore it from the backup of SENDFLOW_HOME, or replace the"
            " keys: sendflow log rotate --actor WHO --reason WHY"
        )
    return keys


def new_keys(origin: str | None = None) -> list[SigningKey]:
    """Make keys for an origin; for a new log, whose origin is random, if none is given."""
    name = origin or f"sendflow-{secrets.token_hex(4)}"
    return [SigningKey(name, kind, secrets.token_bytes(32)) for kind in (ED25519, ML_DSA)]


def write_keys(home: Path, keys: Sequence[SigningKey]) -> None:
    """Write `log.key`, mode 0600, in one step. Raises OSError."""
    fresh = home / f".{FILE}-{os.getpid()}-{secrets.token_hex(4)}"
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write("".join(f"{key.private_text()}\n" for key in keys))
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(home / FILE)
    finally:
        fresh.unlink(missing_ok=True)


def record_act(
    connection: Connection, at: str, kind: str, by: tuple[str, str], keys: Sequence[SigningKey], size: int
) -> None:
    """Record an act on the log, as a row that the change log covers. `by` is who acts, and why."""
    number = len(acts(connection)) + 1
    lines = "\n".join(str(key.public()) for key in keys)
    row = {"number": number, "at": at, "kind": kind, "actor": by[0], "reason": by[1]}
    insert_logged(connection, LOG_ACT, [{**row, "origin": keys[0].name, "keys": lines, "size": size}], at)
