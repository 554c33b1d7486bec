"""Signed notes and checkpoints of C2SP (signed-note, tlog-checkpoint, tlog-cosignature), with Ed25519 and ML-DSA-44.

Purpose: programs that others have written check what sendflow signs. Each checkpoint has two signatures: Ed25519,
which every verifier knows, and ML-DSA-44, which a quantum computer does not break, because records are stored for
decades. The text of a note means nothing before a signature on it is verified.
"""

from __future__ import annotations

import re
import struct
from base64 import b64decode, b64encode
from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey, MLDSA44PublicKey

ED25519, COSIGNATURE, ML_DSA = 1, 4, 6  # the signature types of C2SP
SIZES = {ED25519: 32, COSIGNATURE: 32, ML_DSA: 1312}  # bytes of a public key
MOST_SIGNATURES = 32
LARGEST = 100_000  # bytes of a note
_DASH = "\u2014"
_LINE = re.compile(rf"{_DASH} ([^\s+]+) ([A-Za-z0-9+/]+={{0,2}})")
_NUMBER = re.compile(r"0|[1-9][0-9]{0,17}")
PRIVATE = "PRIVATE+KEY+"


class NoteError(ValueError):
    """A note, a checkpoint or a key that is not in the form of C2SP, or is not signed by a key that it needs."""


class Checkpoint(NamedTuple):
    """The head of a log: its origin, the number of its leaves and the root of its tree."""

    origin: str
    size: int
    root: bytes

    def text(self) -> str:
        """The text that is signed."""
        return f"{self.origin}\n{self.size}\n{b64encode(self.root).decode()}\n"


class VerifierKey(NamedTuple):
    """A public key as C2SP writes it: name, signature type and key."""

    name: str
    kind: int
    key: bytes

    @property
    def id(self) -> bytes:
        """The four bytes by which a signature names its key."""
        return sha256(f"{self.name}\n".encode() + bytes([self.kind]) + self.key).digest()[:4]

    def __str__(self) -> str:
        return f"{self.name}+{self.id.hex()}+{b64encode(bytes([self.kind]) + self.key).decode()}"


class SigningKey(NamedTuple):
    """A private key: name, signature type and 32 bytes from which the key is made. It has no text form of its own."""

    name: str
    kind: int
    seed: bytes

    def __repr__(self) -> str:
        return f"SigningKey({self.name!r}, {self.kind}, ...)"

    def __str__(self) -> str:
        return repr(self)

    def public(self) -> VerifierKey:
        """The key with which others verify."""
        made = _ml_dsa(self.seed) if self.kind == ML_DSA else Ed25519PrivateKey.from_private_bytes(self.seed)
        return VerifierKey(self.name, self.kind, made.public_key().public_bytes_raw())

    def private_text(self) -> str:
        """The key as its file has it."""
        return f"{PRIVATE}{self.name}+{self.public().id.hex()}+{b64encode(bytes([self.kind]) + self.seed).decode()}"

    def line(self, text: str, seconds: int) -> str:
        """The signature line of a note. `seconds` since 1970 are part of a cosignature."""
        if self.kind == ML_DSA:
            signed = _ml_dsa(self.seed).sign(_subtree(self.name, seconds, parse_checkpoint(text)))
            signature = struct.pack(">Q", seconds) + signed
        elif self.kind == COSIGNATURE:
            signed = Ed25519PrivateKey.from_private_bytes(self.seed).sign(_timed(seconds, text))
            signature = struct.pack(">Q", seconds) + signed
        else:
            signature = Ed25519PrivateKey.from_private_bytes(self.seed).sign(text.encode())
        return f"{_DASH} {self.name} {b64encode(self.public().id + signature).decode()}\n"


class Note(NamedTuple):
    """A note that was read and not verified: its text, and name, key id and signature of each of its lines."""

    text: str
    signatures: tuple[tuple[str, bytes, bytes], ...]


def _ml_dsa(seed: bytes) -> MLDSA44PrivateKey:
    return MLDSA44PrivateKey.from_seed_bytes(seed)


def _timed(seconds: int, text: str) -> bytes:
    return f"cosignature/v1\ntime {seconds}\n{text}".encode()


def _subtree(name: str, seconds: int, checkpoint: Checkpoint) -> bytes:
    named, origin = name.encode(), checkpoint.origin.encode()
    return (
        b"subtree/v1\n\0"
        + bytes([len(named)])
        + named
        + struct.pack(">Q", seconds)
        + bytes([len(origin)])
        + origin
        + struct.pack(">QQ", 0, checkpoint.size)
        + checkpoint.root
    )


def parse_verifier_key(text: str) -> VerifierKey:
    """Read a verifier key. Raises NoteError."""
    name, given, key = _parts(text.strip())
    if key[0] not in SIZES or len(key) != SIZES[key[0]] + 1:
        raise NoteError("a verifier key of another kind: expected Ed25519 (1 or 4) or ML-DSA-44 (6)")
    made = VerifierKey(name, key[0], key[1:])
    if made.id != given:
        raise NoteError(f"the id of the verifier key of {name} is not that of its key: a character was changed")
    return made


