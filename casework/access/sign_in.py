"""Sign-in links for this installation, with the address at which they open."""

from __future__ import annotations

from datetime import UTC, datetime

from casework.access import sessions
from config.settings import Settings
from models.database import open_engine, transact
from models.schema import create_or_upgrade_schema


def sign_in_link(settings: Settings, account: str) -> str:
    """A one-time link to the Prefect UI for an account. Raises ValueError for a name that is no account id."""
    engine = open_engine(settings.records_url)
    try:
        create_or_upgrade_schema(engine, settings.owner_url)
        token = transact(engine, lambda connection: sessions.create_link(connection, account, datetime.now(UTC)))
    finally:
        engine.dispose()
    return f"{settings.ui_url}/sign-in?token={token}"


def sign_out_everywhere(settings: Settings, account: str) -> int:
    """End every session and unused link of an account; returns how many sessions were open."""
    engine = open_engine(settings.records_url)
    try:
        create_or_upgrade_schema(engine, settings.owner_url)
        return transact(engine, lambda connection: sessions.end_sessions(connection, account, datetime.now(UTC)))
    finally:
        engine.dispose()
