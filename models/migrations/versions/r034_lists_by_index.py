"""Indexes for the lists of the pages: letters by their day, cases by their process, files that left."""

import sqlalchemy as sa
from alembic import op

revision = "034"
down_revision = "033"
branch_labels = None
depends_on = None

EXPORTS = sa.text("what = 'export'")


def upgrade() -> None:
    """Upwards only: what a release wrote is never taken back."""
    if any(index["name"] == "letter_on" for index in sa.inspect(op.get_bind()).get_indexes("letter")):
        return
    op.create_index("letter_on", "letter", ["on", "id"])
    op.drop_index("letter_state", "letter")
    op.create_index("letter_state", "letter", ["state", "on", "id"])
    op.create_index("case_file_process", "case_file", ["process"])
    op.create_index("case_look_exports", "case_look", ["id"], sqlite_where=EXPORTS, postgresql_where=EXPORTS)
