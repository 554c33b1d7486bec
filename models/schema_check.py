"""Compares the schema of a database with the one that sendflow makes: what is missing, altered or more. [I/O]

Purpose: an extra trigger redirects letters, and a view or a table in front of another hides rows. Every object has to
be one of ours. Column types, indexes and triggers are compared by what they are, not by the text that made them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from sqlalchemy import Boolean, Connection, Date, Integer, LargeBinary, String, Table

from models.append_only import FUNCTION, triggers
from models.bulk_io import run
from models.tables import METADATA, NAMES_A_DAY

VERSION_TABLE = "alembic_version"


class _Index(NamedTuple):
    table: str
    columns: tuple[str, ...]
    where: str = ""


INDEXES = {
    "ix_account_change_account": _Index("account_change", ("account",)),
    "ix_account_identity_account": _Index("account_identity", ("account",)),
    "ix_account_identity_subject": _Index("account_identity", ("subject",)),
    "ix_account_mail_done_at": _Index("account_mail", ("done_at",)),
    "ix_answer_given_link": _Index("answer_given", ("link",)),
    "ix_api_answer_at": _Index("api_answer", ("at",)),
    "ix_api_token_digest": _Index("api_token", ("digest",)),
    "ix_attempt_since": _Index("attempt", ("since",)),
    "ix_case_owner_case_ref": _Index("case_owner", ("case_ref",)),
    "ix_case_owner_owner": _Index("case_owner", ("owner",)),
    "ix_to_decide_key": _Index("to_decide", ("key",)),
    "case_file_la_reference": _Index("case_file", ("replace(la_reference, '-', '')",), "la_reference IS NOT NULL"),
    "case_file_process": _Index("case_file", ("process",)),
    "ix_case_file_child_key": _Index("case_file", ("child_key",)),
    "ix_case_look_case_ref": _Index("case_look", ("case_ref",)),
    "case_look_exports": _Index("case_look", ("id",), "what = 'export'"),
    "ix_case_look_at": _Index("case_look", ("at",)),
    "change_log_key": _Index("change_log", ("subject", "key")),
    "ix_case_link_to_ref": _Index("case_link", ("to_ref",)),
    "config_held_kind": _Index("config_held", ("kind", "name")),
    "duty_evaluated_under": _Index("duty", ("evaluated_under",)),
    "duty_next_check": _Index("duty", ("next_check_on",), "next_check_on IS NOT NULL"),
    "duty_open": _Index("duty", ("due",), "closed_on IS NULL"),
    "fact_replied": _Index("fact", ("case_ref",), "kind = 'body_replied'"),
    "fact_claimed": _Index("fact", ("case_ref",), "kind = 'excuse_claimed'"),
    "fact_names_a_day": _Index("fact", ("case_ref",), NAMES_A_DAY),
    "fact_of_the_child": _Index("fact", ("case_ref",), "kind = 'person_died' OR kind = 'person_flagged_sensitive'"),
    "ix_fact_recorded_at": _Index("fact", ("recorded_at",)),
    "ix_erasure_proposal_case_ref": _Index("erasure_proposal", ("case_ref",)),
    "ix_finding_digest": _Index("finding", ("digest",)),
    "ix_import_file_digest": _Index("import_file", ("digest",)),
    "ix_incoming_mail_digest": _Index("incoming_mail", ("digest",)),
    "ix_incoming_mail_state": _Index("incoming_mail", ("state",)),
    "ix_job_run_act": _Index("job_run", ("act",)),
    "ix_receipt_accepted_at": _Index("receipt", ("accepted_at",)),
    "webhook_event_waits": _Index("webhook_event", ("webhook", "number"), "done_at IS NULL"),
    "letter_mailbox": _Index("letter", ("mailbox", "on")),
    "letter_on": _Index("letter", ("on", "id")),
    "letter_state": _Index("letter", ("state", "on", "id")),
    "log_leaf_leaf": _Index("log_leaf", ("leaf",)),
    "ix_notice_case_ref": _Index("notice", ("case_ref",)),
    "ix_notice_letter": _Index("notice", ("letter",)),
    "notice_state": _Index("notice", ("state",)),
    "ix_passage_case_ref": _Index("passage", ("case_ref",)),
    "ix_person_alike_index": _Index("person", ("alike_index",)),
    "ix_person_nhs_index": _Index("person", ("nhs_index",)),
    "ix_person_read_case_ref": _Index("person_read", ("case_ref",)),
    "ix_recovery_code_account": _Index("recovery_code", ("account",)),
    "ix_retention_hold_case_ref": _Index("retention_hold", ("case_ref",)),
    "ix_session_account": _Index("session", ("account",)),
    "ix_sign_in_link_account": _Index("sign_in_link", ("account",)),
}
# Of PostgreSQL, in the schema of sendflow: what no extension brought.
_RELATIONS = """
SELECT c.relname, c.relkind::text, c.relrowsecurity, c.relpersistence::text FROM pg_class c
WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind <> 'c'
  AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')
