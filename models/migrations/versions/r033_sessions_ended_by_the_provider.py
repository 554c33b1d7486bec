"""The session at the identity provider that a session came from, and the logout tokens that were taken."""

import sqlalchemy as sa
from alembic import op

revision = "033"
down_revision = "032"
branch_labels = None
depends_on = None

TEXT = sa.String().with_variant(sa.String(collation="C"), "postgresql")


def upgrade() -> None:
    """Upwards only: what a release wrote is never taken back."""
    if sa.inspect(op.get_bind()).has_table("logout_token"):
        return
    op.add_column("session", sa.Column("provider_session", TEXT, nullable=True))
    op.create_table(
        "logout_token",
        sa.Column("digest", TEXT, nullable=False),
        sa.Column("expires_at", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("digest"),
    )
