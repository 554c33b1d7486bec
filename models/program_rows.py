"""The SQLModel classes of the tables of programs (`models.program_tables`)."""

from sqlmodel import Field, SQLModel


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
