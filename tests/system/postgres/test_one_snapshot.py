"""`tests/models/test_one_snapshot.py` on PostgreSQL."""

from tests.models.test_one_snapshot import check_a_row_beside_a_page, check_a_view, check_one_snapshot
from tests.support.team import Team


def test_reads_inside_are_of_one_instant_and_see_what_the_thread_wrote(team: Team) -> None:
    check_one_snapshot(team.first.engine)


def test_a_readers_view_of_an_open_snapshot_is_of_the_same_instant_and_hides(team: Team) -> None:
    check_a_view(team)


def test_a_row_that_is_logged_while_a_page_is_made_is_stored_when_it_ends(team: Team) -> None:
    check_a_row_beside_a_page(team)
