"""The record tables refuse every change but a further row, from every program; and two writers never share
a number.
"""

import hashlib
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy.exc import IntegrityError

from models import ledger
from models.append_only import APPEND_ONLY_TABLES, missing_triggers, triggers
from models.database import reading, writing
from models.facts import GENESIS
from models.schema import create_or_upgrade_schema
from tests.support.fork_server import Waiting
from tests.support.team import Team


@pytest.fixture
def file(team: Team) -> Iterator[sqlite3.Connection]:
    """The database of an installation with one case, opened by another program that knows nothing of sendflow."""
    team.opened().asked()
    with team.first.engine.begin() as connection:
        connection.exec_driver_sql("INSERT INTO anchor VALUES ('2026-03-03T00:00:00.000000Z', 'x', 1, 3)")
        connection.exec_driver_sql("INSERT INTO finding VALUES (1, 'x', 'verify', 'head', NULL, NULL, 'x', 'x')")
        connection.exec_driver_sql("INSERT INTO account_change VALUES (1, 'x', 'x', 'dco.team', 'dco', '')")
        connection.exec_driver_sql("INSERT INTO account_identity VALUES (1, 'x', 'x', 'dco.team', 'x', 'x')")
        connection.exec_driver_sql(
            "INSERT INTO case_look (case_ref, actor, what, at) VALUES ('NX90001', 'dco.team', 'case', 'x')"
        )
        connection.exec_driver_sql("INSERT INTO to_decide VALUES (1, 'x', 'dco.team', 'refused_row', 'x', '{}')")
        connection.exec_driver_sql("INSERT INTO decided VALUES (1, 'x', 'dco.team', 'corrected')")
        connection.exec_driver_sql("INSERT INTO case_owner VALUES (1, 'x', 'dco.team', 'NX90001', 'dco.team')")
        connection.exec_driver_sql("INSERT INTO retention_hold VALUES (1, 'x', 'dco.team', 'NX90001', 'appeal', 'x')")
        connection.exec_driver_sql("INSERT INTO retention_hold_ended VALUES (1, 'x', 'dco.team', 'x')")
        connection.exec_driver_sql(
            "INSERT INTO erasure_proposal VALUES (1, 'x', 'dco.team', 'NX90001', 'court_order', 'x', 'x')"
        )
        connection.exec_driver_sql("INSERT INTO erasure_decided VALUES (1, 'x', 'sam.lee', 'refused', '{}')")
        connection.exec_driver_sql("INSERT INTO log_leaf VALUES (1, 'x')")
        connection.exec_driver_sql("INSERT INTO log_block VALUES (1, 'x')")
        connection.exec_driver_sql("INSERT INTO log_checkpoint VALUES (1, 'x', 1, 'x')")
        connection.exec_driver_sql("INSERT INTO log_cosignature VALUES (1, 1, 'x', 'x')")
        connection.exec_driver_sql("INSERT INTO log_act VALUES (1, 'x', 'began', 'dco.team', 'x', 'x', 'x', 0)")
        connection.exec_driver_sql("INSERT INTO finding_closed VALUES (1, 'x', 'dco.team', 'x', 0)")
        connection.exec_driver_sql(
            "INSERT INTO person_read (case_ref, actor, purpose, read_at) VALUES ('NX90001', 'dco.team', 'p', 'x')"
        )
        connection.exec_driver_sql(
            "INSERT INTO adoption VALUES (1, 'x', 'dco.team', 'x', 'x', '{}', 'x', 'x', 0, 0, 0)"
        )
    with reading(team.first.engine) as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM law_held").scalar() == 1, (
            "the first act wrote down the law that it went by"
        )
    team.first.engine.dispose()
    records = sqlite3.connect(team.home / "sendflow.db")
    yield records
    records.close()


