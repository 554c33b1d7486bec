"""Reads of one page are of one instant: `one_snapshot`, on SQLite. `tests/system/postgres` has the other database."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, func, insert, select
from sqlalchemy.exc import IntegrityError

from casework.access.seen import as_seen_by
from models.change_log import insert_logged
from models.database import one_snapshot, open_engine, reading, writing
from models.last_row import transact_last, transact_while
from models.questions import Question, ask_together
from models.schema import create_or_upgrade_schema
from models.tables import ALIAS, CASE, CASE_LOOK, CHANGE_LOG
from tests.models.test_visibility import OPEN, RESTRICTED, with_two_cases
from tests.support.installation import wait_until
from tests.support.team import Team

CASES = Question(select(CASE.c.case_ref).order_by(CASE.c.case_ref))


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    made = open_engine(f"sqlite:///{tmp_path / 'records.sqlite'}")
    create_or_upgrade_schema(made)
    yield made
    made.dispose()


def test_reads_inside_are_of_one_instant_and_see_what_the_thread_wrote(engine: Engine) -> None:
    check_one_snapshot(engine)


def check_one_snapshot(engine: Engine) -> None:
    """What holds on both databases."""
    assert rows(engine) == 0
    with one_snapshot(engine):
        assert rows(engine) == 0
        in_another_thread(engine, "A")
        assert rows(engine) == 0, "another thread's row came after the snapshot"
        with one_snapshot(engine), reading(engine) as first, reading(engine) as second:
            assert first is second, "one connection for all reads"
        write(engine, "B")
        assert rows(engine) == 2, "what the thread wrote itself is seen, and what came before it"
    assert rows(engine) == 2
    in_another_thread(engine, "C")
    assert rows(engine) == 3, "outside, each read is of its own instant"


def test_a_readers_view_of_an_open_snapshot_is_of_the_same_instant_and_hides(team: Team) -> None:
    check_a_view(team)


def check_a_view(team: Team) -> None:
    """A snapshot of the whole database goes on as that of a reader, who does not see what was asked before."""
    whole = with_two_cases(team).context("6 Mar 2026").engine
    seen = as_seen_by(team.context("6 Mar 2026"), None).engine
    assert seen is not whole
    with one_snapshot(whole):
        with reading(whole) as connection:
            ask_together(connection, [(CASES, {})])
            assert references(connection) == [OPEN, RESTRICTED]
        with one_snapshot(seen):
            with reading(seen) as view:
                assert view is connection, "one connection for the whole page"
                assert references(view) == [OPEN]
            with reading(whole) as other:
                assert other is not connection, "what reads the whole meanwhile has a snapshot of its own"
                assert references(other) == [OPEN, RESTRICTED]
            write(seen, "A")
            with reading(seen) as view:
                assert references(view) == [OPEN]
            assert rows(seen) == 1
        with reading(whole) as after:
            assert references(after) == [OPEN, RESTRICTED]
    with reading(whole) as fresh:
        assert references(fresh) == [OPEN, RESTRICTED]


def test_a_row_that_is_logged_while_a_page_is_made_is_stored_when_it_ends(team: Team) -> None:
    check_a_row_beside_a_page(team)


def check_a_row_beside_a_page(team: Team) -> None:
    """The page is made of what was read before. Who asks finds the row before the block ends: nothing waits for it."""
    engine = team.context("6 Mar 2026").engine
    with one_snapshot(engine):
        assert looks(engine) == 0
        with transact_while(engine, look("NX91001")):
            # another connection finds it while the block runs
            wait_until(lambda: in_a_thread(looks, engine) == 1, 30)
        assert looks(engine) == 1, "the snapshot ended with the row"
    assert looks(engine) == 1
    with pytest.raises(ZeroDivisionError), transact_while(engine, look("NX91002")):
        raise ZeroDivisionError  # a page that cannot be made: somebody asked for it
    assert looks(engine) == 2
    with writing(engine) as connection:
        numbers = connection.scalars(select(CHANGE_LOG.c.key).where(CHANGE_LOG.c.subject == "case_look")).all()
    assert len(set(numbers)) == 2, "each is in the change log"
    reached = []
    with pytest.raises(IntegrityError), transact_while(engine, look(None)):
        reached.append(1)
    assert looks(engine) == 2
    transact_last(engine, look("NX91003"))
    assert looks(engine) == 3, "the connection can be used afterwards"


def look(case_ref: str | None) -> Callable[[Connection], None]:
    at = "2026-03-06T09:00:00.000000Z"
    row = {"case_ref": case_ref, "actor": "dco.team", "what": "case", "at": at}
    return lambda connection: insert_logged(connection, CASE_LOOK, [row], at, last=True)


def looks(engine: Engine) -> int:
    with reading(engine) as connection:
        return int(connection.scalar(select(func.count()).select_from(CASE_LOOK)) or 0)


def in_a_thread(asked: Callable[[Engine], int], engine: Engine) -> int:
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asked, engine).result()


def references(connection: Connection) -> list[str]:
    return [row.case_ref for row in CASES.rows(connection)]


def rows(engine: Engine) -> int:
    with reading(engine) as connection:
        return int(connection.scalar(select(func.count()).select_from(ALIAS)) or 0)


def write(engine: Engine, alias: str) -> None:
    with writing(engine) as connection:
        row = {column.name: alias for column in ALIAS.columns}
        connection.execute(insert(ALIAS), [row])


def in_another_thread(engine: Engine, alias: str) -> None:
    thread = threading.Thread(target=write, args=(engine, alias))
    thread.start()
    thread.join()
