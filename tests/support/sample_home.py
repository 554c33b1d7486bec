"""The demo data as `make up` loads it, made once for all processes of a run of tests and copied for each that wants it.

To load it takes five seconds of CPU. The copy is of the files after the database was closed, so each has its own.
"""

from __future__ import annotations

import fcntl
import shutil
from contextlib import AbstractContextManager, nullcontext
from datetime import date
from pathlib import Path

import pytest

from casework.context import AppContext
from config.settings import Settings
from runtime.demo.load import load_demo_data

TODAY = date(2026, 4, 14)


class Silent:
    """A console that prints nothing."""

    def say(self, line: str) -> None:
        """Print nothing."""

    def working(self, what: str) -> AbstractContextManager[None]:
        """Show nothing."""
        return nullcontext()


def load_sample(home: Path) -> None:
    """Load the demo data into a new folder."""
    settings = Settings(home=home, today=TODAY)
    context = AppContext.load(settings)
    load_demo_data(settings, context, Silent())
    context.engine.dispose()


def copy_sample(factory: pytest.TempPathFactory, home: Path) -> Settings:
    """Put a copy of the demo data into a new folder; the settings of its installation."""
    made = factory.getbasetemp()
    if made.name.startswith("popen-"):  # a process of pytest-xdist: the folder above is of all of them
        made = made.parent
    with (made / "sample.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (made / "sample").is_dir():
            load_sample(made / "sample-being-made")
            (made / "sample-being-made").rename(made / "sample")
    shutil.copytree(made / "sample", home)
    return Settings(home=home, today=TODAY)
