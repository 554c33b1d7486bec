"""Checks that the person key is the key of this database, before anything is read or encrypted with it. [I/O]

Purpose: UK GDPR art 32(1)(a); art 5(1)(f). A person encrypted under a second key can never be found again.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from sqlalchemy import Connection, LargeBinary, Select, func, literal, select

from models.data_keys import DataKeyMissing, DataKeys
from models.encryption import (
    BOUND,
    KEYED,
    OLDER,
    Cipher,
    EncryptionError,
    Place,
    WrongKey,
    free_text_place,
    mail_place,
    person_place,
)
from models.locks import lock_exclusive
from models.macs import mac_place
from models.tables import FREE_TEXT, INCOMING_MAIL, MAC_KEY, PERSON

ROWS_PER_FETCH = 400
ROWS_TRIED = 5
FIRST_ENCRYPTION = "first seal"  # the name of the lock stays: two versions of sendflow may run at once
_PERSONS = select(PERSON.c.child_key, PERSON.c.sealed).where(PERSON.c.erased_at.is_(None))
_FREE_TEXTS = select(FREE_TEXT.c.id, FREE_TEXT.c.case_ref, FREE_TEXT.c.sealed).where(FREE_TEXT.c.erased_at.is_(None))
# The newest alone: an older one may be of before person.key was lost.
_MAC_KEYS = select(MAC_KEY.c.number, MAC_KEY.c.sealed).where(MAC_KEY.c.sealed.is_not(None))
_MAC_KEY = _MAC_KEYS.order_by(MAC_KEY.c.number.desc()).limit(1)
_MAILS = select(INCOMING_MAIL.c.id, INCOMING_MAIL.c.summary).where(INCOMING_MAIL.c.erased_at.is_(None))
ENCRYPTED = (PERSON, FREE_TEXT, INCOMING_MAIL)


class DataKeysMissing(DataKeyMissing):
    """No value has its data key: the database was restored from a backup, and nothing may be read before the erasures
    since then are repeated.
    """

    default_code = "data_keys_missing"


class Encrypted(NamedTuple):
    """An encrypted value and the place to which it is bound."""

    place: Place
    value: bytes


def encrypted_values(connection: Connection, most: int | None = None) -> Iterator[Encrypted]:
    """Give every encrypted value that is not erased, or the first `most` of each table."""
    for child, value in connection.execute(_some(_PERSONS, most)):
        yield Encrypted(person_place(child), value)
    for id_, case_ref, value in connection.execute(_some(_FREE_TEXTS, most)):
        yield Encrypted(free_text_place(id_, case_ref), value)
    for id_, value in connection.execute(_some(_MAILS, most)):
        yield Encrypted(mail_place("summary", id_), value)
    for number, value in connection.execute(_MAC_KEY):
        yield Encrypted(mac_place(number), value)


def _some(query: Select[Any], most: int | None) -> Select[Any]:
    return query.execution_options(yield_per=ROWS_PER_FETCH) if most is None else query.limit(most)


def anything_encrypted(connection: Connection) -> bool:
    """Return whether the database holds anything encrypted; a new key must then not be made."""
    rows = (connection.execute(select(table.c.sealed).limit(1)).first() for table in ENCRYPTED)
    return any(row is not None for row in rows) or connection.execute(_MAC_KEY).first() is not None


def anything_bound(connection: Connection) -> bool:
    """Return whether a value is bound to its place. All are bound in one transaction, but for those that were altered.

    Where none is, the database was upgraded from revision 009 and no program has opened it to write since.
    """
    bound = [literal(first, LargeBinary) for first in (KEYED, BOUND)]
    return any(
        connection.execute(
            select(table.c.erased_at).where(func.substr(table.c.sealed, 1, 1).in_(bound)).limit(1)
        ).first()
        is not None
        for table in ENCRYPTED
    )


def check_key(connection: Connection, cipher: Cipher) -> bool:
    """Return whether the database holds anything encrypted. Raises WrongKey where this key decrypts none of it.

    sendflow tries a few rows of each table. One row that decrypts is enough, so that a damaged row does not stop the
    installation. Raises DataKeysMissing where none has its data key: a backup has none.
    """
    keys = DataKeys(connection, cipher)
    tried = missing = 0
    for place, value in encrypted_values(connection, ROWS_TRIED):
        tried += 1
        if _opens_older(cipher, value):
            return True
        try:
            keys.decrypt(value, place)
        except DataKeyMissing:
            missing += 1
        except EncryptionError:
            continue
        else:
            if missing and place.table == MAC_KEY.name:
                break  # person.key is the right one, and the data keys alone are missing
            return True
    if missing:
        raise DataKeysMissing(
            "This database was restored from a backup, which has no data keys. Load the newest ones, which also erase"
            " again who was erased since: sendflow restore-keys FILE (docs/operate/backup.md)"
        )
    if tried:
        raise WrongKey(
            "person.key is not the key of this database, and decrypts nothing in it: a child encrypted under it could"
            " never be found again. Restore the right one from its backup, or copy it from a machine of this"
            " installation that has it"
        )
    return False


def check_key_for_writing(connection: Connection, cipher: Cipher) -> None:
    """Check the key before the caller writes anything encrypted in the same transaction. Raises WrongKey.

    While the database holds nothing encrypted, only one transaction at a time may pass: two machines with two keys
    cannot both write first.
    """
    if not check_key(connection, cipher):
        lock_exclusive(connection, FIRST_ENCRYPTION)
        check_key(connection, cipher)


def count_undecryptable(connection: Connection, cipher: Cipher) -> int:
    """Return how many persons and free texts this key does not decrypt. Reads all of them."""
    older_too, keys = not anything_bound(connection), DataKeys(connection, cipher)
    return sum(
        not (keys.opens(value, place) or (older_too and _opens_older(cipher, value)))
        for place, value in encrypted_values(connection)
    )


def _opens_older(cipher: Cipher, value: bytes) -> bool:
    return value.startswith(OLDER) and cipher.decrypt_older(value) is not None
