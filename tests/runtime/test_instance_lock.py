"""Only one supervisor runs an installation at a time."""

from __future__ import annotations

from pathlib import Path

import pytest

from runtime.instance_lock import AlreadyRunning, only_supervisor


def test_only_one_supervisor_holds_an_installation(tmp_path: Path) -> None:
    """A second supervisor is refused until the first has ended."""
    with only_supervisor(tmp_path), pytest.raises(AlreadyRunning), only_supervisor(tmp_path):
        pass
    with only_supervisor(tmp_path):
        pass
