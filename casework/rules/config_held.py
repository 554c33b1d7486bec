"""The directory, the law and the declarations of rule packs of this database: texts, when, by whom and where.

Purpose: a changed directory redirects letters, and no fact holds it. The program that first writes with a directory
records it, as it records a rule set; `shared_files` says which of several is in force.
"""

from __future__ import annotations

import hashlib
import socket

from sqlalchemy import Connection, func, select

from models.change_log import insert_logged
from models.locks import lock_exclusive
from models.tables import CONFIG_HELD

DIRECTORY, LADDER, TRACKER, LAW, PACK, ADOPTED = "directory", "ladder", "tracker", "law", "pack", "adopted"


def texts_held(connection: Connection, kind: str, name: str | None = None) -> list[tuple[str, str]]:
    """The name and the text of each row of a kind, or of one name of it, that has the digest of its text.

    The newest is the last.
    """
    query = select(CONFIG_HELD.c.name, CONFIG_HELD.c.text, CONFIG_HELD.c.digest).where(CONFIG_HELD.c.kind == kind)
    if name is not None:
        query = query.where(CONFIG_HELD.c.name == name)
    rows = connection.execute(query.order_by(CONFIG_HELD.c.number))
    return [(row.name, row.text) for row in rows if hashlib.sha256(row.text.encode()).hexdigest() == row.digest]


def hold(connection: Connection, kind: str, name: str, text: str, **by: str) -> None:
    """Record a text from now on. `by` is `at` (an instant, ISO 8601 UTC), `actor` and `via`."""
    lock_exclusive(connection, "config")
    row = {
        "number": (connection.scalar(select(func.max(CONFIG_HELD.c.number))) or 0) + 1,
        **by,
        "kind": kind,
        "name": name,
        "digest": hashlib.sha256(text.encode()).hexdigest(),
        "machine": socket.gethostname(),
        "text": text,
    }
    insert_logged(connection, CONFIG_HELD, [row], by["at"])
