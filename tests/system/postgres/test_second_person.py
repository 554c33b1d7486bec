"""What a second person agrees to, on PostgreSQL as on SQLite."""

from tests.casework.cases.test_second_person import (
    claimed,
    test_a_pack_is_adopted_by_two,
    test_a_second_person_may_decide_on_another_day,
    test_an_exception_is_accepted_by_the_same_command_of_a_second_person,
    test_notices_on_hold_are_released_by_two,
    test_what_was_asked_ends_after_14_days_and_is_no_row_of_the_list,
)

__all__ = [
    "claimed",
    "test_a_pack_is_adopted_by_two",
    "test_a_second_person_may_decide_on_another_day",
    "test_an_exception_is_accepted_by_the_same_command_of_a_second_person",
    "test_notices_on_hold_are_released_by_two",
    "test_what_was_asked_ends_after_14_days_and_is_no_row_of_the_list",
]
