"""From here on encrypted values are bound to their rows. Texts that were held are found by their kind and name.

This step has no key, so it encrypts nothing: the program does that when it opens the database with person.key
(`models.older_encryption`). Programs of revision 009 and before cannot read a bound value, and stop here.
"""

from alembic import op

revision = "010"
down_revision = "009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Upwards only: what a release wrote is never taken back."""
    op.create_index("config_held_kind", "config_held", ["kind", "name"], if_not_exists=True)
