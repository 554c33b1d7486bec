"""The circuit breaker and the limit of each mail transport, in the database, so that all deliverers share them.

After two failures in a row that concern the transport and not the letter, nobody uses it for a while: 5 minutes, then
twice as long each time, at most an hour. Then one deliverer tries one letter. A transport that asks for a pause gets
it at once. What the transport accepts, or refuses for the letter's own reason, ends the wait. Instants are in UTC.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection, insert, select, update

from casework.context import instant
from config.transports import Limit
from models.locks import lock_exclusive
from models.tables import TRANSPORT_STATE
from notifications.transport import CANNOT_BE_WRITTEN, Attempt

ENOUGH = 2  # failures in a row
FIRST_WAIT, LONGEST_WAIT = timedelta(minutes=5), timedelta(hours=1)
MINUTE = 16  # 2026-04-14T09:00
DAY = 10


class TransportState(NamedTuple):
    """One transport: failures in a row with the newest reason, since when, and until when it is left alone."""

    name: str
    failures: int = 0
    why: str | None = None
    since: str | None = None
    until: str | None = None
    minute: str = ""
    in_minute: int = 0
    in_day: int = 0

    def may_send(self, limit: Limit, now: str) -> bool:
        """Whether a letter may leave at an instant."""
        in_minute = self.in_minute if self.minute == now[:MINUTE] else 0
        in_day = self.in_day if self.minute[:DAY] == now[:DAY] else 0
        over = (limit.per_minute and in_minute >= limit.per_minute) or (limit.per_day and in_day >= limit.per_day)
        return not over and (self.until is None or self.until <= now)


def states(connection: Connection) -> dict[str, TransportState]:
    """Every transport that was used."""
    rows = connection.execute(select(TRANSPORT_STATE).order_by(TRANSPORT_STATE.c.name))
    return {row.name: TransportState._make(row) for row in rows}


def state_of(connection: Connection, name: str) -> TransportState:
    """One transport."""
    row = connection.execute(select(TRANSPORT_STATE).where(TRANSPORT_STATE.c.name == name)).first()
    return TransportState(name) if row is None else TransportState._make(row)


def take(connection: Connection, name: str, limit: Limit, now: datetime) -> bool:
    """Count one letter before it is sent; False if none may leave now. After a wait only one letter is tried."""
    at = instant(now)
    state = _locked(connection, name)
    if not state.may_send(limit, at):
        return False
    same_minute, same_day = state.minute == at[:MINUTE], state.minute[:DAY] == at[:DAY]
    values: dict[str, Any] = {
        "minute": at[:MINUTE],
        "in_minute": state.in_minute + 1 if same_minute else 1,
        "in_day": state.in_day + 1 if same_day else 1,
    }
    if state.until is not None:
        values["until"] = instant(now + FIRST_WAIT)
    _write(connection, state, values)
    return True


def give_back(connection: Connection, name: str, now: datetime) -> None:
    """Undo `take`: there was no letter to send."""
    state = _locked(connection, name)
    values: dict[str, Any] = {"in_minute": max(0, state.in_minute - 1), "in_day": max(0, state.in_day - 1)}
    if state.until is not None:
        values["until"] = instant(now)
    _write(connection, state, values)


def note(connection: Connection, name: str, attempt: Attempt, now: datetime) -> None:
    """Store what an attempt says of the transport."""
    if attempt.why == CANNOT_BE_WRITTEN:
        return
    state = _locked(connection, name)
    if attempt.is_mail_server_failure:
        failures = state.failures + 1
        wait = attempt.pause
        if wait is None and failures >= ENOUGH:
            wait = min(FIRST_WAIT * 2 ** min(failures - ENOUGH, 10), LONGEST_WAIT)
        until = instant(now + wait) if wait is not None else None
        values = {"failures": failures, "why": attempt.why, "since": state.since or instant(now), "until": until}
        _write(connection, state, values)
    elif state.failures or state.until is not None:
        _write(connection, state, {"failures": 0, "why": None, "since": None, "until": None})


def _locked(connection: Connection, name: str) -> TransportState:
    lock_exclusive(connection, f"transport/{name}")
    return state_of(connection, name)


def _write(connection: Connection, state: TransportState, values: dict[str, Any]) -> None:
    if connection.execute(
        update(TRANSPORT_STATE).where(TRANSPORT_STATE.c.name == state.name).values(**values)
    ).rowcount:
        return
    connection.execute(insert(TRANSPORT_STATE).values(**{**state._asdict(), **values}))
