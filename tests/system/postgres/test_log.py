"""The transparency log on PostgreSQL: the sequencer and its verification behave as on SQLite."""

from __future__ import annotations

from casework.bundles import verifier
from casework.bundles.build import bundle
from tests.casework.proof.test_sequencer import (
    lived,
    test_a_checkpoint_is_signed_with_both_keys_and_only_adds_to_the_one_before,
    test_every_fact_and_change_is_one_leaf_and_numbers_have_no_gap,
    test_keys_are_replaced_on_the_record_and_old_checkpoints_stay_valid,
    test_nothing_new_is_no_new_checkpoint,
    test_the_folder_has_the_layout_of_the_standard_and_every_leaf,
)
from tests.support.by_hand import SALT, TRUST
from tests.support.team import Team

__all__ = [
    "lived",
    "test_a_checkpoint_is_signed_with_both_keys_and_only_adds_to_the_one_before",
    "test_every_fact_and_change_is_one_leaf_and_numbers_have_no_gap",
    "test_keys_are_replaced_on_the_record_and_old_checkpoints_stay_valid",
    "test_nothing_new_is_no_new_checkpoint",
    "test_the_folder_has_the_layout_of_the_standard_and_every_leaf",
]


def test_a_bundle_of_a_server_verifies(team: Team) -> None:
    team.record("2 Feb 2026", "ehc_assessment_requested", la="northshire")
    team.asked("2 Mar 2026", SALT, body=TRUST)
    for today in ("2 Mar 2026", "3 Mar 2026"):
        team.day(today)
    context = team.context("3 Mar 2026")
    made = bundle(context, team.case, "dco.team")
    found = verifier.verify(made.data)
    assert (found.case, found.facts, found.letters) == (team.case, len(team.lines()), made.letters)
    assert made.letters and bundle(context, team.case, "dco.team").data == made.data
