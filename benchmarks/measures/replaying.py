"""Replay: each case from its facts alone, against the replay of eventsourcing, which checks no hash.

Ours is the first half of `sendflow verify`, the same code: every chain hashed again, every copied column compared with
its text, every fact through the transition table of its machine, every duty worked out again. Theirs is one
`repository.get` a case on its own SQLite recorder; its events say what our facts say. How the whole of `sendflow
verify` does (caches and notices compared too) is noted beside.
"""

from collections.abc import Iterator
from itertools import islice
from statistics import median
from typing import Any

from audit.verify import check_and_replay, verify
from benchmarks.harness.measuring import Measured, Side, alternate, of_theirs, seconds
from benchmarks.harness.workload import ACTOR, Workshop, acts, drafts
from benchmarks.peers import eventsourcing
from casework.cases.record import record_acts
from models import ledger
from models.database import reading

CASES = 1_000
SLICES = 5


def refolding(shop: Workshop) -> Measured:
    """Facts a second on both sides."""
    path = shop.fresh_file()
    context = shop.on(path)
    record_acts(context, acts(CASES), ACTOR, "record")
    of_one = len(drafts(0))
    facts = CASES * of_one
    app = eventsourcing.on_file(shop.folder / "eventsourcing.db")
    ids = eventsourcing.filled(app, context, CASES)

    def scanned() -> Iterator[tuple[str, list[Any]]]:
        with reading(context.engine) as connection:
            yield from ledger.scan(connection)

    def ours(cases: object, _slice: int) -> None:
        assert isinstance(cases, Iterator)
        for ref, rows in islice(cases, CASES // SLICES):
            replayed = check_and_replay(context, ref, rows, _damaged)
            assert replayed is not None and len(rows) == of_one and len(replayed.duties) > 1

    def whole(_given: object) -> None:
        report = verify(context)
        assert report.intact and report.facts == facts and report.stale == 0

    def theirs(_given: object, number: int) -> None:
        for each in ids[number::SLICES]:
            case: eventsourcing.Case = app.repository.get(each)
            assert len(case.facts) == of_one and case.state == "planned"

    replay = Side("eventsourcing", lambda: None, theirs, facts, SLICES)
    measured = alternate(
        "refold_against_eventsourcing",
        Side("refold", scanned, ours, facts, SLICES),
        replay,
        of_theirs,
        [
            f"the two take turns {SLICES} times a round",
            f"the whole of verify, caches and notices too: {_whole(whole, replay, facts):.1f} times eventsourcing",
        ],
    )
    app.close()
    context.engine.dispose()
    shop.done(path)
    return measured


def _whole(verifying: object, replay: Side, facts: int) -> float:
    assert callable(verifying)
    pairs = [(seconds(Side("verify", lambda: None, verifying, facts))[0], seconds(replay)[0]) for _ in range(5)]
    return median(theirs / ours for ours, theirs in pairs)


def _damaged(seq: int | None, what: str, message: str) -> None:
    raise AssertionError(f"{what} at fact {seq}: {message}")