@pytest.mark.parametrize("table", sorted(APPEND_ONLY_TABLES))
@pytest.mark.parametrize(
    "statement",
    ["UPDATE {} SET rowid = rowid", "DELETE FROM {}", "DELETE FROM {0} WHERE rowid = (SELECT min(rowid) FROM {0})"],
)
def test_rows_are_neither_changed_nor_deleted(file: sqlite3.Connection, table: str, statement: str) -> None:
    before = file.execute(f"SELECT * FROM {table}").fetchall()
    assert before
    with pytest.raises(
        sqlite3.IntegrityError, match=f"{table} is append-only: record a fact_corrected or fact_withdrawn instead"
    ):
        file.execute(statement.format(table))
    assert file.execute(f"SELECT * FROM {table}").fetchall() == before


@pytest.mark.parametrize(
    "column", ["kind", "occurred_on", "recorded_at", "actor", "text", "prev_hash", "hash", "case_ref", "seq"]
)
def test_no_column_of_a_fact_is_changed(file: sqlite3.Connection, column: str) -> None:
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        file.execute(f"UPDATE fact SET {column} = {column} WHERE seq = 1")


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT OR REPLACE INTO fact SELECT * FROM fact WHERE seq = 1",
        "REPLACE INTO fact SELECT * FROM fact WHERE seq = 1",
        "INSERT INTO fact SELECT * FROM fact WHERE seq = 1 ON CONFLICT (case_ref, seq) DO UPDATE SET text = 'x'",
    ],
)
def test_insert_or_replace_does_not_bypass_the_triggers_in_sendflows_own_connections(
    team: Team, statement: str
) -> None:
    """SQLite fires delete triggers for REPLACE only with recursive_triggers on, which every connection of sendflow
    sets.
    """
    team.opened()
    before = team.dump()
    with pytest.raises(IntegrityError, match="append-only"), writing(team.first.engine) as connection:
        connection.exec_driver_sql(statement)
    assert team.dump() == before


def test_making_the_records_again_changes_nothing(team: Team) -> None:
    team.opened()
    before = team.dump()
    create_or_upgrade_schema(team.first.engine)
    assert team.dump() == before


def test_every_append_only_table_has_its_triggers_and_a_lost_one_is_reported(team: Team) -> None:
    """Restoring a dropped trigger without a report would hide that rows could have been changed meanwhile."""
    with writing(team.first.engine) as connection:
        assert missing_triggers(connection) == []
        connection.exec_driver_sql("DROP TRIGGER fact_no_update")
    create_or_upgrade_schema(team.first.engine)
    with reading(team.first.engine) as connection:
        assert missing_triggers(connection) == ["fact_no_update"]


def test_a_trigger_of_the_same_name_that_does_nothing_counts_as_missing(team: Team) -> None:
    with writing(team.first.engine) as connection:
        connection.exec_driver_sql("DROP TRIGGER fact_no_delete")
        connection.exec_driver_sql("CREATE TRIGGER fact_no_delete BEFORE DELETE ON fact BEGIN SELECT 1; END")
        assert missing_triggers(connection) == ["fact_no_delete"]


def test_the_pragmas_of_a_statutory_record(team: Team) -> None:
    with reading(team.first.engine) as connection:
        found = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "recursive_triggers")
        }
        assert found == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "recursive_triggers": 1}
        assert int(connection.exec_driver_sql("PRAGMA busy_timeout").scalar() or 0) >= 10_000


def test_postgresql_gets_the_same_triggers() -> None:
    made = triggers("postgresql")
    by_row = {name for name, statement in made.items() if "FOR EACH ROW" in statement}
    assert by_row == triggers("sqlite").keys()
    assert made.keys() - by_row == {f"{table}_no_truncate" for table in APPEND_ONLY_TABLES}, (
        "TRUNCATE passes by a row's triggers"
    )


def test_a_transaction_that_fails_leaves_nothing(team: Team) -> None:
    team.opened()
    before = team.dump()
    with pytest.raises(RuntimeError, match="power"), writing(team.first.engine) as connection:
        connection.exec_driver_sql("DELETE FROM duty")
        raise RuntimeError("power cut")
    assert team.dump() == before


