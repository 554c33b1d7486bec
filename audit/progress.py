"""How far a whole verification has come: one line of `verify.part` in SENDFLOW_HOME for each part that is done.

Purpose: a verification of many cases that was interrupted goes on where it ended. The lines name cases and findings and
no person. What changed since the verification began is compared again.
"""

from __future__ import annotations

import os
from datetime import datetime, timedelta
from pathlib import Path

import msgspec

from audit.parts import Checked, Part
from casework.context import AppContext, instant
from models.schema import HEAD

FILE = "verify.part"
LONGEST = timedelta(hours=12)


class Begun(msgspec.Struct, frozen=True):
    """The first line: when the verification began, under which rules and revision, its ranges, and how many cases."""

    at: str
    ruleset: str
    revision: str
    ranges: list[Part]
    cases: int


class Progress:
    """The file of one verification. `done` has what was found of each range, by its number."""

    def __init__(self, path: Path | None, begun: Begun, done: dict[int, Checked], resumed: bool) -> None:
        self._path = path
        self.begun, self.done, self.resumed = begun, done, resumed
        if path is not None and not resumed:
            self._write(msgspec.json.encode(begun), os.O_TRUNC)

    @classmethod
    def of(cls, context: AppContext, ranges: list[Part], cases: int, *, resume: bool) -> Progress:
        """Go on with an interrupted verification of the same rules that began less than 12 hours ago; else begin."""
        path = None if context.read_only else context.settings.home / FILE
        if resume and path is not None and (found := _read(path)) is not None:
            begun, done = found
            same = (begun.ruleset, begun.revision) == (context.ruleset_digest, HEAD)
            if same and context.now() - datetime.fromisoformat(begun.at) < LONGEST:
                return cls(path, begun, done, resumed=True)
        begun = Begun(instant(context.now()), context.ruleset_digest, str(HEAD), ranges, cases)
        return cls(path, begun, {}, resumed=False)

    def note(self, checked: Checked) -> None:
        """Note that a range is done. A full disk stops no verification."""
        self.done[checked.part.number] = checked
        if self._path is not None:
            self._write(msgspec.json.encode(checked), os.O_APPEND)

    def end(self) -> None:
        """The verification is whole."""
        if self._path is not None:
            self._path.unlink(missing_ok=True)

    def _write(self, line: bytes, mode: int) -> None:
        assert self._path is not None
        try:
            handle = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | mode, 0o600)
            with os.fdopen(handle, "wb") as file:
                file.write(line + b"\n")
        except OSError:
            self._path = None


def _read(path: Path) -> tuple[Begun, dict[int, Checked]] | None:
    """What the file says; None if there is none or its first line does not read. A line that was cut ends it."""
    try:
        first, *lines = path.read_bytes().splitlines()
        begun = msgspec.json.decode(first, type=Begun)
    except (OSError, ValueError, msgspec.MsgspecError):
        return None
    done: dict[int, Checked] = {}
    for line in lines:
        try:
            checked = msgspec.json.decode(line, type=Checked)
        except msgspec.MsgspecError:
            break
        done[checked.part.number] = checked
    return begun, done
