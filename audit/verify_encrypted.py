"""Verify what is encrypted, with person.key: each value in the place for which it was encrypted.

A value that was moved from another row or column does not decrypt there, even where a person with the database has
recorded the move in the change log. Without person.key nothing is compared. While no value of a database is bound, it
is of an earlier revision, or was upgraded a moment ago. No message contains a word of a value.
"""

from collections.abc import Callable, Iterator
from typing import Any

import orjson
from sqlalchemy import Connection, Select, select

from models.alike import alike_index
from models.data_keys import DataKeys
from models.encryption import OLDER, Cipher, EncryptionError, Place, free_text_place, mail_place, person_place
from models.free_text import salted_digest
from models.key_checks import anything_bound
from models.people import nhs_index
from models.tables import CASE, FREE_TEXT, INCOMING_MAIL, PERSON

Report = Callable[[str | None, str, str], None]  # case, what, message
Open = Callable[[bytes, Place], str | None]
ROWS_PER_FETCH = 400
_MOVED = "does not decrypt where it is: it was altered, or it is the value of another row"


def check_encrypted(connection: Connection, cipher: Cipher, case: str | None, report: Report) -> None:
    """Report each person, free text and mail that is not what was encrypted for its row. With `case`, only its own."""
    if not cipher.stored:
        return
    open_ = _opener(connection, cipher)
    persons = select(PERSON).where(PERSON.c.erased_at.is_(None))
    texts = select(FREE_TEXT).where(FREE_TEXT.c.erased_at.is_(None))
    if case is not None:
        persons = persons.join(CASE, CASE.c.child_key == PERSON.c.child_key).where(CASE.c.case_ref == case)
        texts = texts.where(FREE_TEXT.c.case_ref == case)
    for row in _rows(connection, persons):
        if wrong := _wrong_person(row, cipher, open_):
            report(case, "person", f"the person {row.child_key[:12]} {wrong}")
    for row in _rows(connection, texts):
        if wrong := _wrong_text(row, open_):
            report(row.case_ref, "free_text", f"the free text {row.id} {wrong}")
    mails = select(INCOMING_MAIL).where(INCOMING_MAIL.c.erased_at.is_(None))
    for row in _rows(connection, mails) if case is None else ():
        if any(open_(value, mail_place(name, row.id)) is None for name, value in _of_mail(row)):
            report(None, "mail", f"the mail {row.id} {_MOVED}")


def _rows(connection: Connection, query: Select[Any]) -> Iterator[Any]:
    return iter(connection.execute(query.execution_options(yield_per=ROWS_PER_FETCH)))


def _of_mail(row: Any) -> tuple[tuple[str, bytes], ...]:
    return ("sealed", row.sealed), ("summary", row.summary)


def _wrong_person(row: Any, cipher: Cipher, open_: Open) -> str | None:
    text = open_(row.sealed, person_place(row.child_key))
    if text is None:
        return _MOVED
    person = orjson.loads(text)
    number = person.get("nhs_number")
    if row.nhs_index != (nhs_index(cipher, number) if number else None):
        return "is found by another NHS number than its own"
    # A person of an earlier version has none until the person is written again.
    if row.alike_index is not None and row.alike_index != alike_index(cipher, person):
        return "is found by another name or date of birth than its own"
    return None


def _wrong_text(row: Any, open_: Open) -> str | None:
    words = open_(row.sealed, free_text_place(row.id, row.case_ref))
    if words is None:
        return _MOVED
    return None if salted_digest(row.salt, words) == row.digest else "is not the text whose digest its fact has"


def _opener(connection: Connection, cipher: Cipher) -> Open:
    """A function that gives the text of a value in its place; None where it is not the value of that place."""
    older_too, keys = not anything_bound(connection), DataKeys(connection, cipher)

    def open_(value: bytes, place: Place) -> str | None:
        if older_too and value.startswith(OLDER):
            return cipher.decrypt_older(value)
        try:
            return keys.decrypt(value, place)
        except EncryptionError:
            return None

    return open_
