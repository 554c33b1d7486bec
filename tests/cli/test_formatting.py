"""The status of a duty in the words of a case's page: one that has ended is not said to run, and what cannot be late is
not said to be.
"""

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from casework.reports.case_models import DutyShown
from cli.formatting import _how
from statemachines.registry import processes
from tests.support.team import Team

FINAL, NO_PLAN, DECIDE_AT_17, APPEAL, SAY = (
    "order_assess_final_plan",
    "order_assess_no_plan_notify",
    "cypcc_transition_17",
    "appeal_register",
    "s23_notify_la",
)
ENDED: dict[str, Any] = {"ended_on": date(2026, 12, 1)}


@pytest.mark.parametrize(
    ("rule", "standing", "more", "said"),
    [
        (FINAL, "running", {}, "running"),
        (
            FINAL,
            "met",
            {"met_on": date(2026, 12, 1), "met_by": "final_plan_sent"},
            "met, final plan sent on Tue 1 Dec 2026",
        ),
        (FINAL, "breached", {"days_late": 3}, "breached, 3 days late"),
        (FINAL, "breached", {"days_late": 1, **ENDED}, "breached, 1 day late when it ended on Tue 1 Dec 2026"),
        (FINAL, "running", ENDED, "no longer owed: ended on Tue 1 Dec 2026"),
        (NO_PLAN, "no_date", ENDED, "not owed: it was decided otherwise on Tue 1 Dec 2026"),
        (DECIDE_AT_17, "no_date", {}, "owed as soon as possible; no day makes it late"),
        (APPEAL, "no_date", {}, "not used in its time"),
        (SAY, "no_date", {"due": None}, "no date"),
    ],
)
def test_how_a_duty_stands_in_words(tmp_path: Path, rule: str, standing: str, more: dict[str, Any], said: str) -> None:
    fields: dict[str, Any] = {
        "rule": rule,
        "body": None,
        "service": None,
        "opened_seq": 1,
        "started_on": date(2026, 9, 22),
        "due": date(2026, 12, 1),
        "strict_due": None,
        "act_by": None,
        "standing": standing,
        "days_late": 0,
        "met_on": None,
        "met_by": None,
        "ended_on": None,
        "excuse": None,
        "citation": "reg 44(2)(b)(i)",
        "basis": "regulation",
    }
    assert (
        _how(Team(tmp_path).first, processes()["ehc_needs_assessment"], DutyShown.model_validate(fields | more)) == said
    )
