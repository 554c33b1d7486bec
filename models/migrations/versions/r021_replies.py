"""Index of the replies of bodies: each worklist asks which cases have one."""

import sqlalchemy as sa
from alembic import op

revision = "021"
down_revision = "020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Upwards only: what a release wrote is never taken back."""
    known = {index["name"] for index in sa.inspect(op.get_bind()).get_indexes("fact")}
    if "fact_replied" not in known:
        replied = sa.text("kind = 'body_replied'")
        op.create_index("fact_replied", "fact", ["case_ref"], sqlite_where=replied, postgresql_where=replied)
