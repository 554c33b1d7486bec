"""Who acted, by account and machine, for each fact and each record of the change log."""

import sqlalchemy as sa
from alembic import op

revision = "027"
down_revision = "026"
branch_labels = None
depends_on = None

TEXT = sa.String().with_variant(sa.String(collation="C"), "postgresql")
REFUSED = "is append-only: record a fact_corrected or fact_withdrawn instead"


def upgrade() -> None:
    """Upwards only: what a release wrote is never taken back."""
    there = sa.inspect(op.get_bind())
    for table in ("fact", "change_log"):
        if "acting" not in {column["name"] for column in there.get_columns(table)}:
            op.add_column(table, sa.Column("acting", sa.Integer(), nullable=True))
    if there.has_table("acting"):
        return
    op.create_table(
        "acting",
        sa.Column("number", sa.Integer(), nullable=False),
        *(sa.Column(name, TEXT, nullable=False) for name in ("account", "machine", "how")),
        sa.PrimaryKeyConstraint("number"),
    )
    _make_append_only("acting")


def _make_append_only(table: str) -> None:
    sqlite = op.get_context().dialect.name == "sqlite"
    for act in ("UPDATE", "DELETE"):
        does = (
            f"BEGIN SELECT RAISE(ABORT, '{table} {REFUSED}'); END"
            if sqlite
            else "FOR EACH ROW EXECUTE FUNCTION sendflow_append_only()"
        )
        op.execute(f"CREATE TRIGGER {table}_no_{act.lower()} BEFORE {act} ON {table} {does}")
    if not sqlite:
        op.execute(
            f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION"
            " sendflow_append_only()"
        )
