"""The checkpoints of the ledger, and whether the facts still give each of them.

The head of an instant is sha256 over the lines `case_ref seq hash` of each case's last fact recorded before it, in
order of reference, and a last line of the change log (`change_log.line_before`). One pass over the facts calculates the
heads of all instants together.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from hashlib import sha256
from itertools import accumulate, groupby
from operator import itemgetter
from typing import NamedTuple

from sqlalchemy import Connection, select

from models.bulk_io import stream_rows
from models.change_log import line_before
from models.tables import CHECKPOINT, FACT

PIECE = 64  # cases whose lines wait for the digests: a short update costs more than the digest of its bytes


class Checkpoint(NamedTuple):
    """The head of the ledger at an instant (ISO 8601 UTC), with the numbers of its cases and facts."""

    before: str
    head: str
    cases: int
    facts: int


class Heads:
    """The heads of several instants, built from one case after another in order of reference.

    Each case gives a line to every instant after its first fact: what is done for each line is one addition of bytes.
    """

    def __init__(self, checkpoints: Iterable[Checkpoint]) -> None:
        self._published = sorted(checkpoints)
        self._before = [each.before for each in self._published]
        count = len(self._before)
        self._digests = [sha256() for _ in range(count)]
        self._lines = [bytearray() for _ in range(count)]
        # What the numbers of cases and facts grow by from one instant to the next.
        self._cases, self._facts = [0] * (count + 1), [0] * (count + 1)
        self._waiting = 0

    def add(self, ref: str, facts: Sequence[tuple[int, str, str]]) -> None:
        """Include one case: its facts in order of seq, each with its seq, its instant and its hash."""
        end = len(self._before)
        if not end:
            return
        number = len(facts)
        for seq, recorded_at, digest in reversed(facts):
            start = bisect_right(self._before, recorded_at)
            if start < end:
                line = f"{ref} {seq} {digest}\n".encode()
                for lines in self._lines[start:end]:
                    lines += line
                for numbers, count in ((self._cases, 1), (self._facts, number)):
                    numbers[start] += count
                    numbers[end] -= count
                end = start
            number -= 1
        self._waiting += 1
        if self._waiting == PIECE:
            self._flush()

    def _flush(self) -> None:
        for digest, lines in zip(self._digests, self._lines, strict=True):
            digest.update(lines)
            lines.clear()
        self._waiting = 0

    def differences(self, line_before: Callable[[str], str]) -> list[tuple[Checkpoint, Checkpoint]]:
        """Each checkpoint that the facts no longer give, the earliest first, with what they give now.

        `line_before` gives the line of the change log at an instant.
        """
        self._flush()
        for before, digest in zip(self._before, self._digests, strict=False):
            digest.update(line_before(before).encode())
        heads = zip(self._before, self._digests, accumulate(self._cases), accumulate(self._facts), strict=False)
        now = [Checkpoint(before, digest.hexdigest(), cases, facts) for before, digest, cases, facts in heads]
        return [(then, each) for then, each in zip(self._published, now, strict=True) if then != each]


def checkpoints(connection: Connection) -> list[Checkpoint]:
    """Every checkpoint of the database, the earliest first."""
    return [Checkpoint._make(row) for row in connection.execute(select(CHECKPOINT).order_by(CHECKPOINT.c.before))]


def differences(connection: Connection) -> list[tuple[Checkpoint, Checkpoint]]:
    """Each checkpoint that the facts no longer give, with what they give now. Reads every fact once."""
    published = checkpoints(connection)
    if not published:
        return []
    heads = Heads(published)
    rows = stream_rows(connection, FACT, ("case_ref", "seq", "recorded_at", "hash"), None, None)
    for ref, facts in groupby(rows, itemgetter(0)):
        heads.add(ref, [(row[1], row[2], row[3]) for row in facts])
    return heads.differences(partial(line_before, connection))


def difference_message(found: Sequence[tuple[Checkpoint, Checkpoint]]) -> str:
    """Say which checkpoints differ: the first one with its numbers then and now, the newest one with its head now.

    The same difference gives the same message on every day, also after a further checkpoint.
    """
    then, now = found[0]
    more = "" if len(found) == 1 else f"; {len(found)} checkpoints differ, up to {found[-1][0].before}"
    return (
        f"the head before {then.before} was another: then {then.cases} cases and {then.facts} facts, now {now.cases}"
        f" and {now.facts}{more}; now {found[-1][1].head[:16]}"
    )
