"""Refolding: `verify` against the replay of eventsourcing, which checks no hash.

Ours is the whole of `sendflow verify`: every chain hashed again, every fact through the transition table of its machine, every duty
worked out again, copies and caches compared, the head worked out. Theirs is one `repository.get` a case on its own SQLite recorder.
"""

import os
from datetime import date
from pathlib import Path
from uuid import UUID

from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event

from benchmarks.measuring import Measured, Side, alternate, of_theirs
from benchmarks.workload import ACTOR, Workshop, acts, drafts
from flows.house import House
from flows.recording import record_acts
from flows.verifying import verify

CASES = 1_000


class Case(Aggregate):
    """The same case as an aggregate of eventsourcing: each fact an event that appends to a list and sets the state."""

    @event("Opened")
    def __init__(self, la: str, la_reference: str, occurred_on: str) -> None:
        self.la = la
        self.la_reference = la_reference
        self.occurred_on = occurred_on
        self.state = "requested"
        self.facts: list[str] = []

    @event("Recorded")
    def record(self, kind: str, occurred_on: str, data: dict[str, str]) -> None:
        """One fact."""
        self.state = kind
        self.facts.append(occurred_on)


def refold(shop: Workshop) -> Measured:
    """Facts a second on both sides."""
    path = shop.fresh_file()
    house = shop.on(path)
    record_acts(house, acts(CASES), ACTOR, "record")
    facts = CASES * len(drafts(0))
    app, ids = _theirs(shop.folder / "eventsourcing.db")

    def ours(_given: object) -> None:
        report = verify(house)
        assert report.intact and report.facts == facts and report.stale == 0

    def theirs(_given: object) -> None:
        for each in ids:
            case: Case = app.repository.get(each)
            assert len(case.facts) == len(drafts_of_one) - 1

    drafts_of_one = drafts(0)
    measured = alternate(
        "refold_against_eventsourcing",
        Side("verify", lambda: None, ours, facts),
        Side("eventsourcing", lambda: None, theirs, facts),
        of_theirs, [],
    )  # fmt: skip
    app.close()
    house.engine.dispose()
    shop.done(path)
    return measured


def _theirs(path: Path) -> tuple[Application[UUID], list[UUID]]:
    app: Application[UUID] = Application(env={"PERSISTENCE_MODULE": "eventsourcing.sqlite", "SQLITE_DBNAME": os.fspath(path)})
    ids: list[UUID] = []
    for number in range(CASES):
        opening, *others = drafts(number)
        case = Case(str(opening.data["la"]), str(opening.data["la_reference"]), opening.occurred_on.isoformat())
        for draft in others:
            case.record(draft.kind, _iso(draft.occurred_on), dict(draft.data))
        app.save(case)
        ids.append(case.id)
    return app, ids


def _iso(day: date) -> str:
    return day.isoformat()


__all__ = ["House", "refold"]
