"""Only programs with the active rule set may write to a database. A program with another one may still read it.

Purpose: two machines with different statutes or escalation policies would undo each other's work every day, and would
send and correct the same letters without end. The active rule set is the newest row of the append-only `law_held`.

A rule set becomes active in two ways. If this installation had the active rule set and its files were changed since (an
upgrade, an edited ladder.toml), its next write activates the new one. In all other cases a person has to run `sendflow
adopt --installed`: for an installation that never had the active rule set, and for a rule set that was active before.
sendflow does not decide which of two rule sets is right.
"""

from __future__ import annotations

import contextlib
import secrets
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

import orjson
from sqlalchemy import Connection, select

from casework.rules.config_held import LAW as LAW_TEXT
from casework.rules.config_held import hold
from casework.rules.ruleset import PARTS, Ruleset
from casework.rules.shared_files import note
from casework.rules.stored_law import law_text, store
from config.directory import Directory
from config.files import write_whole
from config.settings import Settings
from models.change_log import insert_logged
from models.database import RULESET_NUMBER, is_read_only, is_reading
from models.errors import RulesetMismatch
from models.locks import lock_exclusive
from models.tables import RULESET

LAST_ACTIVE_FILE = "law_held.json"


class Activation(NamedTuple):
    """A row of `law_held`: a rule set became active at an instant (UTC). Its fields are the columns."""

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


class LastActive(NamedTuple):
    """The last active rule set that an installation had. `records` is the id of the database's first activation."""

    records: str
    number: int
    id: str


# By SENDFLOW_HOME: the rule set that this process used last. Until it uses one, LAST_ACTIVE_FILE says it.
_last_active: dict[Path, LastActive | None] = {}


@dataclass
class RulesetGuard:
    """Compares this program's rule set with the active one. Each `AppContext` has its own.

    `last_active` is what was active when the context was loaded, or later with this same rule set. A context that was
    loaded before a change therefore never activates the old rule set again, even if other programs of the installation
    have activated others. `number` is that of the activation that this guard last found to be its own.
    """

    home: Path
    digest: str
    part_digests: Mapping[str, str]
    last_active: LastActive | None = None
    simulated: bool = False
    number: int | None = None
    law_text: Callable[[], bytes] | None = None
    read_only: bool = False
    own_texts: Mapping[str, str] = field(default_factory=dict)
    noted: str | None = None

    @classmethod
    def load(
        cls, connection: Connection, settings: Settings, last_active: LastActive | None, ruleset: Ruleset
    ) -> RulesetGuard:
        """Make the guard of a context. `last_active` is what `read_last_active` gave before the files were read."""
        guard = cls(settings.home, ruleset.digest, ruleset.part_digests, last_active, settings.today is not None)
        guard.law_text = partial(law_text, ruleset.folders)
        guard.read_only = is_read_only(connection)
        active = active_ruleset(connection)
        if active is None:
            return guard
        in_this_home = settings.database_url is None and not (settings.home / LAST_ACTIVE_FILE).exists()
        if active.looked_under == guard.digest:
            guard._note_active(connection, active)
        elif last_active is None and in_this_home:
            # The database file is in this home, so no other machine can have activated its rule set.
            guard.last_active = LastActive(_first_id(connection), active.number, active.id)
        return guard

    def with_ruleset(self, ruleset: Ruleset) -> RulesetGuard:
        """Make the guard of the same installation for another rule set."""
        # Read now: an adoption moves the folder before it activates the rule set.
        text = law_text(ruleset.folders)
        part_digests = ruleset.part_digests
        return replace(self, digest=ruleset.digest, part_digests=part_digests, number=None, law_text=lambda: text)

    def ensure_active(self, connection: Connection, at: str, actor: str, via: str) -> None:
        """Make sure that this rule set is active, activating it if it may become so.

        Raises RulesetMismatch if it may not. Does nothing in a connection that only reads.
        """
        number = connection.info.get(RULESET_NUMBER)
        if (number is not None and number == self.number) or is_reading(connection):
            return
        active = active_ruleset(connection)
        if active is None or active.looked_under != self.digest:
            # If several processes activate one rule set at once, only the first writes a row.
            lock_exclusive(connection, "law")
            active = active_ruleset(connection)
        if active is not None and active.looked_under == self.digest:
            self._note_active(connection, active)
        elif active is None or self._may_replace(connection, active):
            self.activate(connection, at, actor, via)
        else:
            raise RulesetMismatch(self._mismatch(connection, active))

    def note_files(self, connection: Connection, directory: Directory, **by: str) -> None:
        """Record the team's own files in use that were never recorded. `by` is `at`, `actor` and `via`."""
        if self.noted == directory.digest or is_reading(connection):
            return
        # Not remembered before all are found again: this transaction may be undone.
        if not note(connection, self.own_texts, directory.text, **by):
            self.noted = directory.digest

    def activate(self, connection: Connection, at: str, actor: str, via: str) -> Activation:
        """Record that this rule set is active from now on, whichever was active before."""
        active = active_ruleset(connection)
        activation = Activation(
            number=1 if active is None else active.number + 1,
            id=secrets.token_hex(8),
            taken_at=at,
            looked_under=self.digest,
            **self.part_digests,
            actor=actor,
            via=via,
            machine=socket.gethostname(),
            rehearsed=self.simulated,
        )
        insert_logged(connection, RULESET, [activation._asdict()], at)
        if self.law_text is not None:
            text = self.law_text()
            store(self.home, self.digest, text)
            hold(connection, LAW_TEXT, self.digest, text.decode(), at=at, actor=actor, via=via)
        # If this transaction is rolled back, the remembered number belongs to no row, or to a row with another id.
        self._remember(LastActive(_first_id(connection), activation.number, activation.id))
        return activation

    def reason_not_writable(self, connection: Connection) -> str | None:
        """Say in a sentence why this program could not write to the database now; None if it could."""
        active = active_ruleset(connection)
        if active is None or active.looked_under == self.digest or self._may_replace(connection, active):
            return None
        return self._mismatch(connection, active)

    def _note_active(self, connection: Connection, active: Activation) -> None:
        self.number = active.number
        self._remember(LastActive(_first_id(connection), active.number, active.id))

    def _may_replace(self, connection: Connection, active: Activation) -> bool:
        """Whether the next write may activate this rule set: it comes later than the active one and was never active.

        A remembered number above the active one is that of a database that was since restored from a backup.
        """
        last = self.last_active
        comes_later = (
            last is not None
            and last.records == _first_id(connection)
            and (last.number > active.number or (last.number, last.id) == (active.number, active.id))
        )
        return comes_later and _active_until(connection, self.digest) is None

    def _remember(self, last_active: LastActive) -> None:
        self.last_active = last_active
        if self.read_only:
            return
        file = self.home / LAST_ACTIVE_FILE
        if _last_active.get(self.home) == last_active and file.exists():
            return
        _last_active[self.home] = last_active
        # Without the file the next change of the rule set is refused until a person adopts it, which is safe.
        with contextlib.suppress(OSError):
            write_whole(file, orjson.dumps(last_active._asdict()) + b"\n")

    def _mismatch(self, connection: Connection, active: Activation) -> str:
        differing = [part for part in PARTS if self.part_digests[part] != getattr(active, part)]
        until = _active_until(connection, self.digest)
        ours = f"was active until {until}" if until else "was never active"
        return (
            f"Nothing was written: this database uses rule set {active.number} (digest {active.looked_under}, activated"
            f" on {_minute(active.taken_at)} by {active.actor} ({active.via}) on machine {active.machine}). The rule"
            f" set of this machine (digest {self.digest}) {ours}."
            f" They differ in: {', '.join(differing) or 'no single part'}."
            " Install the same version of sendflow, the same rule packs and the same ladder.toml here, and start its"
            " programs again."
            " If this machine is right, run: sendflow adopt --installed --actor WHO."
            " To see both, run: sendflow rulesets"
        )


