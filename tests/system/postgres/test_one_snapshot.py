"""`tests/models/test_one_snapshot.py` on PostgreSQL, and what only PostgreSQL does: a look on the page's connection."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import IntegrityError

from models.bulk_io import run
from models.database import one_snapshot, reading
from models.last_row import transact_while
from tests.models.test_one_snapshot import (
    check_a_row_beside_a_page,
    check_a_view,
    check_one_snapshot,
    look,
    looks,
)
from tests.support.team import Team


def test_reads_inside_are_of_one_instant_and_see_what_the_thread_wrote(team: Team) -> None:
    check_one_snapshot(team.first.engine)


def test_a_readers_view_of_an_open_snapshot_is_of_the_same_instant_and_hides(team: Team) -> None:
    check_a_view(team)


def test_a_row_that_is_logged_while_a_page_is_made_is_stored_when_it_ends(team: Team) -> None:
    check_a_row_beside_a_page(team)


def test_a_look_is_written_on_the_connection_of_the_page(team: Team) -> None:
    """The first look of an account has a connection of its own, because it stores who acts."""
    engine = team.context("6 Mar 2026").engine
    with one_snapshot(engine), reading(engine), transact_while(engine, look("NX91001")):
        pass
    with one_snapshot(engine), reading(engine) as connection:
        assert looks(engine) == 1
        with taken_from_the_pool(engine) as taken, transact_while(engine, look("NX91002")):
            pass
        assert taken == []
        with reading(engine) as again:
            assert again is connection
        assert looks(engine) == 2
        with pytest.raises(IntegrityError), transact_while(engine, look(None)):
            pass
        assert looks(engine) == 2, "after an error the page's connection can be used"
        with reading(engine) as again, pytest.raises(Exception, match="read-only transaction"):
            run(again, "DELETE FROM case_look")
    assert looks(engine) == 2


def test_a_look_that_another_transaction_came_before_has_a_connection_of_its_own(team: Team) -> None:
    engine = team.context("6 Mar 2026").engine
    with one_snapshot(engine), reading(engine), transact_while(engine, look("NX91001")):
        pass
    tried: list[Connection] = []

    def work(connection: Connection) -> None:
        tried.append(connection)
        if len(tried) == 1:
            run(connection, "DO $$ BEGIN RAISE SQLSTATE '40001'; END $$")
        look("NX91002")(connection)

    with one_snapshot(engine), reading(engine) as connection:
        assert looks(engine) == 1
        with transact_while(engine, work):
            pass
        assert tried[0] is connection is not tried[1]
        assert looks(engine) == 2


@contextmanager
def taken_from_the_pool(engine: Engine) -> Iterator[list[object]]:
    """Count the connections that are taken in the block."""
    taken: list[object] = []

    def note(driver: object, *_more: object) -> None:
        taken.append(driver)

    event.listen(engine, "checkout", note)
    try:
        yield taken
    finally:
        event.remove(engine, "checkout", note)
