"""Mail that came in: what it said, encrypted, and what became of it."""

import sqlalchemy as sa
from alembic import op

revision = "017"
down_revision = "016"
branch_labels = None
depends_on = None

TEXT = sa.String().with_variant(sa.String(collation="C"), "postgresql")


def upgrade() -> None:
    """Upwards only: what a release wrote is never taken back."""
    if sa.inspect(op.get_bind()).has_table("incoming_mail"):
        return
    op.create_table(
        "incoming_mail",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("place", TEXT, nullable=False),
        sa.Column("digest", TEXT, nullable=False),
        sa.Column("read_at", TEXT, nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("state", TEXT, nullable=False),
        sa.Column("why", TEXT, nullable=True),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("summary", sa.LargeBinary(), nullable=False),
        sa.Column("letter", TEXT, nullable=True),
        sa.Column("cases", TEXT, nullable=True),
        sa.Column("settled_at", TEXT, nullable=True),
        sa.Column("settled_by", TEXT, nullable=True),
        sa.Column("erased_at", TEXT, nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_incoming_mail_digest", "incoming_mail", ["digest"])
    op.create_index("ix_incoming_mail_state", "incoming_mail", ["state"])
