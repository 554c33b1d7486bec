"""The walks of the registers again on PostgreSQL: by the commands and by the pages, from opening to end."""

from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

from tests.casework.cases.test_no_consent import (
    test_consent_that_is_given_again_names_the_case_and_a_closed_one_stays_unnamed,
    test_nothing_names_the_case_from_that_fact_on,
    two,
)
from tests.cli.test_draft_oversight_walk import test_the_draft_of_a_reassessment_or_an_amended_plan_is_checked_too
from tests.cli.test_dynamic_support_walk import (
    test_a_consent_that_is_withdrawn_stops_lists_and_letters_at_once,
)
from tests.cli.test_dynamic_support_walk import (
    test_from_the_referral_to_the_end_with_letters as test_dynamic_support,
)
from tests.cli.test_learning_disability_walk import (
    test_from_the_register_to_the_action_plan_with_letters as test_learning_disability_check,
)
from tests.cli.test_local_offer_walk import test_a_cycle_with_its_letters_opens_the_next_one
from tests.cli.test_looked_after_walk import (
    test_from_the_first_day_to_the_last_with_letters as test_looked_after_health,
)
from tests.cli.test_plan_audit_walk import test_a_round_from_its_marks_to_its_report
from tests.cli.test_register_entries_walk import (
    test_a_gap_is_put_to_commissioners_and_their_silence_is_said,
    test_a_policy_is_made_known_reviewed_and_replaced_with_letters,
    test_training_templates_arrangements_and_engagement_have_what_they_ask,
)
from tests.cli.test_safeguarding_walk import (
    named,
    test_from_the_referral_to_its_end_with_letters_to_the_lead_alone,
    test_who_is_not_named_finds_no_case_and_opens_it_blind,
)
from tests.cli.test_transition_walk import test_from_year_9_to_adult_services_with_letters
from tests.support.calling import Call, sendflow
from tests.web.test_learning_disability_pages import test_a_check_is_recorded_by_pages
from tests.web.test_local_offer_pages import test_a_cycle_is_recorded_by_pages_and_opens_the_next_one
from tests.web.test_looked_after_pages import test_an_assessment_is_recorded_by_pages
from tests.web.test_plan_audit_pages import test_a_round_is_drawn_and_marked_by_pages
from tests.web.test_register_entry_pages import test_a_gap_is_recorded_by_pages_and_its_silence_is_listed
from tests.web.test_register_pages import test_a_person_is_listed_by_consent_and_gone_with_it
from tests.web.test_transition_pages import test_a_transition_is_recorded_by_pages


@pytest.fixture
def call(tmp_path: Path, database: Callable[..., str]) -> Call:
    """Run a command in an installation of its own on PostgreSQL, on a simulated day, which is given first."""
    home, url = tmp_path / "var", database()
    home.mkdir()

    def run(today: str, *args: str) -> Result:
        env = {"SENDFLOW_HOME": str(home), "SENDFLOW_TODAY": today, "SENDFLOW_DATABASE_URL": url}
        return sendflow(*args, env=env)

    return run


__all__ = [
    "named",
    "test_a_check_is_recorded_by_pages",
    "test_a_consent_that_is_withdrawn_stops_lists_and_letters_at_once",
    "test_a_cycle_is_recorded_by_pages_and_opens_the_next_one",
    "test_a_cycle_with_its_letters_opens_the_next_one",
    "test_a_gap_is_put_to_commissioners_and_their_silence_is_said",
    "test_a_gap_is_recorded_by_pages_and_its_silence_is_listed",
    "test_a_person_is_listed_by_consent_and_gone_with_it",
    "test_a_policy_is_made_known_reviewed_and_replaced_with_letters",
    "test_a_round_from_its_marks_to_its_report",
    "test_a_round_is_drawn_and_marked_by_pages",
    "test_a_transition_is_recorded_by_pages",
    "test_an_assessment_is_recorded_by_pages",
    "test_consent_that_is_given_again_names_the_case_and_a_closed_one_stays_unnamed",
    "test_dynamic_support",
    "test_from_the_referral_to_its_end_with_letters_to_the_lead_alone",
    "test_from_year_9_to_adult_services_with_letters",
    "test_learning_disability_check",
    "test_looked_after_health",
    "test_nothing_names_the_case_from_that_fact_on",
    "test_the_draft_of_a_reassessment_or_an_amended_plan_is_checked_too",
    "test_training_templates_arrangements_and_engagement_have_what_they_ask",
    "test_who_is_not_named_finds_no_case_and_opens_it_blind",
    "two",
]
