"""Children of the same name and date of birth, who may be one child, found by a keyed digest of both. [I/O]

Purpose: a tracker often has no NHS number, and a child with two cases would be two children without a word. The digest
says nothing without person.key. Callers open the transaction, but for `index_alike`; nothing here merges children.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import orjson
from sqlalchemy import Connection, Engine, bindparam, select, update

from models.bulk_io import in_chunks
from models.change_log import is_as_recorded, log_keys
from models.data_keys import DataKeys
from models.database import reading, transact
from models.encryption import Cipher, EncryptionError, person_place
from models.same_words import name_key
from models.tables import PERSON

NONE = ""  # of a child whose name or date of birth is unknown; an erased child and one of an earlier version have NULL
_UNINDEXED = PERSON.c.alike_index.is_(None) & PERSON.c.erased_at.is_(None)


def alike_index(cipher: Cipher, person: Mapping[str, str]) -> str:
    """Return the keyed digest of a name with its date of birth, however the name is typed; NONE without both."""
    name, born = person.get("name"), person.get("date_of_birth")
    return cipher.index("name and birth", f"{born} {name_key(name)}") if name and born else NONE


def find_alike(connection: Connection, child_ids: Collection[str]) -> list[tuple[str, str]]:
    """Return pairs of a child of these and another child of the same name and date of birth.

    Two children who both have an NHS number are two: their numbers differ.
    """
    columns = select(PERSON.c.child_key, PERSON.c.alike_index, PERSON.c.nhs_index)
    wanted: dict[str, list[tuple[str, bool]]] = {}
    for chunk in in_chunks(sorted(child_ids)):
        found = connection.execute(columns.where(PERSON.c.child_key.in_(chunk), PERSON.c.alike_index != NONE))
        for child, alike, number in found:
            wanted.setdefault(alike, []).append((child, number is not None))
    pairs: set[tuple[str, str]] = set()
    for chunk in in_chunks(sorted(wanted)):
        for other, alike, number in connection.execute(columns.where(PERSON.c.alike_index.in_(chunk))):
            for child, numbered in wanted[alike]:
                if child != other and not (numbered and number is not None):
                    pairs.add((min(child, other), max(child, other)))
    return sorted(pairs)


def index_alike(engine: Engine, cipher: Cipher, at: str) -> int:
    """Index the children of an earlier version; return how many. `at` is an instant, ISO 8601, UTC.

    A person who does not decrypt, or who is not as the change log has it, is left for verification to report.
    """
    with reading(engine) as connection:
        if connection.scalar(select(PERSON.c.child_key).where(_UNINDEXED).limit(1)) is None:
            return 0
    return transact(engine, lambda connection: _index(connection, cipher, at))


def _index(connection: Connection, cipher: Cipher, at: str) -> int:
    changed = []
    keys = DataKeys(connection, cipher)
    for row in connection.execute(select(PERSON).where(_UNINDEXED)).all():
        try:
            person = orjson.loads(keys.decrypt(row.sealed, person_place(row.child_key)))
        except EncryptionError:
            continue
        if is_as_recorded(connection, PERSON, row):
            changed.append({"who": row.child_key, "alike": alike_index(cipher, person)})
    if changed:
        statement = update(PERSON).where(PERSON.c.child_key == bindparam("who"))
        connection.execute(statement.values(alike_index=bindparam("alike")), changed)
        log_keys(connection, PERSON, [each["who"] for each in changed], at)
    return len(changed)
