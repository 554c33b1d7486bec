"""The tables of programs that call `/api/v1`: their tokens, and what they were answered. `models.tables` has both."""

from sqlalchemy import Integer, Table

from models.columns import METADATA, key_column, optional_column, required_column

API_TOKEN = Table(
    "api_token",
    METADATA,
    key_column("id"),
    required_column("digest"),
    required_column("account"),
    required_column("scopes"),
    required_column("made_at"),
    required_column("made_by"),
    required_column("expires_at"),
    optional_column("ended_at"),
    optional_column("ended_by"),
    optional_column("used_at"),
)
API_ANSWER = Table(
    "api_answer",
    METADATA,
    key_column("key"),
    required_column("request"),
    required_column("status", Integer),
    required_column("answer"),
    required_column("at"),
)
