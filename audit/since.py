"""Verification of what was recorded since the last verification that found nothing.

`verified` in SENDFLOW_HOME has the signed checkpoint that the last one covered; its signature is checked, so nobody
without log.key can set it to a later one. Everything numbered since is compared: leaves with facts and records, each
case that has a new fact from its first one, each row that has a new record. Roots of blocks prove that the log before
is the one that was verified. An older fact altered since is found by a whole verification alone.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Connection, Integer

from audit.parts import CASES, Checked, Failures, Part, check_part
from audit.verify_changes import NAMES, WHAT
from audit.verify_encrypted import check_encrypted
from audit.verify_letters import check_letters_of
from audit.verify_log import LOG, MAC, check_log
from casework.context import AppContext
from casework.proof import keys as log_keys
from casework.proof.keys import LogKeyError
from casework.proof.leaves import checkpoints, newest_checkpoint, texts, tree
from models.bulk_io import Row, day_form, read_rows, stream
from models.change_log import COVERED, Coverage, link, row_digest, row_key
from models.database import reading
from models.errors import SendflowError
from models.facts import GENESIS
from models.mac_keys import RECORD_WITHOUT, Demanded
from models.merkle import BLOCK, CompactTree, leaf_hash
from models.signed_note import NoteError, verified

FILE = "verified"
CHUNK = 400
_LEAVES = "SELECT number, leaf FROM log_leaf WHERE number >= {first:d} ORDER BY number"
_ROOTS = "SELECT number, root FROM log_block WHERE number >= {first:d}"
_RECORD = "SELECT hash FROM change_log WHERE number = {number:d}"
_TAIL = "SELECT seq FROM log_tail WHERE chain = 'change_log'"
_NOT_NUMBERED = """
    SELECT c.case_ref FROM case_file c LEFT JOIN log_tail t ON t.chain = c.case_ref WHERE c.seq > coalesce(t.seq, 0)
"""
_RECORDS = """
    SELECT number, at, subject, key, case_ref, digest, prev_hash, hash, mac, acting FROM change_log
    WHERE number >= {first:d}
    ORDER BY number
