"""`tests/models/test_visibility.py`, and erasures that reach restricted cases, on PostgreSQL."""

from tests.casework.privacy.test_restricted_erasure import (
    both,
    test_a_hold_on_a_restricted_case_is_seen_and_ended_by_who_is_named_alone,
    test_an_erasure_by_who_is_not_named_reaches_the_restricted_case_and_names_none,
    test_records_that_a_restricted_case_makes_stay_are_not_in_the_list_of_who_is_not_named,
)
from tests.models.test_visibility import check_what_is_read, check_who_is_named, with_two_cases
from tests.support.team import Team

__all__ = [
    "both",
    "test_a_hold_on_a_restricted_case_is_seen_and_ended_by_who_is_named_alone",
    "test_an_erasure_by_who_is_not_named_reaches_the_restricted_case_and_names_none",
    "test_records_that_a_restricted_case_makes_stay_are_not_in_the_list_of_who_is_not_named",
]


def test_what_reads_leaves_restricted_cases_out_and_what_writes_does_not(team: Team) -> None:
    check_what_is_read(with_two_cases(team))


def test_who_is_named_sees_all_until_the_role_changes(team: Team) -> None:
    check_who_is_named(with_two_cases(team))
