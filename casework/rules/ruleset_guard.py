"""One law holds for one set of records at a time, and a program that goes by another neither records nor sweeps nor
sends.

Purpose: two machines with another statute or ladder would undo each other's work for ever, and every letter of theirs
would go out and be withdrawn day after day. Which law holds is a row of `law_held`, only ever added to. A home whose
law was the one that holds and has been changed since (an upgrade, an edited ladder) brings in its new one by whatever
it writes next; a home that never had it, and a law that held before, come in only by an act of somebody (`sendflow
adopt --installed`). Whoever only looks is never refused. What this does not decide: which of two laws is right.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import orjson
from sqlalchemy import Connection, insert, select

from casework.rules.ruleset import PARTS, Ruleset
from config.settings import Settings
from models.database import LAW, DatabaseUnusable, alone, is_reading
from models.tables import RULESET

FILE = "law_held.json"
WAYS = ", ".join(("the same version of sendflow", "the same rule packs", "the same ladder.toml"))


class RulesetMismatch(DatabaseUnusable):
    """These records go by another law than this program. Nothing was written; the text says which, since when, and what
    to do.
    """


class Held(NamedTuple):
    """A row of `law_held`."""

    number: int
    id: str
    taken_at: str
    looked_under: str
    statute: str
    almanac: str
    ladder: str
    machines: str
    actor: str
    via: str
    machine: str
    rehearsed: bool


class Seen(NamedTuple):
    """The last law of some records (known by their first law's id) that a home went by."""

    records: str
    number: int
    id: str


_seen: dict[
    Path, Seen | None
] = {}  # by home: what this process went by last, and before that what the home says. See `Hold.opened`.


@dataclass
class Hold:
    """A house's law against the one that holds for its records. One for each house that is opened; a house with a pack
    laid over it has its own.

    `seen` is what had been gone by when the house was opened, or what this law itself came to be since: a house that
    was opened before the law changed does not bring the old law back, whatever other programs of the same home have
    gone by meanwhile.
    """

    home: Path
    looked_under: str
    parts: Mapping[str, str]
    seen: Seen | None = None
    rehearsed: bool = False
    number: int | None = None

    @classmethod
    def opened(cls, connection: Connection, settings: Settings, seen: Seen | None, book: Ruleset) -> Hold:
        """The hold of a house that is just being opened; `seen` is what `gone_by` gave before its files were read."""
        hold = cls(settings.home, book.looked_under, book.parts, seen, settings.today is not None)
        now = newest(connection)
        if now is None:
            return hold
        if now.looked_under == hold.looked_under:
            hold._goes_by(connection, now)
        elif seen is None and settings.database_url is None and not (settings.home / FILE).exists():
            hold.seen = Seen(
                _first(connection), now.number, now.id
            )  # the records stand in this home, so that nobody else's law holds for them
        return hold

    def under(self, book: Ruleset) -> Hold:
        """The hold of the same house with another law."""
        return replace(self, looked_under=book.looked_under, parts=book.parts, number=None)

    def keep(self, connection: Connection, at: str, actor: str, via: str) -> None:
        """Go on only where this law holds, or may come to hold now (which is then written down). Raises
        RulesetMismatch. Asks nothing of who only reads.
        """
        if is_reading(connection):
            return
        number = connection.info.get(LAW)
        if number is not None and number == self.number:
            return
        now = newest(connection)
        if now is None or now.looked_under != self.looked_under:
            alone(connection, "law")  # of several that bring in the same law at once the second finds it there
            now = newest(connection)
        if now is not None and now.looked_under == self.looked_under:
            self._goes_by(connection, now)
        elif now is None or self._may_come(connection, now):
            self.take(connection, at, actor, via)
        else:
            raise RulesetMismatch(self._why_not(connection, now))

    def take(self, connection: Connection, at: str, actor: str, via: str) -> Held:
        """Write down that this law holds from now on, whatever held before."""
        now = newest(connection)
        taken = Held(
            number=1 if now is None else now.number + 1,
            id=secrets.token_hex(8),
            taken_at=at,
            looked_under=self.looked_under,
            statute=self.parts["statute"],
            almanac=self.parts["almanac"],
            ladder=self.parts["ladder"],
            machines=self.parts["machines"],
            actor=actor,
            via=via,
            machine=socket.gethostname(),
            rehearsed=self.rehearsed,
        )
        connection.execute(insert(RULESET), taken._asdict())
        # Should this transaction be undone, the home has seen a law that never held: a number that nobody has, or that
        # another's row has by another id.
        self._remember(Seen(_first(connection), taken.number, taken.id))
        return taken

    def other(self, connection: Connection) -> str | None:
        """Why this house could not write now, in a sentence; None where it could."""
        now = newest(connection)
        if now is None or now.looked_under == self.looked_under:
            return None
        return None if self._may_come(connection, now) else self._why_not(connection, now)

    def _goes_by(self, connection: Connection, now: Held) -> None:
        self.number = now.number
        self._remember(Seen(_first(connection), now.number, now.id))

    def _may_come(self, connection: Connection, now: Held) -> bool:
        """Whether this law may come to hold by whatever is written next: a later one, that never held."""
        return self._came_after(connection, now) and not _when(connection, self.looked_under)

    def _came_after(self, connection: Connection, now: Held) -> bool:
        """Whether this house had gone by the law that holds, so that its own is a later one. A later number is that of
        records that were restored since.
        """
        seen = self.seen
        return (
            seen is not None
            and seen.records == _first(connection)
            and (seen.number > now.number or (seen.number, seen.id) == (now.number, now.id))
        )

    def _remember(self, seen: Seen) -> None:
        self.seen = seen
        if _seen.get(self.home) == seen and (self.home / FILE).exists():
            return
        _seen[self.home] = seen
        with contextlib.suppress(
            OSError
        ):  # a home that cannot be written to has to be told by somebody when its law changes: refused, never wrong
            fresh = self.home / f"{FILE}.{os.getpid()}"
            fresh.write_bytes(orjson.dumps(seen._asdict()) + b"\n")
            fresh.replace(self.home / FILE)

    def _why_not(self, connection: Connection, now: Held) -> str:
        differ = (
            ", ".join(part for part in PARTS if self.parts[part] != getattr(now, part)) or "nothing that is named apart"
        )
        here = _when(connection, self.looked_under)
        ours = f"held until {here}" if here else "has never held for them"
        return (
            f"these records go by another law than this program, which wrote nothing: theirs (law {now.number}, digest"
            f" {now.looked_under}) was taken on {_day(now.taken_at)} by {now.actor} ({now.via}) on machine"
            f" {now.machine}; the one here (digest {self.looked_under}) {ours}. They differ in: {differ}. Bring this"
            f" machine to {WAYS}, and start its programs again; or, where the law here is the right one for every"
            " machine: sendflow adopt --installed --actor WHO. sendflow laws shows both"
        )


def gone_by(home: Path) -> Seen | None:
    """The last law that this process or, before its first, this home went by. Asked before the law's files are read, so
    that a change in between counts.
    """
    if home not in _seen:
        try:
            told = orjson.loads((home / FILE).read_bytes())
            _seen[home] = Seen(str(told["records"]), int(told["number"]), str(told["id"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None
    return _seen[home]


def newest(connection: Connection) -> Held | None:
    """The law that holds; None where nothing was ever written under this version."""
    row = connection.execute(select(RULESET).order_by(RULESET.c.number.desc()).limit(1)).first()
    return Held._make(row) if row is not None else None


def every(connection: Connection) -> list[Held]:
    """Every law that has held, the newest first."""
    return [Held._make(row) for row in connection.execute(select(RULESET).order_by(RULESET.c.number.desc()))]


def _first(connection: Connection) -> str:
    return str(connection.scalar(select(RULESET.c.id).order_by(RULESET.c.number).limit(1)))


def _when(connection: Connection, looked_under: str) -> str | None:
    """Until when a law held that no longer does; None where it never did."""
    last = connection.scalar(
        select(RULESET.c.number)
        .where(RULESET.c.looked_under == looked_under)
        .order_by(RULESET.c.number.desc())
        .limit(1)
    )
    after = (
        None
        if last is None
        else connection.scalar(
            select(RULESET.c.taken_at).where(RULESET.c.number > last).order_by(RULESET.c.number).limit(1)
        )
    )
    return _day(after) if after is not None else None


def _day(at: str) -> str:
    return f"{at[:10]} at {at[11:16]} UTC"
