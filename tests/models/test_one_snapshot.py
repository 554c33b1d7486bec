"""Reads of one page are of one instant: `one_snapshot`, on SQLite. `tests/system/postgres` has the other database."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, func, insert, select

from models.database import one_snapshot, open_engine, reading, writing
from models.schema import create_or_upgrade_schema
from models.tables import ALIAS


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
