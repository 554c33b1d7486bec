"""The law of then is read from PostgreSQL as from SQLite."""

from tests.casework.test_law_then import (
    test_a_case_as_known_then_shows_the_law_of_then_beside_the_law_of_now,
    test_a_law_text_whose_digest_was_altered_too_is_not_believed,
    test_an_altered_law_text_of_the_database_is_not_believed,
)

__all__ = [
    "test_a_case_as_known_then_shows_the_law_of_then_beside_the_law_of_now",
    "test_a_law_text_whose_digest_was_altered_too_is_not_believed",
    "test_an_altered_law_text_of_the_database_is_not_believed",
]
