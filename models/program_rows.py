"""The SQLModel classes of the tables of programs (`models.program_tables`)."""

from sqlalchemy import Index, text
from sqlmodel import Field, SQLModel

WAITS = text("done_at IS NULL")


class ApiTokenRow(SQLModel, table=True):
    """The token of a program, by its digest: the account in whose name it acts, and the rights that it may use."""

    __tablename__ = "api_token"
    id: str = Field(primary_key=True)
    digest: str = Field(index=True)
    account: str
    scopes: str
    made_at: str
    made_by: str
    expires_at: str
    ended_at: str | None = None
    ended_by: str | None = None
    used_at: str | None = None


class ApiAnswerRow(SQLModel, table=True):
    """What an act of a program was answered, by a keyed digest of its idempotency key. References only."""

    __tablename__ = "api_answer"
    key: str = Field(primary_key=True)
    request: str
    status: int
    answer: str
    at: str = Field(index=True)


class WebhookRow(SQLModel, table=True):
    """An address that is informed of changes, with the encrypted secret that signs what it is sent."""

    __tablename__ = "webhook"
    id: str = Field(primary_key=True)
    address: str
    sealed: bytes
    la: str
    made_at: str
    made_by: str
    ended_at: str | None = None
    ended_by: str | None = None


class WebhookEventRow(SQLModel, table=True):
    """A message to an address: references, states and dates only. It waits until `done_at` is set."""

    __tablename__ = "webhook_event"
    __table_args__ = (Index("webhook_event_waits", "webhook", "number", sqlite_where=WAITS, postgresql_where=WAITS),)
    number: int | None = Field(default=None, primary_key=True)
    webhook: str
    case_ref: str
    body: str
    at: str
    tries: int
    next_at: str
    done_at: str | None = None
    outcome: str | None = None
