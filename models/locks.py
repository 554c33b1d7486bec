"""Locks on cases, and named locks. They end with the transaction. [I/O]

SQLite has one writer at a time, so a transaction that writes is alone there and these functions lock nothing.

Transactions lock cases in the order of their references, so they rarely deadlock. If they do, PostgreSQL ends one of
them and `database.transact` repeats it.
"""

from collections.abc import Sequence
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection

from models.bulk_io import run
from models.database import is_postgresql, is_reading

LEDGER = "ledger"  # the lock between an act that appends facts and one that needs a ledger that does not change


def lock_cases(connection: Connection, refs: Sequence[str], skip: bool = False) -> list[str]:
    """Lock the cases that exist and return their references, in order. `skip`: leave out those that another locked."""
    if not is_postgresql(connection) or is_reading(connection):
        return sorted(refs)
    skipping = " SKIP LOCKED" if skip else ""
    chosen = "SELECT case_ref FROM case_file WHERE case_ref = ANY(%s) ORDER BY case_ref"
    query = f"{chosen} FOR UPDATE{skipping}"
    return [row[0] for row in run(connection, query, (list(refs),), prepare=False).fetchall()]


def lock_exclusive(connection: Connection, name: str) -> None:
    """Take the lock `name`, alone: wait until no other transaction holds it. Who only reads takes no lock."""
    if is_postgresql(connection) and not is_reading(connection):
        _advisory_lock(connection, "pg_advisory_xact_lock", name)


def try_lock_exclusive(connection: Connection, name: str) -> bool:
    """Take the lock `name`, alone, if no other transaction holds it; return whether it was taken."""
    return bool(_advisory_lock(connection, "pg_try_advisory_xact_lock", name)) if is_postgresql(connection) else True


def lock_shared(connection: Connection, name: str) -> None:
    """Take the lock `name` with others: wait until no transaction holds it alone. Who only reads takes no lock."""
    if is_postgresql(connection) and not is_reading(connection):
        _advisory_lock(connection, "pg_advisory_xact_lock_shared", name)


def _advisory_lock(connection: Connection, function: str, name: str) -> Any:
    key = int.from_bytes(sha256(f"sendflow/{name}".encode()).digest()[:8], "big", signed=True)
    return run(connection, f"SELECT {function}(%s)", (key,)).fetchone()[0]
