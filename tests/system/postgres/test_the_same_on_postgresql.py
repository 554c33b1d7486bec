"""Runs the most important tests of ledger, record, sweep, verify and delivery again on PostgreSQL."""

from tests.casework.cases.test_record import (
    test_a_body_with_several_requests_needs_the_service,
    test_a_fact_says_who_when_how_and_under_which_law,
    test_a_fact_that_belongs_between_others_is_accepted_on_its_own_day,
    test_a_fact_that_is_not_permitted_is_refused_with_the_permitted_kinds,
    test_free_text_goes_to_passages_and_the_fact_holds_its_id,
    test_one_fact_that_is_not_permitted_refuses_the_whole_act,
    test_the_same_fact_twice_is_refused,
)
from tests.casework.delivery.test_daily_digest import (
    test_a_checkpoint_proves_that_the_records_still_match_it,
    test_it_goes_once_a_day_however_often_it_runs,
    test_it_says_what_is_late_what_is_coming_and_what_waits_for_a_person,
)
from tests.casework.delivery.test_deliver import (
    test_a_withdrawn_breach_is_never_sent,
    test_delivering_twice_sends_once,
    test_one_message_a_day_to_a_mailbox_has_all_its_notices,
    test_with_the_server_down_for_three_days_nothing_is_lost_and_nothing_is_said_twice,
)
from tests.casework.imports.test_tracker_identity import (
    test_cases_of_one_child_share_a_key_and_two_births_of_one_number_are_refused,
)
from tests.casework.imports.test_tracker_import import (
    context,
    test_a_tracker_becomes_cases_with_their_facts_in_the_order_of_the_process,
)
from tests.casework.test_sweep import (
    test_a_changed_law_reaches_every_case,
    test_a_mailbox_gets_only_the_highest_step_addressed_to_it,
    test_one_request_from_the_first_reminder_to_the_correction,
    test_what_a_sweep_reports,
)
from tests.models.test_database_append_only import (
    test_a_chain_is_hashed_over_the_hash_before_and_the_text,
    test_a_reader_holds_up_no_writer,
    test_a_transaction_that_fails_leaves_nothing,
    test_making_the_records_again_changes_nothing,
    test_the_head_of_an_instant_never_changes_afterwards,
    test_the_same_number_is_written_once,
)

__all__ = [
    "context",
    "test_a_body_with_several_requests_needs_the_service",
    "test_a_chain_is_hashed_over_the_hash_before_and_the_text",
    "test_a_changed_law_reaches_every_case",
    "test_a_checkpoint_proves_that_the_records_still_match_it",
    "test_a_fact_says_who_when_how_and_under_which_law",
    "test_a_fact_that_belongs_between_others_is_accepted_on_its_own_day",
    "test_a_fact_that_is_not_permitted_is_refused_with_the_permitted_kinds",
    "test_a_mailbox_gets_only_the_highest_step_addressed_to_it",
    "test_a_reader_holds_up_no_writer",
    "test_a_tracker_becomes_cases_with_their_facts_in_the_order_of_the_process",
    "test_a_transaction_that_fails_leaves_nothing",
    "test_a_withdrawn_breach_is_never_sent",
    "test_cases_of_one_child_share_a_key_and_two_births_of_one_number_are_refused",
    "test_delivering_twice_sends_once",
    "test_free_text_goes_to_passages_and_the_fact_holds_its_id",
    "test_it_goes_once_a_day_however_often_it_runs",
    "test_it_says_what_is_late_what_is_coming_and_what_waits_for_a_person",
    "test_making_the_records_again_changes_nothing",
    "test_one_fact_that_is_not_permitted_refuses_the_whole_act",
    "test_one_message_a_day_to_a_mailbox_has_all_its_notices",
    "test_one_request_from_the_first_reminder_to_the_correction",
    "test_the_head_of_an_instant_never_changes_afterwards",
    "test_the_same_fact_twice_is_refused",
    "test_the_same_number_is_written_once",
    "test_what_a_sweep_reports",
    "test_with_the_server_down_for_three_days_nothing_is_lost_and_nothing_is_said_twice",
]
