"""MACs on PostgreSQL: what was inserted or rewritten there is named as on SQLite."""

from tests.casework.proof.test_macs import (
    lived,
    test_a_fact_of_today_rewritten_with_right_hashes_and_copies_is_named,
    test_a_fact_that_was_added_with_right_hashes_is_named,
    test_a_forged_fact_is_named_though_others_were_recorded_after_it,
    test_a_forged_fact_is_not_numbered_and_is_found_by_the_sequencer,
    test_a_forged_record_stops_the_numbers_of_the_change_log_until_a_person_goes_on,
    test_a_row_and_its_record_added_with_right_hashes_are_named,
    test_after_a_lost_person_key_new_rows_have_macs_and_forged_ones_are_named,
    test_the_key_is_replaced_on_the_record_and_older_rows_stay_valid,
    test_the_last_fact_deleted_with_its_copies_is_named_by_the_end_of_the_case,
    test_what_an_earlier_version_recorded_is_taken_as_it_is_and_later_rows_have_macs,
)

__all__ = [
    "lived",
    "test_a_fact_of_today_rewritten_with_right_hashes_and_copies_is_named",
    "test_a_fact_that_was_added_with_right_hashes_is_named",
    "test_a_forged_fact_is_named_though_others_were_recorded_after_it",
    "test_a_forged_fact_is_not_numbered_and_is_found_by_the_sequencer",
    "test_a_forged_record_stops_the_numbers_of_the_change_log_until_a_person_goes_on",
    "test_a_row_and_its_record_added_with_right_hashes_are_named",
    "test_after_a_lost_person_key_new_rows_have_macs_and_forged_ones_are_named",
    "test_the_key_is_replaced_on_the_record_and_older_rows_stay_valid",
    "test_the_last_fact_deleted_with_its_copies_is_named_by_the_end_of_the_case",
    "test_what_an_earlier_version_recorded_is_taken_as_it_is_and_later_rows_have_macs",
]
