"""The directory, the law and the declarations of rule packs of this database: texts, when, by whom and where.

Purpose: a changed directory redirects letters, and no fact holds it. The program that first writes with a directory
records it, as it records a rule set. Machines with different directories each record their own once, not at every act.
"""

from __future__ import annotations

import hashlib
import socket
from typing import Any

from sqlalchemy import Connection, func, select

from models.change_log import insert_logged
from models.locks import lock_exclusive
from models.tables import CONFIG_HELD

DIRECTORY, LAW, PACK = "directory", "law", "pack"


def directories_held(connection: Connection) -> list[Any]:
    """The newest directory of each machine, the newest of all first: number, at, digest, machine."""
    columns = (CONFIG_HELD.c.number, CONFIG_HELD.c.at, CONFIG_HELD.c.digest, CONFIG_HELD.c.machine)
    query = select(*columns).where(CONFIG_HELD.c.kind == DIRECTORY).order_by(CONFIG_HELD.c.number.desc())
    found: dict[str, Any] = {}
    for row in connection.execute(query):
        found.setdefault(row.machine, row)
    return list(found.values())


def directory_is_held(connection: Connection, digest: str) -> bool:
    """Whether this directory is the newest of all, or the newest of this machine."""
    held = directories_held(connection)
    return any(row.digest == digest for row in held[:1] + [row for row in held if row.machine == socket.gethostname()])


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
