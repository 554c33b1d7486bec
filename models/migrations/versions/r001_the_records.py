"""The records as they were when they first had a number: tables, indexes, and the triggers that keep four of them append-only.

Houses older than this revision have some or all of it already. What stands is left as it is: a trigger that is gone from a table which
was there was taken away, which verify says and nothing here mends. The words below are those of that day and are never edited.
"""

import sqlalchemy as sa
from alembic import op

revision = "001"
down_revision = None
branch_labels = None
depends_on = None

WORDS = sa.String().with_variant(sa.String(collation="C"), "postgresql")
KEPT = ("fact", "anchor", "person_read", "adoption")
REFUSED = "is append-only: record a fact_corrected or fact_withdrawn instead"
FUNCTION = f"""
CREATE OR REPLACE FUNCTION sendflow_append_only() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION '% {REFUSED}', TG_TABLE_NAME \
USING ERRCODE = 'integrity_constraint_violation'; END $$"""


def upgrade() -> None:
    """Upwards only: what a release wrote is never taken back."""
    made = [table for table in KEPT if not sa.inspect(op.get_bind()).has_table(table)]
    _tables()
    sqlite = op.get_context().dialect.name == "sqlite"
    if not sqlite:
        op.execute(FUNCTION)
    for table in made:
        for act in ("UPDATE", "DELETE"):
            does = (
                f"BEGIN SELECT RAISE(ABORT, '{table} {REFUSED}'); END"
                if sqlite
                else "FOR EACH ROW EXECUTE FUNCTION sendflow_append_only()"
            )
            op.execute(f"CREATE TRIGGER {table}_no_{act.lower()} BEFORE {act} ON {table} {does}")
        if not sqlite:
            op.execute(
                f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION sendflow_append_only()"
            )


