"""Index of cases by the authority's reference without hyphens: a person may type it, and each new case asks for it."""

import sqlalchemy as sa
from alembic import op

revision = "013"
down_revision = "012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Upwards only: what a release wrote is never taken back."""
    given = sa.text("la_reference IS NOT NULL")
    op.create_index(
        "case_file_la_reference",
        "case_file",
        [sa.text("replace(la_reference, '-', '')")],
        sqlite_where=given,
        postgresql_where=given,
        if_not_exists=True,  # SQLAlchemy cannot list an index of an expression on SQLite
    )
