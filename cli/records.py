"""`sendflow migrate`: brings the records to the shape that this program knows."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.say import emit


def register(app: typer.Typer) -> None:
    """Add this command to the program."""
    app.command("migrate")(migrate)


def migrate(json_: Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")] = False) -> None:
    """Bring the records up to date. Every command does so where its database role may; this one for a role of its own (docs/running.md)."""
    from config.settings import Settings
    from models.database import make_records, open_engine, revision

    settings = Settings.read()
    settings.prepare_home()
    engine = open_engine(settings.records_url)
    before = revision(engine)
    make_records(engine, settings.owner_url)
    after = revision(engine)
    engine.dispose()
    emit({"before": before, "after": after}, json_, lambda: f"The records are at revision {after}" + (", as they were." if before == after else "."))
