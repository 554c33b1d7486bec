"""Addresses of calendars: one for the team and one for each body, readable by everybody who has the address.

A token is a keyed digest of the calendar's name and a number. The key is derived from person.key, so that no address
is in the database; a new number ends the old address at once. The row is compared with the change log, so that an
address that was ended opens nothing after an alteration. Instants are in UTC.
"""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64encode
from typing import NamedTuple

from sqlalchemy import Connection, select, update

from casework.context import AppContext, instant
from models.change_log import insert_logged, is_as_recorded, log_keys
from models.database import reading, transact
from models.encryption import Cipher
from models.errors import Refusal
from models.tables import CALENDAR_ADDRESS

TEAM = "team"


class NoSuchCalendar(Refusal, LookupError):
    """There is no calendar of that name, or no body."""

    default_code = "no_such_calendar"


class CalendarAddress(NamedTuple):
    """One calendar: `team` or a body's code, and its path, empty once it is ended."""

    name: str
    path: str
    changed_at: str
    changed_by: str


def make(context: AppContext, name: str, actor: str) -> CalendarAddress:
    """Make the address of a calendar; another one if there is one already. Raises NoSuchCalendar."""
    if name != TEAM and name not in {each.body for each in context.directory.bodies}:
        raise NoSuchCalendar(f"there is no body {name}: expected team or a code of sendflow bodies, such as QX101")
    at = instant(context.now())

    def once(connection: Connection) -> int:
        row = connection.execute(select(CALENDAR_ADDRESS.c.number).where(CALENDAR_ADDRESS.c.name == name)).first()
        number = 1 if row is None else row.number + 1
        values = {"name": name, "number": number, "changed_at": at, "changed_by": actor, "ended_at": None}
        if row is None:
            insert_logged(connection, CALENDAR_ADDRESS, [values], at)
        else:
            log_keys(connection, CALENDAR_ADDRESS, [name], at)
            connection.execute(update(CALENDAR_ADDRESS).where(CALENDAR_ADDRESS.c.name == name).values(**values))
        return number

    number = transact(context.engine, once)
    return CalendarAddress(name, _path(context.cipher, name, number), at, actor)


def end(context: AppContext, name: str, actor: str) -> CalendarAddress:
    """End the address of a calendar: it opens nothing from now on. Raises NoSuchCalendar."""
    at = instant(context.now())

    def once(connection: Connection) -> None:
        log_keys(connection, CALENDAR_ADDRESS, [name], at)
        values = {"ended_at": at, "changed_at": at, "changed_by": actor}
        live = (CALENDAR_ADDRESS.c.name == name) & CALENDAR_ADDRESS.c.ended_at.is_(None)
        if not connection.execute(update(CALENDAR_ADDRESS).where(live).values(**values)).rowcount:
            raise NoSuchCalendar(f"the calendar {name} has no address: sendflow calendar lists those that have one")

    transact(context.engine, once)
    return CalendarAddress(name, "", at, actor)


def listed(context: AppContext) -> list[CalendarAddress]:
    """Every calendar that has or had an address."""
    with reading(context.engine) as connection:
        rows = connection.execute(select(CALENDAR_ADDRESS).order_by(CALENDAR_ADDRESS.c.name)).all()
    return [
        CalendarAddress(
            row.name,
            _path(context.cipher, row.name, row.number) if row.ended_at is None else "",
            row.changed_at,
            row.changed_by,
        )
        for row in rows
    ]


def opens(context: AppContext, name: str, token: str) -> bool:
    """Whether a token opens a calendar."""
    with reading(context.engine) as connection:
        row = connection.execute(select(CALENDAR_ADDRESS).where(CALENDAR_ADDRESS.c.name == name)).first()
        number = row.number if row is not None else 0
        right = hmac.compare_digest(_token(context.cipher, name, number).encode(), token.encode())
        return (
            right
            and row is not None
            and row.ended_at is None
            and is_as_recorded(connection, CALENDAR_ADDRESS, tuple(row))
        )


def _path(cipher: Cipher, name: str, number: int) -> str:
    return f"/calendar/{name}/{_token(cipher, name, number)}"


def _token(cipher: Cipher, name: str, number: int) -> str:
    digest = cipher.index("calendar address", f"{name}\0{number}")
    return urlsafe_b64encode(bytes.fromhex(digest)[:24]).decode()
