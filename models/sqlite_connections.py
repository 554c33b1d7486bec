"""Connections to SQLite: their settings. [I/O]"""

import sqlite3
import time
from typing import Any

from models.server_connections import BUSY_MILLISECONDS

# SQLite's page cache of each connection. With the default of 2,000 KiB, a verification reads the same pages repeatedly.
CACHE_KIBIBYTES = 16_384
PRAGMAS = (
    f"busy_timeout={BUSY_MILLISECONDS}",
    "synchronous=FULL",
    "foreign_keys=ON",
    "recursive_triggers=ON",
    "secure_delete=ON",
    f"cache_size=-{CACHE_KIBIBYTES}",
)


def set_pragmas(connection: Any, _record: Any) -> None:
    """Prepare a new connection."""
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in PRAGMAS:
        cursor.execute(f"PRAGMA {pragma}")
    _switch_to_wal(cursor)
    cursor.close()


def _switch_to_wal(cursor: Any) -> None:
    """Switch the file to WAL; this is needed once per file.

    SQLite's busy timeout does not apply to this statement. If another process switches at the same time, retry here.
    """
    until = time.monotonic() + BUSY_MILLISECONDS / 1000
    while cursor.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError:
            if time.monotonic() > until:
                raise
            time.sleep(0.02)
