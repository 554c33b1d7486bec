"""One directory for two machines, on PostgreSQL."""

from tests.casework.rules.test_shared_files import (
    test_a_change_of_a_directory_that_another_changed_meanwhile_is_refused,
    test_a_change_on_one_machine_is_in_the_file_of_the_other,
    test_a_file_that_was_edited_by_hand_is_recorded_by_the_next_act_and_reaches_the_other,
    test_a_row_that_was_written_into_the_database_redirects_no_letter,
    test_the_shipped_columns_are_in_force_again_on_both_machines,
    test_who_only_looks_goes_by_the_newest_and_writes_no_file,
)
from tests.system.faults.test_two_rulesets import two
from tests.system.postgres.test_two_rulesets import shared

__all__ = [
    "shared",
    "test_a_change_of_a_directory_that_another_changed_meanwhile_is_refused",
    "test_a_change_on_one_machine_is_in_the_file_of_the_other",
    "test_a_file_that_was_edited_by_hand_is_recorded_by_the_next_act_and_reaches_the_other",
    "test_a_row_that_was_written_into_the_database_redirects_no_letter",
    "test_the_shipped_columns_are_in_force_again_on_both_machines",
    "test_who_only_looks_goes_by_the_newest_and_writes_no_file",
    "two",
]
