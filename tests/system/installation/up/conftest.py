"""One installation as a new user makes it by `sendflow up`, and opened again with a login of the team's own.

The files share it, and their order matters: it is attacked, used, killed and opened again.
"""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from typing import NamedTuple

import pytest

from tests.support.installation import RunningInstallation, processes_of, wait_until

LOGIN = "dco:kestrel-under-glass-41"


class Again(NamedTuple):
    """The installation after its second start, and how many facts its database had before."""

    installation: RunningInstallation
    facts_before: int


@pytest.fixture(scope="package")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningInstallation]:
    """A running installation whose scheduler checks every second which jobs are due, made under the most permissive
    umask.
    """
    before = os.umask(0)
    try:
        made = RunningInstallation(tmp_path_factory.mktemp("newcomer") / "var", SENDFLOW_TICK_SECONDS="1")
    finally:
        os.umask(before)
    yield made.opened()
    made.close()


def facts(installation: RunningInstallation) -> int:
    """How many facts its database has."""
    return int(json.loads(installation.ask("verify", "--json").stdout)["facts"])


def kill(installation: RunningInstallation) -> None:
    """Kill the supervisor, and wait until no process of the installation is left."""
    if installation.process.poll() is None:
        installation.signal(signal.SIGKILL)
        installation.ended()
    wait_until(lambda: processes_of(installation.home) == [], 30)


@pytest.fixture(scope="package")
def again(installation: RunningInstallation) -> Iterator[Again]:
    """The same installation after its supervisor was killed, opened again with a login from its environment."""
    kill(installation)
    before = facts(installation)
    installation.words = installation.words.rename(installation.home.with_suffix(".first"))
    made = RunningInstallation(installation.home, installation.port, SENDFLOW_AUTH=LOGIN)
    yield Again(made.opened(), before)
    made.close()
