"""Reads of one page are of one instant: `one_snapshot`, on SQLite. `tests/system/postgres` has the other database."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, func, insert, select

from casework.access.seen import as_seen_by
from models.database import one_snapshot, open_engine, reading, writing
from models.questions import Question, ask_together
from models.schema import create_or_upgrade_schema
from models.tables import ALIAS, CASE
from tests.models.test_visibility import OPEN, RESTRICTED, with_two_cases
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
