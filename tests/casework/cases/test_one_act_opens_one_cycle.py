"""A review that is recorded whole in one act opens one next cycle, as one that is recorded fact by fact does."""

import pytest
from sqlalchemy import text

from models.database import reading
from tests.support.team import Team

REVIEW = "AR90001"
FACTS: tuple[tuple[str, str, dict[str, str]], ...] = (
    ("plan_made", "3 Mar 2025", {"la": "northshire"}),
    ("review_meeting_held", "2 Feb 2026", {}),
    ("review_report_received", "9 Feb 2026", {}),
    ("plan_kept", "16 Feb 2026", {}),
)
TODAY = "2 Mar 2026"


def cycles(team: Team) -> int:
    with reading(team.first.engine) as connection:
        return int(connection.scalar(text("SELECT count(*) FROM case_file WHERE process = 'annual_review'")) or 0)


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (0, 2, 3, 1)], ids=["in order", "the meeting last"])
@pytest.mark.parametrize("at_once", [True, False], ids=["in one act", "one by one"])
def test_a_review_opens_one_next_cycle(team: Team, at_once: bool, order: tuple[int, ...]) -> None:
    facts = [FACTS[number] for number in order]
    for some in [facts] if at_once else [[fact] for fact in facts]:
        team.act(TODAY, *some, case=REVIEW)
    assert cycles(team) == 2
