"""`heads.log`: every head of the ledger that this machine published, in a file of SENDFLOW_HOME outside the database.

Purpose: a database that was put back from an older copy is whole in itself. Only something outside it knows that there
was more. The job log is such a witness too: it knows when a fact was last recorded here. The file is only added to. It
holds heads, instants and counts.
"""

from __future__ import annotations

import contextlib
import os
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import orjson
from sqlalchemy import Connection, func, select

from casework import job_log
from casework.context import AppContext, instant
from casework.findings import Found, count_open, store
from models.checkpoints import Checkpoint, checkpoints
from models.database import reading
from models.tables import FACT

FILE = "heads.log"
OLDER = "older_records"
GONE = "facts_gone"
HERE = timedelta(seconds=1)  # between the instant of a fact and the beginning of its job, as the job log rounds it


def published(home: Path) -> list[Checkpoint]:
    """Read the heads in the file, in its order; a line that was cut by a crash counts for nothing."""
    found: list[Checkpoint] = []
    with contextlib.suppress(OSError), (home / FILE).open("rb") as lines:
        for line in lines:
            with contextlib.suppress(ValueError, TypeError, KeyError):
                entry: dict[str, Any] = orjson.loads(line)
                found.append(Checkpoint(*(entry[name] for name in Checkpoint._fields)))
    return found


def note(context: AppContext, connection: Connection) -> None:
    """Add the checkpoints of the database that the file does not have: after a digest, and once after an upgrade.

    Raises nothing if the disk fails: the next digest adds what is missing.
    """
    home = context.settings.home
    known = set(published(home))
    new = [each for each in checkpoints(connection) if each not in known]
    if not new:
        return
    text = b"".join(orjson.dumps(each._asdict()) + b"\n" for each in new)
    with contextlib.suppress(OSError):
        handle = os.open(home / FILE, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        try:
            size = os.fstat(handle).st_size
            # A line that a crash cut short must not swallow the next one.
            cut = size > 0 and os.pread(handle, 1, size - 1) != b"\n"
            os.write(handle, b"\n" + text if cut else text)
            os.fsync(handle)
        finally:
            os.close(handle)


class Witnesses(NamedTuple):
    """What this machine knows outside the database: its published heads, and the instant since which there is a fact.

    Read before a view of the database begins: what is published or recorded meanwhile is not in that view.
    """

    heads: list[Checkpoint]
    recorded: datetime | None

    @classmethod
    def read(cls, context: AppContext) -> Witnesses:
        """Read both files. All instants of a simulated day are the same, and prove nothing."""
        recorded = None if context.simulated else job_log.last_recorded(context)
        return cls(published(context.settings.home), recorded)


def check(connection: Connection, witnesses: Witnesses) -> list[Found]:
    """Compare the database with what this machine published and recorded. Reads the newest instant, not every chain."""
    stored = set(checkpoints(connection))
    missing = [each for each in witnesses.heads if each not in stored]
    found: list[Found] = []
    if missing:
        first, last = missing[0], missing[-1]
        message = (
            f"older or other records were put back: {len(missing)} published heads are not in them, the first before"
            f" {first.before} ({first.cases} cases, {first.facts} facts), the last before {last.before}"
            f" ({last.cases} cases, {last.facts} facts; {last.head[:16]})"
        )
        found.append(Found(None, None, OLDER, message))
    if (recorded := witnesses.recorded) is not None:
        newest = connection.scalar(select(func.max(FACT.c.recorded_at)))
        if newest is None or newest < instant(recorded - HERE):
            message = (
                f"facts are gone: by the job log, facts were recorded at {instant(recorded)[:19]}Z, and the newest fact"
                f" in the database is from {newest[:19] + 'Z' if newest else 'never'}"
            )
            found.append(Found(None, None, GONE, message))
    return found


def check_published(context: AppContext) -> int:
    """Compare as at the start of an installation: store what is found, and return how many findings are open.

    If nothing differs, the file gets the heads that it does not have.
    """
    witnesses = Witnesses.read(context)
    with reading(context.engine) as connection:
        found = check(connection, witnesses)
        if not found:
            note(context, connection)
    store(context, "start", found)
    with reading(context.engine) as connection:
        return count_open(connection)


def last_good(context: AppContext, connection: Connection, since: str) -> Checkpoint | None:
    """Give the newest head that was published before an instant: by the file, else by the database."""
    both = published(context.settings.home) or checkpoints(connection)
    return max((each for each in both if each.before <= since), default=None)
