"""Runs tests of the mail transports and of their shared state again on PostgreSQL."""

from tests.casework.delivery.test_notify import (
    asked,
    notify,
    test_a_failure_that_notify_reports_is_a_letter_that_was_not_delivered,
    test_a_letter_that_was_perhaps_taken_is_looked_for_before_it_is_sent_again,
)
from tests.casework.delivery.test_transports import (
    test_a_limit_of_a_minute_and_of_a_day_counts_the_letters_of_all_deliverers,
    test_only_one_of_two_deliverers_tries_a_transport_after_its_wait,
    test_the_wait_doubles_until_an_hour_and_ends_with_a_letter_that_is_accepted,
    test_two_deliverers_at_once_take_no_more_than_the_limit,
)

__all__ = [
    "asked",
    "notify",
    "test_a_failure_that_notify_reports_is_a_letter_that_was_not_delivered",
    "test_a_letter_that_was_perhaps_taken_is_looked_for_before_it_is_sent_again",
    "test_a_limit_of_a_minute_and_of_a_day_counts_the_letters_of_all_deliverers",
    "test_only_one_of_two_deliverers_tries_a_transport_after_its_wait",
    "test_the_wait_doubles_until_an_hour_and_ends_with_a_letter_that_is_accepted",
    "test_two_deliverers_at_once_take_no_more_than_the_limit",
]
