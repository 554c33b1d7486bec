"""A statement that a transaction leaves to its next one, or to its end, so that PostgreSQL is waited for once. [I/O]

Purpose: most acts write their rows in one statement and end. Sent with COMMIT, that statement costs no wait of its own.
Every way to the driver's connection sends what is left before anything else, so that the order of statements is the
same. What is wrong with the statement is raised where it is sent.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, Engine, event

_LEFT: dict[Any, Callable[[], object]] = {}  # what sends it, by the driver's connection: one thread has that at a time


def driver_of(connection: Connection) -> Any:
    """The driver's own connection."""
    return connection.connection.dbapi_connection


def cursor_of(connection: Connection, *name: str) -> Any:
    """A cursor of the driver's own, after what is left was sent. With a name it is a server-side one of PostgreSQL."""
    if _LEFT:
        send_left(connection)
    return connection.connection.dbapi_connection.cursor(*name)  # type: ignore[union-attr]


def leave(connection: Connection, send: Callable[[], object]) -> None:
    """Leave a statement, which `send` sends. `models.database.transaction` sends it before it commits."""
    _LEFT[driver_of(connection)] = send


def is_left(connection: Connection) -> bool:
    """Whether a statement is left."""
    return bool(_LEFT) and driver_of(connection) in _LEFT


def send_left(connection: Connection) -> None:
    """Send what is left, if anything is. Raises the driver's errors as SQLAlchemy's."""
    if _LEFT and (send := _LEFT.pop(driver_of(connection), None)) is not None:
        send()


def forget_left(connection: Connection) -> None:
    """Forget what is left: its transaction is undone. A connection that was lost has nothing left."""
    if _LEFT and not connection.invalidated:
        _LEFT.pop(driver_of(connection), None)


@event.listens_for(Engine, "before_cursor_execute")
def _before_a_statement(connection: Connection, *_more: object) -> None:
    send_left(connection)
