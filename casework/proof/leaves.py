"""The leaves of the log as the database has them: their text, the tree over them, and the tails of all chains.

A leaf is one of `fact CASE SEQ HASH`, `change NUMBER HASH` and `checkpoint INSTANT CHAINS ROOT`. The last one ends what
a checkpoint covers: ROOT is that of a second tree, over the lines `CHAIN SEQ HASH` of the last leaf of each chain, in
order. It proves that a case has no further fact.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

from sqlalchemy import Connection, func, select

from models.bulk_io import stream_rows
from models.merkle import BLOCK, StoredTree, leaf_hash
from models.signed_note import Checkpoint, parse_checkpoint, parse_note
from models.tables import LOG_BLOCK, LOG_CHECKPOINT, LOG_LEAF, LOG_TAIL

CHANGES = "change_log"  # the name of the change log among the chains; no case has it


class Tail(NamedTuple):
    """How far a chain is in the log."""

    chain: str
    seq: int
    hash: str

    def line(self) -> str:
        """The leaf of the second tree."""
        return f"{self.chain} {self.seq} {self.hash}"


class StoredCheckpoint(NamedTuple):
    """A signed checkpoint as it is stored: its number, its instant, its size and the signed note."""

    number: int
    at: str
    size: int
    note: str

    def checkpoint(self) -> Checkpoint:
        """What was signed, unverified. Raises NoteError."""
        return parse_checkpoint(parse_note(self.note).text)


def size(connection: Connection) -> int:
    """How many leaves the log has."""
    last = connection.scalar(select(func.max(LOG_LEAF.c.number)))
    return 0 if last is None else int(last) + 1


def tree(connection: Connection) -> StoredTree:
    """The tree over the stored leaves. Raises ValueError where roots of blocks are missing."""
    leaves = size(connection)
    return StoredTree(leaves, block_roots(connection, leaves), lambda low, high: hashes(connection, low, high))


def block_roots(connection: Connection, leaves: int) -> list[bytes]:
    """The stored roots of the full blocks of so many leaves. Raises ValueError where one is altered."""
    rows = stream_rows(connection, LOG_BLOCK, ("number", "root"))
    return [bytes.fromhex(row[1]) for row in islice(rows, leaves // BLOCK)]


def hashes(connection: Connection, low: int, high: int) -> list[bytes]:
    """The hashes of some leaves. Raises ValueError where one is missing."""
    found = [leaf_hash(text.encode()) for text in texts(connection, low, high)]
    if len(found) != high - low:
        raise ValueError(f"leaves are missing between {low} and {high}")
    return found


def texts(connection: Connection, low: int, high: int) -> list[str]:
    """The text of some leaves, in order."""
    query = f"SELECT leaf FROM log_leaf WHERE number >= {low:d} AND number < {high:d} ORDER BY number"  # noqa: S608
    return [row[0] for row in connection.exec_driver_sql(query)]


def tails(connection: Connection) -> Iterator[Tail]:
    """The tail of each chain, in order of chain."""
    return map(Tail._make, stream_rows(connection, LOG_TAIL, Tail._fields))


def newest_checkpoint(connection: Connection, before: str | None = None) -> StoredCheckpoint | None:
    """The newest signed checkpoint, or the newest one of before an instant; None if there is none."""
    query = select(LOG_CHECKPOINT).order_by(LOG_CHECKPOINT.c.number.desc()).limit(1)
    row = connection.execute(query if before is None else query.where(LOG_CHECKPOINT.c.at < before)).first()
    return StoredCheckpoint._make(row) if row is not None else None


def checkpoints(connection: Connection, larger_than: int = -1) -> list[StoredCheckpoint]:
    """Every signed checkpoint with more leaves than that, the earliest first."""
    query = select(LOG_CHECKPOINT).where(LOG_CHECKPOINT.c.size > larger_than).order_by(LOG_CHECKPOINT.c.number)
    return [StoredCheckpoint._make(row) for row in connection.execute(query)]
