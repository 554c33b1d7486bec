"""Addresses that are informed of changes, and what waits to be sent to them."""

import sqlalchemy as sa
from alembic import op

revision = "030"
down_revision = "029"
branch_labels = None
depends_on = None

TEXT = sa.String().with_variant(sa.String(collation="C"), "postgresql")


def upgrade() -> None:
    """Upwards only: what a release wrote is never taken back."""
    if sa.inspect(op.get_bind()).has_table("webhook"):
        return
    op.create_table(
        "webhook",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("address", TEXT, nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("la", TEXT, nullable=False),
        sa.Column("made_at", TEXT, nullable=False),
        sa.Column("made_by", TEXT, nullable=False),
        sa.Column("ended_at", TEXT, nullable=True),
        sa.Column("ended_by", TEXT, nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "webhook_event",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("webhook", TEXT, nullable=False),
        sa.Column("case_ref", TEXT, nullable=False),
        sa.Column("body", TEXT, nullable=False),
        sa.Column("at", TEXT, nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("next_at", TEXT, nullable=False),
        sa.Column("done_at", TEXT, nullable=True),
        sa.Column("outcome", TEXT, nullable=True),
        sa.PrimaryKeyConstraint("number"),
    )
    waits = sa.text("done_at IS NULL")
    op.create_index(
        "webhook_event_waits", "webhook_event", ["webhook", "number"], sqlite_where=waits, postgresql_where=waits
    )
