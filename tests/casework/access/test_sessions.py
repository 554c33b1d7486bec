"""One-time links and sessions: each opens once, ends in time, and the database holds no secret."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, create_engine

from casework.access import sessions
from models.tables import METADATA, SESSION, SIGN_IN_LINK

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[Connection]:
    """A database with the tables of sendflow."""
    engine = create_engine(f"sqlite:///{tmp_path / 'sessions.db'}")
    METADATA.create_all(engine)
    with engine.begin() as open_connection:
        yield open_connection
    engine.dispose()


def test_a_link_starts_one_session(connection: Connection) -> None:
    token = sessions.create_link(connection, "dco.team", NOW)
    secret, session = sessions.redeem(connection, token, NOW)
    assert session.account == "dco.team"
    assert sessions.find_session(connection, secret, NOW) == session
    with pytest.raises(sessions.NoSuchLink):
        sessions.redeem(connection, token, NOW)


@pytest.mark.parametrize("wrong", ["", "x" * 43, "x" * 42, "../" * 20, "'" * 43, "é" * 43])
def test_a_wrong_link_starts_nothing(connection: Connection, wrong: str) -> None:
    with pytest.raises(sessions.NoSuchLink):
        sessions.redeem(connection, wrong, NOW)
    assert sessions.find_session(connection, wrong, NOW) is None


def test_a_link_is_good_for_twelve_hours(connection: Connection) -> None:
    token = sessions.create_link(connection, "dco.team", NOW)
    with pytest.raises(sessions.NoSuchLink):
        sessions.redeem(connection, token, NOW + 12 * HOUR)
    sessions.redeem(connection, token, NOW + 12 * HOUR - timedelta(microseconds=1))


def test_a_session_ends_when_it_is_idle_for_an_hour(connection: Connection) -> None:
    secret, session = sessions.redeem(connection, sessions.create_link(connection, "dco.team", NOW), NOW)
    assert sessions.find_session(connection, secret, NOW + HOUR) is None
    sessions.note_use(connection, session, NOW + HOUR / 2)
    assert sessions.find_session(connection, secret, NOW + HOUR) is not None


def test_a_session_ends_after_twelve_hours_however_much_it_is_used(connection: Connection) -> None:
    secret, session = sessions.redeem(connection, sessions.create_link(connection, "dco.team", NOW), NOW)
    for hours in range(1, 24):
        sessions.note_use(connection, session, NOW + hours * HOUR / 2)
    assert sessions.find_session(connection, secret, NOW + 11.9 * HOUR) is not None
    assert sessions.find_session(connection, secret, NOW + 12 * HOUR) is None


def test_signing_out_everywhere_ends_every_session_and_link_of_that_account_alone(connection: Connection) -> None:
    mine = [sessions.redeem(connection, sessions.create_link(connection, "dco.team", NOW), NOW)[0] for _ in range(2)]
    theirs = sessions.redeem(connection, sessions.create_link(connection, "auditor", NOW), NOW)[0]
    link = sessions.create_link(connection, "dco.team", NOW)
    assert sessions.end_sessions(connection, "dco.team", NOW) == 2
    assert [sessions.find_session(connection, secret, NOW) for secret in mine] == [None, None]
    assert sessions.find_session(connection, theirs, NOW) is not None
    with pytest.raises(sessions.NoSuchLink):
        sessions.redeem(connection, link, NOW)


def test_the_database_holds_digests_and_no_secret(connection: Connection) -> None:
    token = sessions.create_link(connection, "dco.team", NOW)
    secret, _session = sessions.redeem(connection, token, NOW)
    rows = str([*connection.execute(SIGN_IN_LINK.select()), *connection.execute(SESSION.select())])
    assert "dco.team" in rows and token not in rows and secret not in rows


@pytest.mark.parametrize("name", ["", "DCO", "a b", "999 000 0018", "x" * 41, "ann/../x"])
def test_an_account_is_an_id_and_no_person_s_name(connection: Connection, name: str) -> None:
    with pytest.raises(ValueError, match="lower-case letters"):
        sessions.create_link(connection, name, NOW)
