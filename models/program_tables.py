"""The tables of programs: their tokens, what they were answered, and webhooks. `models.tables` has all."""

from sqlalchemy import Integer, LargeBinary, Table

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
WEBHOOK = Table(
    "webhook",
    METADATA,
    key_column("id"),
    required_column("address"),
    required_column("sealed", LargeBinary),
    required_column("la"),
    required_column("made_at"),
    required_column("made_by"),
    optional_column("ended_at"),
    optional_column("ended_by"),
)
WEBHOOK_EVENT = Table(
    "webhook_event",
    METADATA,
    key_column("number", Integer),
    required_column("webhook"),
    required_column("case_ref"),
    required_column("body"),
    required_column("at"),
    required_column("tries", Integer),
    required_column("next_at"),
    optional_column("done_at"),
    optional_column("outcome"),
)
