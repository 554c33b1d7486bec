"""The change log, the configuration that was held, and the digests of letters.

Each row that the log covers gets a first record, as it is found: what was done to it before cannot be known. No row is
changed. The words and the form of the digest below are those of this revision and are never edited.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from hashlib import sha256
from typing import Any

import orjson
import sqlalchemy as sa
from alembic import op

revision = "008"
down_revision = "007"
branch_labels = None
depends_on = None

TEXT = sa.String().with_variant(sa.String(collation="C"), "postgresql")
REFUSED = "is append-only: record a fact_corrected or fact_withdrawn instead"
PIECE = 1_000
COVERED = {
    "notice": 'key case_ref fact_seq rule body service opened_seq due rung rank template recipient mailbox "on"'
    " fields state letter created_at",
    "letter": 'id mailbox "on" template template_version fields message_id state attempts next_try_at claimed_at'
    " claimed_by sent_at why",
    "person": "child_key nhs_index sealed erased_at",
    "alias": "digest case_ref",
    "passage": "id case_ref sealed salt digest erased_at",
    "person_read": "id case_ref actor purpose read_at",
    "anchor": "before head cases facts",
    "adoption": "number adopted_at actor pack folder files before after cases moved rehearsed",
    "law_held": "number id taken_at looked_under statute almanac ladder machines actor via machine rehearsed",
    "clock_setting": "number at kind simulation day actor reason",
    "job_run": "id act as_at finished_at outcome detail",
    "import_file": "id digest imported_at rows accepted refused facts_added",
    "finding": "number found_at found_by what case_ref seq message digest",
    "finding_closed": "number closed_at actor reason understood",
    "case_file": "case_ref child_key",
}
FLAGS = {"rehearsed", "simulation", "understood"}


def upgrade() -> None:
    """Upwards only: what a release wrote is never taken back."""
    inspected = sa.inspect(op.get_bind())
    if "message_digest" not in {column["name"] for column in inspected.get_columns("letter")}:
        op.execute("ALTER TABLE letter ADD COLUMN message_digest VARCHAR" + _collation())
        op.execute("ALTER TABLE letter ADD COLUMN content_digest VARCHAR" + _collation())
    if not inspected.has_table("config_held"):
        held = ("at", "kind", "name", "digest", "actor", "via", "machine", "text")
        columns = [sa.Column(name, TEXT, nullable=False) for name in held]
        _make("config_held", columns)
    if not inspected.has_table("change_log"):
        empty = {"case_ref", "digest"}
        names = ("at", "subject", "key", "case_ref", "digest", "prev_hash", "hash")
        log = _make("change_log", [sa.Column(name, TEXT, nullable=name in empty) for name in names])
        op.create_index("change_log_key", "change_log", ["subject", "key"])
        _first_records(log)


def _collation() -> str:
    return "" if op.get_context().dialect.name == "sqlite" else ' COLLATE "C"'


def _make(name: str, columns: list[sa.Column[Any]]) -> sa.Table:
    number = sa.Column("number", sa.Integer(), nullable=False)
    table = op.create_table(name, number, *columns, sa.PrimaryKeyConstraint("number"))
    sqlite = op.get_context().dialect.name == "sqlite"
    for act in ("UPDATE", "DELETE"):
        does = (
            f"BEGIN SELECT RAISE(ABORT, '{name} {REFUSED}'); END"
            if sqlite
            else "FOR EACH ROW EXECUTE FUNCTION sendflow_append_only()"
        )
        op.execute(f"CREATE TRIGGER {name}_no_{act.lower()} BEFORE {act} ON {name} {does}")
    if not sqlite:
        op.execute(
            f"CREATE TRIGGER {name}_no_truncate BEFORE TRUNCATE ON {name} FOR EACH STATEMENT EXECUTE FUNCTION"
            " sendflow_append_only()"
        )
    return table


def _first_records(log: sa.Table) -> None:
    connection = op.get_bind()
    # Not before a head that was published: such a head has no record of the log in it.
    simulated = connection.scalar(sa.text("SELECT simulation FROM clock_setting ORDER BY number DESC LIMIT 1"))
    published = connection.scalar(sa.text("SELECT max(before) FROM anchor")) or ""
    now = "" if simulated else datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    at = max(published, now) or (connection.scalar(sa.text("SELECT max(recorded_at) FROM fact")) or "2000-01-01")
    number, previous, batch = 0, "0" * 64, []
    for subject, columns in COVERED.items():
        for key, case_ref, digest in _rows(connection, subject, columns.split(" ")):
            number += 1
            text = f"{previous}\n{number}\n{at}\n{subject}\n{key}\n{case_ref or ''}\n{digest}"
            fresh = sha256(text.encode()).hexdigest()
            record = (number, at, subject, key, case_ref, digest, previous, fresh)
            batch.append(dict(zip(log.columns.keys(), record, strict=True)))
            previous = fresh
            if len(batch) == PIECE:
                connection.execute(log.insert(), batch)
                batch = []
    if batch:
        connection.execute(log.insert(), batch)


def _rows(connection: sa.Connection, subject: str, columns: list[str]) -> Iterator[tuple[str, str | None, str]]:
    """The key, the case and the digest of each row."""
    where = " WHERE child_key IS NOT NULL" if subject == "case_file" else ""
    query = f"SELECT {', '.join(columns)} FROM {subject}{where} ORDER BY {columns[0]}"  # noqa: S608
    case = columns.index("case_ref") if "case_ref" in columns else None
    last: Any = None
    while True:
        # By key, some at a time: the connection writes in between.
        after = "" if last is None else f"{' AND' if where else ' WHERE'} {columns[0]} > :last"
        piece = query.replace(" ORDER BY", f"{after} ORDER BY") + f" LIMIT {PIECE}"
        found = connection.execute(sa.text(piece), {} if last is None else {"last": last}).all()
        for row in found:
            key = row[0]
            named = f"{key:012d}" if isinstance(key, int) else str(key)
            yield named, row[case] if case is not None else None, _digest(columns, row)
        if len(found) < PIECE:
            return
        last = found[-1][0]


def _digest(columns: list[str], row: Any) -> str:
    values = [bool(value) if name in FLAGS else value for name, value in zip(columns, row, strict=True)]
    while values[-1] is None:
        values.pop()
    return sha256(orjson.dumps(values, default=_plain)).hexdigest()


def _plain(value: Any) -> str:
    return value.isoformat() if isinstance(value, date) else bytes(value).hex()
