"""Runs tests of parting, joining and finding cases again on PostgreSQL."""

from tests.casework.cases.test_part_and_join import (
    appealed,
    slip,
    test_a_fact_copied_from_the_other_childs_case_is_withdrawn_and_comes_back_when_they_are_joined,
    test_a_replay_as_known_before_the_parting_shows_the_old_state,
    test_children_with_different_numbers_are_not_joined,
    test_erasing_one_child_after_the_parting_leaves_the_other,
    test_later_facts_reach_the_cases_of_the_right_child_alone,
    test_parted_cases_are_of_two_children_each_with_what_its_own_cases_said,
    test_parting_asks_first_and_names_the_cases_of_each_side_and_the_copied_facts,
    test_what_is_replaced_or_joined_is_named_and_asked,
)
from tests.casework.cases.test_references_as_typed import (
    test_a_case_is_found_by_each_of_its_references_in_any_spelling,
    test_a_reference_that_an_authority_gave_to_several_cases_is_asked_about,
    two,
)

__all__ = [
    "appealed",
    "slip",
    "test_a_case_is_found_by_each_of_its_references_in_any_spelling",
    "test_a_fact_copied_from_the_other_childs_case_is_withdrawn_and_comes_back_when_they_are_joined",
    "test_a_reference_that_an_authority_gave_to_several_cases_is_asked_about",
    "test_a_replay_as_known_before_the_parting_shows_the_old_state",
    "test_children_with_different_numbers_are_not_joined",
    "test_erasing_one_child_after_the_parting_leaves_the_other",
    "test_later_facts_reach_the_cases_of_the_right_child_alone",
    "test_parted_cases_are_of_two_children_each_with_what_its_own_cases_said",
    "test_parting_asks_first_and_names_the_cases_of_each_side_and_the_copied_facts",
    "test_what_is_replaced_or_joined_is_named_and_asked",
    "two",
]
