"""The signatures of witnesses on checkpoints, as they are stored: one row each, only added to."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Connection, func, select

from models.signed_note import VerifierKey
from models.tables import LOG_COSIGNATURE


class Cosignature(NamedTuple):
    """The signature line of a witness on a checkpoint, with its verifier key."""

    number: int
    checkpoint: int
    vkey: str
    line: str


def store(connection: Connection, checkpoint: int, key: VerifierKey, line: str) -> None:
    """Store the line of a witness on a checkpoint, unless it is there. The caller has verified it."""
    if any(each.vkey == str(key) for each in of_checkpoint(connection, checkpoint)):
        return
    number = (connection.scalar(select(func.max(LOG_COSIGNATURE.c.number))) or 0) + 1
    row = {"number": number, "checkpoint": checkpoint, "vkey": str(key), "line": line}
    connection.execute(LOG_COSIGNATURE.insert(), [row])


def of_checkpoint(connection: Connection, checkpoint: int) -> list[Cosignature]:
    """The signatures of witnesses on one checkpoint."""
    query = select(LOG_COSIGNATURE).where(LOG_COSIGNATURE.c.checkpoint == checkpoint)
    return [Cosignature._make(row) for row in connection.execute(query.order_by(LOG_COSIGNATURE.c.number))]