def parse_signing_key(text: str) -> SigningKey:
    """Read a private key. Raises NoteError, without the key."""
    if not text.startswith(PRIVATE):
        raise NoteError(f"a private key begins with {PRIVATE}")
    name, given, key = _parts(text.strip().removeprefix(PRIVATE))
    if key[0] not in SIZES or len(key) != 33:
        raise NoteError("a private key of another kind: expected Ed25519 (1 or 4) or ML-DSA-44 (6)")
    made = SigningKey(name, key[0], key[1:])
    if made.public().id != given:
        raise NoteError(f"the id of the private key of {name} is not that of its key: a character was changed")
    return made


def _parts(text: str) -> tuple[str, bytes, bytes]:
    parts = text.split("+", 2)
    try:
        name, given, key = parts[0], bytes.fromhex(parts[1]), b64decode(parts[2], validate=True)
    except (IndexError, ValueError):
        raise NoteError("a verifier key has a name, eight hexadecimal digits and a key, with + between them") from None
    if not name or re.search(r"\s", name) or len(given) != 4 or not key:
        raise NoteError("a verifier key has a name, eight hexadecimal digits and a key, with + between them")
    return name, given, key


def parse_note(text: str) -> Note:
    """Read a note without verifying it. Raises NoteError."""
    if len(text) > LARGEST:
        raise NoteError(f"a note has at most {LARGEST} characters")
    body, gap, lines = text.rpartition("\n\n")
    if not gap or not lines.endswith("\n"):
        raise NoteError("a signed note has a text, an empty line and signature lines, each with its line end")
    signatures = []
    for line in lines[:-1].split("\n"):
        found = _LINE.fullmatch(line)
        try:
            raw = b64decode(found[2], validate=True) if found else b""
        except ValueError:
            raw = b""
        if found is None or len(raw) < 5:
            raise NoteError("a signature line of a note is not in its form")
        signatures.append((found[1], raw[:4], raw[4:]))
    if len(signatures) > MOST_SIGNATURES:
        raise NoteError(f"a note has at most {MOST_SIGNATURES} signatures")
    return Note(body + "\n", tuple(signatures))


def parse_checkpoint(text: str) -> Checkpoint:
    """Read the text of a checkpoint. Raises NoteError."""
    lines = text.split("\n")
    if len(lines) < 4 or not all(lines[:-1]) or lines[-1]:
        raise NoteError("a checkpoint has an origin, a size and a root, each on its line")
    try:
        root = b64decode(lines[2], validate=True)
    except ValueError:
        root = b""
    if not _NUMBER.fullmatch(lines[1]) or len(root) != 32 or b64encode(root).decode() != lines[2]:
        raise NoteError("the size or the root of a checkpoint is not in its form")
    return Checkpoint(lines[0], int(lines[1]), root)


def sign(checkpoint: Checkpoint, keys: Sequence[SigningKey], seconds: int) -> str:
    """The signed checkpoint."""
    text = checkpoint.text()
    return text + "\n" + "".join(key.line(text, seconds) for key in keys)


def join_note(text: str, name: str, signature: str) -> str:
    """A note from its text and one signature in base64, as a letter has it."""
    return f"{text}\n{_DASH} {name} {signature}\n"


def signature_of(note: str, kind: int, keys: Sequence[VerifierKey]) -> str | None:
    """The signature in base64 of a key of this kind on a note; None where there is none. Raises NoteError."""
    ids = {(key.name, key.id) for key in keys if key.kind == kind}
    for name, key_id, signature in parse_note(note).signatures:
        if (name, key_id) in ids:
            return b64encode(key_id + signature).decode()
    return None


def verified(text: str, keys: Iterable[VerifierKey]) -> tuple[Checkpoint, list[VerifierKey]]:
    """Verify a signed checkpoint: give it with the keys that signed it, of those that are given.

    Raises NoteError where no given key signed it, or where a line of a given key does not verify.
    """
    note = parse_note(text)
    known = {(key.name, key.id): key for key in keys}
    signers = []
    for name, key_id, signature in note.signatures:
        key = known.get((name, key_id))
        if key is None:
            continue
        if not _verifies(key, note.text, signature):
            raise NoteError(f"the signature of {name} does not verify: the checkpoint or the signature was changed")
        signers.append(key)
    if not signers:
        raise NoteError("no signature of a known key is on the checkpoint")
    return parse_checkpoint(note.text), signers


def _verifies(key: VerifierKey, text: str, signature: bytes) -> bool:
    try:
        if key.kind == ED25519:
            Ed25519PublicKey.from_public_bytes(key.key).verify(signature, text.encode())
            return True
        seconds = struct.unpack(">Q", signature[:8])[0]
        if key.kind == COSIGNATURE:
            Ed25519PublicKey.from_public_bytes(key.key).verify(signature[8:], _timed(seconds, text))
        else:
            message = _subtree(key.name, seconds, parse_checkpoint(text))
            MLDSA44PublicKey.from_public_bytes(key.key).verify(signature[8:], message)
    except (InvalidSignature, NoteError, ValueError, struct.error):
        return False
    return True
