"""The grades of a service across rounds, by hand: two rounds, of which the second waits for one blind mark."""

from casework.reports.registers.grades import GRADES, audit_grades
from casework.reports.registers.shape import Wanted
from tests.cli.test_plan_audit_walk import answers
from tests.support.team import Team


def answered(**outcomes: str) -> list[str]:
    return answers(**outcomes).removeprefix("answers=").split(", ")


def round_of(team: Team, case: str, on: str, *marks: tuple[str, str, list[str]]) -> None:
    """A round with items of one service: the code, whether a second mark is owed, and the first marker's answers."""
    team.record(on, "audit_opened", case=case, audit_tool="health_advice_1")
    team.record(on, "sample_drawn", case=case, from_on="2026-01-01", to_on="2026-01-02", seed="one", size=1)
    for item, second, given in marks:
        whose = {"body": "QX104", "service": "camhs", "on_time": "yes", "second_mark": second}
        team.act(on, ("item_drawn", on, {"item": item, **whose}), case=case)
        team.record(on, "item_marked", case=case, item=item, marked_by="kim.roe", answers=given, evidence="page 2")


def test_a_line_for_each_round_the_newest_first_without_what_waits_for_a_blind_mark(team: Team) -> None:
    nothing = answered(effect_on_learning="no", provision_what="no", provision_how_often="no")
    team.case = "PA90001"
    everything_no = [f"{each.partition('=')[0]}=no" for each in nothing]
    round_of(team, "PA90001", "2 Feb 2026", ("a", "no", answered()), ("b", "no", everything_no))
    round_of(team, "PA90002", "2 Mar 2026", ("a", "no", answered(outcomes="no")), ("b", "yes", everything_no))
    context = team.context("1 Apr 2026")
    first, second = audit_grades(context, Wanted.of(context.today())).rows
    assert (first.case_ref, first.items, first.grades, first.unusable) == (
        "PA90002",
        1,
        [("outstanding", 1)],
        0,
    ), "the item that waits for its other mark is not in it"
    assert (second.case_ref, second.items, second.unusable) == ("PA90001", 2, 1)
    assert second.grades == [("outstanding", 1), ("inadequate", 1)]
    assert first.weakest == ["outcomes"]
    settled = {"item": "b", "moderated_by": "lead", "grade": "inadequate", "reason": "x"}
    team.act("16 Mar 2026", ("item_moderated", "16 Mar 2026", settled), case="PA90002")
    context = team.context("1 Apr 2026")
    newest = audit_grades(context, Wanted.of(context.today())).rows[0]
    assert newest.items == 2, "moderated, it is known"
    assert "1 outstanding, 1 inadequate" in GRADES.words(newest)
