"""The benchmark's measures on PostgreSQL, at a tiny size: they run, and clean records are clean again."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from benchmarks.harness.databases import Ground, OnPostgresql, OnSqlite
from benchmarks.harness.workload import Workshop, acts
from benchmarks.measures.comparison import beside
from benchmarks.measures.operations import ACTS, work_of
from benchmarks.peers import hiring
from benchmarks.peers.hiring import NotMade
from casework.cases.record import record_acts
from runtime.local_postgres import LocalPostgres


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
