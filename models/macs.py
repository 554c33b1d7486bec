"""A message authentication code (MAC) for each fact, each end of a case and each record of the change log. [I/O]

Purpose: the hash of a row proves that it was not altered alone. Who writes to the database can calculate hashes, and
not MACs: their key is random, and the table `mac_key` has it encrypted with person.key, which is in no database. So a
row that another program inserted or rewrote, with right hashes, is found before any checkpoint covers it.

A MAC is the first 128 bits of HMAC-SHA-256. The rows are written in the transaction of what they authenticate.
"""

from __future__ import annotations

from collections.abc import Callable
from hmac import compare_digest
from pathlib import Path

from sqlalchemy import Connection, Engine

from models.acting import Who, number_of
from models.bulk_io import run
from models.encryption import Cipher, Place

KEYS = "sendflow_mac_keys"  # execution option of an engine: its `Keys`
NUMBER = "sendflow_mac_number"  # in `connection.info`: the number of the newest key as the transaction began
MADE_HERE = "sendflow_mac_key_made"  # in `connection.info`: this transaction added a key, and may be undone
BEGUN, DEMANDED, ROTATED = "begun", "demanded", "rotated"
NUMBER_QUERY = f"SELECT max(number) FROM mac_key WHERE kind <> '{DEMANDED}'"  # noqa: S608 (our own word)
_ENCRYPTED = "SELECT sealed FROM mac_key WHERE number = {number:d}"
BYTES = 16  # of a MAC


class Mac:
    """Calculates MACs with one key. Each sort of row has a word of its own, so that no MAC serves for another row.

    Each MAC goes on from a copy of one that has the key already: to set a key takes longer than the rest. The package's
    copy takes 1.7 microseconds, and that of the standard library 2.6.
    """

    __slots__ = ("_begun",)

    def __init__(self, key: bytes) -> None:
        # Imported here, as in `models.encryption`: a command that only looks opens no key.
        from cryptography.hazmat.primitives.hashes import SHA256
        from cryptography.hazmat.primitives.hmac import HMAC

        self._begun = HMAC(key, SHA256())

    def of_fact(self, case_ref: str, seq: int, hash_: str, by: int | None) -> str:
        """The MAC of a fact, and of who recorded it (`models.acting`). Its hash covers each fact before it."""
        return self._of(f"fact {case_ref} {seq} {hash_}{_by(by)}")

    def of_end(self, case_ref: str, seq: int, hash_: str) -> str:
        """The MAC of the end of a case, in `case_file`."""
        return self._of(f"end {case_ref} {seq} {hash_}")

    def of_record(self, number: int, hash_: str, by: int | None) -> str:
        """The MAC of a record of the change log, and of who changed the row."""
        return self._of(f"record {number} {hash_}{_by(by)}")

    def _of(self, text: str) -> str:
        mac = self._begun.copy()
        mac.update(text.encode())
        return mac.finalize()[:BYTES].hex()


def _by(number: int | None) -> str:
    """Rows of before `acting` came name nobody, and have the MACs that they had."""
    return "" if number is None else f" {number}"


class Keys:
    """The keys of an engine's database, opened with person.key when they are first needed."""

    def __init__(self, cipher: Callable[[], Cipher]) -> None:
        self._cipher = cipher
        self._opened: dict[int, Mac] = {}
        self.acting: dict[Who, int] = {}

    def mac(self, connection: Connection, number: int) -> Mac:
        """The MACs of one key. Raises EncryptionError where person.key does not open it."""
        found = self._opened.get(number)
        if found is None:
            sealed = connection.exec_driver_sql(_ENCRYPTED.format(number=number)).scalar_one()
            found = Mac(bytes.fromhex(self._cipher().decrypt(bytes(sealed), mac_place(number))))
            if not connection.info.get(MADE_HERE):
                self._opened[number] = found
        return found


def mac_place(number: int) -> Place:
    """The place to which an encrypted key is bound."""
    return Place("mac_key", "sealed", str(number))


def use_keys(engine: Engine, cipher: Callable[[], Cipher]) -> None:
    """Let what is written with this engine have MACs. `cipher` is called if there is a key to open."""
    engine.update_execution_options(**{KEYS: Keys(cipher)})


def use_keys_of(engine: Engine, home: Path) -> None:
    """The same, for an engine that no context has: with person.key of this folder."""
    use_keys(engine, lambda: Cipher.open(home / "person.key"))


def newest_mac(connection: Connection) -> Mac | None:
    """The MACs of the newest key; None where there is no key yet, or where this engine may open none."""
    info = connection.info
    if connection.get_execution_options().get("sendflow_reading"):
        return mac_numbered(connection, connection.exec_driver_sql(NUMBER_QUERY).scalar())
    if NUMBER not in info:
        info[NUMBER] = run(connection, NUMBER_QUERY).fetchone()[0]
    return mac_numbered(connection, info[NUMBER])


def keys_of(connection: Connection) -> Keys | None:
    """The keys of the engine of a connection; None for an engine of no installation."""
    keys: Keys | None = connection.engine.get_execution_options().get(KEYS)
    return keys


def knows_who_acts(connection: Connection) -> bool:
    """Whether what is written next needs no new row of `acting`. The transaction may be one that only reads."""
    keys = keys_of(connection)
    return keys is None or number_of(connection, keys.acting)[1]


def mac_numbered(connection: Connection, number: int | None) -> Mac | None:
    """The MACs of one key, by its number; None where there is none, or where this engine may open none."""
    keys = keys_of(connection)
    return keys.mac(connection, number) if keys is not None and number is not None else None


def same(one: str | None, other: str) -> bool:
    """Whether two MACs are the same, in a time that does not depend on where they differ."""
    return one is not None and compare_digest(one, other)
