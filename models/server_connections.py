"""Connections to PostgreSQL: their settings, and whether the server is still there. [I/O]"""

import time
from functools import partial
from select import POLLIN, poll
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DisconnectionError

BUSY_MILLISECONDS = 30_000
# A commit returns only after it is on disk, even if the server's default differs. No time zone changes a day or an
# instant.
SERVER_OPTIONS = (
    f"-c timezone=UTC -c synchronous_commit=on -c lock_timeout={BUSY_MILLISECONDS} -c"
    " idle_in_transaction_session_timeout=600000"
)
# A connection to a server that the network has lost ends after 30 seconds. The kernel's default would take hours.
LOST_CONNECTION = {
    "keepalives": 1,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 4,
    "tcp_user_timeout": BUSY_MILLISECONDS,
}
IDLE_SECONDS = 1.0  # of a connection, before the server is asked whether it is still there
USED = "sendflow_used"  # in the record of a pooled connection: when it was given back (monotonic)
# A connection is replaced after this time, so no plan is older that was made when a table was small.
PLANS_SECONDS = 600


def check_idle_connections(engine: Engine) -> None:
    """Ask PostgreSQL before a connection is used that was idle, or that has something to read: its end, because the
    server restarted. The pool then opens a new one. To ask before each use takes as long as writing a row.
    """
    event.listen(engine, "checkin", _note_use)
    event.listen(engine, "checkout", partial(_check_idle_connection, engine))


def _note_use(_driver: Any, record: Any) -> None:
    record.info[USED] = time.monotonic()


def _check_idle_connection(engine: Engine, driver: Any, record: Any, _proxy: Any) -> None:
    used = record.info.get(USED)
    if used is None:  # it is new
        return
    waiting = poll()
    waiting.register(driver.fileno(), POLLIN)
    if time.monotonic() - used < IDLE_SECONDS and not waiting.poll(0):
        return
    try:
        engine.dialect.do_ping(driver)
    except engine.dialect.loaded_dbapi.Error:
        raise DisconnectionError from None


def server_arguments(url: str, options: str) -> dict[str, Any]:
    """Return the arguments of a connection to PostgreSQL. A name that `url` gives the application takes precedence."""
    named = "application_name" in make_url(url).query
    given: dict[str, Any] = {} if named else {"application_name": "sendflow"}
    return given | {"options": options, "client_encoding": "UTF8", "connect_timeout": 10, **LOST_CONNECTION}
