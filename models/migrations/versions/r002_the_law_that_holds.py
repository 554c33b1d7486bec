"""Which law holds for these records, and since when: a table that is only ever added to. Nothing that stands is changed.

No row is written here: the law of whoever writes first is the first that holds (docs/decisions/120). The words below are never edited.
"""

import sqlalchemy as sa
from alembic import op

revision = "002"
down_revision = "001"
branch_labels = None
depends_on = None

WORDS = sa.String().with_variant(sa.String(collation="C"), "postgresql")
REFUSED = "is append-only: record a fact_corrected or fact_withdrawn instead"


def upgrade() -> None:
    """Upwards only: what a release wrote is never taken back. A table that stands without a number beside it is left as it is, as in 001."""
    if sa.inspect(op.get_bind()).has_table("law_held"):
        return
    op.create_table(
        "law_held",
        sa.Column("number", sa.Integer(), nullable=False),
        *(
            sa.Column(name, WORDS, nullable=False)
            for name in (
                "id",
                "taken_at",
                "looked_under",
                "statute",
                "almanac",
                "ladder",
                "machines",
                "actor",
                "via",
                "machine",
            )
        ),
        sa.Column("rehearsed", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("number"),
    )
    sqlite = op.get_context().dialect.name == "sqlite"
    for act in ("UPDATE", "DELETE"):
        does = (
            f"BEGIN SELECT RAISE(ABORT, 'law_held {REFUSED}'); END"
            if sqlite
            else "FOR EACH ROW EXECUTE FUNCTION sendflow_append_only()"
        )
        op.execute(f"CREATE TRIGGER law_held_no_{act.lower()} BEFORE {act} ON law_held {does}")
    if not sqlite:
        op.execute(
            "CREATE TRIGGER law_held_no_truncate BEFORE TRUNCATE ON law_held FOR EACH STATEMENT EXECUTE FUNCTION sendflow_append_only()"
        )
