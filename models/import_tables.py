"""The table of files that wait to be imported. `models.tables` has all."""

from sqlalchemy import Boolean, Integer, LargeBinary, Table

from models.columns import METADATA, key_column, optional_column, required_column

STAGED_IMPORT = Table(
    "staged_import",
    METADATA,
    key_column("id"),
    required_column("account"),
    required_column("at"),
    required_column("digest"),
    required_column("state"),
    required_column("ignore_columns", Boolean),
    required_column("rows", Integer),
    required_column("rows_done", Integer),
    required_column("facts", Integer),
    optional_column("content", LargeBinary),
    optional_column("answers", LargeBinary),
    optional_column("found", LargeBinary),
    optional_column("problem"),
    optional_column("worker"),
    optional_column("lease_until"),
    optional_column("ended_at"),
)
