"""The sequencer: gives every fact and every record of the change log the next number of the log, and signs its head.

Purpose: facts of different cases have no order among themselves, and an instant is no order of commits. Numbers are
given after commit, in transactions of their own, so that recording and delivery never wait for them. Before it signs,
the sequencer compares with the last checkpoint that was signed: a database that was put back from a backup is smaller
than that checkpoint, and nothing is signed until a person says so (`continue_log`).
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import Connection

from casework import findings
from casework.context import AppContext, instant
from casework.findings import Found
from casework.proof import cosignatures, published_log, witnesses
from casework.proof import keys as log_keys
from casework.proof.keys import BEGUN, CONTINUED, ROTATED, LogKeyError
from casework.proof.leaves import CHANGES, StoredCheckpoint, Tail, hashes, newest_checkpoint, tails, tree
from casework.proof.leaves import size as log_size
from models import change_log
from models.bulk_io import insert_rows, mark, put_rows, stream
from models.database import is_postgresql, reading, transact
from models.facts import GENESIS
from models.locks import lock_exclusive
from models.mac_keys import FACT_WITHOUT, RECORD_WITHOUT, Demanded, add_key, demand, mac_acts
from models.macs import BEGUN as BEGUN_MACS
from models.macs import DEMANDED
from models.macs import ROTATED as ROTATED_MACS
from models.merkle import BLOCK, StoredTree, leaf_hash, root_of
from models.signed_note import Checkpoint, NoteError, SigningKey, sign, verified
from models.tables import LOG_BLOCK, LOG_CHECKPOINT, LOG_LEAF, LOG_TAIL

LOCK = "log"
BATCH = 4_000  # leaves of one transaction: SQLite has one writer, who must not wait long
EVERY = timedelta(minutes=15)
FORK, UNCHAINED, NO_MAC = "log_fork", "log_chain", "mac"
IN_FLIGHT = timedelta(minutes=15)  # longer than a transaction of PostgreSQL may last that began before the first key
_DAMAGED = "leaves or blocks of the log are missing or altered, so nothing more is signed: sendflow verify names them"
MOST_EXCLUDED = 100
_NEW_FACTS = """
    SELECT f.case_ref, f.seq, f.prev_hash, f.hash, f.text, f.mac, f.acting, t.seq, t.hash
    FROM case_file c LEFT JOIN log_tail t ON t.chain = c.case_ref
    JOIN fact f ON f.case_ref = c.case_ref AND f.seq > coalesce(t.seq, 0) AND f.seq <= c.seq
    WHERE c.case_ref >= {first} AND c.seq > coalesce(t.seq, 0) {without} ORDER BY f.case_ref, f.seq LIMIT {limit}
"""
_NEW_CHANGES = """
    SELECT number, at, subject, key, case_ref, digest, prev_hash, hash, mac, acting FROM change_log
    WHERE number > {after} ORDER BY number LIMIT {limit}
"""
_ANY_NEW = """
    SELECT 1 WHERE EXISTS (
        SELECT 1 FROM change_log WHERE number > coalesce((SELECT seq FROM log_tail WHERE chain = 'change_log'), 0)
    ) OR EXISTS (
        SELECT 1 FROM case_file c LEFT JOIN log_tail t ON t.chain = c.case_ref WHERE c.seq > coalesce(t.seq, 0)
    )
