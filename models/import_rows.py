"""The SQLModel class of the files that wait to be imported (`models.import_tables`)."""

from sqlmodel import Field, SQLModel


class StagedImportRow(SQLModel, table=True):
    """A file that an account sent to be imported: encrypted, and deleted once it is recorded, ended or old.

    `found` is what its trial or its import gave, encrypted too. A process that works on it has a lease.
    """

    __tablename__ = "staged_import"
    id: str = Field(primary_key=True)
    account: str
    at: str
    digest: str
    state: str
    ignore_columns: bool
    rows: int
    rows_done: int
    facts: int
    content: bytes | None = None
    answers: bytes | None = None
    found: bytes | None = None
    problem: str | None = None
    worker: str | None = None
    lease_until: str | None = None
    ended_at: str | None = None
