"""The only door to the fact table: append, read, verify a chain, work out the head. [I/O]

A case's facts form a chain: hash = sha256(prev_hash + text). The chain goes by seq. Callers open the transaction;
nothing here commits.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple

from sqlalchemy import Connection, bindparam, func, select

from models import change_log
from models.bulk_io import Row, insert_rows, read_rows, send_rows, stream_rows
from models.errors import SendflowError
from models.facts import GENESIS, Fact, StoredFact, iso, parse_fact
from models.macs import Mac, newest_mac
from models.questions import Question
from models.tables import FACT

CHUNK = 400


class Tail(NamedTuple):
    """The end of a case's chain."""

    seq: int
    hash: str


class Stored(NamedTuple):
    """One row as it lies in the table, in the order of its columns."""

    case_ref: str
    seq: int
    kind: str
    occurred_on: str
    recorded_at: str
    actor: str
    text: str
    prev_hash: str
    hash: str


NEW_CASE = Tail(0, GENESIS)
_OF_A_HISTORY = ("case_ref", "seq", "hash", "text")
# The history of one case, for a page that asks for it together with the rest of the case.
HISTORY = Question(
    select(*(FACT.c[name] for name in _OF_A_HISTORY)).where(FACT.c.case_ref == bindparam("ref")).order_by(FACT.c.seq)
)


def chained(facts: Iterable[Fact], tail: Tail) -> tuple[list[Row], Tail]:
    """The rows of new facts of one case, each hash taken over the one before. Raises ValueError where a seq does not
    follow.
    """
    rows: list[Row] = []
    seq, previous = tail
    for fact in facts:
        if fact.seq != seq + 1:
            raise ValueError(f"fact {fact.seq} cannot follow fact {seq} of case {fact.case_ref}")
        text = fact.text()
        digest = link(previous, text)
        rows.append(
            (
                fact.case_ref,
                fact.seq,
                fact.kind,
                iso(fact.occurred_on),
                fact.recorded_at,
                fact.actor,
                text.decode(),
                previous,
                digest,
            )
        )
        seq, previous = fact.seq, digest
    return rows, Tail(seq, previous)


def link(previous: str, text: bytes) -> str:
    """The hash of a fact: sha256 over the hash before it and its own text."""
    return sha256(previous.encode() + text).hexdigest()


class Signed(NamedTuple):
    """What authenticates new facts: the newest key, and the number of who acts. Both None where there is no key."""

    mac: Mac | None
    by: int | None

    @classmethod
    def of(cls, connection: Connection) -> Signed:
        """As of this transaction. Who acts is named only where a MAC covers it."""
        mac = newest_mac(connection)
        return _UNSIGNED if mac is None else cls(mac, change_log.acting_number(connection))


_UNSIGNED = Signed(None, None)


def append(connection: Connection, rows: Iterable[Row], count: int | None = None, signed: Signed | None = None) -> None:
    """Write chained rows, each with its MAC; so many of them where they are only being made.

    Raises IntegrityError where another was first (case_ref, seq is unique).

    What makes them while they are written must not use the connection.
    """
    mac, by = signed or Signed.of(connection)
    if mac is None:
        whole: Iterable[Row] = ((*row, None, None) for row in rows)
    else:
        whole = ((*row, mac.of_fact(row[0], row[1], row[8], by), by) for row in rows)
    made = list(whole) if count is None else whole
    insert_rows(connection, FACT, made, len(made) if isinstance(made, list) else count or 0)


class Damaged(SendflowError, ValueError):
    """A history that cannot be read: the text of a fact is no longer what was written. It names the case."""

    default_code = "history_unreadable"


def read(connection: Connection, refs: Sequence[str]) -> dict[str, tuple[list[StoredFact], Tail]]:
    """The histories of some cases in order of seq, with the end of each chain. A case without facts is left out. Raises
    Damaged.
    """
    found: dict[str, tuple[list[StoredFact], Tail]] = {}
    for start in range(0, len(refs), CHUNK):
        some_refs = refs[start : start + CHUNK]
        rows = HISTORY.known(connection, ref=some_refs[0]) if len(some_refs) == 1 else None
        if rows is None:
            rows = read_rows(connection, FACT, _OF_A_HISTORY, "case_ref", some_refs)
        found |= parsed(rows)
    return found


def send(connection: Connection, refs: Sequence[str]) -> Any:
    """Ask for the histories of a few cases within `bulk_io.in_one_go`; the cursor's rows are for `parsed`."""
    return send_rows(connection, FACT, _OF_A_HISTORY, "case_ref", refs)


def parsed(rows: Iterable[Row]) -> dict[str, tuple[list[StoredFact], Tail]]:
    """The histories of rows that are in the order of the key. Raises Damaged."""
    found: dict[str, tuple[list[StoredFact], Tail]] = {}
    for case_ref, some in groupby(rows, itemgetter(0)):
        stored = list(some)
        _ref, seq, digest, _text = stored[-1]
        try:
            found[case_ref] = ([parse_fact(row[3]) for row in stored], Tail(seq, digest))
        except ValueError:
            raise Damaged(
                f"the history of case {case_ref} cannot be read: sendflow verify {case_ref} names the fact"
            ) from None
    return found


def scan(connection: Connection, case_ref: str | None = None) -> Iterator[tuple[str, list[Row]]]:
    """Every stored row, a case at a time in reference order, streamed: memory is that of one case.

    Rows are plain, in the order of `Stored`: to name the parts of each takes longer than its hash.
    """
    rows = stream_rows(connection, FACT, Stored._fields, None if case_ref is None else "case_ref", case_ref)
    for ref, some in groupby(rows, itemgetter(0)):
        yield ref, list(some)


def known(connection: Connection, case_ref: str) -> bool:
    """Whether a case of that reference has a fact."""
    return (
        connection.execute(select(FACT.c.seq).where(FACT.c.case_ref == case_ref, FACT.c.seq == 1)).first() is not None
    )


def head(connection: Connection, before: str) -> tuple[str, int, int]:
    """The head of the ledger at an instant (ISO 8601 UTC): the digest, how many cases, how many facts.

    sha256 over the lines `case_ref seq hash` of each case's last fact recorded before that instant, in reference order,
    and a last line `change_log number hash` for the newest record of the change log before it, if there is one.
    """
    last = (
        select(FACT.c.case_ref, func.max(FACT.c.seq).label("seq"), func.count().label("facts"))
        .where(FACT.c.recorded_at < before)
        .group_by(FACT.c.case_ref)
        .subquery()
    )
    query = (
        select(FACT.c.case_ref, FACT.c.seq, FACT.c.hash, last.c.facts)
        .join(last, (FACT.c.case_ref == last.c.case_ref) & (FACT.c.seq == last.c.seq))
        .order_by(FACT.c.case_ref)
    )
    digest, cases, facts = sha256(), 0, 0
    for case_ref, seq, link_hash, count in connection.execute(query):
        digest.update(f"{case_ref} {seq} {link_hash}\n".encode())
        cases, facts = cases + 1, facts + count
    digest.update(change_log.line_before(connection, before).encode())
    return digest.hexdigest(), cases, facts
