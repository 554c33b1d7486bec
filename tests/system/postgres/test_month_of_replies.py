"""The six weeks of three bodies on PostgreSQL: with make faults."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.scenarios.test_month_of_replies import (
    lived,
    pytestmark,
    test_an_email_came_twice_only_where_a_killed_job_could_not_know,
    test_every_fact_is_there_once_and_no_other,
    test_every_letter_left_on_its_day_to_its_mailbox_and_no_other_letter_left,
    test_every_mail_was_taken_in_once,
    test_nobody_else_got_anything,
    test_the_history_and_the_outbox_verify,
    test_the_two_answers_by_link_and_the_claim_that_ended_leave_nothing_open,
)
from tests.support.month_of_replies import Month
from tests.support.team import Team

__all__ = [
    "pytestmark",
    "test_an_email_came_twice_only_where_a_killed_job_could_not_know",
    "test_every_fact_is_there_once_and_no_other",
    "test_every_letter_left_on_its_day_to_its_mailbox_and_no_other_letter_left",
    "test_every_mail_was_taken_in_once",
    "test_nobody_else_got_anything",
    "test_the_history_and_the_outbox_verify",
    "test_the_two_answers_by_link_and_the_claim_that_ended_leave_nothing_open",
]


@pytest.fixture(scope="module")
def month(database: Callable[..., str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Month]:
    """The weeks on PostgreSQL."""
    home: Path = tmp_path_factory.mktemp("month") / "var"
    home.mkdir()
    yield from lived(Team(home, database_url=database()))
