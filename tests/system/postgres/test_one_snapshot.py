"""`tests/models/test_one_snapshot.py` on PostgreSQL."""

from tests.models.test_one_snapshot import check_one_snapshot
from tests.support.team import Team


def test_reads_inside_are_of_one_instant_and_see_what_the_thread_wrote(team: Team) -> None:
    check_one_snapshot(team.first.engine)