"""


_Into = tuple[list[str], dict[str, Tail], dict[str, Found]]  # lines, ends, what does not fit


class Sequenced(NamedTuple):
    """What the sequencer did: the newest checkpoint, how many leaves it added, and why it signed nothing, if so."""

    checkpoint: StoredCheckpoint | None
    added: int
    refused: str | None = None


class LogFork(LogKeyError):
    """The records are not those of the last signed checkpoint. The message says what to do."""

    default_code = FORK


def is_due(context: AppContext) -> bool:
    """Whether something is not in the log yet, and the last checkpoint is a quarter of an hour old."""
    with reading(context.engine) as connection:
        last = newest_checkpoint(connection)
        if last is not None and context.now() - datetime.fromisoformat(last.at) < EVERY:
            return False
        return connection.exec_driver_sql(_ANY_NEW).first() is not None


def sequence(context: AppContext) -> Sequenced:
    """Number what is new, and sign a checkpoint. What does not fit together is a finding, and is not signed.

    On a machine without the key of this log it does nothing: another machine signs. A log that is damaged or cannot be
    written stops nothing else, so the digest leaves without it.
    """
    try:
        return _sequence(context)
    except LogFork as problem:
        findings.store(context, "log", [Found(None, None, FORK, str(problem))])
        return Sequenced(None, 0, str(problem))
    except LogKeyError as problem:
        return Sequenced(None, 0, str(problem))
    except ValueError:
        findings.store(context, "log", [Found(None, None, FORK, _DAMAGED)])
        return Sequenced(None, 0, _DAMAGED)
    except OSError as problem:
        return Sequenced(None, 0, f"the log cannot be written ({problem.strerror or type(problem).__name__})")


def _sequence(context: AppContext) -> Sequenced:
    keys = _keys(context)
    if keys is None:
        with reading(context.engine) as connection:
            return Sequenced(newest_checkpoint(connection), 0)
    with reading(context.engine) as connection:
        check_fork(context, connection, keys)
    _begin_macs(context)
    added, broken = _number_all(context)
    findings.store(context, "log", broken)
    _demand_macs(context)
    checkpoint = transact(context.engine, lambda connection: _sign(context, connection, keys))
    leave(context, checkpoint)
    return Sequenced(checkpoint, added)


def _begin_macs(context: AppContext) -> None:
    """Make the first key of the MACs where facts of an earlier version are: from here on each transaction has them."""
    with reading(context.engine) as connection:
        if mac_acts(connection) or not context.cipher.stored:
            return

    def begin(connection: Connection) -> None:
        lock_exclusive(connection, LOCK)
        if not mac_acts(connection):
            by = ("sendflow", "an earlier version wrote no MACs")
            add_key(connection, context.cipher, BEGUN_MACS, by, instant(context.now()))

    transact(context.engine, begin)


def _demand_macs(context: AppContext) -> None:
    """Demand a MAC of each fact from here on, once what an earlier version recorded is numbered."""
    with reading(context.engine) as connection:
        acts = mac_acts(connection)
        in_flight = is_postgresql(connection) and acts and context.now() - datetime.fromisoformat(acts[0].at)
    if not acts or any(act.kind == DEMANDED for act in acts) or (in_flight and in_flight < IN_FLIGHT):
        return

    def work(connection: Connection) -> None:
        lock_exclusive(connection, LOCK)
        if not any(act.kind == DEMANDED for act in mac_acts(connection)):
            demand(connection, instant(context.now()))

    transact(context.engine, work)


def leave(context: AppContext, checkpoint: StoredCheckpoint) -> None:
    """Let a checkpoint leave: to the folders, then to the witnesses, and with their signatures to the folders again."""
    for ask in (False, True):
        if ask and not witnesses.submit(context, checkpoint):
            return
        with reading(context.engine) as connection:
            lines = "".join(each.line for each in cosignatures.of_checkpoint(connection, checkpoint.number))
            for folder in folders(context):
                with contextlib.suppress(OSError):  # a disk that is full; the next run adds what is missing
                    published_log.publish(connection, folder, checkpoint, lines)


def folders(context: AppContext) -> list[Path]:
    """Where the log leaves to: SENDFLOW_HOME/log, and other places that the settings name."""
    return [context.settings.home / published_log.FOLDER, *context.settings.log_to]


def _keys(context: AppContext) -> list[SigningKey] | None:
    """The keys of this log; made where the log has not begun. None on a machine that does not sign."""
    home = context.settings.home
    keys = log_keys.read_keys(home)
    with reading(context.engine) as connection:
        acts = log_keys.acts(connection)
    if not acts:
        made = keys or log_keys.new_keys()
        if keys is None:
            log_keys.write_keys(home, made)
        transact(context.engine, lambda connection: _begin(context, connection, made))
        with reading(context.engine) as connection:
            acts = log_keys.acts(connection)
        keys = made
    if keys is None:
        return None
    if acts[-1].keys.splitlines() != [str(key.public()) for key in keys]:
        raise LogKeyError(
            f"{log_keys.FILE} is not the key that this log signs with: restore it from the backup of SENDFLOW_HOME, or"
            " replace the keys: sendflow log rotate --actor WHO --reason WHY"
        )
    return keys


def _begin(context: AppContext, connection: Connection, keys: Sequence[SigningKey]) -> None:
    lock_exclusive(connection, LOCK)
    if not log_keys.acts(connection):
        by = ("sendflow", "the log begins")
        log_keys.record_act(connection, instant(context.now()), BEGUN, by, keys, log_size(connection))


def check_fork(context: AppContext, connection: Connection, keys: Sequence[SigningKey]) -> None:
    """Compare the log with the last checkpoints that were signed: in the database, and in the folders outside it.

    Raises LogFork.
    """
    try:
        stored = tree(connection)
        known = log_keys.known_keys(connection)
    except (ValueError, NoteError):
        raise LogFork(_fork("the log in the database cannot be read")) from None
    public = [*(key.public() for key in keys), *(key for key in known if key.name == keys[0].name)]
    signed: list[tuple[str, Checkpoint]] = []
    if (last := newest_checkpoint(connection)) is not None:
        signed.append(("the database", _signed(last.note, known)))
    for folder in folders(context):
        try:
            note = published_log.newest_note(folder)
            outside = verified(note, public)[0] if note is not None else None
        except (OSError, ValueError):
            continue  # of an earlier key or origin, or altered: verification compares it
        if outside is not None:
            signed.append((str(folder), outside))
    for where, checkpoint in signed:
        if checkpoint.size > stored.size:
            raise LogFork(
                _fork(
                    f"a checkpoint over {checkpoint.size} leaves was signed ({where}), and the database has"
                    f" {stored.size}: an older backup was put back"
                )
            )
        if stored.root(checkpoint.size) != checkpoint.root:
            raise LogFork(_fork(f"the first {checkpoint.size} leaves are not those that were signed ({where})"))


def _signed(note: str, known: Sequence[Any]) -> Checkpoint:
    try:
        return verified(note, known)[0]
    except NoteError:
        raise LogFork(_fork("the newest checkpoint in the database has no signature of this log")) from None


def _fork(why: str) -> str:
    return (
        f"{why}. sendflow signs nothing until a person says that the log goes on from here: sendflow log continue"
        " --actor WHO --reason WHY"
    )


def _number_all(context: AppContext, *, without_macs: bool = False) -> tuple[int, list[Found]]:
    """Number everything that is new, some at a time. Gives how many, and the chains that do not fit together."""
    added, broken, first = 0, dict[str, Found](), ""
    while True:
        work = partial(number_some, without=sorted(broken), without_macs=without_macs, first=first)
        done, wrong, last = transact(context.engine, work)
        added += done
        broken |= wrong
        if first and not done and not wrong:
            first = ""  # once more from the beginning: cases before it may have a fact since
            continue
        first = last or first
        if not done and (not wrong or len(broken) >= MOST_EXCLUDED):
            return added, list(broken.values())


def number_some(
    connection: Connection, without: Sequence[str], *, without_macs: bool = False, first: str = ""
) -> tuple[int, dict[str, Found], str]:
    """Number some of what is new, but for the chains `without`. Gives how many, the chains that do not fit, and the
    last case. `first`: the case from which on; so a first run does not read again what it has numbered.

    `without_macs` numbers rows whose MACs are not right, too: a person has said that the records go on as they are.
    """
    lock_exclusive(connection, LOCK)
    lines: list[str] = []
    ends: dict[str, Tail] = {}
    broken: dict[str, Found] = {}
    read = Demanded.read(connection)
    demanded = read if read.checked and not without_macs else None
    _facts(connection, without, (lines, ends, broken), demanded, first)
    last = max(ends, default="")
    if CHANGES not in without:
        _changes(connection, (lines, ends, broken), demanded)
    add_leaves(connection, lines)
    put_rows(connection, LOG_TAIL, list(ends.values()))
    return len(lines), broken, last


def _facts(connection: Connection, without: Sequence[str], into: _Into, demanded: Demanded | None, first: str) -> None:
    lines, ends, broken = into
    sign_ = mark(connection)
    excluded = f"AND c.case_ref NOT IN ({', '.join([sign_] * len(without))})" if without else ""
    query = _NEW_FACTS.format(without=excluded, limit=BATCH, first=sign_)
    rows = list(stream(connection, query, (first, *without)))
    for ref, seq, previous, digest, text, mac, by, known_seq, known_hash in rows:
        if ref in broken:
            continue
        _ref, last, end = ends.get(ref) or Tail(ref, known_seq or 0, known_hash or GENESIS)
        if (seq, previous) != (last + 1, end) or sha256(previous.encode() + text.encode()).hexdigest() != digest:
            message = f"fact {seq} does not follow fact {last} as the log has it: it is not in the log"
            broken[ref] = Found(ref, seq, UNCHAINED, message)
            continue
        if demanded is not None and not demanded.accepts_fact((ref, seq, digest, mac, by), None):
            broken[ref] = Found(ref, seq, NO_MAC, FACT_WITHOUT.format(seq=seq))
            continue
        lines.append(f"fact {ref} {seq} {digest}")
        ends[ref] = Tail(ref, seq, digest)


def _changes(connection: Connection, into: _Into, demanded: Demanded | None) -> None:
    lines, ends, broken = into
    query = f"SELECT seq, hash FROM log_tail WHERE chain = '{CHANGES}'"  # noqa: S608 (our own name)
    last, end = connection.exec_driver_sql(query).first() or (0, GENESIS)
    rows = list(stream(connection, _NEW_CHANGES.format(after=last, limit=BATCH)))
    for number, *record, previous, digest, mac, by in rows:
        if (number, previous) != (last + 1, end) or change_log.link(previous, (number, *record)) != digest:
            message = f"record {number} of the change log does not follow record {last} as the log has it"
            broken[CHANGES] = Found(None, None, UNCHAINED, message)
            break
        if demanded is not None and not demanded.accepts_record(number, digest, mac, by):
            broken[CHANGES] = Found(record[3], None, NO_MAC, RECORD_WITHOUT.format(number=number))
            break
        lines.append(f"change {number} {digest}")
        last, end = number, digest
        ends[CHANGES] = Tail(CHANGES, last, end)


def add_leaves(connection: Connection, lines: Sequence[str]) -> None:
    """Append leaves, and the root of each block that they fill."""
    if not lines:
        return
    first = log_size(connection)
    end = first + len(lines)
    insert_rows(connection, LOG_LEAF, list(enumerate(lines, first)), len(lines))
    blocks = []
    for number in range(first // BLOCK, end // BLOCK):
        start = number * BLOCK
        before = hashes(connection, start, first) if start < first else []
        fresh = [leaf_hash(line.encode()) for line in lines[max(start - first, 0) : start + BLOCK - first]]
        blocks.append((number, root_of([*before, *fresh]).hex()))
    insert_rows(connection, LOG_BLOCK, blocks, len(blocks))


def _sign(
    context: AppContext, connection: Connection, keys: Sequence[SigningKey], also: Sequence[SigningKey] = ()
) -> StoredCheckpoint:
    """Sign what is numbered; the last checkpoint again if nothing is new since. Raises LogFork."""
    lock_exclusive(connection, LOCK)
    last = newest_checkpoint(connection)
    if last is not None and last.size == log_size(connection) and not also:
        return last
    check_fork(context, connection, keys)
    at = max(instant(context.now()), last.at if last is not None else "")
    lines = [tail.line().encode() for tail in tails(connection)]
    add_leaves(connection, [f"checkpoint {at} {len(lines)} {root_of(map(leaf_hash, lines)).hex()}"])
    whole: StoredTree = tree(connection)
    head = Checkpoint(keys[0].name, whole.size, whole.root())
    note = sign(head, [*keys, *also], int(datetime.fromisoformat(at).timestamp()))
    made = StoredCheckpoint(last.number + 1 if last is not None else 1, at, whole.size, note)
    insert_rows(connection, LOG_CHECKPOINT, [made], 1)
    return made


def rotate(context: AppContext, actor: str, reason: str) -> Sequenced:
    """Replace the keys of the log in the name of a person. If the old ones are here, they sign the new ones in.

    Raises LogFork where the records are not those that were signed last.
    """
    home = context.settings.home
    try:
        old = log_keys.read_keys(home)
    except LogKeyError:
        old = None
    with reading(context.engine) as connection:
        acts = log_keys.acts(connection)
        if old is not None and acts:
            check_fork(context, connection, old)
    if not acts:
        return sequence(context)
    new = log_keys.new_keys(acts[-1].origin)
    old_ones = old or []
    signers = old_ones if [str(key.public()) for key in old_ones] == acts[-1].keys.splitlines() else []
    return _act(context, ROTATED, (actor, reason), new, signers)


def continue_log(context: AppContext, actor: str, reason: str) -> Sequenced:
    """Go on from the records as they are, after a restored backup, in the name of a person.

    The log gets another origin and other keys, so that nobody ever sees two different trees under one name.
    """
    with contextlib.suppress(LogKeyError):
        _keys(context)  # a backup from before the log began has no act
    with reading(context.engine) as connection:
        acts = log_keys.acts(connection)
    name, _, number = acts[-1].origin.partition("/")
    origin = f"{name}/{max(int(number or 1), _published_number(context, name)) + 1}"
    for folder in folders(context):
        _set_aside(folder)
    return _act(context, CONTINUED, (actor, reason), log_keys.new_keys(origin), [])


def _published_number(context: AppContext, name: str) -> int:
    """The number of the newest origin that left: a backup may be older than the last restored backup."""
    number = 1
    for folder in folders(context):
        with contextlib.suppress(OSError, ValueError):
            origin = (published_log.newest_note(folder) or "").split("\n")[0]
            begins, _, its = origin.partition("/")
            number = max(number, int(its or 1)) if begins == name else number
    return number


def _set_aside(folder: Path) -> None:
    """Move the log of an earlier origin beside: its tiles and those of the next one have the same names."""
    if (folder / published_log.NEWEST).exists():
        number = 1
        while (aside := folder.with_name(f"{folder.name}-before-{number}")).exists():
            number += 1
        folder.rename(aside)


def _act(
    context: AppContext, kind: str, by: tuple[str, str], new: Sequence[SigningKey], also: Sequence[SigningKey]
) -> Sequenced:
    log_keys.write_keys(context.settings.home, new)

    def work(connection: Connection) -> None:
        lock_exclusive(connection, LOCK)
        log_keys.record_act(connection, instant(context.now()), kind, by, new, log_size(connection))
        if mac_acts(connection) and context.cipher.stored:
            add_key(connection, context.cipher, ROTATED_MACS, by, instant(context.now()))

    transact(context.engine, work)
    added, broken = _number_all(context, without_macs=kind == CONTINUED)
    findings.store(context, "log", broken)
    checkpoint = transact(context.engine, lambda connection: _sign(context, connection, new, also))
    leave(context, checkpoint)
    return Sequenced(checkpoint, added)
