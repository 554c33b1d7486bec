"""The SQLModel classes of the tables of retention (`models.retention_tables`), all but the data keys only added to."""

from datetime import date

from sqlalchemy import Column, LargeBinary
from sqlmodel import Field, SQLModel


class DataKeyRow(SQLModel, table=True):
    """The data key of a child, a case or a mail, wrapped by person.key. No backup has it; an erasure deletes it."""

    __tablename__ = "data_key"
    subject: str = Field(primary_key=True)
    wrapped: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class RetentionHoldRow(SQLModel, table=True):
    """What holds the erasure of a child up, recorded on one of the child's cases: a reason of retention.toml."""

    __tablename__ = "retention_hold"
    number: int = Field(primary_key=True)
    at: str
    actor: str
    case_ref: str = Field(index=True)
    reason: str
    since: date


class RetentionHoldEndedRow(SQLModel, table=True):
    """The end of the hold of that number."""

    __tablename__ = "retention_hold_ended"
    number: int = Field(primary_key=True)
    at: str
    actor: str
    ended_on: date


class ErasureProposalRow(SQLModel, table=True):
    """An erasure that one account proposes. `state` is a digest of what was recorded of the child when it did."""

    __tablename__ = "erasure_proposal"
    number: int = Field(primary_key=True)
    at: str
    actor: str
    case_ref: str = Field(index=True)
    ground: str
    state: str
    expires_at: str


class ErasureDecidedRow(SQLModel, table=True):
    """The decision on the proposal of that number. `detail` counts what was erased; it names nobody."""

    __tablename__ = "erasure_decided"
    number: int = Field(primary_key=True)
    at: str
    actor: str
    how: str
    detail: str
