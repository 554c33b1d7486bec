"""A dry run of another escalation policy says which e-mails would be sent, withheld, or sent on another day."""

from pathlib import Path

import pytest

from casework.rule_packs import DryRun, dry_run
from cli.rule_packs import _in_words
from config.escalation_policy import load_escalation_policy
from tests.casework.test_rule_packs import SHIPPED, pack
from tests.support.team import Team

LADDER = (SHIPPED / "ladder" / "ehc_needs_assessment.toml").read_text("utf-8")
STEP = """
[[rung.ehc_body_advice_respond]]
id = "reminder_4_weeks"
fact = "reminder_due"
after = "start"
weeks = 4
template = "reminder"
to = ["service"]
"""


@pytest.fixture
def asked(team: Team) -> Team:
    """Asked on 2 March: reminders on 23 March and 6 April, breach on 14 April, escalation on 21 and 28 April."""
    return team.opened().asked("2 Mar 2026")


def tried(team: Team, folder: Path, today: str, ladder: str) -> DryRun:
    return dry_run(team.context(today), pack(folder / "pack", ladder__ehc_needs_assessment=ladder))


def seen(found: DryRun) -> list[tuple[str | None, ...]]:
    return [
        (each.change, each.rung, each.recipient, *(str(day) if day else None for day in (each.on, each.on_then)))
        for each in found.letters
    ]


def without(step: str) -> str:
    first, _, rest = LADDER.partition(f'[[rung.ehc_body_advice_respond]]\nid = "{step}"')
    _, more, others = rest.partition("\n[[")
    return first + ("[[" + others if more else "")


def test_a_step_that_goes_is_withheld_and_one_that_comes_is_sent(asked: Team, tmp_path: Path) -> None:
    found = tried(asked, tmp_path, "9 Mar 2026", without("reminder_3_weeks") + STEP)
    assert seen(found) == [
        ("withheld", "reminder_3_weeks", "service", "2026-03-23", None),
        ("sent", "reminder_4_weeks", "service", None, "2026-03-30"),
    ]
    text = _in_words(found, load_escalation_policy())
    assert "No due date moves." in text and "1 more sent, 1 not sent" in text
    assert f"{asked.case}  reminder 4 weeks to the service [QX101 speech_and_language_therapy]: would be sent" in text


def test_a_step_of_another_day_and_of_other_recipients_is_named(asked: Team, tmp_path: Path) -> None:
    step, weeks = LADDER.index('id = "reminder_3_weeks"'), "weeks = 3\n"
    later = LADDER[:step] + LADDER[step:].replace(weeks, "days = 24\n", 1)
    assert seen(tried(asked, tmp_path, "9 Mar 2026", later)) == [
        ("another_day", "reminder_3_weeks", "service", "2026-03-23", "2026-03-26")
    ]
    manager = LADDER.replace('to = ["service_manager"]', 'to = ["provider_send_lead"]', 1)
    assert seen(tried(asked, tmp_path, "8 Apr 2026", manager)) == [
        ("sent", "breach", "provider_send_lead", None, "2026-04-14"),
        ("withheld", "breach", "service_manager", "2026-04-14", None),
    ]


def test_what_was_sent_or_lies_further_ahead_changes_nothing(asked: Team, tmp_path: Path) -> None:
    asked.day("23 Mar 2026")
    assert seen(tried(asked, tmp_path, "24 Mar 2026", without("reminder_3_weeks"))) == []
    assert seen(tried(asked, tmp_path, "24 Mar 2026", without("escalation_icb"))) == []
    found = tried(asked, tmp_path, "24 Mar 2026", LADDER.replace("grace_working_days = 2", "grace_working_days = 3"))
    assert "No e-mail of the next four weeks changes." in _in_words(found, load_escalation_policy())
