"""Fixtures of the core's tests: a team with an installation of its own, on simulated days, without a word from the
environment.
"""

from __future__ import annotations

import gc
import os
import resource
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.files_in_memory import remove_from_memory, write_to_memory
from tests.support.one_authority import forget_authority, trust_one_authority

if TYPE_CHECKING:
    from tests.support.mail_server import ScriptedMailServer
    from tests.support.team import Team


# Tests that wait for servers and children begin first, so that the quick ones fill the time that they leave and no
# process ends alone.
SLOW = ("system/", "browser/", "docs/test_adding", "scenarios/test_walk_200", "casework/delivery/")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Order the files: the slow ones first, in the order above."""
    here = Path(__file__).parent

    @cache
    def place_of(path: Path) -> int:
        name = path.relative_to(here).as_posix()
        return next((number for number, start in enumerate(SLOW) if name.startswith(start)), len(SLOW))

    def place(item: pytest.Item) -> int:
        return place_of(item.path)

    items.sort(key=place)


# Each folder below has files that share an installation: one process runs them all.
SHARED = "tests/system/installation/"


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Give each process whole files, as `--dist loadfile` does, and of `SHARED` whole folders."""
    if config.option.dist != "loadfile":
        return None
    from xdist.scheduler import LoadFileScheduling  # type: ignore[import-untyped]

    class ByFile(LoadFileScheduling):  # type: ignore[misc]
        def _split_scope(self, nodeid: str) -> str:
            file: str = super()._split_scope(nodeid)
            return file.rpartition("/")[0] if file.startswith(SHARED) else file

    return ByFile(config, log)


def pytest_collection_finish() -> None:
    """Leave the modules and the collected tests out of garbage collection, and collect seldom: a tenth of the CPU."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 10, 10)
    gc.enable()


def pytest_configure(config: pytest.Config) -> None:
    """Make files private, and many: many machines allow a thousand open files, and a process opens hundreds here."""
    gc.disable()  # until the tests are collected: nothing that they import is garbage
    if config.option.basetemp is None and "PYTEST_XDIST_WORKER" not in os.environ:
        write_to_memory()
    if "PYTEST_XDIST_WORKER" not in os.environ:
        trust_one_authority()
    os.umask(0o077)  # as `protect_process` sets it in the program
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 8_192)), hard))


def pytest_unconfigure() -> None:
    """End the event loop of the tests' browsers, without which Python would wait for its thread. Remove the files."""
    if loop := sys.modules.get("tests.support.one_loop"):
        loop.close()
    forget_authority()
    remove_from_memory()


MANY_OPEN_FILES = 400


@pytest.fixture(scope="module", autouse=True)
def no_files_left_open() -> Iterator[None]:
    """Closes what a file's tests left open of their installations; one that lives longer opens its database again by
    itself.
    """
    from sqlalchemy import Engine, event

    from models.database import WRITE_CONNECTION
    from tests.support.compiled import share_compiled

    seen: set[Engine] = set()

    def connected(connection: Any) -> None:
        share_compiled(connection)
        engine = connection.engine
        if WRITE_CONNECTION in engine.__dict__:
            seen.add(engine)

    event.listen(Engine, "engine_connect", connected)
    yield
    event.remove(Engine, "engine_connect", connected)
    for engine in seen:
        engine.dispose()
    if sum(1 for _ in Path("/proc/self/fd").iterdir()) > MANY_OPEN_FILES:
        gc.collect()  # connections of threads that have ended


@pytest.fixture
def team(teams: Callable[[str], Team]) -> Team:
    """A DCO team with an empty installation."""
    return teams("var")


@pytest.fixture
def teams(tmp_path: Path) -> Iterator[Callable[[str], Team]]:
    """Makes several teams, each with an installation of that name."""
    from tests.support.team import Team

    made: list[Team] = []

    def make(name: str) -> Team:
        made.append(Team(tmp_path / name))
        return made[-1]

    yield make
    for each in made:
        each.first.engine.dispose()


@pytest.fixture
def mail_server() -> Iterator[ScriptedMailServer]:
    """A mail server that stores every message, for one test."""
    from tests.support.mail_server import running_mail_server

    with running_mail_server() as made:
        yield made
