"""What the tests of faults share: a mail server, and how many rounds are wanted (`make faults ROUNDS=300`)."""

from __future__ import annotations

import os
import random
from collections.abc import Callable

import pytest


@pytest.fixture
def rounds() -> Callable[[int], int]:
    """How many rounds to do: as many as ROUNDS says, or a sample."""
    return lambda sample: int(os.environ.get("ROUNDS") or sample)


@pytest.fixture
def chance(record_property: Callable[[str, object], None]) -> random.Random:
    """The instants of death. SEED repeats a storm; a storm that failed shows its seed."""
    seed = int(os.environ.get("SEED") or random.SystemRandom().randrange(10**9))
    record_property("seed", seed)
    print(f"SEED={seed}")  # noqa: T201 (pytest shows it with a failure and with nothing else)
    return random.Random(seed)
