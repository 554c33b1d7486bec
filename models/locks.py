"""Locks on cases, and named locks. They end with the transaction. [I/O]

SQLite has one writer at a time, so a transaction that writes is alone there and these functions lock nothing.

Transactions lock cases in the order of their references, so they rarely deadlock. If they do, PostgreSQL ends one of
them and `database.transact` repeats it.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection

from models.bulk_io import run
from models.database import LEDGER_SHARED, is_postgresql, is_reading
from models.lock_numbers import LEDGER, lock_number

_LOCK_CASES = "SELECT case_ref, child_key FROM case_file WHERE case_ref = ANY(%s) ORDER BY case_ref FOR UPDATE"
_LOCK_CASE = "SELECT case_ref, child_key FROM case_file WHERE case_ref = %s FOR UPDATE"


def lock_cases(connection: Connection, refs: Sequence[str], skip: bool = False) -> list[str]:
    """Lock the cases that exist and return their references, in order. `skip`: leave out those that another locked."""
    if not is_postgresql(connection) or is_reading(connection):
        return sorted(refs)
    query = f"{_LOCK_CASES} SKIP LOCKED" if skip else _LOCK_CASES
    return [row[0] for row in run(connection, query, (list(refs),), prepare=False).fetchall()]


def send_case_locks(connection: Connection, refs: Sequence[str]) -> Any:
    """Lock the cases that exist, within `bulk_io.in_one_go`: the statement after it sees them locked.

    The cursor that is returned has the reference and the child id of each; None where nothing is locked.
    """
    if not is_postgresql(connection) or is_reading(connection):
        return None
    if len(refs) == 1:
        return run(connection, _LOCK_CASE, tuple(refs))
    return run(connection, _LOCK_CASES, (list(refs),), prepare=False)


def lock_exclusive(connection: Connection, name: str) -> None:
    """Take the lock `name`, alone: wait until no other transaction holds it. Who only reads takes no lock."""
    if is_postgresql(connection) and not is_reading(connection):
        _advisory_lock(connection, "pg_advisory_xact_lock", name)


def try_lock_exclusive(connection: Connection, name: str) -> bool:
    """Take the lock `name`, alone, if no other transaction holds it; return whether it was taken."""
    return bool(_advisory_lock(connection, "pg_try_advisory_xact_lock", name)) if is_postgresql(connection) else True


def lock_shared(connection: Connection, name: str) -> None:
    """Take the lock `name` with others: wait until no transaction holds it alone. Who only reads takes no lock."""
    if not is_postgresql(connection) or (name == LEDGER and connection.info.get(LEDGER_SHARED)):
        return  # there is none, or it was taken as the transaction began
    if not is_reading(connection):
        _advisory_lock(connection, "pg_advisory_xact_lock_shared", name)


def _advisory_lock(connection: Connection, function: str, name: str) -> Any:
    return run(connection, f"SELECT {function}(%s)", (lock_number(name),)).fetchone()[0]


__all__ = ["LEDGER", "lock_cases", "lock_exclusive", "lock_shared", "send_case_locks", "try_lock_exclusive"]
