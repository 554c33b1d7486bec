"""An engine that only reads: nothing that opens one makes or changes a database, its schema or a file beside it.

SQLite in WAL mode makes two files beside the database while it is open. A connection that may write removes them again;
one that may not (`mode=ro`) leaves them. How it is opened here therefore depends on the files that exist:

- no write-ahead file: an ordinary connection that refuses to write (`query_only`)
- a write-ahead file: the installation runs, or did not end well. `mode=ro` reads it and leaves it as it is
- a file or folder that cannot be written: `immutable`, which takes no lock and makes no file

A database of an earlier revision is copied into memory and upgraded there; the file stays as it is.
"""

import os
import sqlite3
from itertools import count
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.pool import NullPool

from models.bulk_io import run
from models.database import (
    COPIED,
    COPIED_TO_POSTGRESQL,
    READ_ONLY,
    begin,
    close_write_connections_with,
    reading,
    transaction,
)
from models.errors import DatabaseUnusable
from models.schema import HEAD, MIGRATIONS, revision, upgrade
from models.schema_revision import check_stored_revision
from models.server_connections import BUSY_MILLISECONDS, SERVER_OPTIONS, check_idle_connections, server_arguments
from models.sqlite_connections import CACHE_KIBIBYTES

_copies = count(1)


def open_read_only(url: str) -> Engine | None:
    """Open the database of this URL to read it; None if there is none, or one without sendflow's tables.

    Raises DatabaseUnusable if this program cannot read it; the message says which one can.
    """
    engine = open_as_it_is(url)
    if engine is None:
        return None
    sqlite, path = url.startswith("sqlite"), Path(make_url(url).database or "")
    found = revision(engine)
    if found is None and sqlite and _left_over(path):
        engine.dispose()
        raise DatabaseUnusable(
            "sendflow.db was not closed: changes wait in sendflow.db-wal, and nothing can be written beside them. Copy"
            " the three files of sendflow.db to a folder that can be written, and name that folder in SENDFLOW_HOME"
        )
    if found == HEAD:
        return engine
    if found in (None, "None") or _is_earlier(str(found)):
        with reading(engine) as connection:
            check_stored_revision(connection, found)
    if found and sqlite and _is_earlier(found):
        copy = _upgraded_copy(_uri(path))
        engine.dispose()
        return copy
    engine.dispose()
    if found in (None, "None"):
        return None
    raise DatabaseUnusable(COPIED_TO_POSTGRESQL if found == COPIED else _other_program(str(found)))


def open_as_it_is(url: str) -> Engine | None:
    """Open a database of any revision to read it; None if a file is not there."""
    if not url.startswith("sqlite"):
        return _server_engine(url)
    path = Path(make_url(url).database or "")
    return _sqlite_engine(_uri(path)) if path.is_file() else None


def _is_earlier(found: str) -> bool:
    return found.isalnum() and any((MIGRATIONS / "versions").glob(f"r{found}_*.py"))


def can_write(path: Path) -> bool:
    """Whether a database file and its folder can be written."""
    return os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)


def _other_program(found: str) -> str:
    if _is_earlier(found):
        return (
            f"the database is at revision {found}, and this program reads revision {HEAD}. Nothing was changed. The"
            f" program that wrote it can read it; sendflow migrate brings it to revision {HEAD} for good"
        )
    return (
        f"the database is at revision {found}, of a later version of sendflow than this program (revision {HEAD})."
        " Nothing was changed. That later version can read it"
    )


def _left_over(path: Path) -> bool:
    wal = path.with_name(f"{path.name}-wal")
    return wal.exists() and wal.stat().st_size > 0


def _uri(path: Path) -> str:
    if _left_over(path):
        return f"file:{quote(str(path))}?mode=ro"
    return f"file:{quote(str(path))}?" + ("mode=rw" if can_write(path) else "mode=ro&immutable=1")


def _sqlite_engine(uri: str) -> Engine:
    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(uri, uri=True, check_same_thread=False, isolation_level=None)
        for pragma in (f"busy_timeout={BUSY_MILLISECONDS}", f"cache_size=-{CACHE_KIBIBYTES}", "query_only=ON"):
            connection.execute(f"PRAGMA {pragma}")
        return connection

    # NullPool: a connection that is given back is closed, and with it go the files that SQLite made.
    engine = create_engine("sqlite://", creator=connect, poolclass=NullPool, hide_parameters=True)
    event.listen(engine, "begin", _begin_reading)
    close_write_connections_with(engine)
    engine.update_execution_options(**{READ_ONLY: True})
    return engine


def _begin_reading(connection: Connection) -> None:
    run(connection, "BEGIN DEFERRED")


def _server_engine(url: str) -> Engine:
    engine = create_engine(
        url,
        pool_reset_on_return=None,
        hide_parameters=True,
        use_native_hstore=False,  # as `open_engine` says
        connect_args=server_arguments(url, f"{SERVER_OPTIONS} -c default_transaction_read_only=on"),
    )
    check_idle_connections(engine)
    engine.update_execution_options(**{READ_ONLY: True})
    return engine


def _upgraded_copy(uri: str) -> Engine:
    """Copy a database into the memory of this process, and bring the copy to the newest revision."""
    name = f"file:sendflow-{os.getpid()}-{next(_copies)}?mode=memory&cache=shared"
    keeper = sqlite3.connect(name, uri=True, check_same_thread=False, isolation_level=None)
    source = sqlite3.connect(uri, uri=True)
    try:
        source.backup(keeper)
    finally:
        source.close()
    engine = _sqlite_engine(name)
    maker = create_engine(
        "sqlite://",
        creator=lambda: sqlite3.connect(name, uri=True, check_same_thread=False, isolation_level=None),
        poolclass=NullPool,
    )
    event.listen(maker, "begin", begin)
    close_write_connections_with(maker)
    with transaction(maker) as connection:
        upgrade(connection, "head")
    maker.dispose()
    # The copy lives as long as one connection to it.
    engine.__dict__["sendflow_keeper"] = keeper
    return engine
