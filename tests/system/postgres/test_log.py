"""The transparency log on PostgreSQL: the sequencer and its verification behave as on SQLite."""

from __future__ import annotations

from tests.casework.proof.test_sequencer import (
    lived,
    test_a_checkpoint_is_signed_with_both_keys_and_only_adds_to_the_one_before,
    test_every_fact_and_change_is_one_leaf_and_numbers_have_no_gap,
    test_keys_are_replaced_on_the_record_and_old_checkpoints_stay_valid,
    test_nothing_new_is_no_new_checkpoint,
    test_the_folder_has_the_layout_of_the_standard_and_every_leaf,
)

__all__ = [
    "lived",
    "test_a_checkpoint_is_signed_with_both_keys_and_only_adds_to_the_one_before",
    "test_every_fact_and_change_is_one_leaf_and_numbers_have_no_gap",
    "test_keys_are_replaced_on_the_record_and_old_checkpoints_stay_valid",
    "test_nothing_new_is_no_new_checkpoint",
    "test_the_folder_has_the_layout_of_the_standard_and_every_leaf",
]
