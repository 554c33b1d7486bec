"""What is found is said in the same places on PostgreSQL."""

from tests.audit.test_findings import (
    lived,
    test_a_case_deleted_at_night_is_said_everywhere_in_the_morning_until_a_person_closes_it,
    test_a_changed_count_of_a_checkpoint_is_found,
    test_a_deleted_checkpoint_is_found_by_the_file_beside_the_database,
    test_a_difference_that_is_understood_is_recorded_and_heads_leave_again,
    test_a_finding_that_was_closed_and_is_still_true_opens_again_and_no_head_leaves,
    test_a_restored_backup_and_a_closure_let_heads_leave_again,
    test_every_earlier_head_is_compared_not_the_newest_alone,
    test_findings_and_closures_are_append_only,
)

__all__ = [
    "lived",
    "test_a_case_deleted_at_night_is_said_everywhere_in_the_morning_until_a_person_closes_it",
    "test_a_changed_count_of_a_checkpoint_is_found",
    "test_a_deleted_checkpoint_is_found_by_the_file_beside_the_database",
    "test_a_difference_that_is_understood_is_recorded_and_heads_leave_again",
    "test_a_finding_that_was_closed_and_is_still_true_opens_again_and_no_head_leaves",
    "test_a_restored_backup_and_a_closure_let_heads_leave_again",
    "test_every_earlier_head_is_compared_not_the_newest_alone",
    "test_findings_and_closures_are_append_only",
]
