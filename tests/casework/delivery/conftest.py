"""A post room that is open for one test."""

from collections.abc import Iterator

import pytest

from tests.support.mail_server import PostRoom, post_room


@pytest.fixture
def room() -> Iterator[PostRoom]:
    with post_room() as made:
        yield made
