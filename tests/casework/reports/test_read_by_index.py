"""Today and the list of cases read the facts and the duties by an index: their time does not follow all of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event

from casework.context import AppContext
from casework.reports.case_list import CaseFilter, Show, case_list
from casework.reports.meetings import _fields
from casework.reports.today import Wanted, today_of
from models.database import is_postgresql, reading
from models.tables import NAMES_A_DAY
from tests.support.team import Team

FILTERS = [
    *(CaseFilter(show=show) for show in Show),
    CaseFilter(la="northshire"),
    CaseFilter(body="QX101", show=Show.LATE),
    CaseFilter(owner="dco.team"),
    CaseFilter(process="ehc_needs_assessment", page=2),
]


@contextmanager
def statements(context: AppContext) -> Iterator[list[tuple[str, Any]]]:
    """The statements that the database is given meanwhile, with their values."""
    found: list[tuple[str, Any]] = []

    def note(*given: Any) -> None:
        if given[2].startswith("SELECT"):
            found.append((given[2], given[3]))

    event.listen(context.engine, "before_cursor_execute", note)
    yield found
    event.remove(context.engine, "before_cursor_execute", note)


def whole_reads(context: AppContext, asked: list[tuple[str, Any]]) -> list[str]:
    """The steps that read all facts, duties or notices, with the beginning of the statement."""
    found: list[str] = []
    with reading(context.engine) as connection:
        if is_postgresql(connection):
            connection.exec_driver_sql("SET LOCAL enable_seqscan = off")  # tables of a test are read whole otherwise
        for statement, values in asked:
            how = "EXPLAIN" if is_postgresql(connection) else "EXPLAIN QUERY PLAN"
            for row in connection.exec_driver_sql(f"{how} {statement}", values):
                step = str(row[-1])
                for table in ("fact", "duty", "notice"):
                    alone = step.startswith(f"SCAN {table}") and ("USING" not in step or "sqlite_autoindex" in step)
                    if alone or f"Seq Scan on {table}" in step:
                        found.append(f"{step}: {statement[:120]}")
    return found


@pytest.fixture
def late_context(team: Team) -> AppContext:
    """A day on which something is late."""
    team.opened().asked()
    team.record("10 Mar 2026", "contact_made", with_whom="service", how="call", agreed="an_answer", body="QX101")
    team.sweep("20 May 2026")
    return team.context("20 May 2026")


@pytest.mark.parametrize("wanted", FILTERS, ids=lambda each: each.model_dump_json(exclude_defaults=True))
def test_a_page_of_cases_is_read_by_indexes(late_context: AppContext, wanted: CaseFilter) -> None:
    with statements(late_context) as asked:
        case_list(late_context, wanted, late_context.today())
    assert len(asked) > 1
    assert whole_reads(late_context, asked) == []


@pytest.mark.parametrize("wanted", [None, Wanted(la="northshire", body="QX101"), Wanted(owner="-")], ids=str)
def test_today_is_read_by_indexes(late_context: AppContext, wanted: Wanted | None) -> None:
    with statements(late_context) as asked:
        today_of(late_context, late_context.today(), wanted)
    assert any("fact" in statement for statement, _values in asked)
    assert whole_reads(late_context, asked) == []


def test_the_index_has_every_kind_of_fact_that_names_a_day() -> None:
    assert {part.split("'")[1] for part in NAMES_A_DAY.split(" OR ")} == {*_fields(), "fact_corrected"}
