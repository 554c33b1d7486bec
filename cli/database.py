"""`sendflow migrate` and `copy-to-postgresql`: upgrades the database, and copies it from a file to a server."""

from __future__ import annotations

import typer

from cli.installation import notify_made
from cli.options import Json
from cli.output import Exit, emit, fail, notify
from config.text import counted


def register(app: typer.Typer) -> None:
    """Add these commands to the program."""
    app.command("migrate")(migrate)
    app.command("copy-to-postgresql")(copy_to_postgresql)


def migrate(json_: Json = False) -> None:
    """Upgrade the database. Every command does this if its database role may; this one is for a role of its own.

    See docs/operate/install.md.
    """
    from casework.privacy.bind_values import bind_values
    from config.settings import Settings
    from models.database import open_engine
    from models.schema import create_or_upgrade_schema, revision

    settings = Settings.read()
    settings.prepare_home()
    engine = open_engine(settings.records_url)
    before = revision(engine)
    create_or_upgrade_schema(engine, settings.owner_url)
    after = revision(engine)
    bound = bind_values(engine, settings.home)
    if before in (None, "None"):
        notify_made(settings.records_place if settings.database_url else str(settings.home))
    engine.dispose()
    emit(
        {"before": before, "after": after},
        json_,
        lambda: (
            f"The database is at revision {after}"
            + (", as before." if before == after else ".")
            + (f" {counted(bound, 'encrypted value')} of an earlier version were encrypted again." if bound else "")
        ),
    )


def copy_to_postgresql(json_: Json = False) -> None:
    """Copy the database from the file in SENDFLOW_HOME to the empty PostgreSQL database in SENDFLOW_DATABASE_URL.

    Stop sendflow first.
    """
    from config.settings import Settings
    from runtime import copy_database

    try:
        report = copy_database.copy_to_postgresql(Settings.read(), notify)
    except copy_database.CannotCopy as problem:
        fail(Exit.NOT_FINISHED, f"Nothing was copied: {problem}.")
    emit(
        report.model_dump(mode="json"),
        json_,
        lambda: (
            f"{counted(report.cases, 'case')} and {counted(report.facts, 'fact')} are on the server and verify there."
            f" Head: {report.head}\nThe SQLite file is unchanged. sendflow now uses PostgreSQL and no longer writes to"
            " the file."
        ),
    )
