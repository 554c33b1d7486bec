"""`tests/models/test_visibility.py` on PostgreSQL."""

from tests.models.test_visibility import check_what_is_read, check_who_is_named, with_two_cases
from tests.support.team import Team


def test_what_reads_leaves_restricted_cases_out_and_what_writes_does_not(team: Team) -> None:
    check_what_is_read(with_two_cases(team))


def test_who_is_named_sees_all_until_the_role_changes(team: Team) -> None:
    check_who_is_named(with_two_cases(team))
