"""Puts the files of a test run into memory, where the machine has enough of it.

SQLite and the heads of the log wait for the disk at each commit (`fsync`), which was most of the time of many tests.
A process that is killed loses nothing that it had written, in memory as on a disk; only a machine that stops would.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

MEMORY = Path("/dev/shm")
FREE = 6 << 30  # bytes: what the databases and folders of three processes need, and a second run besides
PREFIX = "sendflow-tests-"  # then the number of the process that removes the folder, then what tempfile adds
_made: list[Path] = []


def has_enough() -> bool:
    """Whether this machine has a folder in memory with enough space, in which programs may be started as well."""
    if not MEMORY.is_dir() or os.statvfs(MEMORY).f_flag & os.ST_NOEXEC:
        return False
    return shutil.disk_usage(MEMORY).free > FREE


def write_to_memory() -> None:
    """Let this process and its children make temporary files in a folder in memory, and remove what killed runs left.

    Without enough memory the folder for temporary files remains what the machine says.
    """
    if not has_enough():
        return
    for left in MEMORY.glob(f"{PREFIX}*"):
        number = left.name.removeprefix(PREFIX).partition("-")[0]
        if left.stat().st_uid == os.getuid() and not Path("/proc", number).exists():
            shutil.rmtree(left, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-", dir=MEMORY))
    folder.chmod(0o711)  # the account of a PostgreSQL server enters a folder of its own in it
    _made.append(folder)
    os.environ["TMPDIR"] = tempfile.tempdir = str(folder)


def remove_from_memory() -> None:
    """Remove what `write_to_memory` made in this process."""
    while _made:
        shutil.rmtree(_made.pop(), ignore_errors=True)
