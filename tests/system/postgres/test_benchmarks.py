"""The benchmark's measures on PostgreSQL, at a tiny size: they run, and clean records are clean again."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import psycopg
import pytest
from sqlalchemy import func, select

from benchmarks.harness.databases import Ground, OnPostgresql, OnSqlite
from benchmarks.harness.measuring import Measured
from benchmarks.harness.workload import Workshop, acts
from benchmarks.measures import by_workers
from benchmarks.measures.comparison import beside
from benchmarks.measures.operations import ACTS, work_of
from benchmarks.peers import hiring
from benchmarks.peers.hiring import NotMade
from casework.cases.record import record_acts
from casework.context import AppContext
from casework.sweep import Shard
from models.database import reading
from models.tables import FACT
from runtime.local_postgres import LocalPostgres
from tests.benchmarks.conftest import garbage_of_the_others


@pytest.fixture
def place(tmp_path: Path, postgres: LocalPostgres) -> Iterator[OnPostgresql]:
    made = OnPostgresql(Workshop(tmp_path), postgres)
    yield made
    made.end()


def test_every_act_is_measured_on_postgresql_too(place: OnPostgresql, monkeypatch: pytest.MonkeyPatch) -> None:
    def absent() -> Path:
        raise NotMade("not here")

    monkeypatch.setattr(hiring, "environment", absent)
    here = Ground(place.shop, OnSqlite(place.shop), place, "postgres")
    monkeypatch.setattr("benchmarks.measures.comparison.ACTS", ACTS[::3])  # the others are tried on SQLite
    found = beside(here, rounds=1, cases=1)
    assert {each.database for each in found} == {"postgres"}
    assert [each.act for each in found] == ["record in bulk", "refold", "one case page"]
    assert set(found[0].against) == {"executemany", "COPY", "eventsourcing, load and save"}
    assert found[0].peers["eventsourcing"]


def test_a_peer_has_a_database_of_its_own_that_is_dropped(place: OnPostgresql) -> None:
    before = databases(place)
    staff = hiring.Staff(place.shop.folder, hiring.whole(), "not here")
    work = work_of("record one fact", place.shop.context, 2)
    try:
        if hiring.whole() is None:  # make bench makes it; a test never does
            with pytest.raises(hiring.NotMeasured, match="not here"), staff.side("SpiffWorkflow", place, work):
                pass
        else:
            with staff.side("SpiffWorkflow", place, work) as side:
                assert databases(place) > before
                assert side.run(None).seconds > 0  # type: ignore[attr-defined]  # a peer's run says what it took
    finally:
        staff.end()
    assert databases(place) == before


def databases(place: OnPostgresql) -> set[str]:
    """Every database of the cluster by name."""
    with psycopg.connect(place.cluster.url("postgres", "owner", "postgresql")) as connection:
        return {name for (name,) in connection.execute("SELECT datname FROM pg_database")}


def test_records_that_are_done_with_are_empty_for_the_next_and_a_copy_is_the_same(place: OnPostgresql) -> None:
    context = place.fresh()
    record_acts(context, acts(2), "bench", "record")
    rows = place.rows(context)
    again = place.again(context)
    assert {table: sorted(some, key=str) for table, some in place.rows(again).items()} == {
        table: sorted(some, key=str) for table, some in rows.items()
    }
    place.done(context)
    emptied = place.fresh()
    assert emptied.engine.url.database == context.engine.url.database
    assert not any(place.rows(emptied).values())
    place.done(emptied)
    place.done(again)


def test_no_query_plan_is_used_after_the_table_has_grown(place: OnPostgresql) -> None:
    # Measured: a plan prepared on the empty table took a hundred times as long when 36,000 facts had come in, until the
    # table was analysed.
    context = place.fresh()
    for number in range(12):
        record_acts(context, acts(1, number), "bench", "record")
    with context.engine.connect() as connection:
        prepared = connection.exec_driver_sql("SELECT statement FROM pg_prepared_statements").scalars().all()
    assert [statement for statement in prepared if "= ANY" in statement] == []
    assert [statement for statement in prepared if "INSERT INTO fact" in statement], (
        "a statement whose plan does not depend on the size is prepared"
    )
    place.done(context)


class InThisProcess:
    """A fleet whose shards are worked one after another here, and what each side left in the records."""

    left: ClassVar[dict[tuple[str, int], set[int]]] = {}

    def __init__(self, _stack: ExitStack) -> None:
        self.left.clear()

    def seconds(self, work: by_workers.Work, loads: Sequence[by_workers.Load]) -> float:
        for number, load in enumerate(loads, 1):
            context = AppContext.load(replace(load.settings, database_url=load.url))
            work(context, Shard(number, len(loads)), load.given)
            with reading(context.engine) as connection:
                facts = connection.scalar(select(func.count()).select_from(FACT)) or 0
            context.engine.dispose()
        self.left.setdefault((work.__name__, len(loads)), set()).add(facts)
        return float(len(loads))


@pytest.mark.parametrize(("job", "ours", "raw"), [("sweep", "_sweep", "_write_rows"), ("verify", "_verify", "_hash")])
def test_shards_of_workers_do_the_whole_job_and_the_raw_loop_writes_the_same_facts(
    place: OnPostgresql, monkeypatch: pytest.MonkeyPatch, job: str, ours: str, raw: str
) -> None:
    monkeypatch.setattr(by_workers, "Fleet", InThisProcess)
    monkeypatch.setattr(by_workers, "ROUNDS", 1)
    found = by_workers.by_workers(Ground(place.shop, OnSqlite(place.shop), place), job, 6)
    assert isinstance(found, Measured)
    assert (found.measure, found.ratio) == (f"{job}_by_two_workers", 1.0)
    assert [note.split(":")[0] for note in found.notes] == [f"{number} workers" for number in by_workers.WORKERS]
    assert InThisProcess.left.keys() == {(work, number) for work in (ours, raw) for number in by_workers.WORKERS}
    assert len({frozenset(facts) for facts in InThisProcess.left.values()}) == 1, InThisProcess.left
    assert InThisProcess.left[ours, 1] == {24 if job == "sweep" else 72}


def test_each_letter_leaves_once_by_any_number_of_workers(place: OnPostgresql, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(by_workers, "Fleet", InThisProcess)
    monkeypatch.setattr(by_workers, "ROUNDS", 1)
    monkeypatch.setattr(by_workers, "WORKERS", (1, 2))
    by_workers.by_workers(Ground(place.shop, OnSqlite(place.shop), place), "deliver", 4)
    runs = 1 + 2 * 2  # the first, whose letters the raw loop sends, and each side by one and by two
    assert len(list((place.shop.folder / "letters-workers").glob("*.eml"))) == 4 * runs


def test_a_fleet_sweeps_in_another_program(place: OnPostgresql, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(by_workers, "WORKERS", (1,))
    with ExitStack() as stack:
        fleet, prepared = by_workers.Fleet(stack), by_workers.JOBS["sweep"](place, stack, 2)
        with prepared("ours", 1) as (work, loads):
            assert fleet.seconds(work, loads) > 0
            InThisProcess.left.clear()
            InThisProcess(stack).seconds(work, loads)
    assert InThisProcess.left == {("_sweep", 1): {8}}, "this process found nothing left to do"


__all__ = ["garbage_of_the_others"]
