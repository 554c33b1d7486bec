"""The data keys: one for each child, case, mail and sent file, wrapped by person.key, in no backup. [I/O]

Purpose: UK GDPR art 17 and art 32(1)(a). What identifies a child is encrypted with the child's data key, the free text
of a case with the case's, a mail or a file with its own. An erasure deletes these keys, so that no backup and no dead
page of the database can be read any more: a backup has the encrypted values without their keys, and only the newest
keys are stored beside it (`runtime.backup`). Callers open the transaction; nothing here commits.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterable
from importlib import import_module
from typing import TYPE_CHECKING

from sqlalchemy import Connection, delete, select

from models.bulk_io import in_chunks
from models.encryption import BOUND, KEYED, NONCE, Cipher, EncryptionError, Place, associated
from models.tables import DATA_KEY

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

OLDER_VALUES = "older"  # a row of this name: values of revision 025 and before have no data key yet
KEY_BYTES = 32


class DataKeyMissing(EncryptionError):
    """The data key of a value is not in the database: it was restored from a backup, or the child was erased."""

    default_code = "data_key_missing"


def child_subject(child_key: str) -> str:
    """The name of the data key of a child."""
    return f"child/{child_key}"


def case_subject(case_ref: str) -> str:
    """The name of the data key of the free text of a case."""
    return f"case/{case_ref}"


def mail_subject(id_: str) -> str:
    """The name of the data key of a mail that came in."""
    return f"mail/{id_}"


def import_subject(id_: str) -> str:
    """The name of the data key of a file that waits to be imported."""
    return f"import/{id_}"


def subject_of(place: Place) -> str:
    """The name of the data key with which a value of that place is encrypted."""
    match place.table:
        case "person":
            return child_subject(place.key)
        case "passage":
            return case_subject(place.case)
        case "staged_import":
            return import_subject(place.key)
        case _:
            return mail_subject(place.key)


class DataKeys:
    """The data keys that one transaction needs, each read and unwrapped once."""

    def __init__(self, connection: Connection, cipher: Cipher) -> None:
        self._connection = connection
        self._cipher = cipher
        self._known: dict[str, AESGCM | None] = {}

    def load(self, subjects: Iterable[str]) -> None:
        """Read the keys of these names together; one that is not there is remembered as missing."""
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        wanted = sorted(set(subjects) - self._known.keys())
        for chunk in in_chunks(wanted):
            self._known |= dict.fromkeys(chunk)
            query = select(DATA_KEY.c.subject, DATA_KEY.c.wrapped).where(DATA_KEY.c.subject.in_(chunk))
            for subject, wrapped in self._connection.execute(query):
                self._known[subject] = AESGCM(self._cipher.unwrap(bytes(wrapped), subject))

    def make(self, subjects: Iterable[str]) -> None:
        """Read the keys of these names, and make those that are not there. Two writers get the same key."""
        wanted = sorted(set(subjects))
        self.load(wanted)
        fresh = [each for each in wanted if self._known[each] is None]
        if not fresh:
            return
        rows = [{"subject": each, "wrapped": self._cipher.wrap(secrets.token_bytes(KEY_BYTES), each)} for each in fresh]
        # The module of one dialect only: importing both takes a tenth of the start-up of a command.
        dialect = import_module(f"sqlalchemy.dialects.{self._connection.dialect.name}")
        self._connection.execute(dialect.insert(DATA_KEY).on_conflict_do_nothing(), rows)
        for each in fresh:
            del self._known[each]
        self.load(fresh)

    def encrypt(self, words: str, place: Place) -> bytes:
        """Return `words` encrypted for one place with its data key, which is made if it is not there."""
        subject = subject_of(place)
        self.make([subject])
        key = self._known[subject]
        assert key is not None
        nonce = secrets.token_bytes(NONCE)
        return KEYED + nonce + key.encrypt(nonce, words.encode("utf-8", "surrogatepass"), associated(place))

    def decrypt(self, encrypted: bytes, place: Place) -> str:
        """Return the decrypted text. Raises DataKeyMissing, or EncryptionError where it is not the value of the place.

        A value of an earlier revision has no data key: person.key alone decrypts it.
        """
        from cryptography.exceptions import InvalidTag

        encrypted = bytes(encrypted)
        if not encrypted.startswith(KEYED):
            return self._cipher.decrypt(encrypted, place)
        subject = subject_of(place)
        self.load([subject])
        key = self._known[subject]
        if key is None:
            raise DataKeyMissing(
                f"the data key of an encrypted value of table {place.table} is not in this database. If it was restored"
                " from a backup, load the newest keys: sendflow restore-keys FILE"
            )
        nonce, sealed = encrypted[1 : 1 + NONCE], encrypted[1 + NONCE :]
        try:
            return key.decrypt(nonce, sealed, associated(place)).decode("utf-8", "surrogatepass")
        except (InvalidTag, ValueError):
            raise EncryptionError(
                f"an encrypted value of table {place.table} does not open: it was changed, it was moved from another"
                " row, or person.key is not the key that encrypted it. sendflow verify names the row"
            ) from None

    def opens(self, encrypted: bytes, place: Place) -> bool:
        """Return whether the value decrypts in its place."""
        try:
            self.decrypt(encrypted, place)
        except EncryptionError:
            return False
        return True


def delete_data_keys(connection: Connection, subjects: Collection[str]) -> int:
    """Delete the keys of these names, for ever; return how many there were."""
    gone = 0
    for chunk in in_chunks(sorted(subjects)):
        gone += connection.execute(delete(DATA_KEY).where(DATA_KEY.c.subject.in_(chunk))).rowcount
    return gone


def count_data_keys(connection: Connection, subjects: Collection[str]) -> int:
    """How many of these names have a key."""
    found = 0
    for chunk in in_chunks(sorted(subjects)):
        query = select(DATA_KEY.c.subject).where(DATA_KEY.c.subject.in_(chunk))
        found += len(connection.scalars(query).all())
    return found


def is_of_a_data_key(value: bytes) -> bool:
    """Whether a value is encrypted with a data key."""
    return bytes(value).startswith(KEYED)


def is_of_the_person_key(value: bytes) -> bool:
    """Whether a value is bound to its place and encrypted with person.key alone, as of revision 025 and before."""
    return bytes(value).startswith(BOUND)
