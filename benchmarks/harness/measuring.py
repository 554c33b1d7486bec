"""Alternating rounds and their medians. The two sides take turns, so that what else the machine does falls on both."""

import gc
import statistics
import time
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Literal, NamedTuple

from pydantic import BaseModel, ConfigDict

ROUNDS = 9
GOALS = Path(__file__).parents[1] / "goals.toml"


class Goal(BaseModel):
    """One measure's goal, as goals.toml has it."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    what: str
    sense: Literal["least", "most"]
    goal: float
    reach: float
    bound_by: str

    def holds(self, ratio: float) -> bool:
        """Whether a ratio is on the right side of the goal."""
        return ratio >= self.goal if self.sense == "least" else ratio <= self.goal


class Measured(NamedTuple):
    """What a measure came to: the median of the rounds' ratios, the lowest and highest of them, and notes
    for a person.
    """

    measure: str
    ratio: float
    lowest: float
    highest: float
    rounds: int
    notes: list[str]


class Unmeasured(NamedTuple):
    """A measure that could not be taken here, and why; its goal is not held."""

    measure: str
    why: str


class Took(NamedTuple):
    """What a run returns that has timed itself, as another process does: its seconds, which count instead of ours."""

    seconds: float


class Side(NamedTuple):
    """One of two things measured against each other: `prepare` is not timed, and what it gives is handed to `run`, and
    to `after`, untimed as well.

    `amount` is how much one run does, in the unit of the comparison (facts, sums, runs). A run of several `slices` is
    handed the number of the slice as well, and the two sides take turns at every slice: a disk that is slow for a
    moment is then slow for both.
    """

    name: str
    prepare: Callable[[], object]
    run: Callable[..., object]
    amount: float = 1.0
    slices: int = 1
    after: Callable[..., object] | None = None


def goals() -> dict[str, Goal]:
    """Every measure's goal, in the order of the table."""
    return {name: Goal.model_validate(table) for name, table in tomllib.loads(GOALS.read_text("utf-8")).items()}


def seconds(*sides: Side) -> list[float]:
    """One run of each side, its time per unit of its amount. Garbage is collected before, and none is while
    they run.
    """
    given = [side.prepare() for side in sides]
    taken = [0.0] * len(sides)
    gc.collect()
    gc.disable()
    try:
        for number in range(sides[0].slices):
            for place, side in enumerate(sides):
                slices = (number,) if side.slices > 1 else ()
                start = time.perf_counter()
                said = side.run(given[place], *slices)
                passed = time.perf_counter() - start
                taken[place] += said.seconds if isinstance(said, Took) else passed
    finally:
        gc.enable()
    for place, side in enumerate(sides):
        if side.after is not None:
            side.after(given[place])
    return [time_taken / side.amount for time_taken, side in zip(taken, sides, strict=True)]


def alternate(
    measure: str,
    ours: Side,
    theirs: Side,
    ratio: Callable[[float, float], float],
    notes: list[str],
    rounds: int = ROUNDS,
) -> Measured:
    """Time both sides in turn and take the ratio of each round; which side begins changes from round to round."""
    ratios: list[float] = []
    our_times: list[float] = []
    their_times: list[float] = []
    seconds(ours, theirs)  # the first of each pays for what is loaded once
    for number in range(rounds):
        if number % 2:
            one, other = seconds(ours, theirs)
        else:
            other, one = seconds(theirs, ours)
        our_times.append(one)
        their_times.append(other)
        ratios.append(ratio(one, other))
    said = [
        f"{side.name}: {plain(statistics.median(times))}" for side, times in ((ours, our_times), (theirs, their_times))
    ]
    return Measured(measure, statistics.median(ratios), min(ratios), max(ratios), rounds, said + notes)


def rotate(ours: Side, others: list[Side], rounds: int) -> tuple[float, list[float]]:
    """One of ours against several others, all in turn: our median seconds for each unit, and how much of each other's
    speed ours has.
    """
    ratios: list[list[float]] = [[] for _ in others]
    our_times: list[float] = []
    if rounds > 1:
        seconds(ours, *others)  # the first of each pays for what is loaded once
    for number in range(rounds):
        order = [ours, *others] if number % 2 else [*others, ours]
        taken = dict(zip((side.name for side in order), seconds(*order), strict=True))
        our_times.append(taken[ours.name])
        for place, side in enumerate(others):
            ratios[place].append(of_theirs(taken[ours.name], taken[side.name]))
    return statistics.median(our_times), [statistics.median(some) for some in ratios]


def of_theirs(ours: float, theirs: float) -> float:
    """How much of the other's speed ours has: above 1 where ours is faster."""
    return theirs / ours


def times_theirs(ours: float, theirs: float) -> float:
    """How many times the other's time ours takes: above 1 where ours is slower."""
    return ours / theirs


def plain(each: float) -> str:
    """Seconds per unit, as a person reads them."""
    if each < 0.001:
        return f"{each * 1e6:.1f} µs each, {1 / each:,.0f} a second"
    return f"{each * 1e3:.1f} ms each"
