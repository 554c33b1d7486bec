"""eventsourcing: the same cases as aggregates of eventsourcing, on its own SQLite or PostgreSQL recorder. It has no
hash and checks none.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from uuid import UUID

from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event
from psycopg.conninfo import conninfo_to_dict

from benchmarks.harness.databases import OnPostgresql, OnSqlite
from benchmarks.harness.workload import ACTOR, drafts
from casework.context import AppContext
from models.facts import FactDraft
from statemachines.registry import processes

MOVES = processes()["ehc_needs_assessment"].table


class Case(Aggregate):
    """The same case as an aggregate of eventsourcing. Each fact is an event with its day and data.

    An event changes the state by the same transition table. `provenance` is actor, route, rule set and machine version.
    """

    @event("Opened")
    def __init__(self, kind: str, occurred_on: str, data: dict[str, str], provenance: dict[str, str | int]) -> None:
        self.state = "requested"
        self.facts = [(kind, date.fromisoformat(occurred_on), data)]

    @event("Recorded")
    def record(self, kind: str, occurred_on: str, data: dict[str, str], provenance: dict[str, str | int]) -> None:
        """Record one fact."""
        self.state = MOVES.get((self.state, kind), self.state)
        self.facts.append((kind, date.fromisoformat(occurred_on), data))


App = Application[UUID]


def on_file(path: Path) -> App:
    """Open an application on an SQLite file."""
    return Application(env={"PERSISTENCE_MODULE": "eventsourcing.sqlite", "SQLITE_DBNAME": os.fspath(path)})


@contextmanager
def at(place: OnSqlite | OnPostgresql, name: str) -> Iterator[App]:
    """Open an application with a database of its own, where the databases of sendflow are."""
    if isinstance(place, OnSqlite):
        app = on_file(place.shop.folder / f"eventsourcing-{name}.db")
        yield app
        app.close()
        return
    context = place.fresh()
    parts = conninfo_to_dict(place.cluster.url(str(context.engine.url.database), "owner", "postgresql"))
    app = Application(
        env={
            "PERSISTENCE_MODULE": "eventsourcing.postgres",
            "POSTGRES_DBNAME": str(parts["dbname"]),
            "POSTGRES_HOST": str(parts["host"]),
            "POSTGRES_PORT": str(parts["port"]),
            "POSTGRES_USER": str(parts["user"]),
            "POSTGRES_PASSWORD": str(parts["password"]),
        }
    )
    try:
        yield app
    finally:
        app.close()
        place.done(context)


def filled(app: App, context: AppContext, cases: int) -> list[UUID]:
    """Save cases of the workload with all their events, in one transaction."""
    made: list[Case] = []
    for number in range(cases):
        opening, *others = drafts(number)
        case = Case(opening.kind, *_fields_of(opening, context))
        for draft in others:
            case.record(draft.kind, *_fields_of(draft, context))
        made.append(case)
    app.save(*made)
    return [case.id for case in made]


def record_each(app: App, context: AppContext, cases: Iterable[Sequence[FactDraft]]) -> None:
    """Save each fact by itself, and read its case back before each, as facts arrive in practice."""
    for opening, *others in cases:
        case = Case(opening.kind, *_fields_of(opening, context))
        app.save(case)
        for draft in others:
            case = app.repository.get(case.id)
            case.record(draft.kind, *_fields_of(draft, context))
            app.save(case)
        assert len(case.facts) == 1 + len(others)


def replay(app: App, ids: list[UUID]) -> None:
    """Replay every case from its events."""
    for each in ids:
        case: Case = app.repository.get(each)
        assert case.state == "planned"


def _fields_of(draft: FactDraft, context: AppContext) -> tuple[str, dict[str, str], dict[str, str | int]]:
    return (
        draft.occurred_on.isoformat(),
        {key: str(value) for key, value in draft.data.items()},
        {"actor": ACTOR, "via": "record", "law": context.law_version, "machine": 1},
    )
