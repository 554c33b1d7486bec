"""Verify a bundle of one case or of several, made by sendflow. This file is also in every bundle, as verify.py.

It needs Python 3.9 or later and nothing else. It reads the bundle, writes nothing and opens no connection.

Use: python3 verify.py BUNDLE.zip --key KEY

KEY is the verifier key of the installation's log, as `sendflow log` shows it. Get it from a person or a letter, never
from the bundle: who changes the bundle can change the key in it too, and this program. Get the program from elsewhere
for the same reason, if you do not trust who gave you the bundle.

What it proves: each fact is, byte for byte, what the log had at the checkpoint, in that order, and the case had no
further fact then. Each letter is the text that was recorded as sent. Every byte of the bundle is as it was signed.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import re
import struct
import sys
import zlib
from collections.abc import Sequence
from typing import Any, NamedTuple

if sys.version_info < (3, 9):  # noqa: UP036 (the reader of a bundle brings a Python of their own)
    sys.stderr.write("NOT VERIFIED: this program needs Python 3.9 or later. Run it by such a Python.\n")
    sys.exit(2)

GENESIS = "0" * 64
LARGEST = 256 * 1024 * 1024  # bytes of a bundle
MOST_FILES = 4_000
NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,80}(\.[a-z]{2,5})?(/[a-zA-Z0-9][a-zA-Z0-9-]{0,80}\.[a-z]{2,5})?")
MANIFEST, FIRST, COHORT = "manifest", "sendflow-bundle/1", "sendflow-cohort/1"
ED25519, COSIGNATURE = 1, 4
_LOCAL, _CENTRAL, _END = b"PK\3\4", b"PK\1\2", b"PK\5\6"
_STAMP = (20, 0, 0, 0, 0x21)  # version, flags, stored, midnight of 1 January 1980


class BundleError(ValueError):
    """The bundle does not verify. The message says what is wrong and where."""


class Verified(NamedTuple):
    """What was proved: the case, its facts, its letters, and the instant and size of the checkpoint."""

    case: str
    facts: int
    letters: int
    at: str
    size: int
    origin: str


# The container: a zip whose files are stored, in order of name, with one date. Other bytes are no bundle.


def pack(files: dict[str, bytes]) -> bytes:
    """The only container that has these files."""
    body, central = [], []
    at = 0
    for name in sorted(files):
        data, raw = files[name], name.encode()
        sizes = struct.pack("<III", zlib.crc32(data), len(data), len(data))
        head = struct.pack("<HHHHH", *_STAMP) + sizes + struct.pack("<HH", len(raw), 0)
        body += [_LOCAL, head, raw, data]
        central.append(_CENTRAL + struct.pack("<H", 20) + head + struct.pack("<HHHII", 0, 0, 0, 0, at) + raw)
        at += 4 + len(head) + len(raw) + len(data)
    listing = b"".join(central)
    end = struct.pack("<HHHHIIH", 0, 0, len(files), len(files), len(listing), at, 0)
    return b"".join(body) + listing + _END + end


def unpack(data: bytes) -> dict[str, bytes]:
    """The files of a container. Raises BundleError where it is not, to the byte, the container of its files."""
    files: dict[str, bytes] = {}
    at = 0
    while data[at : at + 4] == _LOCAL:
        if len(files) >= MOST_FILES or at + 30 > len(data):
            raise BundleError(f"the container has too many files or ends early, at byte {at}")
        size, length = struct.unpack_from("<I", data, at + 22)[0], struct.unpack_from("<H", data, at + 26)[0]
        name = data[at + 30 : at + 30 + length].decode("ascii", "replace")
        start = at + 30 + length
        if not NAME.fullmatch(name) or name in files or start + size > len(data):
            raise BundleError(f"a file of the container has no name or size of a bundle, at byte {at}")
        files[name] = data[start : start + size]
        at = start + size
    whole = pack(files)
    if whole != data:
        place = next((n for n, (a, b) in enumerate(zip(whole, data)) if a != b), min(len(whole), len(data)))  # noqa: B905
        raise BundleError(f"the container is not as it was made: byte {place}{_place(files, place)}")
    return files


def _place(files: dict[str, bytes], place: int) -> str:
    at = 0
    for name in sorted(files):
        at += 30 + len(name) + len(files[name])
        if place < at:
            return ", in or before " + name
    return ", in the list of files"


# Ed25519 (RFC 8032), to verify only.

_P = 2**255 - 19
_L = 2**252 + 27742317777372353535851937790883648493
_D = -121665 * pow(121666, _P - 2, _P) % _P
_ROOT = pow(2, (_P - 1) // 4, _P)
Point = tuple[int, int, int, int]


def _add(a: Point, b: Point) -> Point:
    e, f = (a[1] - a[0]) * (b[1] - b[0]) % _P, (a[1] + a[0]) * (b[1] + b[0]) % _P
    g, h = 2 * a[3] * b[3] * _D % _P, 2 * a[2] * b[2] % _P
    s, t, u, v = f - e, h - g, h + g, f + e
    return s * t % _P, u * v % _P, t * u % _P, s * v % _P


def _times(number: int, point: Point) -> Point:
    found: Point = (0, 1, 1, 0)
    while number:
        if number & 1:
            found = _add(found, point)
        point, number = _add(point, point), number >> 1
    return found


def _same(a: Point, b: Point) -> bool:
    return (a[0] * b[2] - b[0] * a[2]) % _P == 0 and (a[1] * b[2] - b[1] * a[2]) % _P == 0


def _point(raw: bytes) -> Point | None:
    y = int.from_bytes(raw, "little")
    sign, y = y >> 255, y & (1 << 255) - 1
    if y >= _P:
        return None
    square = (y * y - 1) * pow(_D * y * y + 1, _P - 2, _P) % _P
    x = pow(square, (_P + 3) // 8, _P)
    if (x * x - square) % _P:
        x = x * _ROOT % _P
    if (x * x - square) % _P or (x == 0 and sign):
        return None
    x = _P - x if x & 1 != sign else x
    return x, y, 1, x * y % _P


_BASE = _point((4 * pow(5, _P - 2, _P) % _P).to_bytes(32, "little"))


def ed25519_verifies(key: bytes, message: bytes, signature: bytes) -> bool:
    """Whether this is the signature of a message by the private key of a public one."""
    if len(key) != 32 or len(signature) != 64:
        return False
    a, r, s = _point(key), _point(signature[:32]), int.from_bytes(signature[32:], "little")
    if a is None or r is None or s >= _L or _BASE is None:
        return False
    h = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), "little") % _L
    return _same(_times(s, _BASE), _add(r, _times(h, a)))


# Signed notes and checkpoints (C2SP), and the Merkle tree (RFC 6962).


def read_key(text: str) -> tuple[str, bytes, int, bytes]:
    """Name, id, signature type and public key of a verifier key. Raises BundleError."""
    try:
        name, given, key = text.strip().split("+", 2)
        raw = base64.b64decode(key, validate=True)
    except ValueError:
        raise BundleError("a verifier key has a name, an id and a key, with + between them") from None
    kind = raw[0] if raw else 0
    made = hashlib.sha256(name.encode() + b"\n" + raw).digest()[:4]
    if kind not in (ED25519, COSIGNATURE) or len(raw) != 33 or made.hex() != given:
        raise BundleError("the verifier key is not an Ed25519 key, or a character of it was changed")
    return name, made, kind, raw[1:]


def verify_note(data: bytes, key: str, what: str) -> str:
    """The text of a note that a key signed. Raises BundleError."""
    name, key_id, kind, public = read_key(key)
    try:
        text, gap, lines = data.decode().rpartition("\n\n")
    except ValueError:
        raise BundleError(f"{what} is not text") from None
    text += "\n"
    for line in lines.split("\n")[:64] if gap else ():
        parts = line.split(" ")
        if len(parts) != 3 or parts[0] != "\u2014" or parts[1] != name:
            continue
        try:
            raw = base64.b64decode(parts[2], validate=True)
        except ValueError:
            continue
        if raw[:4] != key_id:
            continue
        message, signature = text.encode(), raw[4:]
        if kind == COSIGNATURE:
            seconds = int.from_bytes(signature[:8], "big")
            message, signature = b"cosignature/v1\ntime %d\n" % seconds + message, signature[8:]
        if not ed25519_verifies(public, message, signature):
            raise BundleError(f"the signature of {name} on {what} does not verify")
        return text
    raise BundleError(f"{what} has no signature of the key {name}")


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\1" + left + right).digest()


def included_root(index: int, size: int, leaf: bytes, path: Sequence[bytes]) -> bytes | None:
    """The root that an inclusion proof gives; None where it has a wrong length."""
    if not 0 <= index < size:
        return None
    number, last, root = index, size - 1, hashlib.sha256(b"\0" + leaf).digest()
    for each in path:
        if last == 0:
            return None
        if number & 1 or number == last:
            root = _node(each, root)
            while number and not number & 1:
                number, last = number >> 1, last >> 1
        else:
            root = _node(root, each)
        number, last = number >> 1, last >> 1
    return root if last == 0 else None


# What a bundle says.


def _whole(text: str) -> int:
    """A number of at most 18 digits: to read one of millions of digits takes hours in some versions of Python."""
    if not 1 <= len(text) <= 18 or not text.isdecimal():
        raise BundleError("a number of the bundle is longer than 18 digits, or is none")
    return int(text)


def _read_json(text: Any) -> Any:
    return json.loads(text, parse_int=lambda digits: _whole(digits.lstrip("-")) * (-1 if digits[0] == "-" else 1))


def verify(data: bytes, key: str | None = None, witnesses: Sequence[str] = ()) -> Verified:
    """Verify a bundle with a key that came from elsewhere; with the one in it if none is given. Raises BundleError."""
    if len(data) > LARGEST:
        raise BundleError(f"a bundle has at most {LARGEST} bytes")
    try:
        return _verify(unpack(data), key, witnesses)
    except (AttributeError, KeyError, IndexError, TypeError, ValueError, RecursionError) as problem:
        if isinstance(problem, BundleError):
            raise
        raise BundleError(f"the bundle does not have what a bundle has ({type(problem).__name__})") from None


def verify_all(data: bytes, key: str | None = None, witnesses: Sequence[str] = ()) -> list[Verified]:
    """Verify a bundle of one case or of a cohort; what was proved of each case. Raises BundleError."""
    files = unpack(data[: LARGEST + 1])
    if not files.get(MANIFEST, b"").startswith(COHORT.encode() + b"\n"):
        return [verify(data, key, witnesses)]
    try:
        own = files["key.txt"].decode().strip() if key is None else key
        head = _manifest(files, own, COHORT)
        found = []
        for case in head["cases"].split(" "):
            one = verify(files["cases/" + case + ".zip"], own, witnesses)
            if one.case != case or one.at != head["at"]:
                raise BundleError(f"the bundle of case {case} is of another case or checkpoint")
            found.append(one)
    except (KeyError, ValueError) as problem:
        if isinstance(problem, BundleError):
            raise
        raise BundleError(f"the cohort does not have what a cohort has ({type(problem).__name__})") from None
    if len(found) != sum(name.startswith("cases/") for name in files):
        raise BundleError("the cohort has a bundle that its manifest does not name")
    return found


def _verify(files: dict[str, bytes], key: str | None, witnesses: Sequence[str]) -> Verified:
    own = files["key.txt"].decode().strip() if key is None else key
    head = _manifest(files, own)
    text = verify_note(files["checkpoint"], own, "the checkpoint")
    for witness in witnesses:
        verify_note(files["checkpoint"], witness, "the checkpoint")
    origin, size, root = text.split("\n")[:3]
    tree = (_whole(size), base64.b64decode(root, validate=True))
    proofs = _read_json(files["proofs.json"])
    case = head["case"]
    end = _facts(files["facts.jsonl"], case, proofs["facts"], tree)
    at = _nothing_left_out(proofs, f"{case} {end[0]} {end[1]}", tree)
    letters = sorted(name for name in files if name.startswith("letters/") and name.endswith(".json"))
    for name in letters:
        _letter(name, files, tree)
    return Verified(case, end[0], len(letters), at, tree[0], origin)


def _manifest(files: dict[str, bytes], key: str, first: str = FIRST) -> dict[str, str]:
    """The signed list of all files. Raises BundleError, which names the first file that differs."""
    lines = verify_note(files[MANIFEST], key, "the manifest").split("\n")[:-1]
    if lines[0] != first:
        raise BundleError(f"the manifest does not begin with {first}")
    about: dict[str, str] = {}
    listed: dict[str, str] = {}
    for line in lines[1:]:
        word, _, rest = line.partition(" ")
        if len(word) == 64:
            listed[rest] = word
        else:
            about[word] = rest
    for name in sorted(files.keys() | listed.keys()):
        if name == MANIFEST:
            continue
        if name not in files or name not in listed:
            raise BundleError(f"the file {name} is missing, or is not in the manifest")
        if hashlib.sha256(files[name]).hexdigest() != listed[name]:
            raise BundleError(f"the file {name} is not the one that was signed")
    return about


def _facts(data: bytes, case: str, proofs: list[Any], tree: tuple[int, bytes]) -> tuple[int, str]:
    """Verify each fact; the number and the hash of the last one."""
    texts = data.decode().split("\n")
    if texts.pop() != "" or not texts or len(texts) != len(proofs):
        raise BundleError("facts.jsonl does not have one line and one proof for each fact")
    previous = GENESIS
    for number, (line, proof) in enumerate(zip(texts, proofs), 1):  # noqa: B905 (Python 3.9)
        fact = _read_json(line)
        if (fact["case_ref"], fact["seq"]) != (case, number):
            raise BundleError(f"line {number} of facts.jsonl is not fact {number} of case {case}")
        previous = hashlib.sha256((previous + line).encode()).hexdigest()
        _check(proof, f"fact {case} {number} {previous}", tree, f"fact {number}")
    return len(texts), previous


def _nothing_left_out(proofs: dict[str, Any], line: str, tree: tuple[int, bytes]) -> str:
    """Verify that the case's last fact is the last one that the checkpoint knows; the instant of the checkpoint."""
    leaf = proofs["checkpoint"]["leaf"]
    _check(proofs["checkpoint"], leaf, tree, "the end of the checkpoint")
    word, at, count, root = leaf.split(" ")
    if word != "checkpoint" or proofs["checkpoint"]["index"] != tree[0] - 1:
        raise BundleError("the last leaf of the checkpoint is not its list of ends")
    _check(proofs["end"], line, (_whole(count), bytes.fromhex(root)), "the last fact: a later one was left out, or it")
    return str(at)


