"""One-time sign-in links and the sessions of people, which every process of an installation shares.

Neither table is history: rows are spent, ended and cleared. They hold digests of secrets only.
"""

import sqlalchemy as sa
from alembic import op

revision = "004"
down_revision = "003"
branch_labels = None
depends_on = None

TEXT = sa.String().with_variant(sa.String(collation="C"), "postgresql")


def upgrade() -> None:
    """Upwards only: what a release wrote is never taken back."""
    tables = {"sign_in_link": ("expires_at", "used_at"), "session": ("seen_at", "expires_at", "ended_at")}
    for name, columns in tables.items():
        if sa.inspect(op.get_bind()).has_table(name):
            continue
        op.create_table(
            name,
            sa.Column("digest", TEXT, nullable=False),
            sa.Column("account", TEXT, nullable=False),
            sa.Column("created_at", TEXT, nullable=False),
            *(sa.Column(each, TEXT, nullable=each in {"used_at", "ended_at"}) for each in columns),
            sa.PrimaryKeyConstraint("digest"),
        )
        op.create_index(f"ix_{name}_account", name, ["account"])
