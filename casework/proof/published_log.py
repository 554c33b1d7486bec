"""The log in a folder outside the database, as C2SP tlog-tiles lays it out: checkpoints, hashes of leaves, and leaves.

Purpose: it is what leaves. SENDFLOW_HOME/log has it always; SENDFLOW_LOG_TO names other places, such as a share of
internal audit or of a neighbouring ICB. A tile has 256 hashes, the entries beside it 256 leaves. No leaf names a
person. Files are only added, but for `checkpoint`, which is the newest one.
"""

from __future__ import annotations

import os
import secrets
import shutil
import struct
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import Connection

from casework.proof.leaves import StoredCheckpoint, block_roots, texts
from models.merkle import BLOCK, leaf_hash, root_of

FOLDER = "log"
NEWEST = "checkpoint"
ALL = "checkpoints"  # every checkpoint, by its size: not part of the standard's layout


def newest_note(folder: Path) -> str | None:
    """The newest signed checkpoint in a folder; None if there is none. Raises OSError or ValueError."""
    file = folder / NEWEST
    return file.read_text("utf-8") if file.exists() else None


def publish(connection: Connection, folder: Path, checkpoint: StoredCheckpoint, lines: str = "") -> None:
    """Add what a folder does not have yet, then the checkpoint with the lines of witnesses. Raises OSError."""
    folder.mkdir(mode=0o700, exist_ok=True, parents=True)
    size = checkpoint.size
    for start in range(_first_missing(folder, "0", size // BLOCK) * BLOCK, size, BLOCK):
        block = [text.encode() for text in texts(connection, start, min(start + BLOCK, size))]
        _write(tile(folder, "entries", start // BLOCK, len(block)), b"".join(map(_prefixed, block)))
        _write(tile(folder, "0", start // BLOCK, len(block)), b"".join(map(leaf_hash, block)))
    roots, level = block_roots(connection, size), 1
    while roots:
        full = len(roots) // BLOCK
        for start in range(_first_missing(folder, str(level), full) * BLOCK, len(roots), BLOCK):
            some = roots[start : start + BLOCK]
            _write(tile(folder, str(level), start // BLOCK, len(some)), b"".join(some))
        roots, level = [root_of(roots[at : at + BLOCK]) for at in range(0, full * BLOCK, BLOCK)], level + 1
    (folder / ALL).mkdir(mode=0o700, exist_ok=True)
    note = (checkpoint.note + lines).encode()
    _write(folder / ALL / f"{size:012d}", note, replace=bool(lines))
    _write(folder / NEWEST, note, replace=True)


def _first_missing(folder: Path, level: str, full: int) -> int:
    """The first full tile that is not there. They are written in order, so it is found by halves."""
    low, high = 0, full
    while low < high:
        middle = (low + high) // 2
        if tile(folder, level, middle, BLOCK).exists():
            low = middle + 1
        else:
            high = middle
    return low


def tile(folder: Path, level: str, number: int, width: int) -> Path:
    """The file of a tile."""
    digits = f"{number:03d}"
    digits = digits.zfill(-(-len(digits) // 3) * 3)
    parts = [digits[at : at + 3] for at in range(0, len(digits), 3)]
    path = folder.joinpath("tile", level, *(f"x{part}" for part in parts[:-1]), parts[-1])
    return path if width == BLOCK else path.with_name(path.name + ".p") / str(width)


class Folder:
    """The hashes and the leaves of a log that left, in its folder. What they say is compared, never believed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def leaf_hashes(self, size: int) -> Iterator[bytes]:
        """The hashes of the first `size` leaves. Raises OSError where a tile is missing."""
        for number in range(-(-size // BLOCK)):
            width = min(BLOCK, size - number * BLOCK)
            data = _widest(self._folder, "0", number, width).read_bytes()
            yield from (data[at : at + 32] for at in range(0, width * 32, 32))

    def leaf_text(self, index: int, size: int) -> str | None:
        """The text of one leaf; None where its file is missing or does not read."""
        number = index // BLOCK
        return next(self._texts(number, min(BLOCK, size - number * BLOCK), index % BLOCK), None)

    def day_of(self, index: int, size: int) -> str | None:
        """The day of the first checkpoint that covers a leaf; None where no file says so."""
        for number in range(index // BLOCK, -(-size // BLOCK)):
            first = index % BLOCK if number == index // BLOCK else 0
            for text in self._texts(number, min(BLOCK, size - number * BLOCK), first):
                if text.startswith("checkpoint "):
                    return text.split(" ")[1][:10]
        return None

    def _texts(self, number: int, width: int, first: int) -> Iterator[str]:
        try:
            data, at = _widest(self._folder, "entries", number, width).read_bytes(), 0
            for place in range(width):
                length = struct.unpack_from(">H", data, at)[0]
                if place >= first:
                    yield data[at + 2 : at + 2 + length].decode()
                at += 2 + length
        except (OSError, ValueError, struct.error):
            return


def _widest(folder: Path, level: str, number: int, width: int) -> Path:
    full = tile(folder, level, number, BLOCK)
    return full if full.exists() else tile(folder, level, number, width)


def _prefixed(leaf: bytes) -> bytes:
    return struct.pack(">H", len(leaf)) + leaf


def _write(path: Path, data: bytes, *, replace: bool = False) -> None:
    """Write a file in one step. One that is there stays, unless it is to be replaced."""
    if path.exists() and not replace:
        return
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}-{os.getpid()}-{secrets.token_hex(4)}")
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)
    shutil.rmtree(path.with_name(path.name + ".p"), ignore_errors=True)  # parts of a tile that is full now
