"""sendflow distinguishes the errors of a real server that refuses a connection, and doctor says how to fix each."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError

from models.database import open_engine
from models.database_errors import cause
from runtime.diagnostics.checks import examine
from runtime.local_postgres import LocalPostgres
from tests.support.team import Team

PASSPHRASE = "osprey-over-water"


def word(url: URL) -> str | None:
    engine = open_engine(url.render_as_string(hide_password=False))
    try:
        with pytest.raises(DBAPIError) as raised, engine.connect():
            raise AssertionError("the server accepted the connection")
    finally:
        engine.dispose()
    found = cause(raised.value)
    return found.word if found else None


def settle(postgres: LocalPostgres, *statements: str) -> None:
    """Change the server's settings at once."""
    with psycopg.connect(postgres.url("postgres", "owner", "postgresql"), autocommit=True) as connection:
        for statement in (*statements, "SELECT pg_reload_conf()"):
            connection.execute(statement.encode())


@pytest.fixture
def with_tls(postgres: LocalPostgres) -> Iterator[Path]:
    """The server uses TLS with a certificate for another name; the value is the certificate's file."""
    made = postgres.data / "server.crt"
    key = postgres.data / "server.key"
    asked = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-keyout",
        str(key),
        "-out",
        str(made),
    ]
    subprocess.run([*asked, "-days", "2", "-subj", "/CN=db.icb.example"], check=True, capture_output=True)
    for each in (made, key):
        owner = postgres.data.stat()
        each.chmod(0o600)
        os.chown(each, owner.st_uid, owner.st_gid)
    settle(postgres, "ALTER SYSTEM SET ssl = on")
    yield made
    settle(postgres, "ALTER SYSTEM RESET ssl")


def test_a_wrong_login_database_or_host_has_its_own_cause(
    postgres: LocalPostgres, database: Callable[..., str]
) -> None:
    url = make_url(database())
    assert word(url.set(password=PASSPHRASE)) == "login_refused"
    assert word(url.set(username="nobody-of-that-name")) == "login_refused"
    assert word(url.set(database="nothing_there")) == "no_such_database"
    assert word(url.set(port=9)) == "connection_refused"
    assert word(url.set(host="nowhere.invalid")) == "unknown_host"
    assert word(url.update_query_dict({"sslmode": "verify-full"})) == "no_tls"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        closed = taken.getsockname()[1]
    assert word(url.set(port=closed)) == "connection_refused"


def test_a_certificate_that_does_not_hold(with_tls: Path, database: Callable[..., str], tmp_path: Path) -> None:
    url = make_url(database())
    own, other = tmp_path / "own.crt", tmp_path / "other.crt"
    own.write_bytes(with_tls.read_bytes())
    asked = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-keyout",
        str(tmp_path / "k"),
        "-out",
        str(other),
    ]
    subprocess.run([*asked, "-days", "2", "-subj", "/CN=127.0.0.1"], check=True, capture_output=True)
    asks = {"sslmode": "verify-full"}
    assert word(url.update_query_dict({**asks, "sslrootcert": str(other)})) == "certificate"
    assert word(url.update_query_dict({**asks, "sslrootcert": str(own)})) == "certificate_name"
    assert word(url.update_query_dict({**asks, "sslrootcert": str(tmp_path / "none.crt")})) == "certificate_file"


def test_the_doctor_names_the_cause_and_never_what_the_server_said(team: Team) -> None:
    """The driver raises OperationalError for every cause."""
    url = make_url(str(team.first.settings.database_url))
    wrong = url.set(password=PASSPHRASE).render_as_string(hide_password=False)
    report = examine(replace(team.first.settings, database_url=wrong))
    found = {each.what: each for each in report.findings}["cannot_open"]
    assert "(login_refused)" in found.message
    assert "SENDFLOW_DATABASE_URL" in found.mend
    shown = report.model_dump_json()
    assert PASSPHRASE not in shown
    assert str(url.database) not in shown
