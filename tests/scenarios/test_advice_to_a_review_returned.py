"""Advice to a review that is sent back: owed again until the review is decided (SEND Regs 2014 reg 20(10)), and by
nobody after it.
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
ASKED: dict[str, Any] = {"body": TRUST, "service": PAEDS}


@pytest.fixture
def answered(team: Team, tmp_path: Path) -> Team:
    """Where the locality asks for advice four weeks before a meeting: for Monday 11 January 2027 by 14 December; it
    came on 10 December.
    """
    copytree(HERE, tmp_path / "law", ignore=lambda _folder, names: [name for name in names if name.endswith(".py")])
    (tmp_path / "law" / "locality.toml").write_text(
        f'[{RULE}]\ncounts = "days_before"\nweeks = 4\ncite = "local standard"\n', "utf-8"
    )
    team.first = replace(team.first, law=load_law(tmp_path / "law"))
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
