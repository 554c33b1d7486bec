"""The application's role adds facts and cannot change stored ones; triggers prevent a change by the owner too."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy.exc import IntegrityError, ProgrammingError

from models.append_only import APPEND_ONLY_TABLES, missing_triggers, triggers
from models.database import open_engine, reading, writing
from models.errors import DatabaseUnusable
from models.schema import create_or_upgrade_schema
from runtime.local_postgres import LocalPostgres
from tests.support.team import Team

CHANGES = (
    "UPDATE {0} SET {1} = {1}",
    "DELETE FROM {0}",
    "TRUNCATE {0}",
    "ALTER TABLE {0} ADD COLUMN x text",
    "ALTER TABLE {0} DISABLE TRIGGER ALL",
    "DROP TABLE {0}",
    "DROP TRIGGER {0}_no_update ON {0}",
)
COLUMNS = {
    "fact": "text",
    "anchor": "head",
    "change_log": "digest",
    "config_held": "digest",
    "person_read": "purpose",
    "adoption": "files",
    "law_held": "machine",
    "clock_setting": "day",
    "finding": "message",
    "finding_closed": "reason",
    "account_change": "role",
    "account_identity": "subject",
    "case_look": "what",
    "to_decide": "detail",
    "decided": "how",
    "case_owner": "owner",
    "log_leaf": "leaf",
    "log_block": "root",
    "log_checkpoint": "note",
    "log_cosignature": "line",
    "log_act": "reason",
    "retention_hold": "reason",
    "retention_hold_ended": "actor",
    "erasure_proposal": "ground",
    "erasure_decided": "how",
    "mac_key": "reason",
    "acting": "account",
}
REFUSED = [
    *(statement.format(table, COLUMNS[table]) for table in APPEND_ONLY_TABLES for statement in CHANGES),
    "CREATE OR REPLACE FUNCTION sendflow_append_only() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$",
    "DROP FUNCTION sendflow_append_only CASCADE",
    "CREATE TABLE mine (x text)",
    "UPDATE alembic_version SET version_num = '0'",
    "SET session_replication_role = replica",
]


@pytest.fixture
def application(postgres: LocalPostgres, database: Callable[..., str], tmp_path: Path) -> Iterator[Team]:
    """A team whose installation uses the application's role on a database that the owner migrated."""
    owner = database(empty=True)
    name = owner.rpartition("/")[2]
    engine = open_engine(postgres.url(name))
    with pytest.raises(DatabaseUnusable, match="SENDFLOW_DATABASE_OWNER_URL"):
        create_or_upgrade_schema(engine)
    create_or_upgrade_schema(engine, owner)
    engine.dispose()
    team = Team(tmp_path / "var", database_url=postgres.url(name))
    yield team
    team.first.engine.dispose()


def test_the_application_does_all_its_work_with_its_own_role(application: Team) -> None:
    application.opened("2 Feb 2026").asked("2 Mar 2026")
    application.day("14 Apr 2026")
    assert application.verify("15 Apr 2026").intact
    with reading(application.first.engine) as connection:
        assert connection.exec_driver_sql("SELECT current_user").scalar() == "sendflow"


def test_the_application_may_not_change_drop_or_alter_what_was_written(application: Team) -> None:
    for statement in REFUSED:
        with (
            pytest.raises(ProgrammingError, match="InsufficientPrivilege"),
            writing(application.first.engine) as connection,
        ):
            connection.exec_driver_sql(statement)


def test_even_the_owner_is_held_by_the_triggers(team: Team) -> None:
    team.opened("2 Feb 2026")
    before = team.dump()
    for statement in (
        "UPDATE fact SET actor = 'x'",
        "DELETE FROM fact",
        "TRUNCATE fact",
        "TRUNCATE fact, duty CASCADE",
    ):
        with pytest.raises(IntegrityError, match="fact is append-only"), writing(team.first.engine) as connection:
            connection.exec_driver_sql(statement)
    assert team.dump() == before


HOLLOW = {
    "ALTER TABLE fact DISABLE TRIGGER fact_no_delete": ["fact_no_delete"],
    "DROP TRIGGER fact_no_truncate ON fact": ["fact_no_truncate"],
    "ALTER TABLE fact ENABLE REPLICA TRIGGER fact_no_update": ["fact_no_update"],
    "CREATE OR REPLACE TRIGGER fact_no_update BEFORE UPDATE ON fact"
    " FOR EACH ROW WHEN (false) EXECUTE FUNCTION sendflow_append_only()": ["fact_no_update"],
    "CREATE OR REPLACE TRIGGER fact_no_update BEFORE INSERT ON duty"
    " FOR EACH ROW EXECUTE FUNCTION sendflow_append_only()": [],
    "CREATE OR REPLACE FUNCTION sendflow_append_only() RETURNS trigger"
    " LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$": list(triggers("postgresql")),
}


def test_a_trigger_that_is_gone_off_or_hollow_is_named(team: Team) -> None:
    for deed, named in HOLLOW.items():
        with team.first.engine.connect() as connection:  # undone at the end
            connection.exec_driver_sql(deed)
            assert missing_triggers(connection) == named, deed
