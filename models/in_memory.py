"""A database in the memory of this process, for work whose result is looked at and never stored. Nothing makes a file.

It lives until its engine is disposed of. With memdb of SQLite several connections see one database, with locks.
"""

import os
import sqlite3
from functools import cache
from itertools import count

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.pool import NullPool

from models.database import begin, close_write_connections_with, reading
from models.schema import create_or_upgrade_schema

_numbers = count(1)


def open_in_memory() -> Engine:
    """Make an empty database in memory, with the tables of this version."""
    return _open(_with_tables())


@cache
def _with_tables() -> sqlite3.Connection:
    """A database with the tables of this version, from which each later one is copied: the migrations take half
    a second.
    """
    made = sqlite3.connect(":memory:", check_same_thread=False)
    engine = _open(None)
    with reading(engine) as connection:
        driver = connection.connection.driver_connection
        assert isinstance(driver, sqlite3.Connection)
        driver.backup(made)
    engine.dispose()
    return made


def _open(copied: sqlite3.Connection | None) -> Engine:
    name = f"file:/sendflow-{os.getpid()}-{next(_numbers)}?vfs=memdb"

    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(name, uri=True, check_same_thread=False, isolation_level=None)
        for pragma in ("foreign_keys=ON", "recursive_triggers=ON", "temp_store=MEMORY"):
            connection.execute(f"PRAGMA {pragma}")
        return connection

    keeper = connect()  # the database lives as long as one connection to it
    if copied is not None:
        copied.backup(keeper)
    engine = create_engine("sqlite://", creator=connect, poolclass=NullPool, hide_parameters=True)
    event.listen(engine, "begin", begin)
    close_write_connections_with(engine)
    event.listen(engine, "engine_disposed", lambda _engine: keeper.close())
    create_or_upgrade_schema(engine)
    return engine
