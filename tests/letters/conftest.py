"""A post room that is open for one test."""

from collections.abc import Iterator

import pytest

from tests.letters.postroom import PostRoom, post_room


@pytest.fixture
def room() -> Iterator[PostRoom]:
    with post_room() as made:
        yield made
