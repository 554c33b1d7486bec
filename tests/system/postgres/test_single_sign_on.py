"""The tests of single sign-on again, on PostgreSQL."""

from tests.web.test_ended_by_the_provider import (
    test_a_session_of_the_provider_ends_the_one_that_came_from_it,
    test_a_subject_alone_ends_every_session_of_its_account_in_every_process,
    test_a_token_counts_once_also_in_another_process,
    test_the_session_after_a_second_factor_ends_too,
)
from tests.web.test_single_sign_on import (
    place,
    provider,
    team_of_two,
    test_a_known_person_comes_in_with_another_session_than_before,
    test_an_administrator_parts_an_account_and_its_sessions_end,
    test_an_answer_counts_in_the_browser_that_asked_once_and_for_ten_minutes,
    test_an_invitation_names_the_account_once,
    test_an_invitation_that_is_refused_may_be_used_again,
)

__all__ = [
    "place",
    "provider",
    "team_of_two",
    "test_a_known_person_comes_in_with_another_session_than_before",
    "test_a_session_of_the_provider_ends_the_one_that_came_from_it",
    "test_a_subject_alone_ends_every_session_of_its_account_in_every_process",
    "test_a_token_counts_once_also_in_another_process",
    "test_an_administrator_parts_an_account_and_its_sessions_end",
    "test_an_answer_counts_in_the_browser_that_asked_once_and_for_ten_minutes",
    "test_an_invitation_names_the_account_once",
    "test_an_invitation_that_is_refused_may_be_used_again",
    "test_the_session_after_a_second_factor_ends_too",
]
