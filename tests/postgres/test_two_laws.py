"""Two homes on one set of records, each with a law of its own: the same on a PostgreSQL server as on a file."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.faults.test_two_laws import (  # noqa: F401
    test_a_dry_run_of_another_law_takes_nothing_and_an_adopted_pack_holds_at_once,
    test_a_machine_with_another_ladder_records_sweeps_and_sends_nothing_and_says_why,
    test_a_new_machine_is_told_before_it_writes_and_may_be_the_one_that_is_right,
    test_an_edited_ladder_comes_to_hold_by_the_next_sweep_and_the_other_machine_follows,
    test_the_first_of_many_that_bring_in_a_law_at_once_is_the_only_one,
    test_the_hold_costs_a_writer_no_question_once_it_knows,
    test_what_is_undone_has_not_brought_in_a_law,
    two,
)


@pytest.fixture
def shared(database: Callable[..., str]) -> str:
    """The address of records that stand in no home."""
    return database()
