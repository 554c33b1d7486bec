"""Today and the list of cases read the facts and the duties by an index: their time does not follow all of them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event

from casework.access.seen import as_seen_by
from casework.cases.of_the_child import unnamed_cases
from casework.context import AppContext
from casework.privacy.case_looks import LookWanted, looks_of
from casework.reports.case_list import CaseFilter, Show, case_list
from casework.reports.chased import last_chases
from casework.reports.letters import letters_page
from casework.reports.meetings import _fields
from casework.reports.today import Wanted, today_of
from casework.reports.worklists import overdue
from models.database import is_postgresql, reading
from models.tables import NAMES_A_DAY
from notifications.outbox import sent_steps, unsent
from tests.support.team import Team

FILTERS = [
    *(CaseFilter(show=show) for show in Show),
    CaseFilter(la="northshire"),
    CaseFilter(body="QX101", show=Show.LATE),
    CaseFilter(owner="dco.team"),
    CaseFilter(process="ehc_needs_assessment", page=2),
]


GROWING = "fact|duty|notice|letter|case_look|change_log"


@contextmanager
def statements(context: AppContext) -> Iterator[list[tuple[str, Any]]]:
    """The statements that the database is given meanwhile, with their values."""
    found: list[tuple[str, Any]] = []

    def note(*given: Any) -> None:
        if given[2].startswith(("SELECT", "WITH")):
            found.append((given[2], given[3]))

    event.listen(context.engine, "before_cursor_execute", note)
    yield found
    event.remove(context.engine, "before_cursor_execute", note)


def whole_reads(context: AppContext, asked: list[tuple[str, Any]]) -> list[str]:
    """The steps that read all facts, duties or notices, with the end of the statement."""
    return [f"{step}: {one[0][-200:]}" for one in asked for step in steps_of(context, [one]) if reads_the_whole(step)]


def steps_of(context: AppContext, asked: list[tuple[str, Any]]) -> list[str]:
    """The steps by which the database would answer these statements."""
    with reading(context.engine) as connection:
        if is_postgresql(connection):
            connection.exec_driver_sql("SET LOCAL enable_seqscan = off")  # tables of a test are read whole otherwise
        how = "EXPLAIN" if is_postgresql(connection) else "EXPLAIN QUERY PLAN"
        return [
            str(row[-1])
            for statement, values in asked
            for row in connection.exec_driver_sql(f"{how} {statement}", values)
        ]


def reads_the_whole(step: str) -> bool:
    """Whether a step of a plan reads a table that grows for ever, or its primary key, from end to end."""
    whole = re.match(rf"SCAN (main\.)?({GROWING})\b", step) and ("USING" not in step or "sqlite_autoindex" in step)
    return bool(whole or re.search(rf"Seq Scan on ({GROWING})\b", step))


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


def test_the_last_chase_and_what_was_sent_are_found_by_their_cases(late_context: AppContext) -> None:
    rows = overdue(late_context, late_context.today())
    assert rows
    with reading(late_context.engine) as connection:
        drafts = [each for some in unsent(connection, [rows[0].case_ref]).values() for each in some]
        assert drafts
        with statements(late_context) as asked:
            last_chases(connection, rows)
            sent_steps(connection, drafts)
    assert len(asked) == 2
    assert whole_reads(late_context, asked) == []
    with reading(late_context.engine) as connection:
        how = "EXPLAIN" if is_postgresql(connection) else "EXPLAIN QUERY PLAN"
        plans = [str(connection.exec_driver_sql(f"{how} {statement}", values).all()) for statement, values in asked]
    assert not any("notice_state" in plan for plan in plans), "by the index of states, all that ever left would be read"


@pytest.mark.parametrize("state", ["", "sent"])
def test_a_page_of_letters_is_read_in_the_order_of_its_index(late_context: AppContext, state: str) -> None:
    for context in (late_context, as_seen_by(late_context, None)):
        with statements(context) as asked:
            letters_page(context, state, 1, 50)
        pages = [each for each in asked if "ORDER BY letter" in each[0]]
        assert len(pages) == 2, "how many, and the newest"
        assert whole_reads(context, asked) == []
        with reading(context.engine) as connection:
            if not is_postgresql(connection):
                plans = [
                    str(row)
                    for each in pages
                    for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {each[0]}", each[1])
                ]
                assert not any("TEMP B-TREE" in plan for plan in plans), "nothing is sorted"


def test_the_cases_that_no_list_names_and_the_exports_are_found_by_their_indexes(late_context: AppContext) -> None:
    with statements(late_context) as asked:
        with reading(late_context.engine) as connection:
            unnamed_cases(connection)
        looks_of(late_context, LookWanted(what="export"), 10)
    plan = " ".join(steps_of(late_context, asked))
    assert "case_file_process" in plan
    assert "case_look_exports" in plan


def test_the_index_has_every_kind_of_fact_that_names_a_day() -> None:
    assert {part.split("'")[1] for part in NAMES_A_DAY.split(" OR ")} == {*_fields(), "fact_corrected"}
