"""The numbers by which PostgreSQL knows our named locks (`locks` takes them)."""

from hashlib import sha256

LEDGER = "ledger"  # the lock between an act that appends facts and one that needs a ledger that does not change


def lock_number(name: str) -> int:
    """The number of the lock `name`."""
    return int.from_bytes(sha256(f"sendflow/{name}".encode()).digest()[:8], "big", signed=True)


SHARE_LEDGER = f"pg_advisory_xact_lock_shared({lock_number(LEDGER)})"  # as a column of a query