def test_a_reader_holds_up_no_writer(team: Team) -> None:
    team.opened()
    with reading(team.first.engine) as connection:
        connection.exec_driver_sql("SELECT count(*) FROM fact").scalar()
        team.asked()
        assert connection.exec_driver_sql("SELECT count(*) FROM fact").scalar() == 2, (
            "one view, as it was when it was opened"
        )
    assert len(team.lines()) == 3


def test_the_same_number_is_written_once(team: Team) -> None:
    team.opened()
    with reading(team.first.engine) as connection:
        rows = [row for _ref, some in ledger.scan(connection) for row in some]
    with pytest.raises(IntegrityError), writing(team.first.engine) as connection:
        ledger.append(connection, rows[1:])


def test_a_chain_is_hashed_over_the_hash_before_and_the_text(team: Team) -> None:
    team.opened().asked()
    with reading(team.first.engine) as connection:
        [(ref, rows)] = list(ledger.scan(connection))
    previous = GENESIS
    for row in (stored := [ledger.Stored._make(row) for row in rows]):
        assert row.prev_hash == previous
        previous = hashlib.sha256(previous.encode() + row.text.encode()).hexdigest()
        assert row.hash == previous
    with reading(team.first.engine) as connection:
        head, cases, facts = ledger.head(connection, "2027-01-01T00:00:00.000000Z")
        number, last = connection.exec_driver_sql(
            "SELECT number, hash FROM change_log ORDER BY number DESC LIMIT 1"
        ).one()
    text = f"{ref} 3 {stored[-1].hash}\nchange_log {number} {last}\n"
    assert (head, cases, facts) == (hashlib.sha256(text.encode()).hexdigest(), 1, 3)


def test_the_head_of_an_instant_never_changes_afterwards(team: Team) -> None:
    team.opened().asked()
    instant = "2026-03-03T00:00:00.000000Z"
    with reading(team.first.engine) as connection:
        then = ledger.head(connection, instant)
    team.sweep("14 Apr 2026")
    team.record("15 Apr 2026", "ehc_assessment_requested", case="NX90002", la="eastmere")
    with reading(team.first.engine) as connection:
        assert ledger.head(connection, instant) == then
        assert ledger.head(connection, "2026-05-01T00:00:00.000000Z") != then


RACER = """
import sys
from datetime import date
from pathlib import Path
from config.settings import Settings
from casework.cases.validation import Refused
from casework.context import AppContext
from casework.cases.record import record
from models.facts import FactDraft
print("ready", flush=True)
sys.stdin.readline()
context = AppContext.load(Settings(home=Path(sys.argv[1]), today=date(2026, 3, 31)))
for number in range(1, 21):
    try:
        data = {"body": "QX101", "service": "physiotherapy", "weeks": 10}
        record(context, "NX90001", [FactDraft("waiting_list_stated", date(2026, 3, number), data)], sys.argv[2])
    except Refused as refused:
        assert refused.code == sys.argv[3], refused.code
"""


def race(home: Path, refusal: str) -> None:
    """Two processes at once, each waiting for the word: both open the installation and record the same twenty facts."""
    racers = [Waiting(RACER, str(home), actor, refusal) for actor in ("one", "two")]
    for racer in racers:
        racer.go()
    assert [racer.end() for racer in racers] == [(0, "")] * 2


def test_two_processes_race_on_one_case_and_each_fact_is_there_once(team: Team) -> None:
    team.opened().asked(service="physiotherapy")
    team.first.engine.dispose()
    race(team.home, "recorded_already")
    found = team.lines()[3:]
    assert [each.seq for each in found] == list(range(4, 24))
    assert sorted(each.occurred_on.day for each in found) == list(range(1, 21))
    assert {each.actor for each in found} <= {"one", "two"}
    assert team.verify("31 Mar 2026").intact


def test_two_processes_that_start_at_once_create_one_installation(tmp_path: Path, teams: Callable[[str], Team]) -> None:
    race(tmp_path / "fresh", "not_open")
    fresh = teams("fresh")
    assert fresh.verify("31 Mar 2026").intact
    fresh.opened()
    assert len(fresh.lines()) == 2
