"""One act on several cases by the command again, on PostgreSQL."""

from tests.cli.test_bulk import (
    cases,
    test_a_second_person_is_asked_for,
    test_each_act_is_done_as_the_command_for_one_case_does_it,
    test_the_cases_of_a_view_or_of_filters_are_chosen,
    test_what_one_case_refuses_is_named_the_others_are_done_and_the_exit_code_is_1,
)

__all__ = [
    "cases",
    "test_a_second_person_is_asked_for",
    "test_each_act_is_done_as_the_command_for_one_case_does_it",
    "test_the_cases_of_a_view_or_of_filters_are_chosen",
    "test_what_one_case_refuses_is_named_the_others_are_done_and_the_exit_code_is_1",
]
