"""Runs installations on PostgreSQL: one local server for the test run, one database for each installation.

Without the binaries of PostgreSQL, pytest collects nothing here.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest
from psycopg import sql

from config.settings import Settings
from models.database import open_engine
from models.schema import create_or_upgrade_schema
from runtime.local_postgres import LocalPostgres, binaries
from tests.support.files_in_memory import MEMORY, has_enough

if TYPE_CHECKING:
    from tests.support.team import New, Team

collect_ignore_glob = [] if binaries() is not None else ["test_*.py"]
collect_ignore = (
    [] if os.environ.get("ROUNDS") else ["test_work_pool.py", "test_month_of_replies.py"]
)  # minutes: with make faults
NEW = "loaded_once"
MADE = "migrated_once"  # the benchmark has a template of its own in this cluster


@pytest.fixture(scope="session")
def postgres() -> Iterator[LocalPostgres]:
    """A running local PostgreSQL with one migrated database to copy from."""
    # Not under pytest's own folder: the account of the server may not enter it. In memory where there is space: several
    # hundred databases are copied.
    home = Path(tempfile.mkdtemp(prefix="sendflow-pg-", dir=MEMORY if has_enough() else None))
    home.chmod(0o755)
    cluster = LocalPostgres(home / "cluster", fast=True)
    cluster.make()
    try:
        cluster.start()
        cluster.database(MADE)
        engine = open_engine(cluster.url(MADE, "owner"))
        create_or_upgrade_schema(engine)
        engine.dispose()
        yield cluster
    finally:
        cluster.stop(at_once=True)
        shutil.rmtree(home)


@pytest.fixture(scope="session")
def database(postgres: LocalPostgres) -> Callable[..., str]:
    """Return a function that creates a database, empty or migrated, and returns its address for the owner."""
    numbers = count(1)

    def make(empty: bool = False, template: str = MADE) -> str:
        name = f"installation_{next(numbers)}"
        with psycopg.connect(postgres.url("postgres", "owner", "postgresql"), autocommit=True) as connection:
            copy = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY").format(
                sql.Identifier(name), sql.Identifier("template1" if empty else template)
            )
            connection.execute(copy)
        return postgres.url(name, "owner")

    return make


@pytest.fixture(scope="session")
def new(postgres: LocalPostgres, database: Callable[..., str], tmp_path_factory: pytest.TempPathFactory) -> New:
    """A new installation whose database is copied for each team."""
    from tests.support.team import FIRST_DAY, New

    with psycopg.connect(postgres.url("postgres", "owner", "postgresql"), autocommit=True) as connection:
        names = [sql.Identifier(each) for each in (NEW, MADE)]
        connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY").format(*names))
    home = tmp_path_factory.mktemp("new") / "var"
    return New.of(Settings(home=home, today=FIRST_DAY, database_url=postgres.url(NEW, "owner")))


@pytest.fixture
def teams(tmp_path: Path, database: Callable[..., str], new: New) -> Iterator[Callable[[str], Team]]:
    """Return a function that makes a team with its own installation and database; the fixture `team` uses it too."""
    from tests.support.team import Team

    made: list[Team] = []

    def make(name: str) -> Team:
        made.append(Team(tmp_path / name, database_url=database(template=NEW), new=new))
        return made[-1]

    yield make
    for each in made:
        each.first.engine.dispose()