def _tables() -> None:
    op.create_table(
        "adoption",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("adopted_at", WORDS, nullable=False),
        sa.Column("actor", WORDS, nullable=False),
        sa.Column("pack", WORDS, nullable=False),
        sa.Column("folder", WORDS, nullable=False),
        sa.Column("files", WORDS, nullable=False),
        sa.Column("before", WORDS, nullable=False),
        sa.Column("after", WORDS, nullable=False),
        sa.Column("cases", sa.Integer(), nullable=False),
        sa.Column("moved", sa.Integer(), nullable=False),
        sa.Column("rehearsed", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("number"),
        if_not_exists=True,
    )
    op.create_table(
        "alias",
        sa.Column("digest", WORDS, nullable=False),
        sa.Column("case_ref", WORDS, nullable=False),
        sa.PrimaryKeyConstraint("digest"),
        if_not_exists=True,
    )
    op.create_table(
        "anchor",
        sa.Column("before", WORDS, nullable=False),
        sa.Column("head", WORDS, nullable=False),
        sa.Column("cases", sa.Integer(), nullable=False),
        sa.Column("facts", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("before"),
        if_not_exists=True,
    )
    op.create_table(
        "case_file",
        sa.Column("case_ref", WORDS, nullable=False),
        sa.Column("process", WORDS, nullable=False),
        sa.Column("state", WORDS, nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("hash", WORDS, nullable=False),
        sa.Column("opened_on", sa.Date(), nullable=False),
        sa.Column("la", WORDS, nullable=True),
        sa.Column("la_reference", WORDS, nullable=True),
        sa.Column("child_key", WORDS, nullable=True),
        sa.PrimaryKeyConstraint("case_ref"),
        if_not_exists=True,
    )
    op.create_index("ix_case_file_child_key", "case_file", ["child_key"], if_not_exists=True)
    op.create_table(
        "duty",
        sa.Column("case_ref", WORDS, nullable=False),
        sa.Column("rule", WORDS, nullable=False),
        sa.Column("opened_seq", sa.Integer(), nullable=False),
        sa.Column("body", WORDS, nullable=True),
        sa.Column("service", WORDS, nullable=True),
        sa.Column("opened_on", sa.Date(), nullable=False),
        sa.Column("due", sa.Date(), nullable=True),
        sa.Column("strict_due", sa.Date(), nullable=True),
        sa.Column("act_by", sa.Date(), nullable=True),
        sa.Column("closed_on", sa.Date(), nullable=True),
        sa.Column("met_on", sa.Date(), nullable=True),
        sa.Column("excused", WORDS, nullable=True),
        sa.Column("look_on", sa.Date(), nullable=True),
        sa.Column("looked_under", WORDS, nullable=False),
        sa.PrimaryKeyConstraint("case_ref", "rule", "opened_seq"),
        if_not_exists=True,
    )
    where = sa.text("look_on IS NOT NULL")
    op.create_index("duty_look", "duty", ["look_on"], sqlite_where=where, postgresql_where=where, if_not_exists=True)
    where = sa.text("closed_on IS NULL")
    op.create_index("duty_open", "duty", ["due"], sqlite_where=where, postgresql_where=where, if_not_exists=True)
    op.create_index("duty_under", "duty", ["looked_under"], if_not_exists=True)
    op.create_table(
        "fact",
        sa.Column("case_ref", WORDS, nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("kind", WORDS, nullable=False),
        sa.Column("occurred_on", WORDS, nullable=False),
        sa.Column("recorded_at", WORDS, nullable=False),
        sa.Column("actor", WORDS, nullable=False),
        sa.Column("text", WORDS, nullable=False),
        sa.Column("prev_hash", WORDS, nullable=False),
        sa.Column("hash", WORDS, nullable=False),
        sa.PrimaryKeyConstraint("case_ref", "seq"),
        if_not_exists=True,
    )
    op.create_table(
        "import_file",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("digest", WORDS, nullable=False),
        sa.Column("imported_at", WORDS, nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("accepted", sa.Integer(), nullable=False),
        sa.Column("refused", sa.Integer(), nullable=False),
        sa.Column("facts_added", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        if_not_exists=True,
    )
    op.create_index("ix_import_file_digest", "import_file", ["digest"], if_not_exists=True)
    op.create_table(
        "letter",
        sa.Column("id", WORDS, nullable=False),
        sa.Column("mailbox", WORDS, nullable=False),
        sa.Column("on", sa.Date(), nullable=False),
        sa.Column("template", WORDS, nullable=False),
        sa.Column("template_version", sa.Integer(), nullable=False),
        sa.Column("fields", WORDS, nullable=False),
        sa.Column("message_id", WORDS, nullable=False),
        sa.Column("state", WORDS, nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_try_at", WORDS, nullable=True),
        sa.Column("claimed_at", WORDS, nullable=True),
        sa.Column("claimed_by", WORDS, nullable=True),
        sa.Column("sent_at", WORDS, nullable=True),
        sa.Column("why", WORDS, nullable=True),
        sa.PrimaryKeyConstraint("id"),
        if_not_exists=True,
    )
    op.create_index("letter_mailbox", "letter", ["mailbox", "on"], if_not_exists=True)
    op.create_index("letter_state", "letter", ["state"], if_not_exists=True)
    op.create_table(
        "notice",
        sa.Column("key", WORDS, nullable=False),
        sa.Column("case_ref", WORDS, nullable=False),
        sa.Column("fact_seq", sa.Integer(), nullable=False),
        sa.Column("rule", WORDS, nullable=False),
        sa.Column("body", WORDS, nullable=True),
        sa.Column("service", WORDS, nullable=True),
        sa.Column("opened_seq", sa.Integer(), nullable=False),
        sa.Column("due", sa.Date(), nullable=True),
        sa.Column("rung", WORDS, nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("template", WORDS, nullable=False),
        sa.Column("recipient", WORDS, nullable=False),
        sa.Column("mailbox", WORDS, nullable=True),
        sa.Column("on", sa.Date(), nullable=False),
        sa.Column("fields", WORDS, nullable=False),
        sa.Column("state", WORDS, nullable=False),
        sa.Column("letter", WORDS, nullable=True),
        sa.Column("created_at", WORDS, nullable=False),
        sa.PrimaryKeyConstraint("key"),
        if_not_exists=True,
    )
    op.create_index("ix_notice_case_ref", "notice", ["case_ref"], if_not_exists=True)
    op.create_index("notice_state", "notice", ["state"], if_not_exists=True)
    op.create_table(
        "passage",
        sa.Column("id", WORDS, nullable=False),
        sa.Column("case_ref", WORDS, nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("salt", WORDS, nullable=False),
        sa.Column("digest", WORDS, nullable=False),
        sa.Column("erased_at", WORDS, nullable=True),
        sa.PrimaryKeyConstraint("id"),
        if_not_exists=True,
    )
    op.create_index("ix_passage_case_ref", "passage", ["case_ref"], if_not_exists=True)
    op.create_table(
        "person",
        sa.Column("child_key", WORDS, nullable=False),
        sa.Column("nhs_index", WORDS, nullable=True),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("erased_at", WORDS, nullable=True),
        sa.PrimaryKeyConstraint("child_key"),
        if_not_exists=True,
    )
    op.create_index("ix_person_nhs_index", "person", ["nhs_index"], if_not_exists=True)
    op.create_table(
        "person_read",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("case_ref", WORDS, nullable=False),
        sa.Column("actor", WORDS, nullable=False),
        sa.Column("purpose", WORDS, nullable=False),
        sa.Column("read_at", WORDS, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        if_not_exists=True,
    )
    op.create_index("ix_person_read_case_ref", "person_read", ["case_ref"], if_not_exists=True)
    op.create_table(
        "tick",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("act", WORDS, nullable=False),
        sa.Column("as_at", sa.Date(), nullable=False),
        sa.Column("finished_at", WORDS, nullable=False),
        sa.Column("outcome", WORDS, nullable=False),
        sa.Column("detail", WORDS, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        if_not_exists=True,
    )
    op.create_index("ix_tick_act", "tick", ["act"], if_not_exists=True)