"""


class NothingVerified(SendflowError, RuntimeError):
    """No earlier verification says from where to go on. The message says what to do."""

    default_code = "nothing_verified"


class Verified(NamedTuple):
    """The checkpoint that the last verification covered: its instant, its size and its root."""

    at: str
    size: int
    root: bytes


def note_verified(context: AppContext, before: str) -> None:
    """Note the newest checkpoint that was signed before an instant: a verification that began then covered it."""
    with reading(context.engine) as connection:
        covered = newest_checkpoint(connection, before)
    if covered is None:
        return
    fresh = context.settings.home / f".{FILE}-{os.getpid()}-{secrets.token_hex(4)}"
    try:
        handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(covered.note)
        fresh.replace(context.settings.home / FILE)
    except OSError:
        return  # a full disk: the next verification notes it
    finally:
        fresh.unlink(missing_ok=True)


def last_verified(context: AppContext) -> Verified:
    """What the last verification covered. Raises NothingVerified."""
    file: Path = context.settings.home / FILE
    try:
        note = file.read_text("utf-8")
        with reading(context.engine) as connection:
            # The keys of this machine if it has any: a person with the database can add others to it.
            own = [key.public() for key in log_keys.read_keys(context.settings.home) or ()]
            checkpoint = verified(note, own or log_keys.known_keys(connection))[0]
            leaf = next(iter(texts(connection, checkpoint.size - 1, checkpoint.size)), "").split(" ")
        at = leaf[1] if leaf[0] == "checkpoint" and len(leaf) > 1 else "an earlier checkpoint"
    except (OSError, ValueError, NoteError, LogKeyError) as problem:
        why = "there is none" if isinstance(problem, FileNotFoundError) else "its file does not verify"
        raise NothingVerified(
            f"no checkpoint of an earlier verification is known ({why}): run sendflow verify once, after sendflow log"
            " has a checkpoint"
        ) from None
    return Verified(at, checkpoint.size, checkpoint.root)


def verified_up_to(context: AppContext) -> str:
    """The instant of the checkpoint that the last verification covered; empty where this machine knows none."""
    try:
        at = last_verified(context).at
    except NothingVerified:
        return ""
    return at if at[:1].isdecimal() else ""


def check_since(
    context: AppContext, connection: Connection, since: Verified, before: str, failures: Failures
) -> Checked:
    """Compare what was numbered after a verified checkpoint, and what is not numbered yet."""
    refs: set[str] = set()
    changes: list[tuple[int, str]] = []
    for leaf in _new_leaves(connection, since, failures):
        kind, *said = leaf.split(" ")
        if kind == "fact" and len(said) == 3:
            refs.add(said[0])
        elif kind == "change" and len(said) == 2 and said[0].isdecimal():
            changes.append((int(said[0]), said[1]))
    _check_roots(connection, since, failures)
    refs.update(row[0] for row in connection.exec_driver_sql(_NOT_NUMBERED))
    done = Checked(Part(CASES))
    for number, ref in enumerate(sorted(refs), 1):
        checked = check_part(context, connection, Part(CASES, number, only=ref), before)
        done.cases, done.facts, done.stale = done.cases + 1, done.facts + checked.facts, done.stale + checked.stale
        failures.found += checked.failures
        check_letters_of(connection, ref, day_form(connection), failures.of_letters)
        check_log(context, connection, ref, failures)
        check_encrypted(connection, context.cipher, ref, failures.of_rows)
    _check_changes(connection, changes, failures)
    return done


def _new_leaves(connection: Connection, since: Verified, failures: Failures) -> Iterator[str]:
    """The leaves after the checkpoint. Reports a gap, and a new block whose stored root is not that of its leaves."""
    first = since.size - since.size % BLOCK
    roots: dict[int, str] = dict(stream(connection, _ROOTS.format(first=first // BLOCK)))
    block, expected = CompactTree(), first
    for number, leaf in stream(connection, _LEAVES.format(first=first)):
        if number != expected:
            failures(None, None, LOG, f"leaf {expected} of the log is gone, or its number is another")
            return
        expected += 1
        block.add(leaf_hash(leaf.encode()))
        if block.size == BLOCK:
            if roots.get(number // BLOCK) != block.root().hex():
                failures(None, None, LOG, f"the root of block {number // BLOCK} of the log is not that of its leaves")
            block = CompactTree()
        if number >= since.size:
            yield leaf


def _check_roots(connection: Connection, since: Verified, failures: Failures) -> None:
    """Report if the log is not the verified one with additions, or not what was signed since."""
    try:
        stored = tree(connection)
        if stored.size < since.size or stored.root(since.size) != since.root:
            failures(None, None, LOG, f"the first {since.size} leaves of the log are not those that were verified")
            return
        for each in checkpoints(connection, larger_than=since.size):
            if stored.root(each.size) != each.checkpoint().root:
                failures(None, None, LOG, f"the log is not what checkpoint {each.number} of {each.at} signed")
                return
    except (ValueError, NoteError):
        failures(None, None, LOG, "leaves, blocks or checkpoints of the log are missing or altered")


def _check_changes(connection: Connection, leaves: list[tuple[int, str]], failures: Failures) -> None:
    """Compare the new records with their leaves and with each other, and each row with its newest new record."""
    tail = next(stream(connection, _TAIL), (0,))
    first = leaves[0][0] if leaves else tail[0] + 1
    of_leaf = dict(leaves)
    newest: dict[tuple[str, str], tuple[str | None, str | None]] = {}
    previous = next(stream(connection, _RECORD.format(number=first - 1)), (GENESIS if first == 1 else "",))[0]
    expected = first
    demanded = Demanded.read(connection)
    for number, at, subject, key, ref, digest, prev_hash, hash_, mac, by in stream(
        connection, _RECORDS.format(first=first)
    ):
        altered = link(prev_hash, (number, at, subject, key, ref, digest)) != hash_
        if altered or number != expected or prev_hash != previous:
            message = f"record {expected} of the change log is altered or missing"
            failures(ref, None, "change_log", message)
            return
        if demanded.checked and not demanded.accepts_record(number, hash_, mac, by):
            failures(ref, None, MAC, RECORD_WITHOUT.format(number=number))
        if number in of_leaf and of_leaf.pop(number) != hash_:
            failures(None, None, LOG, f"record {number} of the change log is not the one that is in the log")
        newest[subject, key] = (ref, digest)
        previous, expected = hash_, number + 1
    if of_leaf:
        failures(None, None, LOG, f"record {min(of_leaf)} of the change log is gone: it is in the log")
    _check_rows(connection, newest, failures)


def _check_rows(
    connection: Connection, newest: dict[tuple[str, str], tuple[str | None, str | None]], failures: Failures
) -> None:
    by_subject: dict[str, list[str]] = {}
    for subject, key in newest:
        by_subject.setdefault(subject, []).append(key)
    for subject, keys in by_subject.items():
        coverage = COVERED.get(subject)
        if coverage is None:
            failures(None, None, "change_log", "the change log has a record of a table that it does not cover")
            continue
        there = _rows(connection, coverage, keys)
        for key in keys:
            ref, digest = newest[subject, key]
            row = there.get(key)
            now = row_digest(coverage, row) if row is not None else None
            if now == digest or (subject == "case_file" and digest is None and row is not None and row[1] is None):
                continue
            named = NAMES.get(subject, f"the {subject.replace('_', ' ')}")
            how = "is gone" if row is None else "is not as the change log has it"
            failures(ref, None, WHAT[subject], f"{named} {how}")


def _rows(connection: Connection, coverage: Coverage, keys: list[str]) -> dict[str, Row]:
    name = coverage.columns[coverage.key]
    whole = isinstance(coverage.table.columns[name].type, Integer)
    found: dict[str, Row] = {}
    for at in range(0, len(keys), CHUNK):
        some = keys[at : at + CHUNK]
        values = [int(key) for key in some] if whole else some
        rows = read_rows(connection, coverage.table, coverage.columns, name, values)
        found |= {row_key(row[coverage.key]): row for row in rows}
    return found
