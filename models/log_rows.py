"""The SQLModel classes of the transparency log's tables (`models.merkle`, `casework.proof`) and of `models.macs`."""

from sqlalchemy import Column, Index, LargeBinary
from sqlmodel import Field, SQLModel


class LogLeafRow(SQLModel, table=True):
    """One leaf of the log, numbered from 0 without a gap: a fact, a record of the change log, or the tails of all."""

    __tablename__ = "log_leaf"
    __table_args__ = (Index("log_leaf_leaf", "leaf"),)
    number: int | None = Field(default=None, primary_key=True)
    leaf: str


class LogBlockRow(SQLModel, table=True):
    """The root of each full block of 256 leaves, so that a proof need not read every leaf."""

    __tablename__ = "log_block"
    number: int | None = Field(default=None, primary_key=True)
    root: str


class LogTailRow(SQLModel, table=True):
    """How far each chain is in the log: those of the cases, and that of the change log."""

    __tablename__ = "log_tail"
    chain: str = Field(primary_key=True)
    seq: int
    hash: str


class LogCheckpointRow(SQLModel, table=True):
    """A signed checkpoint, as it was signed."""

    __tablename__ = "log_checkpoint"
    number: int | None = Field(default=None, primary_key=True)
    at: str
    size: int
    note: str


class LogCosignatureRow(SQLModel, table=True):
    """The signature of a witness on a checkpoint, with its verifier key."""

    __tablename__ = "log_cosignature"
    number: int | None = Field(default=None, primary_key=True)
    checkpoint: int
    vkey: str
    line: str


class LogActRow(SQLModel, table=True):
    """What a person did with the log: it began, its keys were replaced, or it goes on after a restored backup."""

    __tablename__ = "log_act"
    number: int | None = Field(default=None, primary_key=True)
    at: str
    kind: str
    actor: str
    reason: str
    origin: str
    keys: str
    size: int


class MacKeyRow(SQLModel, table=True):
    """A key of the MACs, encrypted with person.key, or what was said about it. Only ever added to."""

    __tablename__ = "mac_key"
    number: int | None = Field(default=None, primary_key=True)
    at: str
    kind: str
    actor: str
    reason: str
    record: int
    size: int | None = None
    sealed: bytes | None = Field(default=None, sa_column=Column(LargeBinary, nullable=True))


class ActingRow(SQLModel, table=True):
    """Who acted: an account of a machine, or one that signed in on it. Only ever added to."""

    __tablename__ = "acting"
    number: int | None = Field(default=None, primary_key=True)
    account: str
    machine: str
    how: str
