"""Attacks with a night, a file, an older copy or person.key are found on PostgreSQL as on SQLite."""

from tests.audit.test_keys_files_and_nights import (
    lived,
    test_04d_a_deleted_case_is_found_after_the_next_digest_too,
    test_08k_an_edited_letter_file_is_found_and_a_deleted_one_is_not,
    test_11_a_trigger_that_is_gone_and_one_of_the_same_name_without_effect_are_named,
    test_13i_a_birth_date_forged_with_person_key_is_found,
    test_13i_before_a_checkpoint_covers_it_nothing_finds_it,
    test_13i_with_its_records_too_the_signed_log_finds_it,
    test_14f_an_adopted_file_that_was_changed_opens_no_installation,
    test_14g_a_planted_directory_is_named_until_it_is_used_and_then_has_its_row,
    test_16a_an_older_database_is_found_by_the_heads_that_were_published,
    test_16b_an_older_copy_of_the_whole_folder_is_found_by_a_head_that_left_and_by_nothing_else,
)

__all__ = [
    "lived",
    "test_04d_a_deleted_case_is_found_after_the_next_digest_too",
    "test_08k_an_edited_letter_file_is_found_and_a_deleted_one_is_not",
    "test_11_a_trigger_that_is_gone_and_one_of_the_same_name_without_effect_are_named",
    "test_13i_a_birth_date_forged_with_person_key_is_found",
    "test_13i_before_a_checkpoint_covers_it_nothing_finds_it",
    "test_13i_with_its_records_too_the_signed_log_finds_it",
    "test_14f_an_adopted_file_that_was_changed_opens_no_installation",
    "test_14g_a_planted_directory_is_named_until_it_is_used_and_then_has_its_row",
    "test_16a_an_older_database_is_found_by_the_heads_that_were_published",
    "test_16b_an_older_copy_of_the_whole_folder_is_found_by_a_head_that_left_and_by_nothing_else",
]
