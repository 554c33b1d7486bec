"""A part of the escalation policy besides its steps, from a form: only that part changes, what is wrong is named."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from config.escalation_policy import DEFAULT, policy_of
from config.policy_edit import StepError
from config.policy_parts import PartValue, PartValues, parts, with_part

DAY = date(2026, 11, 30)
FILES = sorted(DEFAULT.glob("*.toml"))
NAME = "ehc_needs_assessment"
TEXT = (DEFAULT / f"{NAME}.toml").read_text("utf-8")
RULE = "ehc_body_advice_respond"


def other(value: PartValue) -> PartValue:
    """Another value of the same kind."""
    if isinstance(value, list):
        return [*value, "dco"] if "dco" not in value else [each for each in value if each != "dco"] or ["service"]
    return not value if isinstance(value, bool) else value + 3


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_each_part_is_changed_and_nothing_else(file: Path) -> None:
    text = file.read_text("utf-8")
    before = parts(policy_of(text), file.stem)
    for part, values in before.items():
        same = with_part(text, file.stem, part, values, DAY)
        changed = [line for line in same.splitlines() if line not in text.splitlines()]
        assert changed in ([], ["decided_on = 2026-11-30"]), part
        wanted: PartValues = {name: other(value) for name, value in values.items()}
        made = policy_of(with_part(text, file.stem, part, wanted, DAY))
        assert parts(made, file.stem) == {**before, part: wanted}
        assert made.rung == policy_of(text).rung
        assert [each.templates for each in made.letter.values()] == [
            each.templates for each in policy_of(text).letter.values()
        ]
        assert made.decided_on == DAY


def test_recipients_that_are_optional_are_taken_away_again() -> None:
    part = "letter.health_advice_requested"
    more = with_part(TEXT, NAME, part, {"to_if_ours": ["dco"]}, DAY)
    assert parts(policy_of(more), NAME)[part]["to_if_ours"] == ["dco"]
    assert with_part(more, NAME, part, {"to_if_ours": []}, DAY) == with_part(TEXT, NAME, part, {}, DAY)


@pytest.mark.parametrize(
    ("part", "values", "field", "said"),
    [
        ("letter.health_advice_requested", {"to": []}, "to", "at least one recipient"),
        ("letter.health_advice_requested", {"to": ["everybody"]}, "to", "gets no e-mails"),
        ("letter.health_advice_requested", {"template": ["thanks"]}, "template", "no field template"),
        (f"said_sent.{RULE}", {"quiet_working_days": 21}, "quiet_working_days", "less than or equal to 20"),
        (f"grace.{NAME}", {"grace_working_days": 99}, "grace_working_days", "less than or equal to 20"),
        ("letter.no_fact", {}, "", "no such part"),
    ],
)
def test_what_is_wrong_with_a_part_is_named(part: str, values: PartValues, field: str, said: str) -> None:
    with pytest.raises(StepError, match=said) as refused:
        with_part(TEXT, NAME, part, values, DAY)
    assert refused.value.field == field
