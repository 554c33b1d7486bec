"""The tables of retention: data keys, what holds an erasure up, and who proposed and who decided an erasure."""

from sqlalchemy import Date, Integer, LargeBinary, Table

from models.columns import METADATA, key_column, required_column

DATA_KEY = Table("data_key", METADATA, key_column("subject"), required_column("wrapped", LargeBinary))
RETENTION_HOLD = Table(
    "retention_hold",
    METADATA,
    key_column("number", Integer),
    required_column("at"),
    required_column("actor"),
    required_column("case_ref"),
    required_column("reason"),
    required_column("since", Date),
)
RETENTION_HOLD_ENDED = Table(
    "retention_hold_ended",
    METADATA,
    key_column("number", Integer),
    required_column("at"),
    required_column("actor"),
    required_column("ended_on", Date),
)
ERASURE_PROPOSAL = Table(
    "erasure_proposal",
    METADATA,
    key_column("number", Integer),
    required_column("at"),
    required_column("actor"),
    required_column("case_ref"),
    required_column("ground"),
    required_column("state"),
    required_column("expires_at"),
)
ERASURE_DECIDED = Table(
    "erasure_decided",
    METADATA,
    key_column("number", Integer),
    required_column("at"),
    required_column("actor"),
    required_column("how"),
    required_column("detail"),
)
