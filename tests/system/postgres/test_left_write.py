"""What an act writes is sent with its next statement or with its end, in the order of the program."""

from collections.abc import Callable
from datetime import date

import psycopg
import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import IntegrityError

from casework.cases.record import record
from models.bulk_io import in_one_statement, put_new_rows, run
from models.database import reading, transact
from models.facts import FactDraft
from models.left_write import is_left
from models.tables import CASE
from tests.support.team import Team

REF = "NX93001"


def row(ref: str, process: str | None = "ehc_needs_assessment") -> tuple[object, ...]:
    """A case_file row with what is required of it."""
    given: dict[str, object] = {"case_ref": ref, "process": process, "state": "requested", "seq": 1, "hash": "0" * 64}
    given["opened_on"] = date(2026, 3, 2)
    return tuple(given.get(name) for name in CASE.columns.keys())  # noqa: SIM118


def leave(connection: Connection, ref: str) -> None:
    """Write a row as the last of an act."""
    with in_one_statement(connection, 1):
        put_new_rows(connection, CASE, [row(ref)])
    assert is_left(connection)


COUNT = "SELECT count(*) FROM case_file WHERE starts_with(case_ref, 'NX93')"


def count(connection: Connection) -> object:
    return connection.scalar(text(COUNT))


@pytest.mark.parametrize(
    "ask",
    [count, lambda connection: run(connection, COUNT).fetchone()[0]],
    ids=["SQLAlchemy", "the driver's cursor"],
)
def test_the_next_statement_sees_what_was_left(team: Team, ask: Callable[[Connection], object]) -> None:
    def work(connection: Connection) -> object:
        leave(connection, REF)
        return ask(connection), is_left(connection)

    assert transact(team.context("6 Mar 2026").engine, work) == (1, False)


def test_the_end_of_a_transaction_writes_what_was_left(team: Team) -> None:
    engine = team.context("6 Mar 2026").engine
    transact(engine, lambda connection: leave(connection, REF))
    with reading(engine) as connection:
        assert count(connection) == 1


def test_a_transaction_that_is_undone_forgets_it_and_its_connection_writes_it_never(team: Team) -> None:
    engine = team.context("6 Mar 2026").engine

    def fails(connection: Connection) -> None:
        leave(connection, REF)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        transact(engine, fails)
    transact(engine, lambda connection: leave(connection, "NX93002"))
    with reading(engine) as connection:
        assert connection.scalars(text("SELECT case_ref FROM case_file WHERE case_ref LIKE 'NX93%'")).all() == [
            "NX93002"
        ]


def test_what_is_wrong_with_it_is_raised_at_the_end_and_nothing_is_written(team: Team) -> None:
    engine = team.context("6 Mar 2026").engine

    def work(connection: Connection) -> None:
        run(connection, "INSERT INTO case_owner (case_ref, owner, at, actor) VALUES ('NX93003', 'a', 'b', 'c')")
        with in_one_statement(connection, 1):
            put_new_rows(connection, CASE, [row("NX93004", process=None)])

    with pytest.raises(IntegrityError):
        transact(engine, work)
    with reading(engine) as connection:
        assert count(connection) == 0
        assert connection.scalar(text("SELECT count(*) FROM case_owner WHERE case_ref = 'NX93003'")) == 0


def test_a_left_write_that_another_transaction_came_before_is_repeated(team: Team) -> None:
    engine = team.context("6 Mar 2026").engine
    tried: list[Connection] = []

    def work(connection: Connection) -> None:
        tried.append(connection)
        leave(connection, REF)
        if len(tried) == 1:
            run(connection, "DO $$ BEGIN RAISE SQLSTATE '40001'; END $$")

    transact(engine, work)
    with reading(engine) as connection:
        assert (len(tried), count(connection)) == (2, 1)


def test_an_act_waits_for_postgresql_twice_and_three_times_if_it_notes_a_letter(
    team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For what it reads and for what it writes; and for the lock of the change log, before the record that follows."""
    context = team.context("6 Mar 2026")
    day = context.today()
    opened = [FactDraft("ehc_assessment_requested", day, {"la": "northshire"}), FactDraft("assessment_agreed", day)]
    record(context, REF, opened, "test.actor")
    waits: list[str] = []
    pipeline, commit = psycopg.Pipeline.__exit__, psycopg.Connection.commit

    def ended(self: psycopg.Pipeline, *given: object) -> None:
        waits.append("answers")
        pipeline(self, *given)  # type: ignore[arg-type]

    def committed(self: psycopg.Connection) -> None:
        if self.info.transaction_status != psycopg.pq.TransactionStatus.IDLE:
            waits.append("commit")
        commit(self)

    def waited(kind: str, **data: str) -> list[str]:
        waits.clear()
        record(context, REF, [FactDraft(kind, day, data)], "test.actor")
        return list(waits)

    monkeypatch.setattr(psycopg.Pipeline, "__exit__", ended)
    monkeypatch.setattr(psycopg.Connection, "commit", committed)
    asked = {"body": "QX101", "service": "speech_and_language_therapy"}
    assert waited("health_advice_requested", **asked) == ["answers"] * 3
    assert waited("health_advice_acknowledged", **asked) == ["answers"] * 2
