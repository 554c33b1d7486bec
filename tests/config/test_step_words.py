"""Steps of the escalation policy have names that a reader understands."""

import re

import pytest

from config.escalation_policy import DEFAULT, EscalationPolicyError, load_escalation_policy, policy_of
from config.step_words import step_name

NAME = 'called = "an answer by the lead of the team"'
LATE = 'id = "enquiry_answer_late"'
# The policy of a team that has one file alone, and a name of its own for one step.
OWN = (DEFAULT / "enquiry.toml").read_text("utf-8").replace(LATE, f"{LATE}\n{NAME}")


def test_every_step_of_the_shipped_policy_says_when_it_comes_or_what_it_is() -> None:
    """A new step needs no name of its own where its id ends in `_soon`, `_late` or `_escalation`."""
    policy = load_escalation_policy()
    ids = {each.id for steps in policy.rung.values() for each in steps}
    named = {each: step_name(each, policy) for each in ids}
    assert len(ids) > 100
    assert {each for each, name in named.items() if name == each.replace("_", " ") or re.search(r"\d", name)} == set()


def test_every_letter_about_a_fact_has_a_name_beside_it() -> None:
    assert {each.rung for each in load_escalation_policy().letter.values() if each.called is None} == set()


@pytest.mark.parametrize(
    ("rung", "said"),
    [
        ("escalation_icb", "second escalation"),
        ("enquiry_service_asked", "question to the service"),
        ("enquiry_service_escalation", "escalation after the due date"),
        ("agreement_word_overdue", "reminder after the due date"),
        ("of_a_team_reminder_10_days", "reminder before the due date"),
        ("what_a_team_calls_it", "what a team calls it"),
        ("rung_withdrawn", "an earlier e-mail is withdrawn"),
        ("la_meeting", "LA meeting"),
    ],
)
def test_a_step_has_the_name_beside_it_or_that_of_the_end_of_its_id_or_its_words(rung: str, said: str) -> None:
    assert step_name(rung, load_escalation_policy()) == said


def test_a_team_names_its_own_steps_and_a_step_that_it_left_out_has_its_old_name() -> None:
    """An e-mail of last year names a step that the policy of today may not have."""
    own = policy_of(OWN)
    assert step_name("enquiry_answer_late", own) == "an answer by the lead of the team"
    assert step_name("enquiry_answer_late", load_escalation_policy()) == "reminder after the due date"
    assert step_name("escalation_icb", own) == "second escalation"


def test_a_name_is_no_change_of_the_policy() -> None:
    """Else a better name would be another rule set, and every duty would be calculated again."""
    named = policy_of(OWN).digest
    assert policy_of(OWN.replace(NAME, "")).digest == named
    assert policy_of(OWN.replace("days = 3", "days = 4")).digest != named


def test_a_step_with_two_names_is_refused() -> None:
    twice = OWN.replace('id = "enquiry_held_late"', f'{LATE}\ncalled = "another"')
    with pytest.raises(EscalationPolicyError, match="enquiry_answer_late by two names: expected the same `called`"):
        policy_of(twice)
