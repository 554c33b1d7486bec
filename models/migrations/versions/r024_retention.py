"""Holds on erasures with their ends, and erasures as proposed by one account and decided by another: only added to."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "024"
down_revision = "023"
branch_labels = None
depends_on = None

TEXT = sa.String().with_variant(sa.String(collation="C"), "postgresql")
REFUSED = "is append-only: record a fact_corrected or fact_withdrawn instead"
TABLES = {
    "retention_hold": ("number", "at", "actor", "case_ref", "reason", "since"),
    "retention_hold_ended": ("number", "at", "actor", "ended_on"),
    "erasure_proposal": ("number", "at", "actor", "case_ref", "ground", "state", "expires_at"),
    "erasure_decided": ("number", "at", "actor", "how", "detail"),
}
KINDS: dict[str, Any] = {"number": sa.Integer(), "since": sa.Date(), "ended_on": sa.Date()}


def upgrade() -> None:
    """Upwards only: what a release wrote is never taken back."""
    if sa.inspect(op.get_bind()).has_table("retention_hold"):
        return
    for table, columns in TABLES.items():
        made = [sa.Column(name, KINDS.get(name, TEXT), nullable=False) for name in columns]
        op.create_table(table, *made, sa.PrimaryKeyConstraint("number"))
        _make_append_only(table)
    for table in ("retention_hold", "erasure_proposal"):
        op.create_index(f"ix_{table}_case_ref", table, ["case_ref"])


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
