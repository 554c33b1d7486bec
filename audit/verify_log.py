"""Verify the transparency log: its leaves beside facts and changes, its checkpoints, and its copies outside.

Leaves are read in order of number, with the change log beside them, and again in order of case, with the facts beside
them: memory is that of one case. A leaf that was altered in the database too is found by the next signed checkpoint.
Nothing is repaired, and no message contains more of a leaf than a case's reference and a number.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import Connection, select

from casework.context import AppContext
from casework.proof import keys as log_keys
from casework.proof import published_log
from casework.proof.keys import LogKeyError
from casework.proof.leaves import CHANGES, StoredCheckpoint, Tail, checkpoints, tails
from casework.proof.sequencer import folders
from models.bulk_io import mark, stream, stream_rows
from models.mac_keys import FACT_WITHOUT, RECORD_WITHOUT, Demanded
from models.merkle import BLOCK, CompactTree, leaf_hash, root_of
from models.signed_note import Checkpoint, NoteError, VerifierKey, parse_verifier_key, verified
from models.tables import LOG_BLOCK, LOG_COSIGNATURE, LOG_TAIL

Report = Callable[[str | None, int | None, str, str], None]  # case, seq of the fact, what, message
LOG, MAC = "log", "mac"
_LEAVES = "SELECT number, leaf FROM log_leaf ORDER BY number"
_CHANGES = "SELECT number, hash, mac, acting, case_ref FROM change_log ORDER BY number"
_OF_CASES = "SELECT leaf, number FROM log_leaf WHERE leaf >= {mark} AND leaf < {mark} ORDER BY leaf"
_FACTS = "SELECT case_ref, seq, hash, mac, acting FROM fact {where} ORDER BY case_ref, seq"
_FILES = "SELECT case_ref, seq, hash, mac FROM case_file {where} ORDER BY case_ref"


class LoggedFact(NamedTuple):
    """The leaf of a fact: its number, and what it says."""

    case_ref: str
    seq: int
    hash: str
    number: int


def check_log(context: AppContext, connection: Connection, case: str | None, report: Report) -> None:
    """Report what is not in the log as it was signed. With `case`, only its facts."""
    demanded = Demanded.read(connection)
    for ref, facts, leaves, ends, files in _side_by_side(connection, case):
        _check_case(ref, facts, leaves, ends, report)
        if demanded.checked:
            _check_macs(ref, facts, leaves, files, demanded, report)
    if case is not None:
        return
    signed = checkpoints(connection)
    keys = _keys(context, connection, report)
    noted = {each.number: _noted(each, keys, report) for each in signed}
    outside = [(folder, _outside(folder, keys, report)) for folder in folders(context)]
    numbers = NumberedLeaves(connection, {each.size for each in (*noted.values(), *(o for _, o in outside)) if each})
    numbers.check(report, demanded if demanded.checked else None)
    _check_signed(signed, noted, numbers, report)
    _check_newest(connection, signed, numbers, report)
    _check_cosignatures(connection, signed, report)
    for folder, checkpoint in outside:
        if checkpoint is not None:
            compare_outside(connection, str(folder), checkpoint, numbers, published_log.Folder(folder), report)
            if checkpoint.size not in {each.size for each in signed}:
                report(None, None, LOG, f"the signed checkpoint in {folder} is not in the database")


def _side_by_side(
    connection: Connection, case: str | None
) -> Iterator[tuple[str, list[Any], list[Any], list[Any], list[Any]]]:
    """The facts, the leaves, the end in the log and the row in case_file of each case, in order of reference."""
    sign = mark(connection)
    where, given = ("", ()) if case is None else (f"WHERE case_ref = {sign}", (case,))
    facts = stream(connection, _FACTS.format(where=where), given)
    low, high = ("fact ", "fact!") if case is None else (f"fact {case} ", f"fact {case}!")
    leaves = map(_logged, stream(connection, _OF_CASES.format(mark=sign), (low, high)))
    only = (None, None) if case is None else ("chain", case)
    ends = (row for row in stream_rows(connection, LOG_TAIL, Tail._fields, *only) if row[0] != CHANGES)
    files = stream(connection, _FILES.format(where=where), given)
    streams = [groupby(rows, itemgetter(0)) for rows in (facts, leaves, ends, files)]
    heads = [next(each, None) for each in streams]
    while refs := [head[0] for head in heads if head is not None]:
        ref = min(refs)
        found: list[list[Any]] = []
        for place, head in enumerate(heads):
            if head is None or head[0] != ref:
                found.append([])
                continue
            found.append(list(head[1]))
            heads[place] = next(streams[place], None)
        yield ref, found[0], found[1], found[2], found[3]


def _logged(row: Sequence[Any]) -> LoggedFact:
    _kind, ref, seq, digest = (row[0].split(" ") + [""] * 4)[:4]
    return LoggedFact(ref, int(seq) if seq.isdecimal() else 0, digest, row[1])


def _check_case(ref: str, facts: Sequence[Any], leaves: list[LoggedFact], ends: Sequence[Any], report: Report) -> None:
    leaves.sort(key=itemgetter(1))
    stored = {seq: digest for _ref, seq, digest, _mac, _by in facts}
    for expected, leaf in enumerate(leaves, 1):
        if leaf.seq != expected:
            report(ref, expected, LOG, f"the log has no single leaf for fact {expected} of this case")
            break
        if leaf.seq not in stored:
            report(ref, leaf.seq, LOG, f"fact {leaf.seq} is gone: it is leaf {leaf.number} of the log")
            break
        if stored[leaf.seq] != leaf.hash:
            report(ref, leaf.seq, LOG, f"fact {leaf.seq} is not the one that is leaf {leaf.number} of the log")
            break
    last = (leaves[-1].seq, leaves[-1].hash) if leaves else None
    if [tuple(end[1:]) for end in ends] != ([last] if last else []):
        report(ref, None, LOG, "the end of this case in the log's list is not that of its last leaf")


def _check_macs(
    ref: str,
    facts: Sequence[Any],
    leaves: Sequence[LoggedFact],
    files: Sequence[Any],
    demanded: Demanded,
    report: Report,
) -> None:
    """Report the first of each run of facts without their MACs, and an end that does not have its own."""
    places = {(leaf.seq, leaf.hash): leaf.number for leaf in leaves}
    right = True
    for fact in facts:
        seq, digest = fact[1], fact[2]
        before, right = right, demanded.accepts_fact(fact, places.get((seq, digest)))
        if before and not right:
            report(ref, seq, MAC, FACT_WITHOUT.format(seq=seq))
    for _ref, seq, digest, mac in files if right else ():
        if not demanded.accepts_end(ref, seq, digest, mac, places.get((seq, digest))):
            report(ref, seq, MAC, f"that fact {seq} is the last one was not written by sendflow: its MAC is another")


class NumberedLeaves:
    """Every leaf in order of number: the roots of some sizes of the tree, and the last leaf of each."""

    def __init__(self, connection: Connection, sizes: Iterable[int]) -> None:
        self._connection = connection
        self._sizes = set(sizes)
        self.size = 0
        self.roots: dict[int, bytes] = {}
        self.last: dict[int, str] = {}

    def check(self, report: Report, demanded: Demanded | None) -> None:
        """Report a gap, a block whose root is another, each change that is not its leaf, and each without its MAC."""
        tree, block = CompactTree(), CompactTree()
        blocks = stream_rows(self._connection, LOG_BLOCK, ("number", "root"))
        changes = self._changes(report, demanded)
        whole, last_change = True, (0, "")
        for number, leaf in stream(self._connection, _LEAVES):
            if number != tree.size and whole:
                whole = False
                report(None, None, LOG, f"leaf {tree.size} of the log is gone, or its number is another")
            digest = leaf_hash(leaf.encode())
            tree.add(digest)
            block.add(digest)
            if block.size == BLOCK:
                expected = (tree.size // BLOCK - 1, block.root().hex())
                if next(blocks, None) != expected and whole:
                    report(None, None, LOG, f"the root of block {expected[0]} of the log is not that of its leaves")
                block = CompactTree()
            if leaf.startswith("change "):
                last_change = self._check_change(leaf, next(changes, None), report)
            if tree.size in self._sizes:
                self.roots[tree.size], self.last[tree.size] = tree.root(), leaf
        deque(changes, maxlen=0)  # those that are not numbered yet
        if next(blocks, None) is not None:
            report(None, None, LOG, "the log has a root of a block that it has no leaves for")
        self.size = tree.size
        row = next(stream_rows(self._connection, LOG_TAIL, Tail._fields, "chain", CHANGES), None)
        if (row[1:] if row else (0, "")) != last_change:
            report(None, None, LOG, "the end of the change log in the log's list is not that of its last leaf")

    def _changes(self, report: Report, demanded: Demanded | None) -> Iterator[tuple[int, str]]:
        for number, digest, mac, by, ref in stream(self._connection, _CHANGES):
            if demanded is not None and not demanded.accepts_record(number, digest, mac, by):
                report(ref, None, MAC, RECORD_WITHOUT.format(number=number))
            yield number, digest

    @staticmethod
    def _check_change(leaf: str, row: Sequence[Any] | None, report: Report) -> tuple[int, str]:
        _kind, number, digest = (leaf.split(" ") + [""] * 3)[:3]
        if row is None or (str(row[0]), row[1]) != (number, digest):
            report(None, None, LOG, f"record {number} of the change log is not the one that is in the log, or is gone")
        return (int(number) if number.isdecimal() else 0), digest


def _keys(context: AppContext, connection: Connection, report: Report) -> list[VerifierKey]:
    """The keys of the log, by the database and by this machine's file."""
    try:
        known = log_keys.known_keys(connection)
    except NoteError:
        known = []  # the row is reported by the change log
    try:
        own = [key.public() for key in log_keys.read_keys(context.settings.home) or ()]
    except LogKeyError as problem:
        report(None, None, LOG, str(problem))
        return known
    if own and known and known[-len(own) :] != own:
        report(None, None, LOG, f"the keys of the log in the database are not those of {log_keys.FILE}")
    return [*known, *own]


