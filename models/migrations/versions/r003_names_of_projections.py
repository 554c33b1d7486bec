"""Standard names for the columns of the `duty` projection, and for the table of job runs.

`duty.opened_on` held the day on which the duty's time starts, not the day of the fact that opened it: it is renamed
to `started_on`, which its values already are. No row is changed. Append-only tables keep their names.
"""

from alembic import op

revision = "003"
down_revision = "002"
branch_labels = None
depends_on = None

COLUMNS = {"opened_on": "started_on", "look_on": "next_check_on", "looked_under": "evaluated_under"}
INDEXES = {
    "duty_look": ("duty_next_check", "duty (next_check_on) WHERE next_check_on IS NOT NULL"),
    "duty_under": ("duty_evaluated_under", "duty (evaluated_under)"),
    "ix_tick_act": ("ix_job_run_act", "job_run (act)"),
}


def upgrade() -> None:
    """Upwards only: what a release wrote is never taken back."""
    for old, new in COLUMNS.items():
        op.execute(f"ALTER TABLE duty RENAME COLUMN {old} TO {new}")
    op.execute("ALTER TABLE tick RENAME TO job_run")
    postgresql = op.get_context().dialect.name == "postgresql"
    for old, (new, columns) in INDEXES.items():
        if postgresql:
            op.execute(f"ALTER INDEX {old} RENAME TO {new}")
        else:
            op.execute(f"DROP INDEX {old}")
            op.execute(f"CREATE INDEX {new} ON {columns}")
    if postgresql:
        op.execute("ALTER INDEX tick_pkey RENAME TO job_run_pkey")
        op.execute("ALTER SEQUENCE tick_id_seq RENAME TO job_run_id_seq")
