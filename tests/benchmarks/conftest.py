"""What the tests of the benchmark share."""

from __future__ import annotations

import gc

import pytest


@pytest.fixture(scope="module", autouse=True)
def garbage_of_the_others() -> None:
    """Collect once what other tests left: each measure collects before each run, and would look at all of it again."""
    gc.collect()
    gc.freeze()
