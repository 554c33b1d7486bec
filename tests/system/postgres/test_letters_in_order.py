"""Runs tests of the order, the addresses and the holds of letters again on PostgreSQL."""

from tests.casework.delivery.test_addresses import (
    asked,
    test_a_letter_that_the_mail_server_did_not_accept_moves_with_the_mailbox,
    test_a_request_that_is_withdrawn_after_its_letter_left_is_taken_back_once,
)
from tests.casework.delivery.test_holds import (
    test_a_letter_that_came_back_counts_as_not_delivered_and_the_steps_count_again,
    test_a_person_holds_a_case_and_the_hold_ends_on_its_day,
)
from tests.scenarios.test_letters_in_order import (
    test_the_mail_server_is_down_for_three_days_over_the_breach,
)

__all__ = [
    "asked",
    "test_a_letter_that_came_back_counts_as_not_delivered_and_the_steps_count_again",
    "test_a_letter_that_the_mail_server_did_not_accept_moves_with_the_mailbox",
    "test_a_person_holds_a_case_and_the_hold_ends_on_its_day",
    "test_a_request_that_is_withdrawn_after_its_letter_left_is_taken_back_once",
    "test_the_mail_server_is_down_for_three_days_over_the_breach",
]