"""
_COLUMNS = """
SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, coalesce(l.collname, ''),
       coalesce(pg_get_expr(d.adbin, d.adrelid), '')
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid LEFT JOIN pg_collation l ON l.oid = a.attcollation
LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped
"""
_INDEXES = """
SELECT i.relname, t.relname, x.indisunique, coalesce(pg_get_expr(x.indpred, x.indrelid), ''),
       ARRAY(SELECT coalesce(a.attname::text, replace(pg_get_indexdef(x.indexrelid, k.place::int, true), '::text', ''))
             FROM unnest(x.indkey) WITH ORDINALITY k(number, place)
             LEFT JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = k.number ORDER BY k.place)
FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class t ON t.oid = x.indrelid
WHERE i.relnamespace = current_schema()::regnamespace
"""
_TRIGGERS = """
SELECT t.tgname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
WHERE NOT t.tgisinternal AND c.relnamespace = current_schema()::regnamespace
"""
_OTHERS = """
SELECT 'function', proname::text FROM pg_proc p WHERE p.pronamespace = current_schema()::regnamespace
  AND p.proname <> '{function}' AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')
UNION ALL SELECT 'rule', rulename::text FROM pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class
  WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'r'
UNION ALL SELECT 'policy', polname::text FROM pg_policy
UNION ALL SELECT 'event trigger', evtname::text FROM pg_event_trigger
UNION ALL SELECT 'inherited table', c.relname::text FROM pg_inherits h JOIN pg_class c ON c.oid = h.inhrelid
"""
_SQLITE_TYPES = {String: "VARCHAR", Integer: "INTEGER", Date: "DATE", LargeBinary: "BLOB", Boolean: "BOOLEAN"}
_KINDS = {"r": "table", "i": "index", "S": "sequence", "v": "view", "m": "view", "f": "foreign table"}


def schema_differences(connection: Connection) -> list[str]:
    """Say of each object that is missing, altered or more what it is. Triggers that are missing are not among them."""
    differences = _of_sqlite if connection.dialect.name == "sqlite" else _of_postgresql
    return sorted(differences(connection))


def _more(kind: str, name: str) -> str:
    return f"the {kind} {name} is none of sendflow's: it can change or hide rows unseen"


def _altered(table: str, found: dict[str, Any], wanted: dict[str, Any]) -> Iterator[str]:
    for name in sorted(found.keys() | wanted.keys()):
        if found.get(name) != wanted.get(name):
            how = "is missing" if name not in found else "is none of sendflow's" if name not in wanted else "is altered"
            yield f"the column {name} of table {table} {how}"


def _expected_tables() -> dict[str, Table | None]:
    return {VERSION_TABLE: None, **METADATA.tables}


def _of_sqlite(connection: Connection) -> Iterator[str]:
    tables = _expected_tables()
    wanted = {"table": set(tables), "index": set(INDEXES), "trigger": set(triggers("sqlite")), "view": set[str]()}
    found: dict[str, set[str]] = {kind: set() for kind in wanted}
    for kind, name in run(connection, "SELECT type, name FROM sqlite_master").fetchall():
        if not name.startswith("sqlite_"):  # a name that only SQLite itself may use
            found[kind].add(name)
            if name not in wanted[kind]:
                yield _more(kind, name)
    for name in sorted(tables.keys() - found["table"]):
        yield f"the table {name} is missing"
    for name in sorted(INDEXES.keys() - found["index"]):
        yield f"the index {name} is missing"
    for name, table in METADATA.tables.items():
        if name in found["table"]:
            rows = run(connection, f'PRAGMA table_xinfo("{name}")').fetchall()
            now = {row[1]: (row[2], bool(row[3]), row[4], bool(row[5]), row[6]) for row in rows}
            then = {
                column.name: (_SQLITE_TYPES[type(column.type)], not column.nullable, None, column.primary_key, 0)
                for column in table.columns
            }
            if now != then:
                yield from _altered(name, now, then)
    for name in sorted(INDEXES.keys() & found["index"]):
        yield from _index_of_sqlite(connection, name)


def _index_of_sqlite(connection: Connection, name: str) -> Iterator[str]:
    index = INDEXES[name]
    columns = tuple(row[2] for row in run(connection, f'PRAGMA index_info("{name}")').fetchall())
    query = "SELECT tbl_name, sql FROM sqlite_master WHERE type = 'index' AND name = ?"
    table, sql = run(connection, query, (name,)).fetchone()
    keys, _, where = sql.partition(" WHERE ")
    if None in columns:  # an expression, of which SQLite gives the text alone
        columns = (keys.partition(" (")[2].rpartition(")")[0],)
    if (table, columns, where) != index or "UNIQUE" in sql.upper():
        yield f"the index {name} is altered"


def _of_postgresql(connection: Connection) -> Iterator[str]:
    tables = _expected_tables()
    keys = {f"{name}_pkey" for name in METADATA.tables} | {f"{VERSION_TABLE}_pkc"}
    sequences = {f"{name}_{column.name}_seq" for name, t in METADATA.tables.items() for column in t.primary_key}
    wanted = {"r": tables.keys(), "i": INDEXES.keys() | keys, "S": sequences}
    found: dict[str, set[str]] = {kind: set() for kind in wanted}
    for name, kind, secured, persistence in connection.exec_driver_sql(_RELATIONS):
        if name not in wanted.get(kind, ()):
            yield _more(_KINDS.get(kind, "object"), name)
        else:
            found[kind].add(name)
        if secured or persistence != "p":
            yield f"the table {name} is altered: rows of it can be hidden or lost"
    for name in sorted(tables.keys() - found["r"]):
        yield f"the table {name} is missing"
    for name in sorted((INDEXES.keys() | keys) - found["i"]):
        yield f"the index {name} is missing"
    yield from _columns_of_postgresql(connection, found["r"])
    for name, table, unique, where, columns in connection.exec_driver_sql(_INDEXES):
        if name in INDEXES and (table, tuple(columns), _plain(where), unique) != (*INDEXES[name], False):
            yield f"the index {name} is altered"
    ours = triggers("postgresql")
    for (name,) in connection.exec_driver_sql(_TRIGGERS):
        if name not in ours:
            yield _more("trigger", name)
    for kind, name in connection.exec_driver_sql(_OTHERS.format(function=FUNCTION)):
        yield _more(kind, name)


def _columns_of_postgresql(connection: Connection, present: set[str]) -> Iterator[str]:
    now: dict[str, dict[str, Any]] = {name: {} for name in present}
    for table, name, kind, required, collation, default in connection.exec_driver_sql(_COLUMNS):
        numbered = default.startswith("nextval(")
        now.setdefault(table, {})[name] = (kind, required, collation, "" if numbered else default)
    kinds = {"VARCHAR": "character varying", "INTEGER": "integer", "DATE": "date", "BYTEA": "bytea"}
    for table, described in METADATA.tables.items():
        if table not in present:
            continue
        then = {}
        for column in described.columns:
            kind = column.type.compile(connection.dialect).partition(" ")[0]
            collation = "C" if kind == "VARCHAR" else ""
            then[column.name] = (kinds.get(kind, kind.lower()), not column.nullable, collation, "")
        yield from _altered(table, now[table], then)


def _plain(where: str) -> str:
    """A condition as our statement has it: PostgreSQL adds brackets and types."""
    return where.replace("::text", "").replace("(", "").replace(")", "")