def _check(proof: dict[str, Any], leaf: str, tree: tuple[int, bytes], what: str) -> None:
    index, hashes = proof["index"], proof["path"]
    if type(index) is not int or not isinstance(hashes, list):  # JSON's false is 0 in Python
        raise BundleError(f"the proof of {what} is not in the form of a proof")
    path = [base64.b64decode(each, validate=True) for each in hashes[:64]]
    if included_root(index, tree[0], leaf.encode(), path) != tree[1]:
        raise BundleError(f"{what} is not in the log as it was signed")


def _letter(name: str, files: dict[str, bytes], tree: tuple[int, bytes]) -> None:
    """Verify one letter: its row is in the change log, which is in the log, and its text is that of the row."""
    about = _read_json(files[name])
    number, at, subject, key, case, digest = about["record"]
    if subject != "letter" or hashlib.sha256(about["row"].encode()).hexdigest() != digest:
        raise BundleError(f"{name} is not the row that was recorded")
    text = "\n".join((about["previous"], str(number), at, subject, key, case or "", digest))
    leaf = f"change {number} {hashlib.sha256(text.encode()).hexdigest()}"
    _check(about, leaf, tree, name)
    row = _read_json(about["row"])
    if row[0] != key or key != name[len("letters/") : -len(".json")]:
        raise BundleError(f"{name} is the row of another letter")
    stem = name[: -len(".json")]
    if stem + ".txt" in files:
        subject_line, _, plain = files[stem + ".txt"].decode().partition("\n\n")
        words = "\0".join((subject_line[len("Subject: ") :], plain, files[stem + ".html"].decode()))
        if hashlib.sha256(words.encode()).hexdigest() != row[about["content_digest_at"]]:
            raise BundleError(f"the text of {stem} is not the one that was sent")


