"""The checkpoints of the ledger, and whether the facts still give each of them.

The head of an instant is sha256 over the lines `case_ref seq hash` of each case's last fact recorded before it, in
order of reference. One pass over the facts calculates the heads of all instants together.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from hashlib import sha256
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

from sqlalchemy import Connection, select

from models.bulk_io import stream_rows
from models.tables import CHECKPOINT, FACT

PIECE = 4_096  # bytes of lines that wait for each digest; short updates cost more than the digest itself


class Checkpoint(NamedTuple):
    """The head of the ledger at an instant (ISO 8601 UTC), with the numbers of its cases and facts."""

    before: str
    head: str
    cases: int
    facts: int


class Heads:
    """The heads of several instants, built from one case after another in order of reference."""

    def __init__(self, checkpoints: Iterable[Checkpoint]) -> None:
        self._published = sorted(checkpoints)
        self._before = [each.before for each in self._published]
        count = len(self._before)
        self._digests = [sha256() for _ in range(count)]
        self._lines = [bytearray() for _ in range(count)]
        self._cases, self._facts = [0] * count, [0] * count

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
                for place in range(start, end):
                    self._add_line(place, line, number)
                end = start
            number -= 1

    def _add_line(self, place: int, line: bytes, facts: int) -> None:
        lines = self._lines[place]
        lines += line
        self._cases[place] += 1
        self._facts[place] += facts
        if len(lines) > PIECE:
            self._digests[place].update(lines)
            lines.clear()

    def differences(self) -> list[tuple[Checkpoint, Checkpoint]]:
        """Each checkpoint that the facts no longer give, the earliest first, with what they give now."""
        found: list[tuple[Checkpoint, Checkpoint]] = []
        for place, published in enumerate(self._published):
            digest = self._digests[place].copy()
            digest.update(self._lines[place])
            now = Checkpoint(published.before, digest.hexdigest(), self._cases[place], self._facts[place])
            if now != published:
                found.append((published, now))
        return found


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
    return heads.differences()


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
