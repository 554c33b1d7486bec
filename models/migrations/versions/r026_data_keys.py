"""The data keys of children, cases and mails. The program encrypts older values again when it next opens the database.

This step has no person.key. It leaves a row that says that there are values without a data key; the program deletes it
once there are none (`models.older_encryption`).
"""

import sqlalchemy as sa
from alembic import op

revision = "026"
down_revision = "025"
branch_labels = None
depends_on = None

TEXT = sa.String().with_variant(sa.String(collation="C"), "postgresql")


def upgrade() -> None:
    """Upwards only: what a release wrote is never taken back."""
    connection = op.get_bind()
    if sa.inspect(connection).has_table("data_key"):
        return
    made = op.create_table(
        "data_key",
        sa.Column("subject", TEXT, nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("subject"),
    )
    older = "SELECT 1 FROM {} WHERE erased_at IS NULL LIMIT 1"
    if any(connection.exec_driver_sql(older.format(table)).first() for table in ("person", "passage", "incoming_mail")):
        op.bulk_insert(made, [{"subject": "older", "wrapped": b""}])
