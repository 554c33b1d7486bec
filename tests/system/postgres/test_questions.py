"""`tests/models/test_questions.py` on PostgreSQL, and how often a page waits for the server."""

from contextlib import closing
from dataclasses import replace

import psycopg
import pytest
from sqlalchemy import text

from casework.access import accounts
from casework.cases.record import record
from casework.reports.about_a_case import ask_about
from models.database import one_snapshot, open_engine, reading, transact, writing
from models.facts import FactDraft
from models.macs import use_keys_of
from models.schema import create_or_upgrade_schema
from tests.models.test_questions import check_ahead, check_memory, check_rows
from tests.models.test_visibility import OPEN, RESTRICTED, with_two_cases
from tests.support.by_hand import day
from tests.support.lost_connection import lost_line
from tests.support.team import Team
from tests.web.conftest import browser_of
from web.installation import Installation

# Four waits: who asks, with what the page shows; its end; the look: its row, and its record with the end.
# A server may answer the beginning of what is sent in one go before the rest of it comes.
MOST_TURNS = 7
# Three waits: the beginning with all that the act reads, what it writes, and its end with the record of the change log.
MOST_OF_AN_ACT = 6


def test_a_question_gives_the_rows_that_sqlalchemy_gives(team: Team) -> None:
    check_rows(with_two_cases(team))


def test_a_snapshot_remembers_its_answers_until_it_ends_or_its_thread_writes(team: Team) -> None:
    check_memory(team)


def test_what_is_asked_ahead_is_known_to_the_reader_whom_it_was_asked_for_and_to_nobody_else(team: Team) -> None:
    check_ahead(team, together=True)


def test_a_restricted_case_is_shown_to_who_is_named_for_it_only(team: Team) -> None:
    """The page asks for the case before it knows who asks."""
    context = with_two_cases(team).context("6 Mar 2026")
    transact(context.engine, lambda each: accounts.change_role(each, "sam.lee", "dco", "", "dco.team"))
    named = "safeguarding_referral"
    transact(context.engine, lambda each: accounts.change_role(each, "kim.day", "dco", named, "dco.team"))
    with closing(Installation(context.settings, context)) as installation:
        for account, status in (("sam.lee", 404), ("kim.day", 200)):
            browser = browser_of(installation).sign_in(account)
            assert browser.get(f"/cases/{RESTRICTED}").status_code == status
            assert browser.get(f"/cases/{OPEN}").status_code == 200
        nobody = browser_of(installation)
        assert RESTRICTED not in nobody.get(f"/cases/{RESTRICTED}").text


def test_a_page_of_a_case_waits_for_the_server_few_times(team: Team) -> None:
    context = with_two_cases(team).context("6 Mar 2026")
    address = team.first.engine.url
    transact(context.engine, lambda each: accounts.change_role(each, "sam.lee", "dco", "", "dco.team"))
    with lost_line(address.port or 0) as line:
        through = address.set(host="127.0.0.1", port=line.port).render_as_string(hide_password=False)
        with closing(Installation(context.settings, replace(context, engine=open_engine(through)))) as installation:
            create_or_upgrade_schema(installation.engine)
            browser = browser_of(installation).sign_in("sam.lee")
            for _page in range(8):
                before = line.turns
                assert browser.get(f"/cases/{OPEN}").status_code == 200
            assert 4 <= line.turns - before <= MOST_TURNS
    with reading(context.engine) as connection:
        assert connection.scalar(text("SELECT count(*) FROM case_look WHERE actor = 'sam.lee'")) == 8


def test_an_act_waits_for_the_server_few_times(team: Team) -> None:
    """It waited nine times and more. A server on another machine may be half a millisecond away."""
    context = with_two_cases(team).context("6 Mar 2026")
    address = team.first.engine.url
    with lost_line(address.port or 0) as line:
        through = address.set(host="127.0.0.1", port=line.port).render_as_string(hide_password=False)
        far = replace(context, engine=open_engine(through))
        create_or_upgrade_schema(far.engine)
        use_keys_of(far.engine, far.settings.home)

        def turns(case: str, kind: str, **fields: str) -> int:
            before = line.turns
            record(far, case, [FactDraft(kind, day("5 Mar 2026"), fields)], "dco.team")
            return line.turns - before

        try:
            for number in range(8):  # at the first, who acts is stored and what is asked is prepared
                opened = turns(f"NX9200{number}", "ehc_assessment_requested", la="northshire")
                agreed = turns(f"NX9200{number}", "assessment_agreed")
        finally:
            far.engine.dispose()
    assert 3 <= agreed <= MOST_OF_AN_ACT
    assert 3 <= opened <= MOST_OF_AN_ACT + 1, "a new case also asks whether an authority has its reference"


def test_what_a_snapshot_asked_is_planned_once_and_not_again_by_the_next(team: Team) -> None:
    """After a ROLLBACK, psycopg would forget each statement that it prepared."""
    context = with_two_cases(team).context("6 Mar 2026")
    for _page in range(8):
        with one_snapshot(context.engine), reading(context.engine) as connection:
            ask_about(context, OPEN)
            asked = text("SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE 'SELECT (SELECT json%'")
            prepared = connection.scalar(asked)
    assert prepared == 1


@pytest.mark.parametrize("use", [reading, writing])
def test_a_connection_that_the_server_ended_is_replaced(team: Team, use: object) -> None:
    engine = team.first.engine
    with reading(engine) as connection:
        ended = connection.scalar(text("SELECT pg_backend_pid()"))
    with psycopg.connect(engine.url.set(drivername="postgresql").render_as_string(False), autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s, 5000)", (ended,))
    with use(engine) as connection:  # type: ignore[operator]
        assert connection.scalar(text("SELECT pg_backend_pid()")) != ended
