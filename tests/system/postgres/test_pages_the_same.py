"""The tests of accounts, recordings and looks again on PostgreSQL."""

from tests.casework.imports.test_refused_rows import (
    folder,
    test_a_person_answers_once,
    test_a_row_that_a_later_import_accepts_waits_no_longer,
    test_two_open_cases_of_one_child_wait_until_a_person_answers_or_one_has_ended,
)
from tests.casework.privacy.test_unusual_reading import (
    context,
    test_a_child_with_the_reader_s_surname_is_a_sign,
    test_looks_are_noted_once_for_each_case,
    test_more_cases_in_an_hour_than_the_limit_is_one_sign,
)
from tests.casework.reports.test_read_by_index import (
    late_context,
    test_a_page_of_cases_is_read_by_indexes,
    test_today_is_read_by_indexes,
)
from tests.cli.test_looks import (
    lived,
    test_a_command_that_shows_a_case_is_logged_with_the_account_of_the_machine,
    test_a_list_of_references_is_no_look,
)
from tests.web.test_accounts import (
    place,
    strict,
    test_a_link_can_be_asked_for_three_times_an_hour,
    test_a_name_that_is_no_account_gets_the_same_answer_by_the_same_work,
    test_a_new_password_ends_every_other_session,
    test_a_password_alone_opens_nothing_once_there_is_a_second_factor,
    test_a_right_password_forgets_the_wrong_ones,
    test_an_administrator_removes_a_lost_second_factor_and_nobody_their_own,
    test_an_e_mail_that_the_server_does_not_take_waits_and_its_link_is_void,
    test_every_page_and_file_of_a_case_is_a_look_that_an_auditor_sees,
    test_five_wrong_codes_lock_the_second_factor_for_every_process,
    test_taking_a_role_away_ends_the_sessions_and_links_of_the_account,
    test_wrong_passwords_lock_an_account_for_every_process_and_for_fifteen_minutes,
)
from tests.web.test_decide_and_letters import (
    test_what_would_leave_next_is_what_leaves_on_that_day_and_asking_changes_nothing,
    test_what_would_leave_next_says_its_totals_a_page_at_a_time,
    test_who_asks_what_would_leave_next_waits_for_nobody_and_nobody_waits,
)
from tests.web.test_owners_and_rows import (
    test_a_case_is_assigned_and_the_filters_find_it,
    test_a_refused_row_is_on_the_queue_until_it_is_answered,
    test_pages_of_cases_follow_each_other_without_gap_or_repetition,
)
from tests.web.test_recording import (
    person,
    test_an_answer_is_checked_and_then_recorded,
    test_the_next_working_day_of_a_simulation_sweeps_and_delivers,
)
from tests.web.test_strange_input import (
    test_a_form_with_control_characters_is_answered,
    test_a_page_answers_an_address_with_control_characters,
)

__all__ = [
    "context",
    "folder",
    "late_context",
    "lived",
    "person",
    "place",
    "strict",
    "test_a_case_is_assigned_and_the_filters_find_it",
    "test_a_child_with_the_reader_s_surname_is_a_sign",
    "test_a_command_that_shows_a_case_is_logged_with_the_account_of_the_machine",
    "test_a_form_with_control_characters_is_answered",
    "test_a_link_can_be_asked_for_three_times_an_hour",
    "test_a_list_of_references_is_no_look",
    "test_a_name_that_is_no_account_gets_the_same_answer_by_the_same_work",
    "test_a_new_password_ends_every_other_session",
    "test_a_page_answers_an_address_with_control_characters",
    "test_a_page_of_cases_is_read_by_indexes",
    "test_a_password_alone_opens_nothing_once_there_is_a_second_factor",
    "test_a_person_answers_once",
    "test_a_refused_row_is_on_the_queue_until_it_is_answered",
    "test_a_right_password_forgets_the_wrong_ones",
    "test_a_row_that_a_later_import_accepts_waits_no_longer",
    "test_an_administrator_removes_a_lost_second_factor_and_nobody_their_own",
    "test_an_answer_is_checked_and_then_recorded",
    "test_an_e_mail_that_the_server_does_not_take_waits_and_its_link_is_void",
    "test_every_page_and_file_of_a_case_is_a_look_that_an_auditor_sees",
    "test_five_wrong_codes_lock_the_second_factor_for_every_process",
    "test_looks_are_noted_once_for_each_case",
    "test_more_cases_in_an_hour_than_the_limit_is_one_sign",
    "test_pages_of_cases_follow_each_other_without_gap_or_repetition",
    "test_taking_a_role_away_ends_the_sessions_and_links_of_the_account",
    "test_the_next_working_day_of_a_simulation_sweeps_and_delivers",
    "test_today_is_read_by_indexes",
    "test_two_open_cases_of_one_child_wait_until_a_person_answers_or_one_has_ended",
    "test_what_would_leave_next_is_what_leaves_on_that_day_and_asking_changes_nothing",
    "test_what_would_leave_next_says_its_totals_a_page_at_a_time",
    "test_who_asks_what_would_leave_next_waits_for_nobody_and_nobody_waits",
    "test_wrong_passwords_lock_an_account_for_every_process_and_for_fifteen_minutes",
]
