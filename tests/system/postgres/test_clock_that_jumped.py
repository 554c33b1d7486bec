"""A clock that jumped is doubted on PostgreSQL as on SQLite, and so is a server whose own clock disagrees."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from casework import clock_check
from casework.clock_check import doubts
from casework.context import AppContext
from models.database import reading
from tests.casework.test_clock_check import (
    confirmed,
    facts,
    open_case,
    real,
    refused,
    test_a_clock_that_jumped_while_running_waits_for_a_person,
    test_a_confirmation_names_who_and_why,
    test_a_file_system_with_another_clock_is_doubted,
    test_a_start_after_more_than_31_days_waits_for_a_person,
    test_no_instant_of_the_future_sticks_to_a_case,
    test_ten_days_asleep_are_caught_up_as_before,
)

__all__ = [
    "real",
    "test_a_clock_that_jumped_while_running_waits_for_a_person",
    "test_a_confirmation_names_who_and_why",
    "test_a_file_system_with_another_clock_is_doubted",
    "test_a_start_after_more_than_31_days_waits_for_a_person",
    "test_no_instant_of_the_future_sticks_to_a_case",
    "test_ten_days_asleep_are_caught_up_as_before",
]
OF_SERVER = "SELECT extract(epoch FROM clock_timestamp() + interval '{0} hours')"


@pytest.fixture
def url(database: Callable[..., str]) -> str:
    """A database of the server."""
    return database()


def server_differs(monkeypatch: pytest.MonkeyPatch, hours: int) -> None:
    """The clock of the server shows other hours than that of this machine, and a process begins."""
    monkeypatch.setattr(clock_check, "NOW_OF_SERVER", OF_SERVER.format(hours))
    clock_check._last_reading.clear()


@pytest.mark.parametrize("hours", [5, -26])
def test_a_server_whose_clock_disagrees_waits_for_a_person(
    real: AppContext, monkeypatch: pytest.MonkeyPatch, hours: int
) -> None:
    server_differs(monkeypatch, hours)
    with reading(real.engine) as connection:
        [doubt] = doubts(connection, real.settings.home)
    assert doubt.code == f"database{hours:+d}"
    assert f"the clock of the database's server differs by {hours:+d} hours" in doubt.sentence
    refused(real)
    confirmed(real)
    open_case(real, "NX90002")
    assert facts(real) == 2


def test_a_difference_that_was_confirmed_is_not_asked_about_again_and_another_is(
    real: AppContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    server_differs(monkeypatch, 5)
    confirmed(real)
    server_differs(monkeypatch, 5)
    open_case(real, "NX90002")
    server_differs(monkeypatch, 9)
    before = facts(real)
    with pytest.raises(clock_check.ClockJumped, match="differs by \\+9 hours"):
        open_case(real, "NX90003")
    assert facts(real) == before


def test_a_server_that_differs_by_minutes_is_believed(real: AppContext, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock_check, "NOW_OF_SERVER", "SELECT extract(epoch FROM clock_timestamp()) + 600")
    clock_check._last_reading.clear()
    open_case(real, "NX90002")
    assert facts(real) == 2
