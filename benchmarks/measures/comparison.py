"""Every act on both databases beside its raw limit and beside the peers on the same work, in turn and in one run; and
what its time goes into.

Ratios say how much of the other's speed ours has: 1 is as fast, 4 is four times as fast.
"""

from contextlib import ExitStack
from functools import partial
from typing import Any, NamedTuple

from benchmarks.harness.databases import Ground, OnPostgresql, OnSqlite
from benchmarks.harness.measuring import Side, rotate
from benchmarks.harness.phases import Phases, largest, profile
from benchmarks.measures.operations import ACTS, CASES, Compared
from benchmarks.peers.hiring import PEERS, NotMeasured, Staff, staff

ROUNDS = 3
COLUMNS = ("eventsourcing", *PEERS)


class Beside(NamedTuple):
    """One act on one database. `against` has ratios by the raw limit's name, `peers` by the peer's: null where it has
    no counterpart.

    `unmeasured` says of a peer that has one why it was not measured here; `phases` are the shares of ours, `lines` the
    functions that take most of it.
    """

    act: str
    database: str
    unit: str
    microseconds: float
    against: dict[str, float]
    peers: dict[str, float | None]
    unmeasured: dict[str, str]
    phases: dict[str, float]
    lines: list[str]


def beside(ground: Ground, rounds: int = ROUNDS, cases: int = CASES) -> list[Beside]:
    """Every act on every database that is here."""
    with staff(ground.shop.folder) as hired:
        return [_one(place, prepare, hired, rounds, cases) for place in ground.places for prepare in ACTS]


def _one(place: OnSqlite | OnPostgresql, prepare: Any, hired: Staff, rounds: int, cases: int) -> Beside:
    with ExitStack() as stack:
        compared: Compared = prepare(place, cases, stack)
        peers, unmeasured = list(compared.peers), {}
        for peer, (_module, acts) in PEERS.items():
            if compared.work is not None and compared.act in acts:
                try:
                    peers.append(stack.enter_context(hired.side(peer, place, compared.work)))
                except NotMeasured as problem:
                    unmeasured[peer] = problem.why
        each, raw, found = _rotated(compared, peers, unmeasured, rounds)
        phases = _profiled(compared.ours)
        return Beside(
            compared.act,
            place.name,
            compared.unit,
            round(each * 1e6, 1),
            raw,
            {peer: found.get(peer) for peer in COLUMNS},
            unmeasured,
            phases.shares(),
            [name for name, _spent in largest(phases.lines)[:5]],
        )


def _rotated(
    compared: Compared, peers: list[Side], unmeasured: dict[str, str], rounds: int
) -> tuple[float, dict[str, float], dict[str, float]]:
    """All in turn; a peer that fails on the way is left out, and the rest are measured again."""
    while True:
        others = [*compared.raw, *peers]
        try:
            each, ratios = rotate(compared.ours, others, rounds)
            break
        except NotMeasured as problem:
            unmeasured[problem.peer] = problem.why
            peers = [side for side in peers if side.name != problem.peer]
    rounded = {side.name: round(ratio, 3) for side, ratio in zip(others, ratios, strict=True)}
    return (
        each,
        {side.name: rounded[side.name] for side in compared.raw},
        {side.name: rounded[side.name] for side in peers},
    )


def _profiled(ours: Side) -> Phases:
    given = ours.prepare()
    phases = profile(partial(ours.run, given))
    if ours.after is not None:
        ours.after(given)
    return phases