def _noted(each: StoredCheckpoint, keys: Sequence[VerifierKey], report: Report) -> Checkpoint | None:
    try:
        return verified(each.note, keys)[0]
    except NoteError as problem:
        report(None, None, LOG, f"checkpoint {each.number} of the log does not verify: {problem}")
        return None


def _check_signed(
    signed: Sequence[StoredCheckpoint],
    noted: dict[int, Checkpoint | None],
    numbers: NumberedLeaves,
    report: Report,
) -> None:
    """Report the first checkpoint that the leaves do not give, with what lies since the one before it."""
    before: StoredCheckpoint | None = None
    for number, each in enumerate(signed, 1):
        head = noted[each.number]
        if each.number != number or (head is not None and head.size != each.size):
            report(None, None, LOG, f"checkpoint {number} of the log is gone, or its number or size is another")
        elif head is not None and numbers.roots.get(each.size) != head.root:
            since = f"leaf {before.size} ({before.at})" if before is not None else "the first leaf"
            message = (
                f"the log is not what checkpoint {number} of {each.at} signed: between {since} and leaf"
                f" {each.size - 1} one is altered, missing or added"
            )
            report(None, None, LOG, message)
            return
        elif head is not None and numbers.last[each.size].split(" ")[:2] != ["checkpoint", each.at]:
            report(None, None, LOG, f"the instant of checkpoint {number} of the log is not that of its leaf")
        before = each


