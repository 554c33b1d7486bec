"""The storm of tests/faults on PostgreSQL: kill -9 of recorders, sweepers and deliverers, and one, two and eight workers on the same cases."""

from tests.faults.conftest import chance, room, rounds
from tests.faults.test_killed_at_random import test_whatever_dies_when_nothing_is_lost_and_nothing_is_said_twice as test_whatever_dies
from tests.faults.test_many_workers import test_a_commit_whose_answer_was_lost_is_there_once_however_often_it_is_asked_for_again as test_a_lost_answer

__all__ = ["chance", "room", "rounds", "test_a_lost_answer", "test_whatever_dies"]
