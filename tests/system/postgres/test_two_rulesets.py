"""Two homes on one set of records, each with a law of its own: the same on a PostgreSQL server as on a file."""

from __future__ import annotations

from collections.abc import Callable

import pytest


@pytest.fixture
def shared(database: Callable[..., str]) -> str:
    """The address of records that stand in no home."""
    return database()
