"""Compare the records with checkpoints that left: `sendflow verify --against FILE`.

FILE is a signed checkpoint, a folder of a log (C2SP tlog-tiles), a list of checkpoints one after another, or a daily
digest that was saved. Each checkpoint is compared in order of size, so that the first day and case at which the
records part from them can be named. What a file says is never believed: only a signature of this log counts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from email import policy
from email.parser import BytesParser
from pathlib import Path

from sqlalchemy import Connection

from audit.published_head import Compared
from audit.verify import VerificationFailure, VerifyReport
from audit.verify_log import LOG, NumberedLeaves, compare_outside
from casework.context import AppContext
from casework.proof import keys as log_keys
from casework.proof import published_log
from casework.proof.keys import LogKeyError
from casework.proof.leaves import StoredCheckpoint, checkpoints
from models.database import reading
from models.errors import Refusal
from models.signed_note import (
    ED25519,
    LARGEST,
    Checkpoint,
    NoteError,
    VerifierKey,
    join_note,
    parse_verifier_key,
    verified,
)

MOST_BYTES = 64 * 1024 * 1024
MOST_CHECKPOINTS = 100_000
# A digest has the three lines of a checkpoint and its Ed25519 signature in one paragraph.
_IN_DIGEST = re.compile(
    r"Signed log\.\W*([!-~]{1,255}), ([0-9]{1,18}) leaves, root ([A-Za-z0-9+/]{43}=),"
    r" signature ((?:[A-Za-z0-9+/] ?){91}=)"
)
_NOTE = re.compile(r"[^\n]+\n[0-9]{1,18}\n[A-Za-z0-9+/]{43}=\n\n(?:\u2014 [^\n]+\n)+")


class NothingToCompare(Refusal, LookupError):
    """The file has no checkpoint that a key of this log signed. The message says what was expected."""

    default_code = "nothing_to_compare"


def compare(context: AppContext, path: Path, key: str | None = None) -> Compared:
    """Compare with what left. `key` is a verifier key that was stored elsewhere; else the database's own keys count.

    Raises NothingToCompare, OSError or NoteError.
    """
    folder = published_log.Folder(path if path.is_dir() else path.parent)
    with reading(context.engine) as connection:
        keys = [parse_verifier_key(key)] if key is not None else _keys(context, connection)
        found: dict[int, Checkpoint] = {}
        unknown = 0
        for note in _notes(path, keys):
            try:
                checkpoint = verified(note, keys)[0]
                found[checkpoint.size] = checkpoint
            except NoteError:
                unknown += 1
        if not found:
            raise NothingToCompare(
                f"no checkpoint that a key of this log signed is in {path.name}: expected a checkpoint, the folder of a"
                " log, or a saved daily digest"
            )
        return _compare(connection, path.name, [found[size] for size in sorted(found)], folder, unknown)


def _compare(
    connection: Connection, name: str, signed: Sequence[Checkpoint], folder: published_log.Folder, unknown: int
) -> Compared:
    numbers = NumberedLeaves(connection, {each.size for each in signed})
    numbers.check(lambda *_about: None, None)
    good: Checkpoint | None = None
    for each in signed:
        if numbers.roots.get(each.size) != each.root:
            break
        good = each
    else:
        return Compared(compared=len(signed), unknown=unknown, matches=True, **_good(connection, numbers, good))
    about: list[tuple[str | None, int | None, str]] = []
    compare_outside(connection, name, each, numbers, folder, lambda *said: about.append((said[0], said[1], said[3])))
    case, seq, message = about[0]
    day = (_day(connection, numbers, each) or "")[:10] or None
    return Compared(
        compared=len(signed),
        unknown=unknown,
        matches=False,
        parted_size=each.size,
        day=day,
        case_ref=case,
        seq=seq,
        message=message,
        **_good(connection, numbers, good),
    )


def _good(connection: Connection, numbers: NumberedLeaves, good: Checkpoint | None) -> dict[str, object]:
    if good is None:
        return {"last_good": None, "last_good_size": 0}
    return {"last_good": _day(connection, numbers, good), "last_good_size": good.size}


def _day(connection: Connection, numbers: NumberedLeaves, checkpoint: Checkpoint) -> str | None:
    """The instant of a checkpoint, by the records: its last leaf, or the row of it."""
    leaf = numbers.last.get(checkpoint.size, "").split(" ")
    if leaf[0] == "checkpoint" and len(leaf) > 1:
        return leaf[1]
    rows: list[StoredCheckpoint] = [each for each in checkpoints(connection) if each.size == checkpoint.size]
    return rows[0].at if rows else None


def _keys(context: AppContext, connection: Connection) -> list[VerifierKey]:
    try:
        own = [key.public() for key in log_keys.read_keys(context.settings.home) or ()]
    except LogKeyError:
        own = []
    try:
        return [*log_keys.known_keys(connection), *own]
    except NoteError:
        return own


def _notes(path: Path, keys: Sequence[VerifierKey]) -> Iterator[str]:
    """The signed checkpoints in a file or a folder, as they are there. Raises OSError."""
    files = [path]
    if path.is_dir():
        every = path / published_log.ALL
        files = sorted(every.iterdir())[:MOST_CHECKPOINTS] if every.is_dir() else []
        files.append(path / published_log.NEWEST)
    for file in files:
        with file.open("rb") as opened:
            data = opened.read(MOST_BYTES)
        text = _text(data)
        yield from (found[0] for found in _NOTE.finditer(text) if len(found[0]) <= LARGEST)
        for origin, size, root, signature in _IN_DIGEST.findall(" ".join(text.replace("\r", "").split())):
            yield from _of_digest(f"{origin}\n{size}\n{root}\n", signature.replace(" ", ""), keys)


def _of_digest(text: str, signature: str, keys: Sequence[VerifierKey]) -> Iterator[str]:
    for name in {key.name for key in keys if key.kind == ED25519}:
        yield join_note(text, name, signature)


def _text(data: bytes) -> str:
    """The text of a file; of an e-mail, its plain part."""
    if re.match(rb"[A-Za-z-]{2,40}:[^\n]*\r?\n", data):
        message = BytesParser(policy=policy.default).parsebytes(data)
        part = message.get_body(("plain",)) if message["from"] is not None else None
        if part is not None:
            return str(part.get_content())
    return data.decode("utf-8", "replace").replace("\r\n", "\n")


def with_comparison(report: VerifyReport, compared: Compared) -> VerifyReport:
    """A report of verification with a comparison: records that part from a signed checkpoint are altered."""
    if compared.matches:
        return report.model_copy(update={"against": compared})
    found = VerificationFailure(
        case_ref=compared.case_ref, seq=compared.seq, what=LOG, message=compared.message or "the log parts"
    )
    damage = [*report.damage, *([] if found in report.damage else [found])]
    return report.model_copy(update={"against": compared, "intact": False, "damage": damage})
