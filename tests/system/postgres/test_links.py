"""Runs tests of links between cases again on PostgreSQL, where several processes write at once."""

from tests.casework.cases.test_links import (
    test_a_corrected_link_moves_the_case_alone_and_names_the_facts_copied_from_the_wrong_child,
    test_a_link_does_not_restore_an_erased_person,
    test_a_link_merges_two_children_with_all_their_cases,
    test_damage_to_one_case_of_a_child_refuses_no_fact_of_another,
    test_workers_that_link_at_once_leave_one_child,
    two_children,
)

__all__ = [
    "test_a_corrected_link_moves_the_case_alone_and_names_the_facts_copied_from_the_wrong_child",
    "test_a_link_does_not_restore_an_erased_person",
    "test_a_link_merges_two_children_with_all_their_cases",
    "test_damage_to_one_case_of_a_child_refuses_no_fact_of_another",
    "test_workers_that_link_at_once_leave_one_child",
    "two_children",
]
