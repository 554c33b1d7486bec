"""Runs tests of the calendars, and of what a case will send, again on PostgreSQL."""

from tests.casework.delivery.test_calendar import (
    asked,
    test_a_date_that_moves_moves_its_event,
    test_a_request_that_was_of_another_body_is_cancelled_there_and_new_here,
    test_an_address_opens_its_own_calendar_until_it_is_ended_or_made_again,
)
from tests.casework.delivery.test_ladder import test_nothing_is_written_and_nothing_leaves

__all__ = [
    "asked",
    "test_a_date_that_moves_moves_its_event",
    "test_a_request_that_was_of_another_body_is_cancelled_there_and_new_here",
    "test_an_address_opens_its_own_calendar_until_it_is_ended_or_made_again",
    "test_nothing_is_written_and_nothing_leaves",
]
