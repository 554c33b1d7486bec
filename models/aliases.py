"""The references that other systems gave to cases, stored as keyed digests. [I/O]

Purpose: UK GDPR art 5(1)(c). A reference may hold a name, so sendflow stores no reference that does not have the form
of one. Callers open the transaction; nothing here commits.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import Connection, delete, insert, select

from models.bulk_io import in_chunks
from models.change_log import log_keys, log_rows
from models.encryption import Cipher
from models.key_checks import check_key_for_writing
from models.same_words import reference_key
from models.tables import ALIAS


def alias_digest(cipher: Cipher, reference: str) -> str:
    """Return the keyed digest of a reference; letter case, blanks, hyphens and code points make no difference."""
    return cipher.index("alias", reference_key(reference).casefold())


def _digests(cipher: Cipher, reference: str) -> tuple[str, str]:
    """The digest of a reference, and the one by which an earlier version stored it."""
    return alias_digest(cipher, reference), cipher.index("alias", " ".join(reference.split()).casefold())


def insert_aliases(connection: Connection, cipher: Cipher, case_refs: Mapping[str, str]) -> None:
    """Record the case reference of each original reference. Raises WrongKey."""
    if case_refs:
        check_key_for_writing(connection, cipher)
        rows = [{"digest": alias_digest(cipher, original), "case_ref": ref} for original, ref in case_refs.items()]
        connection.execute(insert(ALIAS), rows)
        log_rows(connection, ALIAS, [tuple(row.values()) for row in rows])


def find_aliases(connection: Connection, cipher: Cipher, references: Iterable[str]) -> dict[str, str]:
    """Return the case references of the original references that are known, by reference as given."""
    wanted: dict[str, list[str]] = {}
    for reference in references:
        for digest in _digests(cipher, reference):
            wanted.setdefault(digest, []).append(reference)
    found: dict[str, str] = {}
    for chunk in in_chunks(list(wanted)):
        for digest, case_ref in connection.execute(
            select(ALIAS.c.digest, ALIAS.c.case_ref).where(ALIAS.c.digest.in_(chunk))
        ):
            found |= dict.fromkeys(wanted[digest], case_ref)
    return found


def delete_aliases(connection: Connection, case_refs: Sequence[str]) -> None:
    """Delete the original references of these cases."""
    for chunk in in_chunks(case_refs):
        stored = select(ALIAS.c.digest).where(ALIAS.c.case_ref.in_(chunk))
        log_keys(connection, ALIAS, list(connection.scalars(stored)))
        connection.execute(delete(ALIAS).where(ALIAS.c.case_ref.in_(chunk)))
