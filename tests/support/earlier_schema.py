"""The schema of an earlier revision, made from the present one: released programs are not here to make it."""

from sqlalchemy import Connection

from models.database import is_postgresql

NAMES_OF_002 = (
    "ALTER TABLE duty RENAME COLUMN started_on TO opened_on",
    "ALTER TABLE duty RENAME COLUMN next_check_on TO look_on",
    "ALTER TABLE duty RENAME COLUMN evaluated_under TO looked_under",
    "ALTER TABLE job_run RENAME TO tick",
    "DROP INDEX duty_next_check",
    "DROP INDEX duty_evaluated_under",
    "DROP INDEX ix_job_run_act",
    "CREATE INDEX duty_look ON duty (look_on) WHERE look_on IS NOT NULL",
    "CREATE INDEX duty_under ON duty (looked_under)",
    "CREATE INDEX ix_tick_act ON tick (act)",
    "UPDATE alembic_version SET version_num = '002'",
)
ON_POSTGRESQL = (
    "ALTER INDEX job_run_pkey RENAME TO tick_pkey",
    "ALTER SEQUENCE job_run_id_seq RENAME TO tick_id_seq",
)


def back_to_002(connection: Connection) -> None:
    """Give a database of the present revision the names that it had at revision 002; its rows stay."""
    for statement in (*NAMES_OF_002, *(ON_POSTGRESQL if is_postgresql(connection) else ())):
        connection.exec_driver_sql(statement)
