"""A sample that is drawn in the same act as its round is opened has the subject that the opening says.

Imports, programs and the sample record several facts in one act. The frame was empty then, and nothing was drawn.
"""

from datetime import date

from casework.cases.record import record
from models.facts import FactDraft
from tests.support.team import Team


def test_a_round_that_is_opened_and_drawn_in_one_act_draws_from_its_subject(team: Team) -> None:
    for case in ("NX90001", "NX90002"):
        team.act(
            "10 Feb 2026",
            ("ehc_assessment_requested", "2026-01-05", {"la": "northshire"}),
            ("assessment_agreed", "2026-01-12", {}),
            ("health_advice_requested", "2026-01-13", {"body": "QX104", "service": "camhs"}),
            ("health_advice_received", "2026-02-10", {"body": "QX104", "service": "camhs"}),
            case=case,
        )
    opening = FactDraft("audit_opened", date(2026, 3, 2), {"audit_tool": "health_advice_1"})
    drawing = {"from_on": "2026-02-01", "to_on": "2026-02-28", "seed": "spring", "size": 2}
    context = team.context("3 Mar 2026")
    record(context, "PA90001", [opening, FactDraft("sample_drawn", date(2026, 3, 3), drawing)], "dco.team")
    team.case = "PA90001"
    _opening, sample, *items = team.lines()
    assert (sample.data["in_frame"], sample.data["left_out"]) == (2, 0)
    assert sorted(str(item.data["about_case"]) for item in items) == ["NX90001", "NX90002"]
    assert team.verify("3 Mar 2026").intact
