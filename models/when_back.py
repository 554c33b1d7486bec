"""A transaction that is tried again until the database is back: for what only this process knows. [I/O]"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import OperationalError

from models.database import transact
from models.database_errors import is_away

# Seconds between the tries, a minute in all: a server that restarts answers again within them.
TRIED_AFTER = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0)
Done = TypeVar("Done")


def transact_when_back(
    engine: Engine, work: Callable[[Connection], Done], again: Callable[[Connection], Done] | None = None
) -> Done:
    """Run `work` in a transaction as `transact` does; if the database is away, try again for a minute.

    `again`: what is run in place of `work` then, because the database may have stored it and gone away before it said
    so. Raises OperationalError if the database stays away.
    """
    for seconds in TRIED_AFTER:
        try:
            return transact(engine, work)
        except OperationalError as problem:
            if not is_away(problem):
                raise
        time.sleep(seconds)
        work = again or work
    return transact(engine, work)
