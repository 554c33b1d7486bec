"""Verification by workers on several machines: each checks a shard of the parts in the caller's snapshot, and sends
what it found to the caller.

What a part gave is encrypted with the person key and bound to this verification, so nobody without the key can say that
a part is intact. It goes through PostgreSQL, which stores none of it. A part of which nothing comes, because its worker
was lost, is checked by the caller. SQLite has no snapshot that another process can read, so nothing is shared there.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import NamedTuple

import msgspec
from pydantic import BaseModel, ConfigDict
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from audit.parts import CASES, CHANGES, HEADS, IN_ORDER, LOG, Checked, Part, check_part, ranges
from audit.processes import snapshot_of
from casework import fault_points
from casework.context import AppContext
from casework.steps import VERIFICATION, Step, run_step, slot
from casework.sweep import Shard
from models.database import is_postgresql, reading
from models.encryption import EncryptionError, Place
from models.messages import Listener, listening, send
from models.schema import HEAD

POLL_SECONDS = 0.2
NO_SUCH_SNAPSHOT = {"22023", "42704"}  # SQLSTATE: invalid parameter value, undefined object
# How long a part takes that one worker reads in order, of the time for every range of cases (measured, 144,000 facts).
OF_EVERY_RANGE = {LOG: 0.3, CHANGES: 0.17, HEADS: 0.14}
LAST_SECONDS = 1.0  # for messages that were sent just before the workers ended


class Ticket(NamedTuple):
    """The verification that the workers share: the snapshot to read, and the instant of the head."""

    snapshot: str
    before: str

    @property
    def channel(self) -> str:
        """Where the caller listens."""
        return f"sendflow_verify_{self.snapshot.replace('-', '_').lower()}"


Share = Callable[[Ticket], None]  # starts the workers and returns when they have ended


class ShardReport(BaseModel):
    """What one worker did: the parts that it checked, their cases and facts, and how many differences it found.

    `ended`: the verification that asked for it has ended. `no_slot`: others verify, and left no slot for this one.
    """

    model_config = ConfigDict(frozen=True)
    parts: int = 0
    cases: int = 0
    facts: int = 0
    differences: int = 0
    ended: bool = False
    no_slot: bool = False


class _Message(msgspec.Struct):
    """What one part gave, and under which rule set and revision it was checked."""

    ruleset: str
    revision: str
    checked: Checked


def all_parts(connection: Connection) -> list[Part]:
    """Every part, in the same order for each worker."""
    return [*(Part(kind) for kind in IN_ORDER), *ranges(connection)]


def dealt(parts: Sequence[Part], shard: Shard) -> list[Part]:
    """The parts of one shard. The longest part first, each goes to the shard that has least to do so far.

    How long a part takes is estimated from the parts alone, so that each worker deals alike.
    """
    every_range = sum(1 for part in parts if part.kind == CASES)
    weights = {part: OF_EVERY_RANGE.get(part.kind, 0.0) * every_range if part.kind != CASES else 1.0 for part in parts}
    shards: list[list[Part]] = [[] for _ in range(shard.of)]
    to_do = [0.0] * shard.of
    for part in sorted(parts, key=lambda each: -weights[each]):
        least = to_do.index(min(to_do))
        shards[least].append(part)
        to_do[least] += weights[part]
    return shards[shard.number - 1]


def verify_shard(context: AppContext, ticket: Ticket, shard: Shard) -> ShardReport:
    """Check the parts of a shard in the snapshot of the ticket, and send what each gave to the caller."""
    if not is_postgresql(context.engine):
        return ShardReport(ended=True)
    with slot(VERIFICATION, wait=True) as held:
        if not held:
            return ShardReport(no_slot=True)
        with reading(context.engine) as connection:
            try:
                connection.exec_driver_sql(f"SET TRANSACTION SNAPSHOT '{ticket.snapshot}'")
            except DBAPIError as problem:
                if getattr(problem.orig, "sqlstate", None) not in NO_SUCH_SNAPSHOT:
                    raise
                return ShardReport(ended=True)  # the caller's transaction is over
            return _check_shard(context, connection, ticket, shard)


def _check_shard(context: AppContext, connection: Connection, ticket: Ticket, shard: Shard) -> ShardReport:
    mine = dealt(all_parts(connection), shard)
    done: list[Checked] = []
    for number, part in enumerate(mine, 1):
        step = Step(f"{part.kind} {part.number}" if part.kind == CASES else part.kind, number, len(mine))
        done.append(run_step(step, partial(check_part, context, connection, part, ticket.before)))
        send(context.engine, ticket.channel, _encrypted(context, ticket, done[-1]))
        fault_points.here("verify_between_parts")
    return ShardReport(
        parts=len(done),
        cases=sum(each.cases for each in done if each.part.kind == CASES),
        facts=sum(each.facts for each in done if each.part.kind == CASES),
        differences=sum(len(each.failures) for each in done),
    )


def checked_by_workers(
    context: AppContext, connection: Connection, parts: Sequence[Part], before: str, share: Share
) -> Iterator[Checked]:
    """Let workers check the parts in the snapshot of this connection, and yield what each gave, as it comes.

    What no worker gave is not among them. Fails for nothing that becomes of the workers.
    """
    snapshot = snapshot_of(connection, context.engine)
    if snapshot is None:
        return
    ticket, left = Ticket(snapshot, before), set(parts)
    with listening(context.engine, ticket.channel) as listener, ThreadPoolExecutor(1) as beside:
        # Beside, because a run of Prefect's executes this in the thread of its event loop.
        sharing = beside.submit(share, ticket)
        for message in _until_ended(listener, sharing):
            checked = _decrypted(context, ticket, message)
            if checked is not None and checked.part in left:
                left.remove(checked.part)
                yield checked


def _until_ended(listener: Listener, sharing: Future[None]) -> Iterator[bytes]:
    while not sharing.done():
        yield from listener.messages(POLL_SECONDS)
    yield from listener.messages(LAST_SECONDS)


def _place(ticket: Ticket) -> Place:
    return Place("verification", "part", ticket.channel, ticket.before)


def _encrypted(context: AppContext, ticket: Ticket, checked: Checked) -> bytes:
    packed = zlib.compress(msgspec.json.encode(_Message(context.ruleset_digest, str(HEAD), checked)))
    return context.cipher.encrypt(packed.decode("latin-1"), _place(ticket))


def _decrypted(context: AppContext, ticket: Ticket, message: bytes) -> Checked | None:
    """What a part gave; None if it is of nobody with the key, or of a program with other rules or another revision."""
    try:
        packed = context.cipher.decrypt(message, _place(ticket)).encode("latin-1")
        said = msgspec.json.decode(zlib.decompress(packed), type=_Message)
    except (EncryptionError, UnicodeError, zlib.error, msgspec.MsgspecError):
        return None
    return said.checked if (said.ruleset, said.revision) == (context.ruleset_digest, str(HEAD)) else None
