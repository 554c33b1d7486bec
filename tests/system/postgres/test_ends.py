"""The ends of all chains at a checkpoint on PostgreSQL."""

from tests.casework.bundles.test_ends import (
    lived,
    test_a_case_that_began_later_has_no_end_in_an_earlier_checkpoint,
    test_each_end_of_each_checkpoint_is_proved,
)

__all__ = [
    "lived",
    "test_a_case_that_began_later_has_no_end_in_an_earlier_checkpoint",
    "test_each_end_of_each_checkpoint_is_proved",
]
