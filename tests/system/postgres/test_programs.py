"""The tests of tokens and of the interface for programs again, on PostgreSQL."""

from tests.casework.access.test_api_tokens import (
    context,
    test_a_change_of_role_ends_the_tokens_of_the_account_and_the_same_role_again_does_not,
    test_a_row_that_was_altered_opens_nothing,
    test_calls_are_counted_by_token_and_wrong_ones_by_address,
    test_every_token_that_opens_nothing_looks_alike,
)
from tests.web.api.conftest import programs
from tests.web.api.test_acts import (
    test_a_dry_run_says_what_it_would_do_and_records_nothing,
    test_a_key_is_of_one_act_of_one_account,
    test_a_program_opens_a_case_and_reads_it,
    test_a_provider_answers_what_its_body_owes_and_nothing_else,
    test_a_refused_act_may_be_tried_again_under_its_key,
    test_a_wrong_fact_is_refused_with_code_and_field_and_without_what_was_sent,
    test_calls_under_one_key_at_once_record_once,
    test_if_match_records_only_on_the_case_that_was_read,
    test_the_answer_is_stored_with_the_facts_or_neither_is,
    test_the_same_call_again_records_nothing_and_has_the_same_answer,
)
from tests.web.api.test_privacy import (
    hidden,
    test_a_case_that_may_not_be_named_answers_as_one_that_does_not_exist,
    test_no_stored_answer_and_no_key_has_an_identity,
)
from tests.web.api.test_reads import (
    test_a_case_that_comes_between_two_pages_repeats_and_hides_none,
    test_a_wrong_call_gets_a_problem,
    test_duties_are_listed_by_date_and_paged,
    test_filters_are_those_of_the_list,
    test_letters_are_listed_by_state_and_shown,
    test_pages_of_cases_have_each_case_once,
)

__all__ = [
    "context",
    "hidden",
    "programs",
    "test_a_case_that_comes_between_two_pages_repeats_and_hides_none",
    "test_a_case_that_may_not_be_named_answers_as_one_that_does_not_exist",
    "test_a_change_of_role_ends_the_tokens_of_the_account_and_the_same_role_again_does_not",
    "test_a_dry_run_says_what_it_would_do_and_records_nothing",
    "test_a_key_is_of_one_act_of_one_account",
    "test_a_program_opens_a_case_and_reads_it",
    "test_a_provider_answers_what_its_body_owes_and_nothing_else",
    "test_a_refused_act_may_be_tried_again_under_its_key",
    "test_a_row_that_was_altered_opens_nothing",
    "test_a_wrong_call_gets_a_problem",
    "test_a_wrong_fact_is_refused_with_code_and_field_and_without_what_was_sent",
    "test_calls_are_counted_by_token_and_wrong_ones_by_address",
    "test_calls_under_one_key_at_once_record_once",
    "test_duties_are_listed_by_date_and_paged",
    "test_every_token_that_opens_nothing_looks_alike",
    "test_filters_are_those_of_the_list",
    "test_if_match_records_only_on_the_case_that_was_read",
    "test_letters_are_listed_by_state_and_shown",
    "test_no_stored_answer_and_no_key_has_an_identity",
    "test_pages_of_cases_have_each_case_once",
    "test_the_answer_is_stored_with_the_facts_or_neither_is",
    "test_the_same_call_again_records_nothing_and_has_the_same_answer",
]
