"""Indexes of facts by the instant at which they were recorded, and of claimed exceptions: Today asks for both."""

import sqlalchemy as sa
from alembic import op

revision = "012"
down_revision = "011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Upwards only: what a release wrote is never taken back."""
    known = {index["name"] for index in sa.inspect(op.get_bind()).get_indexes("fact")}
    if "ix_fact_recorded_at" not in known:
        op.create_index("ix_fact_recorded_at", "fact", ["recorded_at"])
    if "fact_claimed" not in known:
        claimed = sa.text("kind = 'excuse_claimed'")
        op.create_index("fact_claimed", "fact", ["case_ref"], sqlite_where=claimed, postgresql_where=claimed)
