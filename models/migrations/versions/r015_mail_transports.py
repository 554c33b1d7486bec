"""Mail transports: what all deliverers share about each, and what a transport that reports later said of a letter."""

import sqlalchemy as sa
from alembic import op

revision = "015"
down_revision = "014"
branch_labels = None
depends_on = None

TEXT = sa.String().with_variant(sa.String(collation="C"), "postgresql")


def upgrade() -> None:
    """Upwards only: what a release wrote is never taken back."""
    if sa.inspect(op.get_bind()).has_table("transport_state"):
        return
    op.create_table(
        "transport_state",
        sa.Column("name", TEXT, nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("why", TEXT, nullable=True),
        sa.Column("since", TEXT, nullable=True),
        sa.Column("until", TEXT, nullable=True),
        sa.Column("minute", TEXT, nullable=False),
        sa.Column("in_minute", sa.Integer(), nullable=False),
        sa.Column("in_day", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "receipt",
        sa.Column("letter", TEXT, nullable=False),
        sa.Column("transport", TEXT, nullable=False),
        sa.Column("carrier_id", TEXT, nullable=False),
        sa.Column("template_version", sa.Integer(), nullable=False),
        sa.Column("same_words", sa.Boolean(), nullable=False),
        sa.Column("accepted_at", TEXT, nullable=False),
        sa.Column("status", TEXT, nullable=True),
        sa.Column("status_at", TEXT, nullable=True),
        sa.PrimaryKeyConstraint("letter"),
    )
    op.create_index("ix_receipt_accepted_at", "receipt", ["accepted_at"])
