"""The one way to write a file whole."""

from __future__ import annotations

import errno
import os
import secrets
import stat
from pathlib import Path


def write_whole(path: Path, content: bytes | str, mode: int = 0o600) -> None:
    """Replace a file in one step, so that a reader sees the old content or the new, and never a part of either.

    Only the account of sendflow may read it (0600), unless `mode` says more. Text is UTF-8. A symbolic link at the
    place is replaced, and what it names stays as it is. Raises OSError, and the old file stays.
    """
    raw = content.encode("utf-8") if isinstance(content, str) else content
    part = path.with_name(f".{secrets.token_hex(8)}.part")
    try:
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(file.fileno(), mode)
            file.write(raw)
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def write_for_person(path: Path, content: bytes | str) -> None:
    """Write a file that a person named, as `write_whole` does. Raises OSError, also for a link, a folder or a device.

    The permissions of a file that it replaces stay: a list may be shared.

    Another account may have put a link in a shared folder, so none is followed. None is replaced either: /dev/stdout.
    """
    try:
        kind = path.lstat().st_mode
    except FileNotFoundError:
        kind = stat.S_IFREG | 0o600
    if stat.S_ISLNK(kind):
        raise OSError(errno.ELOOP, "a symbolic link has that name")
    if not stat.S_ISREG(kind):
        raise OSError(errno.EINVAL, "what has that name is no file")
    write_whole(path, content, stat.S_IMODE(kind))
