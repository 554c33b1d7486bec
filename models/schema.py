"""The tables: create them, upgrade them, and give their revision. [I/O]"""

from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, text
from sqlalchemy.exc import OperationalError, ProgrammingError

from models.append_only import grants
from models.database import (
    COPIED,
    COPIED_TO_POSTGRESQL,
    FOUND_REVISION,
    is_postgresql,
    open_engine,
    reading,
    transaction,
)
from models.database_errors import cause
from models.errors import DatabaseUnusable
from models.locks import lock_exclusive
from models.schema_revision import check_stored_revision

HEAD = "034"  # the newest revision under models/migrations/versions; a test compares the two
MIGRATIONS = Path(__file__).parent / "migrations"


def create_or_upgrade_schema(engine: Engine, owner_url: str | None = None) -> None:
    """Bring the tables to the newest revision; one query if they are at it. `owner_url`: a role that may change tables,
    if the engine's own role may not.

    Raises DatabaseUnusable if the tables are of a later version, or if the role may not change them.
    """
    if revision(engine) != HEAD:
        _create_or_upgrade(engine, owner_url)
    engine.update_execution_options(**{FOUND_REVISION: HEAD})


def _create_or_upgrade(engine: Engine, owner_url: str | None) -> None:
    owner = open_engine(owner_url) if owner_url else engine
    try:
        with transaction(owner) as connection:
            _lock_and_upgrade(connection)
            if owner_url:
                for statement in grants(str(engine.url.username)):
                    connection.execute(text(statement))
    except ProgrammingError as fault:
        if (why := cause(fault)) is not None and why.word != "not_permitted":
            raise
        raise DatabaseUnusable(
            "The tables have to be created or upgraded, and this database role may not do that. Set"
            " SENDFLOW_DATABASE_OWNER_URL to a role that may, and run sendflow migrate"
        ) from None
    finally:
        if owner is not engine:
            owner.dispose()


def revision(engine: Engine) -> str | None:
    """Return the revision of the database; None if it has no tables of sendflow.

    Raises OperationalError if a server does not answer, because nothing is then known of its database.
    """
    try:
        with reading(engine) as connection:
            return str(connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar())
    except ProgrammingError:
        return None
    except OperationalError:
        if is_postgresql(engine):
            raise
        return None


def stored_revision(connection: Connection) -> str | None:
    """Return the stored revision; None if the table or its row is not there."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
    return None if found is None else str(found)


def _lock_and_upgrade(connection: Connection) -> None:
    if (
        is_postgresql(connection)
        and not connection.exec_driver_sql("SELECT current_setting('server_encoding') = 'UTF8'").scalar()
    ):
        raise DatabaseUnusable(
            "The PostgreSQL database is not in UTF-8, so it cannot store every name. Nothing was written. Create"
            " another one with createdb --encoding=UTF8 --template=template0"
        )
    lock_exclusive(connection, "migration")
    if is_postgresql(connection) and inspect(connection).has_table("alembic_version"):
        # Each transaction that writes has read this table. The lock waits for those that are running; later ones wait
        # for the lock, and then read the new revision.
        connection.exec_driver_sql("LOCK TABLE alembic_version IN ACCESS EXCLUSIVE MODE")
    if (stored := stored_revision(connection)) == HEAD:
        return  # another program has upgraded it meanwhile
    check_stored_revision(connection, stored)
    upgrade(connection, "head")


def upgrade(connection: Connection, to: str) -> None:
    """Upgrade the tables to a revision in the caller's transaction. Raises DatabaseUnusable if this program does not
    know their present revision.
    """
    from alembic import command  # here, because most commands find the tables upgraded and do not need it
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, to)
    except CommandError:
        # On this connection, because it has locked the table: another connection would wait until its timeout.
        if connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar() == COPIED:
            raise DatabaseUnusable(COPIED_TO_POSTGRESQL) from None
        raise DatabaseUnusable(
            "A later version of sendflow has upgraded this database, and this program cannot use it. Nothing was"
            " changed. Install that version of sendflow"
        ) from None
