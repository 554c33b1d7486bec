"""A database's error has a cause that a person can fix, recognised by numbers if any, without the server's
own text.
"""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import psycopg
import pytest
from sqlalchemy.exc import DBAPIError, OperationalError

from cli import _plain
from models.database import open_engine
from models.database_errors import cause

SECRETS = ("osprey", "zebediah", "db.secret.example", "192.0.2.7")
BEGINNING = 'connection failed: connection to server at "192.0.2.7", port 5432 failed: '


def word(fault: BaseException) -> str | None:
    """Its word; neither it nor its sentence says what the server said."""
    found = cause(fault)
    if found is not None:
        assert found.message
        assert not any(secret in " ".join(found) for secret in SECRETS)
    return found.word if found else None


def sqlite(path: Path, *statements: str) -> BaseException:
    """What the last statement raises."""
    with pytest.raises(sqlite3.Error) as raised:
        file = sqlite3.connect(path, timeout=0, isolation_level=None)
        try:
            for statement in statements:
                file.execute(statement)
        finally:
            file.close()
    return OperationalError("INSERT INTO person VALUES ('zebediah')", None, raised.value)


def test_what_sqlite_cannot_do(tmp_path: Path) -> None:
    path = tmp_path / "sendflow.db"
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("CREATE TABLE t (x)")
    holder.execute("BEGIN EXCLUSIVE")
    assert word(sqlite(path, "INSERT INTO t VALUES (1)")) == "locked"
    holder.execute("ROLLBACK")
    holder.close()
    assert word(sqlite(path, "PRAGMA max_page_count=2", "INSERT INTO t VALUES (zeroblob(100000))")) == "disk_full"
    assert word(sqlite(path, "PRAGMA query_only=ON", "INSERT INTO t VALUES (1)")) == "unwritable"
    assert word(sqlite(path, "SELECT * FROM zebediah")) is None
    assert word(sqlite(tmp_path / "none" / "sendflow.db", "SELECT 1")) == "cannot_open"
    (tmp_path / "other").write_bytes(b"osprey over water" * 100)
    assert word(sqlite(tmp_path / "other", "SELECT * FROM t")) == "not_a_database"
    page = path.read_bytes()
    path.write_bytes(page[:4096] + os.urandom(4096))
    assert word(sqlite(path, "INSERT INTO t VALUES (1)", "SELECT * FROM t")) == "damaged"


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ('FATAL:  password authentication failed for user "osprey"', "login_refused"),
        ('FATAL:  role "database does not exist" does not exist', "login_refused"),
        ("fe_sendauth: no password supplied", "login_refused"),
        (
            'FATAL:  no pg_hba.conf entry for host "192.0.2.7", user "osprey", database "zebediah", no encryption',
            "not_admitted",
        ),
        ('FATAL:  database "password authentication failed" does not exist', "no_such_database"),
        ('FATAL:  permission denied for database "zebediah"', "not_permitted"),
        ("SSL error: certificate verify failed", "certificate"),
        ("SSL error: tlsv1 alert unknown ca: certificate expired", "certificate"),
        (
            'server certificate for "zebediah" (and 1 other name) does not match host name "db.secret.example"',
            "certificate_name",
        ),
        ('root certificate file "/home/osprey/.postgresql/root.crt" does not exist', "certificate_file"),
        ('could not read root certificate file "/etc/osprey.pem": no certificate or crl found', "certificate_file"),
        (
            (
                'private key file "/etc/osprey.key" has group or world access; file must have permissions u=rw (0600)'
                " or less"
            ),
            "certificate_file",
        ),
        ("server does not support SSL, but SSL was required", "no_tls"),
        (
            "Connection refused\n\tIs the server running on that host and accepting TCP/IP connections?",
            "connection_refused",
        ),
        ("Connection timed out", "timeout"),
        ("No route to host", "unreachable"),
        ("FATAL:  sorry, too many clients already", "too_many_connections"),
        (
            "FATAL:  remaining connection slots are reserved for roles with the SUPERUSER attribute",
            "too_many_connections",
        ),
        ("FATAL:  the database system is starting up", "starting"),
        ("server closed the connection unexpectedly", "closed"),
        ("FATAL:  osprey over water", None),
    ],
)
def test_what_libpq_says_of_a_connection_that_never_came_to_be(said: str, expected: str | None) -> None:
    assert word(OperationalError(None, None, psycopg.OperationalError(BEGINNING + said))) == expected


def test_what_a_host_s_name_says_is_no_cause() -> None:
    """Everything between quotation marks is somebody's own."""
    assert (
        word(
            psycopg.OperationalError("failed to resolve host 'db.secret.example': [Errno -2] Name or service not known")
        )
        == "unknown_host"
    )
    assert word(psycopg.errors.ConnectionTimeout("connection timeout expired")) == "timeout"


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (psycopg.errors.DiskFull, "disk_full"),
        (psycopg.errors.TooManyConnections, "too_many_connections"),
        (psycopg.errors.InvalidPassword, "login_refused"),
        (psycopg.errors.InvalidCatalogName, "no_such_database"),
        (psycopg.errors.InvalidAuthorizationSpecification, "login_refused"),
        (psycopg.errors.AdminShutdown, "closed"),
        (psycopg.errors.CannotConnectNow, "starting"),
        (psycopg.errors.ReadOnlySqlTransaction, "read_only"),
        (psycopg.errors.InsufficientPrivilege, "not_permitted"),
        (psycopg.errors.DataCorrupted, "damaged"),
        (psycopg.errors.LockNotAvailable, "locked"),
        (psycopg.errors.UniqueViolation, None),
    ],
)
def test_a_state_of_the_server_s_goes_before_its_words(fault: type[psycopg.Error], expected: str | None) -> None:
    wrapped = DBAPIError.instance(
        None, None, fault("zebediah: connection refused"), psycopg.Error, hide_parameters=True
    )
    assert word(wrapped) == expected


def test_a_command_says_the_cause_and_the_fix(tmp_path: Path) -> None:
    """It said of them all: locked, full, no records file, or no database that answers."""
    engine = open_engine("postgresql+psycopg://zebediah:osprey@127.0.0.1:9/sendflow")
    with pytest.raises(OperationalError) as raised, engine.connect():
        raise AssertionError("nobody listens there")
    said = _plain(raised.value)
    assert "(connection_refused)" in said
    assert "SENDFLOW_DATABASE_URL" in said
    assert not any(secret in said for secret in SECRETS)
    engine.dispose()
    assert word(ValueError("connection refused")) is None
