"""The schema and the rows of an earlier revision, made of the present ones: released programs are not here to make
them.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from sqlalchemy import Connection, MetaData, Table, insert, select

from models.access_rows import ALL_ROWS
from models.database import is_postgresql

Rows = dict[str, list[dict[str, Any]]]

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


# What a table or a column of an earlier revision is called now.
TABLE_NOW = {"tick": "job_run"}
COLUMN_NOW = {"opened_on": "started_on", "look_on": "next_check_on", "looked_under": "evaluated_under"}


def rows_of(connection: Connection) -> Rows:
    """Every row of every table, by the table's name."""
    return {
        table.name: [dict(row) for row in connection.execute(select(table)).mappings()]
        for table in ALL_ROWS.sorted_tables
    }


def fill(connection: Connection, rows: Rows) -> Rows:
    """Write rows of today into a database of an earlier revision, as far as its tables have them; what was written.

    The names in what is returned are those of today. A column that was there then and is not now fails the test.
    """
    then = MetaData()
    then.reflect(connection)
    written: Rows = {}
    for table in then.sorted_tables:
        now = TABLE_NOW.get(table.name, table.name)
        if not rows.get(now):
            continue
        names = {column.name: _now(table, column.name, rows[now][0]) for column in table.columns}
        connection.execute(insert(table), [{then: row[today] for then, today in names.items()} for row in rows[now]])
        written[now] = [{today: row[today] for today in names.values()} for row in rows[now]]
    return written


def _now(table: Table, column: str, row: dict[str, Any]) -> str:
    name = COLUMN_NOW[column] if column not in row else column
    assert name in row, f"{table.name}.{column}: the test does not know what became of it"
    return name


def missing(before: Rows, after: Rows) -> dict[str, int]:
    """How many rows of each table are not there any more with the values that they had."""
    found = {}
    for table, rows in before.items():
        names = rows[0].keys()
        left = Counter(_values(row, names) for row in rows)
        left.subtract(_values(row, names) for row in after[table])
        found[table] = sum(number for number in left.values() if number > 0)
    return {table: number for table, number in found.items() if number}


def _values(row: dict[str, Any], names: Any) -> tuple[Any, ...]:
    return tuple(row[name] for name in names)
