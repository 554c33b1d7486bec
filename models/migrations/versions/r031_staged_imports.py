"""Files that wait to be imported, encrypted until they are recorded, ended or old."""

import sqlalchemy as sa
from alembic import op

revision = "031"
down_revision = "030"
branch_labels = None
depends_on = None

TEXT = sa.String().with_variant(sa.String(collation="C"), "postgresql")


def upgrade() -> None:
    """Upwards only: what a release wrote is never taken back."""
    if sa.inspect(op.get_bind()).has_table("staged_import"):
        return
    op.create_table(
        "staged_import",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("account", TEXT, nullable=False),
        sa.Column("at", TEXT, nullable=False),
        sa.Column("digest", TEXT, nullable=False),
        sa.Column("state", TEXT, nullable=False),
        sa.Column("ignore_columns", sa.Boolean(), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("rows_done", sa.Integer(), nullable=False),
        sa.Column("facts", sa.Integer(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=True),
        sa.Column("answers", sa.LargeBinary(), nullable=True),
        sa.Column("found", sa.LargeBinary(), nullable=True),
        sa.Column("problem", TEXT, nullable=True),
        sa.Column("worker", TEXT, nullable=True),
        sa.Column("lease_until", TEXT, nullable=True),
        sa.Column("ended_at", TEXT, nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
