"""The one way to write a small file of an installation whole."""

from __future__ import annotations

import os
from pathlib import Path


def write_whole(path: Path, content: bytes | str) -> None:
    """Replace a file in one step, so that a reader sees the old content or the new, and never a part of either.

    Only the account of sendflow may read it (0600). Text is UTF-8. Raises OSError, and the old file stays.
    """
    raw = content.encode("utf-8") if isinstance(content, str) else content
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(raw)
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
