"""What waits for a person, the account that a case is assigned to, and an index of the facts that name a day."""

import sqlalchemy as sa
from alembic import op

revision = "014"
down_revision = "013"
branch_labels = None
depends_on = None

TEXT = sa.String().with_variant(sa.String(collation="C"), "postgresql")
REFUSED = "is append-only: record a fact_corrected or fact_withdrawn instead"
TABLES = {
    "to_decide": ("at", "actor", "kind", "key", "detail"),
    "decided": ("at", "actor", "how"),
    "case_owner": ("at", "actor", "case_ref", "owner"),
}
NAMES_A_DAY = (
    "kind = 'contact_made' OR kind = 'excuse_decided' OR kind = 'fact_corrected'"
    " OR kind = 'health_professional_invited' OR kind = 'mediation_arranged' OR kind = 'review_arranged'"
    " OR kind = 'review_meeting_arranged'"
)
INDEXES = (("to_decide", "key"), ("case_owner", "case_ref"), ("case_owner", "owner"))


def upgrade() -> None:
    """Upwards only: what a release wrote is never taken back."""
    if sa.inspect(op.get_bind()).has_table("to_decide"):
        return
    for table, columns in TABLES.items():
        op.create_table(
            table,
            sa.Column("number", sa.Integer(), nullable=False),
            *(sa.Column(name, TEXT, nullable=False) for name in columns),
            sa.PrimaryKeyConstraint("number"),
        )
        _make_append_only(table)
    naming = sa.text(NAMES_A_DAY)
    op.create_index("fact_names_a_day", "fact", ["case_ref"], sqlite_where=naming, postgresql_where=naming)
    for table, column in INDEXES:
        op.create_index(f"ix_{table}_{column}", table, [column])


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