def main(words: list[str] | None = None) -> int:
    """Verify the bundle that is named; 0 verified, 1 not, 2 wrong call."""
    parser = argparse.ArgumentParser(description="Verify a bundle of sendflow.")
    parser.add_argument("bundle")
    parser.add_argument("--key", help="the verifier key of the log, from elsewhere than the bundle")
    parser.add_argument("--witness", action="append", default=[], help="the verifier key of a witness that must sign")
    given = parser.parse_args(words)
    try:
        with open(given.bundle, "rb") as file:  # noqa: PTH123
            found = verify_all(file.read(LARGEST + 1), given.key, given.witness)
    except (OSError, BundleError) as problem:
        sys.stdout.write(f"NOT VERIFIED: {problem}\n")
        return 1
    for number, one in enumerate(found, 1):
        sys.stdout.write(said(one, given.key is not None or number < len(found)))
    return 0


def said(found: Verified, key_given: bool) -> str:
    """What was proved, in words."""
    text = (
        f"VERIFIED. Case {found.case}: {found.facts} facts and {found.letters} letters are as the log {found.origin}"
        f" had them at {found.at}, in a checkpoint over {found.size} leaves. The case had no further fact then.\n"
    )
    if not key_given:
        text += "The key came from the bundle itself. Compare key.txt with the key that the installation gave you.\n"
    return text


if __name__ == "__main__":
    sys.exit(main())
