"""How an installation reads the time: by the real clock, or as a simulation by its simulated day.

A database without facts gets no row here: the program that opens it first writes the row (docs/decisions/155). A
database with facts is a simulation only if every fact says so.
"""

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

revision = "006"
down_revision = "004"
branch_labels = None
depends_on = None

TEXT = sa.String().with_variant(sa.String(collation="C"), "postgresql")
TABLE = "clock_setting"
REFUSED = "is append-only: record a fact_corrected or fact_withdrawn instead"
SIMULATED = '%"rehearsed":true%'


def upgrade() -> None:
    """Upwards only: what a release wrote is never taken back."""
    if sa.inspect(op.get_bind()).has_table(TABLE):
        return
    table = op.create_table(
        TABLE,
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("at", TEXT, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("simulation", sa.Boolean(), nullable=False),
        sa.Column("day", TEXT, nullable=True),
        sa.Column("actor", TEXT, nullable=True),
        sa.Column("reason", TEXT, nullable=True),
        sa.PrimaryKeyConstraint("number"),
    )
    _classify(table)
    sqlite = op.get_context().dialect.name == "sqlite"
    for act in ("UPDATE", "DELETE"):
        does = (
            f"BEGIN SELECT RAISE(ABORT, '{TABLE} {REFUSED}'); END"
            if sqlite
            else "FOR EACH ROW EXECUTE FUNCTION sendflow_append_only()"
        )
        op.execute(f"CREATE TRIGGER {TABLE}_no_{act.lower()} BEFORE {act} ON {TABLE} {does}")
    if not sqlite:
        op.execute(
            f"CREATE TRIGGER {TABLE}_no_truncate BEFORE TRUNCATE ON {TABLE} FOR EACH STATEMENT EXECUTE FUNCTION"
            " sendflow_append_only()"
        )


def _classify(table: sa.Table) -> None:
    """Write the first row of a database that has facts."""
    connection = op.get_bind()
    last = connection.scalar(sa.text("SELECT max(recorded_at) FROM fact"))
    if last is None:
        return
    real = connection.execute(
        sa.text("SELECT 1 FROM fact WHERE text NOT LIKE :simulated LIMIT 1"), {"simulated": SIMULATED}
    ).first()
    row = {
        "number": 1,
        "at": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "kind": "made",
        "simulation": real is None,
        "day": last[:10] if real is None else None,
        "actor": "sendflow",
        "reason": "found by revision 006",
    }
    connection.execute(table.insert(), row)