def read_last_active(home: Path) -> LastActive | None:
    """Give the last active rule set that this process, or before its first use this installation, had.

    Call it before the rule set's files are read, so that a change in between counts as later.
    """
    if home not in _last_active:
        try:
            saved = orjson.loads((home / LAST_ACTIVE_FILE).read_bytes())
            _last_active[home] = LastActive(str(saved["records"]), int(saved["number"]), str(saved["id"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None
    return _last_active[home]


def active_ruleset(connection: Connection) -> Activation | None:
    """Give the active rule set; None if no rule set was ever activated."""
    row = connection.execute(select(RULESET).order_by(RULESET.c.number.desc()).limit(1)).first()
    return Activation._make(row) if row is not None else None


def activations(connection: Connection) -> list[Activation]:
    """Give every rule set that was activated, the newest first."""
    return [Activation._make(row) for row in connection.execute(select(RULESET).order_by(RULESET.c.number.desc()))]


def ever_active(connection: Connection) -> frozenset[str]:
    """The digest of every rule set that was ever active."""
    return frozenset(connection.scalars(select(RULESET.c.looked_under)))


def _first_id(connection: Connection) -> str:
    return str(connection.scalar(select(RULESET.c.id).order_by(RULESET.c.number).limit(1)))


def _active_until(connection: Connection, digest: str) -> str | None:
    """Say until when a rule set was active that another one replaced; None if it never was."""
    number = RULESET.c.number
    last = connection.scalar(select(number).where(RULESET.c.looked_under == digest).order_by(number.desc()).limit(1))
    if last is None:
        return None
    replaced_at = connection.scalar(select(RULESET.c.taken_at).where(number > last).order_by(number).limit(1))
    return _minute(replaced_at) if replaced_at is not None else None


def _minute(instant: str) -> str:
    return f"{instant[:10]} at {instant[11:16]} UTC"
