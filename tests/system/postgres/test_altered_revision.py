"""A changed `alembic_version` is found on PostgreSQL as on SQLite."""

from tests.audit.test_altered_revision import (
    altered,
    test_a_look_is_not_logged_over_an_altered_revision,
    test_a_revision_that_was_set_right_again_opens,
    test_a_running_program_writes_nothing_over_an_altered_revision,
    test_an_installation_whose_revision_was_altered_does_not_open,
    test_the_doctor_names_an_altered_revision,
)

__all__ = [
    "altered",
    "test_a_look_is_not_logged_over_an_altered_revision",
    "test_a_revision_that_was_set_right_again_opens",
    "test_a_running_program_writes_nothing_over_an_altered_revision",
    "test_an_installation_whose_revision_was_altered_does_not_open",
    "test_the_doctor_names_an_altered_revision",
]
