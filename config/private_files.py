"""Files of an installation are for its own account: 0600, folders 0700, with any umask; and no core dumps.

Purpose: any account of the machine could read a database and letters that were made under a umask of 022.
"""

from __future__ import annotations

import os
import resource
import stat
from collections.abc import Iterator
from pathlib import Path

OTHERS = stat.S_IRWXG | stat.S_IRWXO


def protect_process() -> None:
    """What this process makes from now on is its own account's alone; a crash writes no memory to the disk."""
    os.umask(0o077)
    _soft, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, hard))


def open_to_others(home: Path) -> Iterator[Path]:
    """The files and folders of an installation that another account could read or write. No link is followed.

    An account may pass through the home: that of a local PostgreSQL has to, where root starts it. It lists nothing.
    """
    for folder, folders, files in os.walk(home, followlinks=False):
        for path in (Path(folder), *(Path(folder, name) for name in files)):
            try:
                status = path.lstat()
            except FileNotFoundError:
                continue
            closed_to = OTHERS & ~stat.S_IXOTH if path == home else OTHERS
            if status.st_mode & closed_to and not stat.S_ISLNK(status.st_mode) and not stat.S_ISSOCK(status.st_mode):
                yield path
        folders.sort()


def make_private(home: Path) -> list[Path]:
    """Take from other accounts what they may do with this installation's files; returns what was changed.

    Files of another owner are left as they are.
    """
    changed = []
    for path in open_to_others(home):
        try:
            # By a descriptor that follows no link: another process may have put one here since.
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError:
            continue
        try:
            os.fchmod(descriptor, stat.S_IMODE(os.fstat(descriptor).st_mode) & ~OTHERS)
        except OSError:
            continue
        finally:
            os.close(descriptor)
        changed.append(path)
    return changed
