"""The two installations that are compared, made once for each file."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.restricted_lives import Life, two_lives


@pytest.fixture(scope="module")
def lives(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Life, Life]]:
    """The installation with restricted cases, and the one without."""
    yield from two_lives(tmp_path_factory)
