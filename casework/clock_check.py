"""Whether the real clock can be believed. While it cannot, nothing is recorded, swept or sent until a person says so.

Three signs decide: the wall clock against the clock that counts since the machine started (while a process runs), more
than 31 days since the last finished job, and the clock of the database's server or file system. A simulation has no
real clock and is never asked.
"""

from __future__ import annotations

import contextlib
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Connection, func, select

from casework.clock import newest_confirmation
from models.database import is_postgresql
from models.errors import DatabaseUnusable
from models.tables import JOB_RUN

MOST_HOURS = 1
LONGEST_SILENCE = timedelta(days=31)
HOUR = 3600.0
# Counts the time asleep too, so that a machine that slept for ten days has not jumped.
STEADY = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
NOW_OF_SERVER = "SELECT extract(epoch FROM clock_timestamp())"
COMMAND = "sendflow confirm-clock --actor WHO"


class ClockJumped(DatabaseUnusable):
    """The real clock cannot be believed. The message says why and what to do."""

    default_code = "clock_unconfirmed"


class Doubt(NamedTuple):
    """Why the clock is doubted: a code for the record of the confirmation, and a sentence for a person."""

    code: str
    sentence: str


class Reading(NamedTuple):
    """The wall clock less the steady clock, in seconds, and the number of the newest confirmation at that moment."""

    offset: float
    confirmation: int


# By SENDFLOW_HOME: what this process last found in order.
_last_reading: dict[Path, Reading] = {}


def doubts(connection: Connection, home: Path) -> list[Doubt]:
    """Give every reason to doubt the clock now that no person has confirmed; empty if it can be believed."""
    found = _running(connection, home)
    if not found and home in _last_reading:
        return []
    found += [*_silence(connection), *_elsewhere(connection, home)]
    if not found:
        _last_reading[home] = Reading(_offset(), _number(connection))
    return found


def ensure_believed(connection: Connection, home: Path) -> None:
    """Raise ClockJumped if the clock is doubted. Without a jump, asks the database once in a process."""
    last = _last_reading.get(home)
    now = _offset()
    if last is not None and abs(now - last.offset) < HOUR:
        _last_reading[home] = last._replace(offset=now)
        return
    if found := doubts(connection, home):
        raise ClockJumped(message(found))


def message(found: list[Doubt]) -> str:
    """Say what happened, what it means and what to do."""
    now = datetime.now(UTC)
    return (
        f"The clock of this machine shows {now:%Y-%m-%d %H:%M} UTC, and it cannot be believed:"
        f" {'; '.join(each.sentence for each in found)}. Nothing is recorded, swept or sent. Check the date and the"
        f" time. If they are right, run: {COMMAND}"
    )


def _offset() -> float:
    return time.time() - time.clock_gettime(STEADY)


def _number(connection: Connection) -> int:
    confirmed = newest_confirmation(connection)
    return confirmed.number if confirmed is not None else 0


def _running(connection: Connection, home: Path) -> list[Doubt]:
    last, now = _last_reading.get(home), _offset()
    if last is None or abs(now - last.offset) < HOUR:
        return []
    if _number(connection) > last.confirmation:
        _last_reading[home] = Reading(now, _number(connection))
        return []
    hours = round((now - last.offset) / HOUR)
    return [Doubt("running", f"it jumped by {hours:+d} hours while sendflow was running")]


def _silence(connection: Connection) -> list[Doubt]:
    last = connection.scalar(select(func.max(JOB_RUN.c.finished_at)))
    confirmed = newest_confirmation(connection)
    known = max([each for each in (last, confirmed.at if confirmed else None) if each is not None], default=None)
    if last is None or known is None:
        return []
    since = datetime.now(UTC) - datetime.fromisoformat(known)
    if since <= LONGEST_SILENCE:
        return []
    return [Doubt("silence", f"the last finished job was {since.days} days ago, on {last[:10]}")]


def _elsewhere(connection: Connection, home: Path) -> list[Doubt]:
    """Compare with the clock of the database's server, and of the file system of SENDFLOW_HOME."""
    clocks: dict[str, float] = {}
    if is_postgresql(connection):
        clocks["database"] = float(connection.exec_driver_sql(NOW_OF_SERVER).scalar() or 0)
    with contextlib.suppress(OSError), tempfile.NamedTemporaryFile(dir=home, prefix=".probe-") as file:
        clocks["files"] = Path(file.name).stat().st_mtime
    confirmed = newest_confirmation(connection)
    known = (confirmed.reason or "").split(",") if confirmed is not None else []
    found: list[Doubt] = []
    for name, shown in clocks.items():
        hours = round((shown - time.time()) / HOUR)
        if abs(hours) >= MOST_HOURS and f"{name}{hours:+d}" not in known:
            where = "the database's server" if name == "database" else "the file system of SENDFLOW_HOME"
            found.append(Doubt(f"{name}{hours:+d}", f"the clock of {where} differs by {hours:+d} hours"))
    return found
