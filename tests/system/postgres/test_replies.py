"""Runs the tests of answers that come at once on PostgreSQL."""

from tests.system.faults.test_replies_killed_and_at_once import test_of_two_answers_at_once_one_is_recorded

__all__ = ["test_of_two_answers_at_once_one_is_recorded"]
