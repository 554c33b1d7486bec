"""A witness of transparency logs: it cosigns a checkpoint that only adds to the last one it saw (C2SP tlog-witness).

Purpose: a log that shows one tree to one reader and another tree to another is found, because two organisations have
signed what they saw. A neighbouring ICB, a council or internal audit runs it; it needs Python with `cryptography` and
none of sendflow's other packages. It stores the last checkpoint of each log, and its keys, in one folder.

Use: python -m tools.witness FOLDER --name witness.example/w1 --log VERIFIER-KEY [--port 8350]
     python -m tools.witness --archive witness.pyz writes the program as one file, for another machine
"""

from __future__ import annotations

import argparse
import os
import secrets
import sys
import threading
import time
import zipfile
from base64 import b64decode
from collections.abc import Sequence
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple

from models.merkle import EMPTY, is_consistent
from models.signed_note import (
    COSIGNATURE,
    ED25519,
    ML_DSA,
    Checkpoint,
    NoteError,
    SigningKey,
    VerifierKey,
    parse_checkpoint,
    parse_note,
    parse_signing_key,
    parse_verifier_key,
    verified,
)

LARGEST = 200_000  # bytes of a request
MOST_LINES = 63  # of a proof
KEYS = "witness.key"
SECONDS = 10.0  # for one request


class Answer(NamedTuple):
    """The status and the body of an answer."""

    status: int
    body: str = ""
    kind: str = "text/plain; charset=utf-8"


class Witness:
    """The state of a witness: its keys, the keys of the logs that it knows, and the last checkpoint of each."""

    def __init__(self, folder: Path, name: str, logs: Sequence[VerifierKey]) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder = folder
        self._logs = list(logs)
        self._lock = threading.Lock()  # comparing with the last checkpoint and storing the next one are one step
        self.keys = _keys(folder / KEYS, name)

    def add_checkpoint(self, request: str) -> Answer:
        """Answer one request for a cosignature, as C2SP tlog-witness says. A refusal changes nothing."""
        head, gap, note = request.partition("\n\n")
        lines = head.split("\n")
        old = _number(lines[0].removeprefix("old ")) if lines[0].startswith("old ") else None
        try:
            proof = [b64decode(line, validate=True) for line in lines[1:]]
            origin = parse_checkpoint(parse_note(note).text).origin
        except (NoteError, ValueError):
            return Answer(400)
        if not gap or old is None or len(proof) > MOST_LINES or any(len(each) != 32 for each in proof):
            return Answer(400)
        keys = [key for key in self._logs if key.name == origin]
        if not keys:
            return Answer(404)
        try:
            checkpoint, _signers = verified(note, keys)
        except NoteError:
            return Answer(403)
        if old > checkpoint.size:
            return Answer(400)
        with self._lock:
            return self._cosign(checkpoint, note, old, proof)

    def _cosign(self, checkpoint: Checkpoint, note: str, old: int, proof: Sequence[bytes]) -> Answer:
        file = self._folder / f"{sha256(checkpoint.origin.encode()).hexdigest()}.checkpoint"
        last = parse_checkpoint(parse_note(file.read_text("utf-8")).text) if file.exists() else None
        size = last.size if last is not None else 0
        if old != size:
            return Answer(409, f"{size}\n", "text/x.tlog.size")
        if checkpoint.size == 0 and checkpoint.root != EMPTY:
            return Answer(422)
        if size == 0 and proof:
            return Answer(422)
        if last is not None and size and not is_consistent((size, last.root), checkpoint[1:], proof):
            return Answer(422)
        _write(file, note)
        now = int(time.time())
        return Answer(200, "".join(key.line(checkpoint.text(), now) for key in self.keys))


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 and str(int(text)) == text else None


def _keys(file: Path, name: str) -> list[SigningKey]:
    if not file.exists():
        made = [SigningKey(name, kind, secrets.token_bytes(32)) for kind in (COSIGNATURE, ML_DSA)]
        _write(file, "".join(f"{key.private_text()}\n" for key in made))
    keys = [parse_signing_key(line) for line in file.read_text("ascii").splitlines()]
    if {key.name for key in keys} != {name}:
        raise NoteError(f"{file} has the keys of another name: expected {name}")
    return keys


def _write(file: Path, text: str) -> None:
    """Write a file in one step, private, and on the disk before this returns."""
    fresh = file.with_name(f".{file.name}-{secrets.token_hex(4)}")
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as opened:
        opened.write(text)
        opened.flush()
        os.fsync(opened.fileno())
    fresh.replace(file)


class _Handler(BaseHTTPRequestHandler):
    timeout = SECONDS
    witness: Witness

    def do_POST(self) -> None:
        """Answer one request."""
        length = _number(self.headers.get("Content-Length") or "")
        if self.path != "/add-checkpoint":
            self._send(Answer(404))
        elif length is None or length > LARGEST:
            self._send(Answer(413))
        else:
            try:
                self._send(self.witness.add_checkpoint(self.rfile.read(length).decode()))
            except UnicodeDecodeError:
                self._send(Answer(400))

    def _send(self, answer: Answer) -> None:
        body = answer.body.encode()
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing of a request but what the answer was."""


def serve(witness: Witness, host: str, port: int) -> ThreadingHTTPServer:
    """A server that answers for a witness; the caller runs it. Behind a proxy with TLS if others reach it."""
    handler = type("Handler", (_Handler,), {"witness": witness})
    return ThreadingHTTPServer((host, port), handler)


def write_archive(target: Path) -> None:
    """Write the program with the two modules that it needs as one file that Python runs."""
    root = Path(__file__).resolve().parents[1]
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("__main__.py", "from tools.witness import main\n\nmain()\n")
        archive.writestr("tools/__init__.py", "")
        for name in ("models/__init__.py", "models/merkle.py", "models/signed_note.py", "tools/witness.py"):
            archive.write(root / name, name)


def main(words: Sequence[str] | None = None) -> None:
    """Run a witness until it is stopped."""
    parser = argparse.ArgumentParser(prog="witness", description="Cosigns checkpoints that only add to the last one.")
    parser.add_argument("folder", nargs="?", type=Path, help="where the keys and the last checkpoints are")
    parser.add_argument("--name", help="the name of the witness, such as witness.example/w1")
    parser.add_argument("--log", action="append", default=[], metavar="KEY", help="a verifier key of sendflow log")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8350)
    parser.add_argument("--archive", type=Path, metavar="FILE", help="write the program as one file, and end")
    given = parser.parse_args(words)
    if given.archive is not None:
        write_archive(given.archive)
        return
    if given.folder is None or not given.name or not given.log:
        parser.error("a folder, --name and at least one --log are needed")
    try:
        logs = [parse_verifier_key(each) for each in given.log]
        if any(key.kind not in (ED25519, ML_DSA) for key in logs):
            raise NoteError("--log is a key of a log, not of a witness")
        witness = Witness(given.folder, given.name, logs)
    except NoteError as problem:
        parser.error(str(problem))
    sys.stdout.write("".join(f"{key.public()}\n" for key in witness.keys))
    sys.stdout.flush()
    with serve(witness, given.host, given.port) as server:
        server.serve_forever()


if __name__ == "__main__":
    main()
