"""Links between cases, as the facts of one of them make them. No earlier fact makes one, so the table begins empty."""

import sqlalchemy as sa
from alembic import op

revision = "022"
down_revision = "021"
branch_labels = None
depends_on = None

TEXT = sa.String().with_variant(sa.String(collation="C"), "postgresql")


def upgrade() -> None:
    """Upwards only: what a release wrote is never taken back."""
    if sa.inspect(op.get_bind()).has_table("case_link"):
        return
    op.create_table(
        "case_link",
        sa.Column("case_ref", TEXT, nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("role", TEXT, nullable=False),
        sa.Column("to_ref", TEXT, nullable=False),
        sa.Column("since", sa.Date(), nullable=True),
        sa.Column("until", sa.Date(), nullable=True),
        sa.PrimaryKeyConstraint("case_ref", "seq", "role", "to_ref"),
    )
    op.create_index("ix_case_link_to_ref", "case_link", ["to_ref"])
