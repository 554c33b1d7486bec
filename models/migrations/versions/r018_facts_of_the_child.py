"""Index of the facts of a child: each delivery and list asks which cases nothing leaves from."""

import sqlalchemy as sa
from alembic import op

revision = "018"
down_revision = "017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Upwards only: what a release wrote is never taken back."""
    known = {index["name"] for index in sa.inspect(op.get_bind()).get_indexes("fact")}
    if "fact_of_the_child" not in known:
        kinds = sa.text("kind = 'person_died' OR kind = 'person_flagged_sensitive'")
        op.create_index("fact_of_the_child", "fact", ["case_ref"], sqlite_where=kinds, postgresql_where=kinds)
