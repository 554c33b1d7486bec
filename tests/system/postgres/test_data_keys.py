"""Data keys on PostgreSQL as on SQLite: made once, deleted by an erasure, given to older values over a kill."""

from tests.casework.privacy.test_retention import (
    child,
    test_a_child_is_ripe_from_the_25th_birthday_on,
    test_a_hold_stops_every_erasure_of_the_child_until_it_ends,
    test_the_account_that_proposes_does_not_approve,
    test_what_prevents_it_is_named,
    test_what_was_recorded_meanwhile_ends_a_proposal,
)
from tests.models.test_data_keys import (
    test_a_database_without_its_data_keys_does_not_open,
    test_a_key_that_was_exchanged_altered_or_deleted_is_found_by_verification,
    test_a_kill_while_older_values_get_data_keys_loses_nothing,
    test_each_child_and_each_case_has_a_key_of_its_own,
    test_older_values_get_data_keys_when_the_program_opens_the_database,
    two,
)

__all__ = [
    "child",
    "test_a_child_is_ripe_from_the_25th_birthday_on",
    "test_a_database_without_its_data_keys_does_not_open",
    "test_a_hold_stops_every_erasure_of_the_child_until_it_ends",
    "test_a_key_that_was_exchanged_altered_or_deleted_is_found_by_verification",
    "test_a_kill_while_older_values_get_data_keys_loses_nothing",
    "test_each_child_and_each_case_has_a_key_of_its_own",
    "test_older_values_get_data_keys_when_the_program_opens_the_database",
    "test_the_account_that_proposes_does_not_approve",
    "test_what_prevents_it_is_named",
    "test_what_was_recorded_meanwhile_ends_a_proposal",
    "two",
]
