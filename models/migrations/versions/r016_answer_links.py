"""Links by which a body answers a letter without an account, and the answers that were given by them."""

import sqlalchemy as sa
from alembic import op

revision = "016"
down_revision = "015"
branch_labels = None
depends_on = None

TEXT = sa.String().with_variant(sa.String(collation="C"), "postgresql")


def upgrade() -> None:
    """Upwards only: what a release wrote is never taken back."""
    if sa.inspect(op.get_bind()).has_table("answer_link"):
        return
    op.create_table(
        "answer_link",
        sa.Column("digest", TEXT, nullable=False),
        sa.Column("scope", TEXT, nullable=False),
        sa.Column("mailbox", TEXT, nullable=False),
        sa.Column("made_for", TEXT, nullable=False),
        sa.Column("recipient", TEXT, nullable=True),
        sa.Column("case_ref", TEXT, nullable=True),
        sa.Column("rule", TEXT, nullable=True),
        sa.Column("opened_seq", sa.Integer(), nullable=True),
        sa.Column("body", TEXT, nullable=True),
        sa.Column("service", TEXT, nullable=True),
        sa.Column("made_at", TEXT, nullable=False),
        sa.Column("expires_at", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("digest"),
    )
    op.create_table(
        "answer_given",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("link", TEXT, nullable=False),
        sa.Column("case_ref", TEXT, nullable=False),
        sa.Column("rule", TEXT, nullable=False),
        sa.Column("opened_seq", sa.Integer(), nullable=False),
        sa.Column("answer", TEXT, nullable=False),
        sa.Column("facts", TEXT, nullable=False),
        sa.Column("given_at", TEXT, nullable=False),
        sa.Column("undone_at", TEXT, nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_answer_given_link", "answer_given", ["link"])
