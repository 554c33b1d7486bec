"""The end of tokens of programs: one by its id, or all of an account whose role changes."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, Connection, select, update

from models.change_log import log_keys
from models.tables import API_TOKEN


def end_tokens(connection: Connection, which: ColumnElement[bool], actor: str, now: datetime) -> int:
    """End every open token of which this is true; returns how many were open."""
    at = now.isoformat(timespec="microseconds")
    ids = list(connection.scalars(select(API_TOKEN.c.id).where(which, API_TOKEN.c.ended_at.is_(None))))
    log_keys(connection, API_TOKEN, ids, at)
    for id_ in ids:
        connection.execute(update(API_TOKEN).where(API_TOKEN.c.id == id_).values(ended_at=at, ended_by=actor))
    return len(ids)
