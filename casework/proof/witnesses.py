"""Asks witnesses for their signature on the newest checkpoint (C2SP tlog-witness).

`SENDFLOW_HOME/witnesses` names them: one line each, a verifier key and an address. A witness that does not answer holds
nothing up: the next checkpoint is submitted in its place. Only a signature that verifies is stored.
"""

from __future__ import annotations

import contextlib
import re
import urllib.error
import urllib.request
from base64 import b64encode
from functools import partial
from http.client import HTTPException
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import Connection, select

from casework.context import AppContext
from casework.proof import cosignatures
from casework.proof.leaves import StoredCheckpoint, tree
from models.database import reading, transact
from models.signed_note import NoteError, VerifierKey, parse_verifier_key, verified
from models.tables import LOG_CHECKPOINT, LOG_COSIGNATURE

FILE = "witnesses"
SECONDS = 5.0
LARGEST = 100_000  # bytes of an answer


class WitnessAddress(NamedTuple):
    """A witness: its verifier key, and the address to which checkpoints are submitted."""

    key: VerifierKey
    url: str


def configured(home: Path) -> list[WitnessAddress]:
    """Read the witnesses of this installation. Raises NoteError, which names the line."""
    file = home / FILE
    found = []
    for number, line in enumerate(file.read_text("utf-8").splitlines() if file.exists() else (), 1):
        if not line.strip() or line.startswith("#"):
            continue
        key, _, url = line.strip().partition(" ")
        if not re.fullmatch(r"https?://[!-~]+", url.strip()):
            raise NoteError(f"line {number} of {file}: expected a verifier key, a blank and an address (https://...)")
        try:
            found.append(WitnessAddress(parse_verifier_key(key), url.strip().rstrip("/")))
        except NoteError as problem:
            raise NoteError(f"line {number} of {file}: {problem}") from None
    return found


def submit(context: AppContext, checkpoint: StoredCheckpoint) -> int:
    """Submit a checkpoint to each witness that has not signed it; return how many signatures are stored now."""
    try:
        witnesses = configured(context.settings.home)
    except (NoteError, OSError):
        witnesses = []  # the doctor names the line
    for witness in witnesses:
        with contextlib.suppress(OSError, HTTPException, ValueError):
            _submit_to(context, witness, checkpoint)
    with reading(context.engine) as connection:
        return len(cosignatures.of_checkpoint(connection, checkpoint.number))


def _submit_to(context: AppContext, witness: WitnessAddress, checkpoint: StoredCheckpoint) -> None:
    with reading(context.engine) as connection:
        if any(each.vkey == str(witness.key) for each in cosignatures.of_checkpoint(connection, checkpoint.number)):
            return
        last = last_signed(connection, witness.key)
        old = last.size if last is not None else 0
        status, body = _ask(witness, _request(connection, old, checkpoint))
        if status == 409 and re.fullmatch(r"[0-9]{1,18}\n", body) and 0 <= int(body) <= checkpoint.size:
            status, body = _ask(witness, _request(connection, int(body), checkpoint))
    if status != 200:
        return
    for line in body.splitlines(keepends=True):
        with contextlib.suppress(NoteError):
            if verified(checkpoint.note + line, [witness.key])[1] == [witness.key]:
                given: dict[str, Any] = {"checkpoint": checkpoint.number, "key": witness.key, "line": line}
                transact(context.engine, partial(cosignatures.store, **given))


def _request(connection: Connection, old: int, checkpoint: StoredCheckpoint) -> bytes:
    proof = tree(connection).consistency(old, checkpoint.size) if old else []
    lines = [f"old {old}", *(b64encode(each).decode() for each in proof)]
    return ("\n".join(lines) + "\n\n" + checkpoint.note).encode()


def last_signed(connection: Connection, key: VerifierKey) -> StoredCheckpoint | None:
    """The last checkpoint of this log that a witness signed; None if there is none."""
    query = (
        select(LOG_CHECKPOINT)
        .join(LOG_COSIGNATURE, LOG_COSIGNATURE.c.checkpoint == LOG_CHECKPOINT.c.number)
        .where(LOG_COSIGNATURE.c.vkey == str(key))
        .order_by(LOG_CHECKPOINT.c.number.desc())
    )
    row = connection.execute(query.limit(1)).first()
    return StoredCheckpoint._make(row) if row is not None else None


def _ask(witness: WitnessAddress, body: bytes) -> tuple[int, str]:
    request = urllib.request.Request(f"{witness.url}/add-checkpoint", body, method="POST")  # noqa: S310 (https? only)
    try:
        with urllib.request.urlopen(request, timeout=SECONDS) as answer:  # noqa: S310
            return answer.status, answer.read(LARGEST).decode("utf-8", "replace")
    except urllib.error.HTTPError as problem:
        return problem.code, problem.read(LARGEST).decode("utf-8", "replace")
