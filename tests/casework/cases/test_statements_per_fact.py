"""The SQL statements that one recorded fact costs. A further statement fails here: the commit says why it is needed."""

from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial

from pytest import MonkeyPatch
from sqlalchemy import Connection, Table

from casework.cases import loaded_case
from casework.cases.record import RecordCommand, record, record_acts
from casework.context import AppContext
from models import bulk_io
from models.bulk_io import Row
from models.database import writing
from models.facts import FactDraft
from tests.support.by_hand import day
from tests.support.team import Team

ADVICE = {"body": "QX101", "service": "speech_and_language_therapy"}
# Every act: begin, check the rule set and the schema, read the history, write the fact and the case_file row, commit.
ALWAYS = {
    "BEGIN": 1,
    "SELECT alembic_version": 1,
    "SELECT fact": 1,
    "INSERT fact": 1,
    "INSERT case_file": 1,
    "COMMIT": 1,
}
READ_DUTIES = {"SELECT duty": 1}
ACTS = [
    # Nobody opens a case under the reference that an authority gave to another one: that is asked once, at the opening.
    (
        FactDraft("ehc_assessment_requested", day("2 Feb 2026"), {"la": "northshire"}),
        {"INSERT duty": 4, "SELECT case_file": 1},
    ),
    (FactDraft("la_consideration_notified", day("4 Feb 2026")), READ_DUTIES),
    (
        FactDraft("health_advice_requested", day("2 Mar 2026"), ADVICE),
        READ_DUTIES | {"INSERT duty": 1, "INSERT notice": 1, "INSERT change_log": 1},
    ),
    (FactDraft("health_advice_acknowledged", day("3 Mar 2026"), ADVICE), READ_DUTIES | {"INSERT duty": 1}),
    (FactDraft("appointment_missed", day("4 Mar 2026"), ADVICE), READ_DUTIES),
]


def statements_of(context: AppContext, act: Callable[[], object]) -> Counter[str]:
    """The statements that the database runs during an act, by verb and table."""
    with writing(context.engine) as connection:
        driver = connection.connection.dbapi_connection
    assert driver is not None
    seen: list[str] = []
    driver.set_trace_callback(seen.append)
    try:
        act()
    finally:
        driver.set_trace_callback(None)
    return Counter(_verb_and_table(statement) for statement in seen if not statement.startswith("--"))


def _verb_and_table(statement: str) -> str:
    words = statement.split()
    if words[0] == "INSERT":
        return f"INSERT {words[2]}"
    if words[0] == "SELECT":
        return f"SELECT {words[len(words) - 1 - words[::-1].index('FROM') + 1]}"
    return words[0]


def test_a_recorded_fact_runs_no_more_statements_than_it_needs(team: Team) -> None:
    context = team.context("9 Mar 2026")
    for case in (
        "NX90002",
        "NX90003",
    ):  # the first two acts also check the rule set
        record(context, case, [ACTS[0][0]], "dco.team")
    for draft, more in ACTS:
        found = statements_of(context, partial(record, context, "NX90001", [draft], "dco.team"))
        assert found == Counter(ALWAYS | more), draft.kind


def test_many_cases_are_read_together_however_their_references_may_be_spelt(team: Team) -> None:
    context = team.context("9 Mar 2026")
    acts = [RecordCommand(f"NX8{number:04d}", [draft for draft, _more in ACTS]) for number in range(40)]
    assert statements_of(context, lambda: record_acts(context, acts, "dco.team", "record"))["SELECT fact"] == 1


def test_a_recorded_fact_is_replayed_and_evaluated_once(team: Team, monkeypatch: MonkeyPatch) -> None:
    context = team.context("9 Mar 2026")
    calls: Counter[str] = Counter()
    for name in ("replay", "duties_of", "evaluate"):
        original = getattr(loaded_case, name)

        def counted(*given: object, _name: str = name, _original: object = original) -> object:
            calls[_name] += 1
            return _original(*given)  # type: ignore[operator]

        monkeypatch.setattr(loaded_case, name, counted)
    for draft, _more in ACTS:
        calls.clear()
        record(context, "NX90001", [draft], "dco.team")
        assert calls == {"replay": 1, "duties_of": 1, "evaluate": 1}, draft.kind


def test_every_value_that_an_act_writes_has_a_type_that_the_driver_knows(team: Team, monkeypatch: MonkeyPatch) -> None:
    """For a subclass of text, such as SQLAlchemy's name of a table, SQLite's driver looks for an adapter each time."""
    written: set[type] = set()
    write = bulk_io._write

    def noted(connection: Connection, statement: str, rows: Sequence[Row], table: Table | None = None) -> int:
        written.update(type(value) for row in rows for value in row)
        return write(connection, statement, rows, table)

    monkeypatch.setattr(bulk_io, "_write", noted)
    record_acts(
        team.context("9 Mar 2026"),
        [RecordCommand("NX90001", [draft for draft, _more in ACTS], {"nhs_number": "999 000 0018"})],
        "dco.team",
        "record",
    )
    assert written == {str, int, type(None)}
