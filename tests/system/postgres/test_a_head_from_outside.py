"""A head from a digest is compared with PostgreSQL as with SQLite."""

from tests.audit.test_a_head_from_outside import (
    heads,
    lived,
    test_a_head_that_was_mistyped_is_said_and_is_no_finding_of_the_database,
    test_a_past_that_was_rewritten_whole_is_found_by_a_head_that_left_and_by_nothing_else,
    test_each_head_that_left_matches,
    test_the_heads_beside_the_database_find_it_too,
)

__all__ = [
    "heads",
    "lived",
    "test_a_head_that_was_mistyped_is_said_and_is_no_finding_of_the_database",
    "test_a_past_that_was_rewritten_whole_is_found_by_a_head_that_left_and_by_nothing_else",
    "test_each_head_that_left_matches",
    "test_the_heads_beside_the_database_find_it_too",
]
