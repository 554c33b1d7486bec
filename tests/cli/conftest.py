"""What the walks by commands alone share."""

from pathlib import Path

import pytest
from typer.testing import Result

from tests.support.calling import Call, sendflow
from tests.support.team import ready


@pytest.fixture
def call(tmp_path: Path) -> Call:
    """Run a command in an installation of its own on a simulated day, which is given first."""
    home = str(ready(tmp_path / "var"))

    def run(today: str, *args: str) -> Result:
        return sendflow(*args, env={"SENDFLOW_HOME": home, "SENDFLOW_TODAY": today})

    return run
