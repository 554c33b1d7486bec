"""Who acted is recorded on PostgreSQL as on SQLite."""

from tests.models.test_acting import (
    test_a_fact_names_the_account_and_the_machine_beside_its_actor,
    test_one_row_for_each_who_ever_wrote_though_a_transaction_was_undone,
    test_two_accounts_whose_numbers_would_be_the_same_get_two,
    test_who_signed_in_is_named_and_another_thread_is_not,
)

__all__ = [
    "test_a_fact_names_the_account_and_the_machine_beside_its_actor",
    "test_one_row_for_each_who_ever_wrote_though_a_transaction_was_undone",
    "test_two_accounts_whose_numbers_would_be_the_same_get_two",
    "test_who_signed_in_is_named_and_another_thread_is_not",
]
