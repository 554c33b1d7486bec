"""What an act of a program was answered, stored in the act's transaction, so that a repeated call does nothing twice.

Purpose: a program whose connection broke cannot know whether its act was done. It sends the same call again under the
same idempotency key and gets the same answer. A refused act stores nothing: to repeat it is to try again. Keys and
requests are stored as keyed digests, for they may hold an identity; an answer has references only. Instants are in UTC.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import Connection, delete, insert, select

from models.encryption import Cipher
from models.errors import Refusal
from models.locks import lock_exclusive
from models.tables import API_ANSWER

KNOWN_FOR = timedelta(days=7)


class AnsweredBefore(Refusal):
    """Ends the transaction of an act that was done before: it has its answer."""

    default_code = "answered_before"

    def __init__(self, status: int, answer: Any) -> None:
        super().__init__("this act was done before, under the same idempotency key")
        self.status, self.answer = status, answer


class AnotherRequest(Refusal):
    """The key was used for another act."""

    default_code = "idempotency_key_reused"


class Once:
    """One act under an idempotency key of an account. `request` is all that the act was asked."""

    def __init__(self, cipher: Cipher, account: str, key: str, request: bytes) -> None:
        self._key = cipher.index("api key", f"{account}\0{key}")
        self._request = cipher.index("api request", f"{account}\0{request.hex()}")

    def begin(self, connection: Connection) -> None:
        """Call it first in the transaction. Raises AnsweredBefore, or AnotherRequest.

        Another call under the same key waits here until this one has ended.
        """
        lock_exclusive(connection, f"api/{self._key}")
        row = connection.execute(select(API_ANSWER).where(API_ANSWER.c.key == self._key)).first()
        if row is None:
            return
        if row.request != self._request:
            raise AnotherRequest(
                "this idempotency key was used for another act. Nothing was recorded. Give each act a key of its own,"
                " for example a random UUID"
            )
        raise AnsweredBefore(row.status, orjson.loads(row.answer))

    def end(self, connection: Connection, status: int, answer: Any) -> None:
        """Call it last in the transaction, with what will be answered. Answers of last week are deleted."""
        now = datetime.now(UTC)
        connection.execute(delete(API_ANSWER).where(API_ANSWER.c.at < _text(now - KNOWN_FOR)))
        row = {"key": self._key, "request": self._request, "status": status, "at": _text(now)}
        connection.execute(insert(API_ANSWER).values(**row, answer=orjson.dumps(answer).decode()))


def _text(moment: datetime) -> str:
    return moment.isoformat(timespec="microseconds")
