"""A fact of the future is found on PostgreSQL as on SQLite."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.audit.test_future import (
    real,
    test_a_difference_of_two_clocks_is_not_the_future,
    test_a_real_installation_at_work_has_no_fact_of_the_future,
    test_an_instant_of_the_future_before_a_true_one_is_found_as_out_of_order,
    test_an_instant_that_is_yet_to_come_is_found,
    test_every_fact_of_the_future_is_named,
)

__all__ = [
    "real",
    "test_a_difference_of_two_clocks_is_not_the_future",
    "test_a_real_installation_at_work_has_no_fact_of_the_future",
    "test_an_instant_of_the_future_before_a_true_one_is_found_as_out_of_order",
    "test_an_instant_that_is_yet_to_come_is_found",
    "test_every_fact_of_the_future_is_named",
]


@pytest.fixture
def url(database: Callable[..., str]) -> str:
    """A database of the server."""
    return database()
