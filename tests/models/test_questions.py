"""Questions of pages: the same rows as SQLAlchemy gives, asked together, and remembered by a snapshot only. On SQLite;
`tests/system/postgres` has the other database.
"""

from datetime import date

from sqlalchemy import bindparam, insert, select

from casework.access.seen import as_seen_by
from models.database import one_snapshot, reading, writing
from models.questions import Ahead, Question, ask_together
from models.tables import ALIAS, CASE, DUTY, NOTICE
from tests.models.test_visibility import OPEN, RESTRICTED, with_two_cases
from tests.support.team import Team

OF_CASE = {
    table.name: select(table).where(table.c.case_ref == bindparam("ref")).order_by(*table.primary_key)
    for table in (CASE, DUTY, NOTICE)
}
CASES = Question(select(CASE.c.case_ref, CASE.c.opened_on).order_by(CASE.c.case_ref))
FIRST = Question(select(CASE.c.case_ref).order_by(CASE.c.case_ref).limit(1))
ALIASES = Question(select(ALIAS))


def test_a_question_gives_the_rows_that_sqlalchemy_gives(team: Team) -> None:
    check_rows(with_two_cases(team))


def check_rows(team: Team) -> None:
    """Columns of every sort, alone and together, and never a case that the reader does not see."""
    context = team.context("6 Mar 2026")
    with one_snapshot(context.engine), reading(context.engine) as connection:
        for together in (False, True):
            for query in OF_CASE.values():
                question = Question(query)
                if together:
                    ask_together(connection, [(question, {"ref": OPEN})])
                expected = [tuple(row) for row in connection.execute(query, {"ref": OPEN})]
                assert expected
                assert [tuple(row) for row in question.rows(connection, ref=OPEN)] == expected
        assert [type(row.opened_on) for row in CASES.rows(connection)] == [date, date]
        assert [row.case_ref for row in CASES.rows(connection)] == [OPEN, RESTRICTED]
        assert FIRST.scalar(connection) == OPEN
        assert ALIASES.first(connection) is None
    seen = as_seen_by(context, None)
    with one_snapshot(seen.engine), reading(seen.engine) as connection:
        ask_together(connection, [(CASES, {}), (FIRST, {})])
        assert [row.case_ref for row in CASES.rows(connection)] == [OPEN]


def test_a_snapshot_remembers_its_answers_until_it_ends_or_its_thread_writes(team: Team) -> None:
    check_memory(team)


def check_memory(team: Team) -> None:
    """What was asked together is asked once. After an act of the thread, and outside, it is asked a second time."""
    engine = team.first.engine
    with one_snapshot(engine), reading(engine) as connection:
        assert ALIASES.known(connection) is None
        ask_together(connection, [(ALIASES, {})])
        assert ALIASES.known(connection) == []
        with writing(engine) as other:
            other.execute(insert(ALIAS), [{column.name: "B" for column in ALIAS.columns}])
        assert ALIASES.known(connection) is None
        assert len(ALIASES.rows(connection)) == 1
    with reading(engine) as connection:
        ask_together(connection, [(ALIASES, {})])
        assert ALIASES.known(connection) is None, "nothing remembers outside of a snapshot"
        assert len(ALIASES.rows(connection)) == 1


def test_what_is_asked_ahead_is_known_to_the_reader_whom_it_was_asked_for_and_to_nobody_else(team: Team) -> None:
    check_ahead(team, together=False)


def check_ahead(team: Team, *, together: bool) -> None:
    """`together`: the database answers it in the same statement. In each case a reader has what that reader may see."""
    context = with_two_cases(team).context("6 Mar 2026")
    whole, seen = context.engine, as_seen_by(context, None).engine
    assert seen is not whole
    for hidden, written in ((context.restricted, False), (frozenset[str](), False), (context.restricted, True)):
        with one_snapshot(whole):
            with reading(whole) as connection:
                ask_together(connection, [(ALIASES, {})], ahead=Ahead([(CASES, {})], hidden))
                for_the_whole = together and not hidden
                assert (CASES.known(connection) is not None) is for_the_whole
                assert [row.case_ref for row in CASES.rows(connection)] == [OPEN, RESTRICTED]
            if written:
                with writing(whole) as other:
                    other.execute(insert(ALIAS), [{column.name: "B" for column in ALIAS.columns}])
            with one_snapshot(seen), reading(seen) as view:
                assert (CASES.known(view) is not None) is (together and bool(hidden) and not written)
                assert [row.case_ref for row in CASES.rows(view)] == [OPEN]
        with one_snapshot(whole), reading(whole) as connection:
            assert CASES.known(connection) is None, "the next page has nothing of it"
