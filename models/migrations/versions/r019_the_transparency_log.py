"""The transparency log: numbered leaves, roots of blocks, tails of chains, signed checkpoints, cosignatures, acts."""

import sqlalchemy as sa
from alembic import op

revision = "019"
down_revision = "018"
branch_labels = None
depends_on = None

TEXT = sa.String().with_variant(sa.String(collation="C"), "postgresql")
REFUSED = "is append-only: record a fact_corrected or fact_withdrawn instead"
TABLES = {
    "log_leaf": ("number", "leaf"),
    "log_block": ("number", "root"),
    "log_tail": ("chain", "seq", "hash"),
    "log_checkpoint": ("number", "at", "size", "note"),
    "log_cosignature": ("number", "checkpoint", "vkey", "line"),
    "log_act": ("number", "at", "kind", "actor", "reason", "origin", "keys", "size"),
}
NUMBERS = ("number", "seq", "size", "checkpoint")


def upgrade() -> None:
    """Upwards only: what a release wrote is never taken back."""
    if sa.inspect(op.get_bind()).has_table("log_leaf"):
        return
    for table, columns in TABLES.items():
        made = [sa.Column(name, sa.Integer() if name in NUMBERS else TEXT, nullable=False) for name in columns]
        op.create_table(table, *made, sa.PrimaryKeyConstraint(columns[0]))
        if table != "log_tail":
            _make_append_only(table)
    op.create_index("log_leaf_leaf", "log_leaf", ["leaf"])


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
