"""The tests of two homes with one database, each with its own rule set, on PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable

import pytest


@pytest.fixture
def shared(database: Callable[..., str]) -> str:
    """The address of a database that is in no home."""
    return database()
