"""What an adoption declared of the numbers that it changed. From here on encrypted values are bound to their rows.

This step has no key, so it encrypts nothing: the program does that when it opens the database with person.key
(`models.older_encryption`). Programs of revision 009 and before cannot read a bound value, and stop here.
"""

import sqlalchemy as sa
from alembic import op

revision = "010"
down_revision = "009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Upwards only: what a release wrote is never taken back."""
    if "declared" in {column["name"] for column in sa.inspect(op.get_bind()).get_columns("adoption")}:
        return
    collation = "" if op.get_context().dialect.name == "sqlite" else ' COLLATE "C"'
    op.execute("ALTER TABLE adoption ADD COLUMN declared VARCHAR" + collation)
