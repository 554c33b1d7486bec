"""A step may come before a due date: only a reminder, only in days or weeks, and on one side of one day."""

from pathlib import Path

import pytest

from config.escalation_policy import EscalationPolicyError, load_escalation_policy

HEAD = (
    'name = "own"\nbasis = "local_standard"\ndecided_on = 2026-11-22\n\n[[rung.cypcc_annual_review]]\nid ='
    ' "soon"\ntemplate = "reminder"\nto = ["service"]\n'
)


def ladder(tmp_path: Path, rung: str) -> Path:
    path = tmp_path / "ladder.toml"
    path.write_text(HEAD + rung, "utf-8")
    return path


def test_a_reminder_before_a_due_date_is_read(tmp_path: Path) -> None:
    (rung,) = load_escalation_policy(ladder(tmp_path, 'fact = "reminder_due"\nbefore = "due"\nweeks = 6\n')).steps(
        "cypcc_annual_review"
    )
    assert (rung.before, rung.after, rung.weeks) == ("due", None, 6)


@pytest.mark.parametrize(
    ("rung", "said"),
    [
        ('fact = "reminder_due"\nweeks = 6\n', "exactly one of after and before"),
        ('fact = "reminder_due"\nbefore = "due"\nafter = "start"\nweeks = 6\n', "exactly one of after and before"),
        ('fact = "breached"\nbefore = "due"\ndays = 1\n', "is for a reminder"),
        ('fact = "reminder_due"\nbefore = "due"\nworking_days = 3\n', "in days or weeks"),
    ],
)
def test_anything_else_is_refused_with_what_was_expected(tmp_path: Path, rung: str, said: str) -> None:
    with pytest.raises(EscalationPolicyError, match=said):
        load_escalation_policy(ladder(tmp_path, rung))
