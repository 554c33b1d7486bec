"""A health professional's advice for an annual review: no day in law, a local standard where the locality has set one.

Advice that is returned is due again until the review is decided (SEND Regs 2014 reg 20(10)), and not after it.
"""

from dataclasses import replace
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest

from config.law import HERE, load_law
from tests.support.by_hand import PAEDS, TRUST
from tests.support.team import Team

RULE = "review_advice_from_professional"
MEETING: dict[str, Any] = {"meeting_on": "2027-01-11"}
ASKED: dict[str, Any] = {"body": TRUST, "service": PAEDS}


def with_local_day(team: Team, tmp_path: Path) -> None:
    """The local standard asks for advice four weeks before the meeting."""
    copytree(HERE, tmp_path / "law", ignore=lambda _folder, names: [name for name in names if name.endswith(".py")])
    (tmp_path / "law" / "locality.toml").write_text(
        f'[{RULE}]\ncounts = "days_before"\nweeks = 4\ncite = "local standard"\n', "utf-8"
    )
    team.first = replace(team.first, law=load_law(tmp_path / "law"))


@pytest.fixture
def review(team: Team) -> Team:
    """A cycle of annual review that began when the plan was made."""
    team.case = "AR90001"
    team.record("2 Mar 2026", "plan_made", la="northshire", la_reference="NS-04412", nhs_number="9990000018")
    return team


@pytest.fixture
def answered(team: Team, tmp_path: Path) -> Team:
    """Where the locality asks for advice four weeks before a meeting: for Monday 11 January 2027 by 14 December; it
    came on 10 December.
    """
    with_local_day(team, tmp_path)
    team.case = "AR90001"
    team.record("2 Mar 2026", "plan_made", la="northshire")
    team.record("16 Nov 2026", "review_meeting_arranged", meeting_on="2027-01-11")
    team.record("16 Nov 2026", "health_professional_invited", meeting_on="2027-01-11", **ASKED)
    team.record("10 Dec 2026", "review_advice_received", **ASKED)
    return team


def test_before_the_decision_what_is_returned_is_owed_again(answered: Team) -> None:
    answered.record("11 Dec 2026", "review_advice_returned", reason="a page is missing", **ASKED)
    assert answered.duty("15 Dec 2026", RULE).standing == "breached"
    answered.sweep("15 Dec 2026")
    assert ("breached", "review_overdue", "2026-12-15") in answered.escalations()


def test_after_the_decision_nobody_is_chased_for_what_is_returned(answered: Team) -> None:
    answered.record("11 Jan 2027", "review_meeting_held")
    answered.record("25 Jan 2027", "plan_kept")
    answered.record("26 Jan 2027", "review_advice_returned", reason="a page is missing", **ASKED)
    answered.sweep("8 Feb 2027")
    assert answered.escalations() == []
    assert (answered.duty("8 Feb 2027", RULE).standing, answered.verify("8 Feb 2027").intact) == ("met", True)


def test_without_a_local_day_nobody_is_chased_and_the_invitation_is_passed_on(review: Team) -> None:
    review.record("1 Dec 2026", "review_meeting_arranged", **MEETING)
    review.record("2 Dec 2026", "health_professional_invited", **ASKED, **MEETING)
    review.sweep("1 Mar 2027")
    assert review.escalations() == []
    assert review.notices() == [("review_invited", "service", "created")]
    assert (review.duty("1 Mar 2027", RULE).due, review.duty("1 Mar 2027", RULE).standing) == (None, "no_date")
    review.record("4 Jan 2027", "review_advice_received", **ASKED)
    assert (review.duty("1 Mar 2027", RULE).due, review.duty("1 Mar 2027", RULE).standing) == (None, "met")
    subject, text = review.letter("review_thanks")
    assert subject == "AR90001 (NS-04412): advice for the review received 4 January 2027, thank you"
    assert "law" not in text


def test_a_local_day_is_chased_as_local_policy_and_never_as_law(review: Team, tmp_path: Path) -> None:
    """Four weeks before 11 January is 14 December; the reminder a week before, the breach the day after, the escalation
    three working days on.
    """
    with_local_day(review, tmp_path)
    review.record("16 Nov 2026", "review_meeting_arranged", **MEETING)
    review.record("16 Nov 2026", "health_professional_invited", **ASKED, **MEETING)
    review.sweep("18 Dec 2026")
    assert review.escalations() == [
        ("reminder_due", "review_reminder", "2026-12-07"),
        ("breached", "review_overdue", "2026-12-15"),
        ("escalation_due", "review_escalation", "2026-12-18"),
    ]
    subject, text = review.letter("review_overdue")
    assert subject == "AR90001 (NS-04412): advice for the review meeting of 11 January 2027 is overdue"
    said = " ".join(text.split())
    for needed in (
        "Due by local standard",
        "Monday 14 December 2026",
        "The law fixes no day on which your own advice is due",
        "Two weeks before this",
    ):
        assert needed in said, needed
    assert "Due by law" not in said
    review.record("21 Dec 2026", "review_advice_received", on="11 Dec 2026", **ASKED)
    review.sweep("21 Dec 2026")
    assert [rung for kind, rung, _day in review.escalations() if kind == "rung_withdrawn"] == [
        "review_overdue",
        "review_escalation",
    ]
