"""The free text of cases: encrypted, erasable, and stored in no other table. [I/O]

Purpose: UK GDPR art 5(1)(c) and (f), art 32(1)(a). A fact holds only a token: the id of the free text and a salted
digest of it. Callers open the transaction; nothing here commits.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Collection, Sequence
from typing import NamedTuple

from sqlalchemy import Connection, insert, select, update

from models.bulk_io import in_chunks
from models.change_log import log_keys, log_rows
from models.data_keys import DataKeys, case_subject, delete_data_keys
from models.encryption import Cipher, free_text_place
from models.tables import FREE_TEXT


class FreeText(NamedTuple):
    """A free text that is ready to insert, which encrypts it."""

    id: str
    case_ref: str
    words: str
    salt: str
    digest: str

    @property
    def token(self) -> str:
        """The id and the salted digest, as a fact holds them."""
        return f"{self.id}.{self.digest}"


class StoredText(NamedTuple):
    """A free text read from the table; `words` is None once erased."""

    id: str
    case_ref: str
    words: str | None


def new_free_text(case_ref: str, words: str) -> FreeText:
    """Give words of a case an id, a salt and a digest, without writing them."""
    salt, id_ = secrets.token_hex(16), f"w{secrets.token_hex(10)}"
    return FreeText(id_, case_ref, words, salt, salted_digest(salt, words))


def insert_free_texts(connection: Connection, cipher: Cipher, free_texts: Sequence[FreeText]) -> None:
    """Encrypt and insert free texts. The caller runs `check_key_for_writing` first, in the same transaction."""
    if not free_texts:
        return
    keys = DataKeys(connection, cipher)
    keys.make(case_subject(each.case_ref) for each in free_texts)
    rows = [
        (
            each.id,
            each.case_ref,
            keys.encrypt(each.words, free_text_place(each.id, each.case_ref)),
            each.salt,
            each.digest,
            None,
        )
        for each in free_texts
    ]
    connection.execute(insert(FREE_TEXT), [dict(zip(FREE_TEXT.columns.keys(), row, strict=True)) for row in rows])
    log_rows(connection, FREE_TEXT, rows)


def free_text_id(token: str) -> str:
    """Return the id of the free text that a fact's token names."""
    return token.partition(".")[0]


def read_free_texts(connection: Connection, cipher: Cipher, case_refs: Collection[str]) -> dict[str, list[StoredText]]:
    """Return the free texts of these cases, by case reference; the erased ones have no words.

    Raises EncryptionError where one does not decrypt.
    """
    found: dict[str, list[StoredText]] = {}
    keys = DataKeys(connection, cipher)
    for chunk in in_chunks(list(case_refs)):
        keys.load(case_subject(ref) for ref in chunk)
        query = select(FREE_TEXT.c.id, FREE_TEXT.c.case_ref, FREE_TEXT.c.sealed, FREE_TEXT.c.erased_at).where(
            FREE_TEXT.c.case_ref.in_(chunk)
        )
        for row in connection.execute(query):
            words = None if row.erased_at else keys.decrypt(row.sealed, free_text_place(row.id, row.case_ref))
            found.setdefault(row.case_ref, []).append(StoredText(row.id, row.case_ref, words))
    return found


def salted_digest(salt: str, words: str) -> str:
    """Return the salted digest of a free text. It proves the words for as long as the database holds the salt."""
    return hashlib.sha256(f"{salt}\0{words}".encode("utf-8", "surrogatepass")).hexdigest()


def erase_free_texts(connection: Connection, case_refs: Sequence[str], erased_at: str) -> None:
    """Erase the words, the salts and the data keys of these cases, so that nobody can try guesses against the facts'
    digests.
    """
    for chunk in in_chunks(case_refs):
        where = (FREE_TEXT.c.case_ref.in_(chunk), FREE_TEXT.c.erased_at.is_(None))
        log_keys(connection, FREE_TEXT, list(connection.scalars(select(FREE_TEXT.c.id).where(*where))), erased_at)
        connection.execute(update(FREE_TEXT).where(*where).values(sealed=b"", salt="", erased_at=erased_at))
    delete_data_keys(connection, {case_subject(ref) for ref in case_refs})
