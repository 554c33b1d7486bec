"""The proof that a case had no further fact at a checkpoint: its place in the list of the ends of all chains.

The list of a checkpoint is what `log_tail` was then. Chains that went on since have a leaf after the checkpoint; only
their ends are looked up among the leaves. So the newest checkpoint costs one pass over the cases, and no other leaf.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Connection

from casework.proof.leaves import CHANGES, Tail, size, tails
from models.bulk_io import mark, stream
from models.merkle import BLOCK, StoredTree, leaf_hash, root_of

HASH = 32
_LATER = "SELECT leaf FROM log_leaf WHERE number >= {size:d} ORDER BY number"
_CHANGE = """
    SELECT leaf FROM log_leaf WHERE number < {size:d} AND leaf >= 'change ' AND leaf < 'change!'
    ORDER BY number DESC LIMIT 1
"""
_OF_CASE = "SELECT leaf FROM log_leaf WHERE leaf >= {mark} AND leaf < {mark} AND number < {size:d}"


def end_of(connection: Connection, checkpoint_size: int, case_ref: str) -> tuple[int, int, list[bytes]]:
    """The place of a case in the list of ends of a checkpoint, the length of the list, and the proof.

    Memory is 32 bytes for each case. Raises ValueError where the list does not have the case.
    """
    hashes, place = bytearray(), -1
    for tail in _ends(connection, checkpoint_size):
        if tail.chain == case_ref:
            place = len(hashes) // HASH
        hashes += leaf_hash(tail.line().encode())
    count = len(hashes) // HASH

    def leaves(low: int, high: int) -> list[bytes]:
        return [bytes(hashes[at * HASH : (at + 1) * HASH]) for at in range(low, high)]

    blocks = [root_of(leaves(at, at + BLOCK)) for at in range(0, count - BLOCK + 1, BLOCK)]
    if place < 0:
        raise ValueError(f"case {case_ref} is not in the list of ends of that checkpoint")
    return place, count, StoredTree(count, blocks, leaves).inclusion(place, count)


def _ends(connection: Connection, checkpoint_size: int) -> Iterator[Tail]:
    """The end of each chain as the checkpoint had it, in order of chain."""
    gone_on: set[str] = set()
    if size(connection) > checkpoint_size:
        for (leaf,) in stream(connection, _LATER.format(size=checkpoint_size)):
            kind, _, rest = leaf.partition(" ")
            if kind == "fact":
                gone_on.add(rest.split(" ", 1)[0])
            elif kind == "change":
                gone_on.add(CHANGES)
    for tail in tails(connection):
        before = _before(connection, checkpoint_size, tail.chain) if tail.chain in gone_on else tail
        if before is not None:
            yield before


def _before(connection: Connection, checkpoint_size: int, chain: str) -> Tail | None:
    """The end of a chain among the leaves of a checkpoint; None where the chain begins later."""
    if chain == CHANGES:
        found = [row[0].split(" ") for row in connection.exec_driver_sql(_CHANGE.format(size=checkpoint_size))]
        return Tail(CHANGES, int(found[0][1]), found[0][2]) if found else None
    query = _OF_CASE.format(mark=mark(connection), size=checkpoint_size)
    leaves = [row[0].split(" ") for row in stream(connection, query, (f"fact {chain} ", f"fact {chain}!"))]
    ends = [Tail(chain, int(leaf[2]), leaf[3]) for leaf in leaves]
    return max(ends, key=lambda end: end.seq, default=None)