def _check_newest(
    connection: Connection, signed: Sequence[StoredCheckpoint], numbers: NumberedLeaves, report: Report
) -> None:
    """Compare the ends of all chains with the newest checkpoint, if nothing was numbered since."""
    if not signed or signed[-1].size != numbers.size or numbers.size not in numbers.last:
        return
    lines = [leaf_hash(tail.line().encode()) for tail in tails(connection)]
    if numbers.last[numbers.size].split(" ")[2:] != [str(len(lines)), root_of(lines).hex()]:
        report(None, None, LOG, "the ends of the chains are not those that the newest checkpoint signed")


def _check_cosignatures(connection: Connection, signed: Sequence[StoredCheckpoint], report: Report) -> None:
    notes = {each.number: each.note for each in signed}
    query = select(LOG_COSIGNATURE).order_by(LOG_COSIGNATURE.c.number)
    for expected, (number, checkpoint, vkey, line) in enumerate(connection.execute(query), 1):
        try:
            verified(notes[checkpoint] + line, [parse_verifier_key(vkey)])
            wrong = number != expected
        except (KeyError, NoteError):
            wrong = True
        if wrong:
            report(None, None, LOG, f"the cosignature {expected} of a checkpoint is altered, or one before it is gone")


def _outside(folder: Path, keys: Sequence[VerifierKey], report: Report) -> Checkpoint | None:
    try:
        note = published_log.newest_note(folder)
        return verified(note, keys)[0] if note is not None else None
    except (OSError, ValueError) as problem:
        why = str(problem) if isinstance(problem, NoteError) else type(problem).__name__
        report(None, None, LOG, f"the checkpoint in {folder} does not verify: {why}")
        return None


def compare_outside(
    connection: Connection,
    where: str,
    checkpoint: Checkpoint,
    numbers: NumberedLeaves,
    tiles: published_log.Folder,
    report: Report,
) -> None:
    """Compare the log with a checkpoint that left; if it is another, name the first leaf that is, from the tiles."""
    if checkpoint.size > numbers.size:
        message = (
            f"an older database was put back, or leaves are gone: the log has {numbers.size} leaves, and the checkpoint"
            f" in {where} has {checkpoint.size}"
        )
        report(*_first_other(connection, checkpoint.size, tiles, numbers.size)[:2], LOG, message)
    elif numbers.roots.get(checkpoint.size) != checkpoint.root:
        ref, seq, index, day = _first_other(connection, checkpoint.size, tiles, numbers.size)
        named = "a leaf of it" if index is None else f"leaf {index}" + (f" (in the log since {day})" if day else "")
        message = f"the log is not the one of the checkpoint in {where}: {named} is altered, missing or added"
        report(ref, seq, LOG, message)


def _first_other(
    connection: Connection, size: int, tiles: published_log.Folder, there: int
) -> tuple[str | None, int | None, int | None, str | None]:
    """Case, seq, number and day of the first leaf that is not the one of the tiles; None where they do not say."""
    index = 0
    try:
        rows = stream(connection, _LEAVES)
        for index, theirs in enumerate(tiles.leaf_hashes(size)):
            row = next(rows, None) if index < there else None
            if row is None or row[0] != index or leaf_hash(row[1].encode()) != theirs:
                break
        else:
            return None, None, None, None
    except OSError:
        return None, None, None, None
    text = (tiles.leaf_text(index, size) or "").split(" ")
    day = tiles.day_of(index, size)
    if text[0] == "fact" and len(text) == 4 and text[2].isdecimal():
        return text[1], int(text[2]), index, day
    return None, None, index, day
