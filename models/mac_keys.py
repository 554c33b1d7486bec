"""The keys of the MACs: what was done with them, and what a row must have. [I/O]

Each act is a row of `mac_key`, which is append-only and covered by the change log:

- `begun`: from here on each transaction writes MACs. `record` is the newest record of the change log before it
- `demanded`: each fact that is not among the first `size` leaves of the signed log must have a MAC. Facts of before
  have none, and are as they were when MACs began: the log covers them
- `rotated`: a person replaced the key. Rows of before have the MACs of their own key
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from typing import NamedTuple

from sqlalchemy import Connection, Engine, insert, select

from models import change_log
from models.database import reading, transact
from models.encryption import Cipher, EncryptionError
from models.locks import lock_exclusive
from models.macs import BEGUN, DEMANDED, MADE_HERE, NUMBER, Mac, mac_numbered, mac_place, same
from models.tables import MAC_KEY

LOCK = "mac key"
KEY_BYTES = 32
_NO_FACT = "SELECT NOT EXISTS (SELECT 1 FROM fact)"
FACT_WITHOUT = "fact {seq} was not written by sendflow, or was altered with its hash: its MAC is missing or another"
RECORD_WITHOUT = (
    "record {number} of the change log was not written by sendflow, or was altered: its MAC is missing or another"
)
_LEAVES = "SELECT coalesce(max(number), -1) + 1 FROM log_leaf"


class MacAct(NamedTuple):
    """A row of `mac_key`. `record` is of the change log, and `size` a number of leaves of the signed log."""

    number: int
    at: str
    kind: str
    actor: str
    reason: str
    record: int
    size: int | None
    sealed: bytes | None


def mac_acts(connection: Connection) -> list[MacAct]:
    """Every act on the keys, the earliest first."""
    return [MacAct._make(row) for row in connection.execute(select(MAC_KEY).order_by(MAC_KEY.c.number))]


def begin_with_an_empty_history(engine: Engine, cipher: Cipher, at: str) -> None:
    """Make the first key where no fact is recorded yet, so that each must have a MAC. `at` is ISO 8601, UTC.

    A history of before this version is numbered by the log first: see `casework.proof.mac_keys`.
    """
    with reading(engine) as connection:
        if connection.exec_driver_sql("SELECT max(number) FROM mac_key").scalar() is not None or _has_facts(connection):
            return

    def begin(connection: Connection) -> None:
        lock_exclusive(connection, LOCK)
        if not mac_acts(connection) and not _has_facts(connection):
            add_key(connection, cipher, BEGUN, ("sendflow", "the installation was made"), at)
            demand(connection, at)

    transact(engine, begin)


def add_key(connection: Connection, cipher: Cipher, kind: str, by: tuple[str, str], at: str) -> None:
    """Add a random key. `by` is who acts, and why. What this transaction records has the MAC of the new key."""
    number = _next(connection)
    sealed = cipher.encrypt(secrets.token_bytes(KEY_BYTES).hex(), mac_place(number))
    _add(connection, MacAct(number, at, kind, *by, change_log.newest(connection).number, None, sealed))
    connection.info.update({NUMBER: number, MADE_HERE: True})


def demand(connection: Connection, at: str) -> None:
    """Demand a MAC of each fact that is not in the log yet. The caller has numbered what is there."""
    size = int(connection.exec_driver_sql(_LEAVES).scalar_one())
    why = "each fact from here on has a MAC"
    act = MacAct(_next(connection), at, DEMANDED, "sendflow", why, change_log.newest(connection).number, size, None)
    _add(connection, act)


def _next(connection: Connection) -> int:
    acts = mac_acts(connection)
    return acts[-1].number + 1 if acts else 1


def _add(connection: Connection, act: MacAct) -> None:
    connection.execute(insert(MAC_KEY), [act._asdict()])
    change_log.log_rows(connection, MAC_KEY, [tuple(act)], act.at)


def _has_facts(connection: Connection) -> bool:
    return not connection.exec_driver_sql(_NO_FACT).scalar_one()


StoredMac = tuple[str, int, str, str | None, int | None]  # case, seq, hash, MAC, by


class Demanded(NamedTuple):
    """What verification demands. `macs` are those of every key that opens, the newest first, each with its act.

    `size`: a fact that is no earlier leaf has a MAC. `lost`: a fact that is an earlier leaf may have one of a key that
    does not open any more, because person.key was lost since.
    """

    acts: Sequence[MacAct]
    macs: Sequence[tuple[MacAct, Mac]]
    size: int | None
    lost: int
    checked: bool

    @classmethod
    def read(cls, connection: Connection) -> Demanded:
        """What the database says, and the keys that this engine opens."""
        acts = mac_acts(connection)
        keys = [act for act in acts if act.sealed is not None]
        macs: list[tuple[MacAct, Mac]] = []
        unopened = 0
        for act in keys[::-1]:
            try:
                found = mac_numbered(connection, act.number)
            except (EncryptionError, ValueError):
                found = None
            if found is not None:
                macs.append((act, found))
            unopened = unopened or (act.number if found is None else 0)
        demands = [(act.number, act.size or 0) for act in acts if act.kind == DEMANDED]
        size = demands[0][1] if demands else None
        renewed = next((act.number for act in keys if act.number > unopened), 0) if unopened else 0
        lost = next((leaves for number, leaves in demands if number > renewed), 0) if renewed else 0
        return cls(acts, macs, size, lost, bool(macs) and macs[0][0].number == keys[-1].number)

    @property
    def word(self) -> str:
        """`checked`, `not_checked` without person.key, or `not_begun` where rows have none yet."""
        return "checked" if self.checked else "not_checked" if self.acts else "not_begun"

    def accepts_fact(self, fact: StoredMac, leaf: int | None) -> bool:
        """Whether a fact has its MAC, or needs none. `leaf` is its number in the log. Without one it names nobody."""
        ref, seq, hash_, mac, by = fact
        if mac is None and by is not None:
            return False
        return self._accepts(mac, leaf, lambda each: each.of_fact(ref, seq, hash_, by))

    def accepts_end(self, case_ref: str, seq: int, hash_: str, mac: str | None, leaf: int | None) -> bool:
        """Whether the end of a case has its MAC, or needs none. `leaf` is the number of its last fact."""
        return self._accepts(mac, leaf, lambda each: each.of_end(case_ref, seq, hash_))

    def accepts_record(self, number: int, hash_: str, mac: str | None, by: int | None) -> bool:
        """Whether a record of the change log has the MAC of its time, or is of before MACs began."""
        act = next((each for each in reversed(self.acts) if each.sealed and each.record < number), None)
        if act is None:
            return mac is None and by is None
        its = next((each for row, each in self.macs if row.number == act.number), None)
        return its is None or same(mac, its.of_record(number, hash_, by))

    def _accepts(self, mac: str | None, leaf: int | None, made: Callable[[Mac], str]) -> bool:
        if mac is None:
            return self.size is None or (leaf is not None and leaf < self.size)
        if any(same(mac, made(each)) for _act, each in self.macs):
            return True
        return leaf is not None and leaf < self.lost
