"""The tests of webhooks again, on PostgreSQL."""

from tests.casework.delivery.test_webhooks import (
    receiver,
    test_a_receiver_gets_signed_messages_of_case_and_duty_in_their_order,
    test_a_sender_killed_at_any_statement_loses_no_message_and_repeats_one_under_its_id,
    test_an_address_that_is_gone_is_ended,
    test_two_senders_at_once_send_each_message_once,
    test_what_is_not_taken_is_sent_again_later_under_the_same_id_and_what_follows_waits,
)

__all__ = [
    "receiver",
    "test_a_receiver_gets_signed_messages_of_case_and_duty_in_their_order",
    "test_a_sender_killed_at_any_statement_loses_no_message_and_repeats_one_under_its_id",
    "test_an_address_that_is_gone_is_ended",
    "test_two_senders_at_once_send_each_message_once",
    "test_what_is_not_taken_is_sent_again_later_under_the_same_id_and_what_follows_waits",
]
