"""Steps of the escalation policy have names that a reader understands."""

import re

import pytest

from config.escalation_policy import load_escalation_policy
from config.step_words import step


def test_every_step_of_the_shipped_policy_says_when_it_comes_or_what_it_is() -> None:
    """A new step needs no name of its own where its id ends in `_soon`, `_late` or `_escalation`."""
    ids = {each.id for steps in load_escalation_policy().rung.values() for each in steps}
    unclear = {each for each in ids if step(each) == each.replace("_", " ") or re.search(r"\d", step(each))}
    assert len(ids) > 100
    assert unclear == set()


@pytest.mark.parametrize(
    ("rung", "said"),
    [
        ("enquiry_service_asked", "question to the service"),
        ("enquiry_service_escalation", "escalation after the due date"),
        ("agreement_word_overdue", "reminder after the due date"),
        ("of_a_team_reminder_10_days", "reminder before the due date"),
        ("what_a_team_calls_it", "what a team calls it"),
        ("la_meeting", "LA meeting"),
    ],
)
def test_a_step_is_named_by_the_end_of_its_id_or_by_its_words(rung: str, said: str) -> None:
    assert step(rung) == said
