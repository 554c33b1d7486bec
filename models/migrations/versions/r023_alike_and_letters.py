"""A keyed digest of name and date of birth finds children who may be one; an index finds the notices of a letter."""

import sqlalchemy as sa
from alembic import op

revision = "023"
down_revision = "022"
branch_labels = None
depends_on = None

TEXT = sa.String().with_variant(sa.String(collation="C"), "postgresql")


def upgrade() -> None:
    """Upwards only: what a release wrote is never taken back."""
    there = sa.inspect(op.get_bind())
    if "alike_index" not in {column["name"] for column in there.get_columns("person")}:
        op.add_column("person", sa.Column("alike_index", TEXT, nullable=True))
        op.create_index("ix_person_alike_index", "person", ["alike_index"])
    if "ix_notice_letter" not in {index["name"] for index in there.get_indexes("notice")}:
        op.create_index("ix_notice_letter", "notice", ["letter"])
