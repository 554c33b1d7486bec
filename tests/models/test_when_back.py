"""A transaction waits for a database that is away, and for no other fault."""

from __future__ import annotations

import psycopg
import pytest
from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from models.when_back import transact_when_back
from tests.support.team import Team


def fault(said: str) -> OperationalError:
    return OperationalError("COMMIT", {}, psycopg.OperationalError(said))


AWAY = fault("connection to server failed: Connection refused")


class Database:
    """Raises these faults in turn, and counts how often it was asked for what."""

    def __init__(self, *faults: OperationalError) -> None:
        self.faults, self.asked = list(faults), list[str]()

    def work(self, _connection: Connection) -> str:
        return self._asked("work")

    def again(self, _connection: Connection) -> str:
        return self._asked("again")

    def _asked(self, what: str) -> str:
        self.asked.append(what)
        if self.faults:
            raise self.faults.pop(0)
        return what


@pytest.fixture
def waited(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long it waited between the tries."""
    found: list[float] = []
    monkeypatch.setattr("models.when_back.time.sleep", found.append)
    return found


def test_it_tries_again_until_the_database_is_back(team: Team, waited: list[float]) -> None:
    database = Database(AWAY, fault("the database system is starting up"))
    assert transact_when_back(team.first.engine, database.work, database.again) == "again"
    assert database.asked == ["work", "again", "again"]
    assert waited == [1.0, 2.0]


def test_a_database_that_stays_away_ends_it_after_a_minute(team: Team, waited: list[float]) -> None:
    database = Database(*[AWAY] * 7)
    with pytest.raises(OperationalError):
        transact_when_back(team.first.engine, database.work)
    assert (len(database.asked), sum(waited)) == (7, 60.0)


def test_no_other_fault_is_tried_again(team: Team, waited: list[float]) -> None:
    database = Database(fault("No space left on device"))
    with pytest.raises(OperationalError):
        transact_when_back(team.first.engine, database.work)
    assert (database.asked, waited) == (["work"], [])
