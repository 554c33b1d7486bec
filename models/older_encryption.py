"""Brings encrypted values of earlier revisions to the present form: decrypts each and encrypts it again. [I/O]

Revision 009 and before bound no value to its place; revision 025 and before had no data keys. What is not as the change
log has it stays as it is. Each round is a transaction, so that a process that is killed loses one round, and the next
one that opens the database goes on.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Engine, LargeBinary, Table, func, literal, select, update

from models.change_log import COVERED, is_as_recorded, log_keys
from models.data_keys import OLDER_VALUES, DataKeys, delete_data_keys
from models.database import reading, transact
from models.encryption import BOUND, OLDER, Cipher, EncryptionError, Place, free_text_place, mail_place, person_place
from models.key_checks import ROWS_TRIED, anything_bound, encrypted_values
from models.locks import lock_exclusive
from models.tables import DATA_KEY, FREE_TEXT, INCOMING_MAIL, PERSON

LOCK = "older encryption"
ROUND = 300  # rows in one transaction


def bind_older_values(engine: Engine, cipher: Cipher, at: str) -> int:
    """Encrypt every value of an earlier revision again, for its place; return how many. `at` is ISO 8601, UTC.

    All are of revision 009 or none, so the first rows of each table say which. A value of that revision beside bound
    ones was put back, and is left as it is.
    """
    with reading(engine) as connection:
        older = any(value.startswith(OLDER) for _place, value in encrypted_values(connection, ROWS_TRIED))
        unbound = older and not anything_bound(connection)
        without_key = _has_values_without_a_key(connection)
    bound = transact(engine, lambda connection: _bind(connection, cipher, at)) if unbound else 0
    return bound + (_give_data_keys(engine, cipher, at) if without_key else 0)


def _has_values_without_a_key(connection: Connection) -> bool:
    query = select(DATA_KEY.c.subject).where(DATA_KEY.c.subject == OLDER_VALUES)
    return connection.scalar(query) is not None


def _give_data_keys(engine: Engine, cipher: Cipher, at: str) -> int:
    changed = 0
    for table in (PERSON, FREE_TEXT, INCOMING_MAIL):
        after: str | None = ""
        while after is not None:
            start = after
            after, count = transact(engine, lambda connection: _round(connection, cipher, table, start, at))  # noqa: B023
            changed += count
    transact(engine, lambda connection: delete_data_keys(connection, {OLDER_VALUES}))
    return changed


def _round(connection: Connection, cipher: Cipher, table: Table, after: str, at: str) -> tuple[str | None, int]:
    """Encrypt the next rows of a table with their data keys; return the last key, None after the last round, and how
    many rows were changed.
    """
    lock_exclusive(connection, LOCK)
    (key,) = table.primary_key
    first = func.substr(table.c.sealed, 1, 1) == literal(BOUND, LargeBinary)
    query = select(table).where(key > after, table.c.erased_at.is_(None), first).order_by(key).limit(ROUND)
    rows = connection.execute(query).all()
    changed = [id_ for row in rows if (id_ := _encrypt_again(connection, cipher, table, row))]
    log_keys(connection, table, changed, at)
    return (str(getattr(rows[-1], key.name)) if len(rows) == ROUND else None), len(changed)


def _encrypt_again(connection: Connection, cipher: Cipher, table: Table, row: Any) -> str | None:
    (key,) = table.primary_key
    id_ = str(getattr(row, key.name))
    if not is_as_recorded(connection, table, row):
        return None
    keys = DataKeys(connection, cipher)
    try:
        fresh = {
            name: keys.encrypt(keys.decrypt(getattr(row, name), place), place) for name, place in _places(table, row)
        }
    except EncryptionError:
        return None
    connection.execute(update(table).where(key == id_).values(**fresh))
    return id_


def _places(table: Table, row: Any) -> list[tuple[str, Place]]:
    if table is PERSON:
        return [("sealed", person_place(row.child_key))]
    if table is FREE_TEXT:
        return [("sealed", free_text_place(row.id, row.case_ref))]
    return [(name, mail_place(name, row.id)) for name in ("sealed", "summary")]


def _bind(connection: Connection, cipher: Cipher, at: str) -> int:
    lock_exclusive(connection, LOCK)
    if anything_bound(connection):
        return 0
    return sum(_bind_table(connection, cipher, table, at) for table in (PERSON, FREE_TEXT))


def _bind_table(connection: Connection, cipher: Cipher, table: Table, at: str) -> int:
    (key,) = table.primary_key
    coverage = COVERED[table.name]
    keys = DataKeys(connection, cipher)
    bound: list[Any] = []
    for row in connection.execute(select(table).where(table.c.erased_at.is_(None))).all():
        if not bytes(row.sealed).startswith(OLDER) or not is_as_recorded(connection, table, row):
            continue
        text = cipher.decrypt_older(row.sealed)
        if text is None:
            continue
        id_ = row[coverage.key]
        [(_column, place)] = _places(table, row)
        connection.execute(update(table).where(key == id_).values(sealed=keys.encrypt(text, place)))
        bound.append(id_)
    log_keys(connection, table, bound, at)
    return len(bound)
