"""Messages from one process to another through PostgreSQL, which stores none of them. SQLite has no such thing. [I/O]

Purpose: workers on several machines reach the database, and not each other. A message that nobody listens to is lost,
so nothing may depend on it. Any role of the server can read one: its sender encrypts what nobody else may see.
"""

from __future__ import annotations

import secrets
from base64 import b64decode, b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine

LONGEST = 7_000  # characters of one notification; the server takes 7,999


class Listener:
    """Receives one channel from now on, and puts the pieces of each message together."""

    def __init__(self, driver: Any, channel: str) -> None:
        self._driver = driver
        self._pieces: dict[str, dict[int, str]] = {}
        driver.execute(f'LISTEN "{channel}"')

    def messages(self, seconds: float) -> Iterator[bytes]:
        """Yield the messages that come within so many seconds. Raises OperationalError of the driver."""
        for notify in self._driver.notifies(timeout=seconds):
            message, number, of, text = notify.payload.split(":", 3)
            pieces = self._pieces.setdefault(message, {})
            pieces[int(number)] = text
            if len(pieces) == int(of):
                del self._pieces[message]
                yield b64decode("".join(pieces[each] for each in sorted(pieces)))


@contextmanager
def listening(engine: Engine, channel: str) -> Iterator[Listener]:
    """Listen to a channel, whose name has letters, digits and underscores only, on a connection of its own."""
    with _alone(engine) as connection:
        driver: Any = connection.connection.dbapi_connection
        try:
            yield Listener(driver, channel)
        finally:
            connection.invalidate()  # it listens until it is closed


def send(engine: Engine, channel: str, message: bytes) -> None:
    """Send a message of any length to all that listen to the channel."""
    text, name = b64encode(message).decode(), secrets.token_hex(8)
    pieces = [text[start : start + LONGEST] for start in range(0, len(text), LONGEST)] or [""]
    with _alone(engine) as connection:
        for number, piece in enumerate(pieces):
            given = (channel, f"{name}:{number}:{len(pieces)}:{piece}")
            connection.exec_driver_sql("SELECT pg_notify(%s, %s)", given)


def _alone(engine: Engine) -> Connection:
    """A connection on which each statement is a transaction."""
    return engine.connect().execution_options(isolation_level="AUTOCOMMIT")
