"""Fixtures of the fault tests: a mail server, and the number of rounds (`make faults ROUNDS=300`)."""

from __future__ import annotations

import os
import random
from collections.abc import Callable

import pytest


@pytest.fixture
def rounds() -> Callable[[int], int]:
    """Return a function that gives the number of rounds: ROUNDS, or the sample."""
    return lambda sample: int(os.environ.get("ROUNDS") or sample)


@pytest.fixture
def chance(record_property: Callable[[str, object], None]) -> random.Random:
    """A random source for the kills. SEED repeats a run; a failed run prints its seed."""
    seed = int(os.environ.get("SEED") or random.SystemRandom().randrange(10**9))
    record_property("seed", seed)
    print(f"SEED={seed}")  # noqa: T201 (pytest shows it with a failure and with nothing else)
    return random.Random(seed)
