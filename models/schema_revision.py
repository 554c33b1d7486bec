"""Whether the stored revision of a database is the one that its tables have. [I/O]

Purpose: a person with a database tool who changes `alembic_version` makes the next program upgrade tables that are
upgraded already, or say that there is no installation.
"""

from __future__ import annotations

from sqlalchemy import Connection, Inspector, inspect
from sqlalchemy.exc import OperationalError

from models.errors import DatabaseUnusable

FIRST = "001"
UNNUMBERED = "002"  # the newest revision that a database from before there were revisions may have
# By revision, what it was the first to make: a table, and a column or an index of it.
MARKS = {
    "002": ("law_held", "number"),
    "003": ("duty", "evaluated_under"),
    "004": ("session", "digest"),
    "006": ("clock_setting", "number"),
    "007": ("finding", "number"),
    "008": ("change_log", "number"),
    "009": ("account_change", "number"),
    "010": ("config_held", "config_held_kind"),
    "011": ("account_mailbox", "account"),
    "012": ("fact", "ix_fact_recorded_at"),
    "013": ("case_file", "case_file_la_reference"),
    "014": ("to_decide", "number"),
    "015": ("transport_state", "name"),
    "016": ("answer_link", "digest"),
    "017": ("incoming_mail", "place"),
    "018": ("fact", "fact_of_the_child"),
    "019": ("log_leaf", "number"),
    "020": ("calendar_address", "name"),
    "021": ("fact", "fact_replied"),
    "022": ("case_link", "to_ref"),
    "023": ("notice", "ix_notice_letter"),
    "024": ("retention_hold", "number"),
    "025": ("mac_key", "number"),
    "026": ("data_key", "subject"),
    "027": ("acting", "number"),
    "028": ("api_token", "id"),
    "029": ("account_identity", "number"),
    "030": ("webhook", "id"),
    "031": ("staged_import", "id"),
    "032": ("saved_view", "id"),
    "033": ("logout_token", "digest"),
    "034": ("letter", "letter_on"),
}


def revision_of_tables(connection: Connection) -> str:
    """Return the newest revision whose tables, and those of every revision before it, are there."""
    there = inspect(connection)
    found = FIRST
    for revision, (table, name) in MARKS.items():
        if not there.has_table(table) or name not in _names(connection, there, table):
            break
        found = revision
    return found


def _names(connection: Connection, there: Inspector, table: str) -> set[str | None]:
    names = {each["name"] for each in there.get_columns(table)}
    if connection.dialect.name == "sqlite":
        # SQLAlchemy leaves out indexes of expressions, with a warning.
        return names | {row[1] for row in connection.exec_driver_sql(f"PRAGMA index_list({table})")}
    return names | {each["name"] for each in there.get_indexes(table)}


def check_stored_revision(connection: Connection, stored: str | None) -> None:
    """Raise DatabaseUnusable if the tables are of a later revision than the one that is stored.

    `stored` is None, or "None", if none is stored. A revision that this program does not know is not compared.
    """
    if (why := altered_revision(connection, stored)) is not None:
        raise DatabaseUnusable(
            f"{why}. Nothing was changed. Restore the database from the backup, or let its owner set"
            " alembic_version.version_num to the revision of the tables again; then run sendflow verify"
        )


def altered_revision(connection: Connection, stored: str | None) -> str | None:
    """Say that the stored revision is not that of the tables; None if it is, or if the tables cannot be read."""
    said = stored not in (None, "None")
    if said and stored != FIRST and stored not in MARKS:
        return None
    try:
        tables = revision_of_tables(connection)
    except OperationalError:
        return None
    if tables <= (str(stored) if said else UNNUMBERED):
        return None
    return (
        f"The database has {f'revision {stored}' if said else 'no revision'} in alembic_version, and its tables are of"
        f" revision {tables}: alembic_version was altered"
    )
