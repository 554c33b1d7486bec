"""Binds encrypted values of revision 009 and before to their rows: decrypts each and encrypts it again. [I/O]

An earlier version bound no value to its place, so that a value moved to another row decrypted there. What is not as the
change log has it stays as it is, and does not decrypt.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Engine, Table, select, update

from models.change_log import COVERED, is_as_recorded, log_keys
from models.database import reading, transact
from models.encryption import OLDER, Cipher, Place, free_text_place, person_place
from models.key_checks import ROWS_TRIED, anything_bound, encrypted_values
from models.locks import lock_exclusive
from models.tables import FREE_TEXT, PERSON


def bind_older_values(engine: Engine, cipher: Cipher, at: str) -> int:
    """Encrypt every value of an earlier version again, for its place; return how many. `at` is ISO 8601, UTC.

    All are of an earlier version or none, so the first rows of each table say which. A value of an earlier version
    beside bound ones was put back, and is left as it is.
    """
    with reading(engine) as connection:
        older = any(value.startswith(OLDER) for _place, value in encrypted_values(connection, ROWS_TRIED))
        if not older or anything_bound(connection):
            return 0
    return transact(engine, lambda connection: _bind(connection, cipher, at))


def _bind(connection: Connection, cipher: Cipher, at: str) -> int:
    lock_exclusive(connection, "older encryption")
    if anything_bound(connection):
        return 0
    return sum(_bind_table(connection, cipher, table, at) for table in (PERSON, FREE_TEXT))


def _bind_table(connection: Connection, cipher: Cipher, table: Table, at: str) -> int:
    (key,) = table.primary_key
    coverage = COVERED[table.name]
    bound: list[Any] = []
    for row in connection.execute(select(table).where(table.c.erased_at.is_(None))).all():
        if not bytes(row.sealed).startswith(OLDER) or not is_as_recorded(connection, table, row):
            continue
        text = cipher.decrypt_older(row.sealed)
        if text is None:
            continue
        id_ = row[coverage.key]
        changed = update(table).where(key == id_).values(sealed=cipher.encrypt(text, _place(table, row)))
        connection.execute(changed)
        bound.append(id_)
    log_keys(connection, table, bound, at)
    return len(bound)


def _place(table: Table, row: Any) -> Place:
    return person_place(row.child_key) if table is PERSON else free_text_place(row.id, row.case_ref)
