"""A database of Prefect that was migrated once, copied into installations whose subject is not how it is made.

Prefect migrates an empty database through a hundred revisions, which takes six seconds of CPU for each installation.
`system/installation/up` starts without a copy, as a new user does.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

from config.settings import Settings

BUILD = Path(__file__).resolve().parents[2] / "build" / "tests"


def put_prefect_database(home: Path) -> Path:
    """Copy the migrated database to where the installation in `home` looks for it, and return `home`."""
    folder = Settings(home=home).prefect_home
    folder.mkdir(parents=True, mode=0o700, exist_ok=True)
    shutil.copyfile(_migrated(), folder / "prefect.db")
    return home


def _migrated() -> Path:
    """Return the migrated database of the Prefect that is installed. One process makes it, and the others wait."""
    BUILD.mkdir(parents=True, exist_ok=True)
    made = BUILD / f"prefect-{version('prefect')}.db"
    with (BUILD / "prefect.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            with TemporaryDirectory(dir=BUILD) as folder:
                fresh = Path(folder) / "prefect.db"
                environment = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")} | {
                    "PREFECT_HOME": folder,
                    "PREFECT_API_DATABASE_CONNECTION_URL": f"sqlite+aiosqlite:///{fresh}",
                    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
                }
                command = [sys.executable, "-m", "prefect", "server", "database", "upgrade", "-y"]
                subprocess.run(command, env=environment, cwd=folder, capture_output=True, check=True)
                fresh.replace(made)
    return made
