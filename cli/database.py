"""`sendflow migrate`, `move`: brings the records to the shape that this program knows; takes them from a file to a
server.
"""

from __future__ import annotations

from typing import Annotated

import typer

from cli.output import Exit, counted, emit, fail, tell


def register(app: typer.Typer) -> None:
    """Add these commands to the program."""
    app.command("migrate")(migrate)
    app.command("move")(move)


def migrate(
    json_: Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")] = False,
) -> None:
    """Bring the records up to date. Every command does so where its database role may; this one for a role of its own
    (docs/operate/install.md).
    """
    from config.settings import Settings
    from models.database import create_or_upgrade_schema, open_engine, revision

    settings = Settings.read()
    settings.prepare_home()
    engine = open_engine(settings.records_url)
    before = revision(engine)
    create_or_upgrade_schema(engine, settings.owner_url)
    after = revision(engine)
    engine.dispose()
    emit(
        {"before": before, "after": after},
        json_,
        lambda: f"The records are at revision {after}" + (", as they were." if before == after else "."),
    )


def move(
    json_: Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")] = False,
) -> None:
    """Move the records from the file in SENDFLOW_HOME to the empty PostgreSQL database that SENDFLOW_DATABASE_URL
    names; stop the house first.
    """
    from config.settings import Settings
    from runtime.copy_database import CannotCopy
    from runtime.copy_database import move as carry

    try:
        report = carry(Settings.read(), tell)
    except CannotCopy as problem:
        fail(Exit.NOT_FINISHED, f"Nothing was moved: {problem}.")
    said = (
        f"{counted(report.cases, 'case')} and {counted(report.facts, 'fact')} are on the server, and verify there."
        f" Head: {report.head}"
    )
    emit(
        report.model_dump(mode="json"),
        json_,
        lambda: f"{said}\nThe file stays as it was, and no program of sendflow writes to it any more.",
    )
