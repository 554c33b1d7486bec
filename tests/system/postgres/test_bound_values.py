"""Encrypted values are bound to their rows on PostgreSQL as on SQLite."""

from tests.audit.test_bound_values import (
    test_a_number_by_which_another_child_is_found_is_found,
    test_a_value_of_an_earlier_version_that_is_put_back_is_found_and_never_bound,
    test_a_value_of_an_earlier_version_that_was_exchanged_is_not_bound,
    test_an_exchanged_person_is_shown_to_nobody,
    test_migrate_binds_what_an_earlier_version_encrypted,
    test_the_value_of_one_column_does_not_open_in_another,
    test_values_exchanged_between_two_rows_are_found,
    test_values_of_an_earlier_version_are_bound_when_the_program_opens_the_database,
    test_verification_after_an_upgrade_is_no_alarm,
    two,
)

__all__ = [
    "test_a_number_by_which_another_child_is_found_is_found",
    "test_a_value_of_an_earlier_version_that_is_put_back_is_found_and_never_bound",
    "test_a_value_of_an_earlier_version_that_was_exchanged_is_not_bound",
    "test_an_exchanged_person_is_shown_to_nobody",
    "test_migrate_binds_what_an_earlier_version_encrypted",
    "test_the_value_of_one_column_does_not_open_in_another",
    "test_values_exchanged_between_two_rows_are_found",
    "test_values_of_an_earlier_version_are_bound_when_the_program_opens_the_database",
    "test_verification_after_an_upgrade_is_no_alarm",
    "two",
]
