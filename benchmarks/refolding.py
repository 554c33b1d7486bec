"""Refolding: each case from its facts alone, against the replay of eventsourcing, which checks no hash.

Ours is the first half of `sendflow verify`, the same code: every chain hashed again, every copied column compared with its text, every
fact through the transition table of its machine, every duty worked out again. Theirs is one `repository.get` a case on its own SQLite
recorder; its events say what our facts say. How the whole of `sendflow verify` does (caches and notices compared too) is noted beside.
"""

import os
from collections.abc import Iterator
from datetime import date
from itertools import islice
from pathlib import Path
from statistics import median
from uuid import UUID

from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event

from benchmarks.measuring import Measured, Side, alternate, of_theirs, seconds
from benchmarks.workload import ACTOR, Workshop, acts, drafts
from flows.house import House
from flows.recording import record_acts
from flows.verifying import refold, verify
from models import ledger
from models.database import reading
from models.facts import Draft
from models.ledger import Stored
from statemachines.replay import processes

CASES = 1_000
SLICES = 5


MOVES = processes()["ehc_needs_assessment"].table


class Case(Aggregate):
    """The same case as an aggregate of eventsourcing: each fact an event that moves the state by the same table, and is kept with its day."""

    @event("Opened")
    def __init__(self, kind: str, occurred_on: str, actor: str, via: str, law: str, machine: int, data: dict[str, str]) -> None:
        self.state = "requested"
        self.facts = [(kind, date.fromisoformat(occurred_on), data)]

    @event("Recorded")
    def record(self, kind: str, occurred_on: str, actor: str, via: str, law: str, machine: int, data: dict[str, str]) -> None:
        """One fact."""
        self.state = MOVES.get((self.state, kind), self.state)
        self.facts.append((kind, date.fromisoformat(occurred_on), data))


def refolding(shop: Workshop) -> Measured:
    """Facts a second on both sides."""
    path = shop.fresh_file()
    house = shop.on(path)
    record_acts(house, acts(CASES), ACTOR, "record")
    of_one = len(drafts(0))
    facts = CASES * of_one
    app, ids = _theirs(shop.folder / "eventsourcing.db", house)

    def scanned() -> Iterator[tuple[str, list[Stored]]]:
        with reading(house.engine) as connection:
            yield from ledger.scan(connection)

    def ours(cases: object, _slice: int) -> None:
        assert isinstance(cases, Iterator)
        for ref, rows in islice(cases, CASES // SLICES):
            refolded = refold(house, ref, rows, _damaged)
            assert refolded is not None and len(rows) == of_one and len(refolded.duties) > 1

    def whole(_given: object) -> None:
        report = verify(house)
        assert report.intact and report.facts == facts and report.stale == 0

    def theirs(_given: object, number: int) -> None:
        for each in ids[number::SLICES]:
            case: Case = app.repository.get(each)
            assert len(case.facts) == of_one and case.state == "planned"

    replay = Side("eventsourcing", lambda: None, theirs, facts, SLICES)
    measured = alternate(
        "refold_against_eventsourcing", Side("refold", scanned, ours, facts, SLICES), replay, of_theirs,
        [f"the two take turns {SLICES} times a round", f"the whole of verify, caches and notices too: {_whole(whole, replay, facts):.1f} times eventsourcing"],
    )  # fmt: skip
    app.close()
    house.engine.dispose()
    shop.done(path)
    return measured


def _whole(verifying: object, replay: Side, facts: int) -> float:
    assert callable(verifying)
    pairs = [(seconds(Side("verify", lambda: None, verifying, facts))[0], seconds(replay)[0]) for _ in range(5)]
    return median(theirs / ours for ours, theirs in pairs)


def _damaged(seq: int | None, what: str, message: str) -> None:
    raise AssertionError(f"{what} at fact {seq}: {message}")


def _theirs(path: Path, house: House) -> tuple[Application[UUID], list[UUID]]:
    app: Application[UUID] = Application(env={"PERSISTENCE_MODULE": "eventsourcing.sqlite", "SQLITE_DBNAME": os.fspath(path)})
    ids: list[UUID] = []
    for number in range(CASES):
        opening, *others = drafts(number)
        case = Case(opening.kind, *_said(opening, house))
        for draft in others:
            case.record(draft.kind, *_said(draft, house))
        app.save(case)
        ids.append(case.id)
    return app, ids


def _said(draft: Draft, house: House) -> tuple[str, str, str, str, int, dict[str, str]]:
    return (draft.occurred_on.isoformat(), ACTOR, "record", house.law_version, 1, {key: str(value) for key, value in draft.data.items()})
