"""Links between cases on a PostgreSQL server, where several link at once in earnest: the very functions that run on
SQLite elsewhere.
"""

from tests.casework.cases.test_links import (
    test_a_corrected_link_takes_the_case_alone_and_says_what_was_heard_at_the_wrong_child,
    test_children_that_were_kept_as_two_become_one_by_a_link_with_all_their_cases,
    test_damage_to_one_case_of_a_child_refuses_no_fact_of_another,
    test_who_was_erased_is_not_told_again_by_a_link,
    test_workers_that_link_at_once_leave_one_child,
    two_children,
)

__all__ = [
    "test_a_corrected_link_takes_the_case_alone_and_says_what_was_heard_at_the_wrong_child",
    "test_children_that_were_kept_as_two_become_one_by_a_link_with_all_their_cases",
    "test_damage_to_one_case_of_a_child_refuses_no_fact_of_another",
    "test_who_was_erased_is_not_told_again_by_a_link",
    "test_workers_that_link_at_once_leave_one_child",
    "two_children",
]
