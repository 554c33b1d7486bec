"""Triggers that make the append-only tables append-only, and the rights of the application's role. [I/O]

Migrations create the triggers with the tables. Verification reports a trigger that is missing or altered. Nothing
here restores one: a trigger restored in silence would hide that rows could have been changed meanwhile.
"""

from sqlalchemy import Connection, text

from models.tables import METADATA

APPEND_ONLY_TABLES = (
    "fact",
    "anchor",
    "person_read",
    "adoption",
    "law_held",
    "clock_setting",
    "finding",
    "finding_closed",
    "change_log",
    "config_held",
    "account_change",
    "account_identity",
    "case_look",
    "to_decide",
    "decided",
    "case_owner",
    "log_leaf",
    "log_block",
    "log_checkpoint",
    "log_cosignature",
    "log_act",
    "retention_hold",
    "retention_hold_ended",
    "erasure_proposal",
    "erasure_decided",
    "mac_key",
    "acting",
)
REFUSED = "is append-only: record a fact_corrected or fact_withdrawn instead"
FUNCTION = "sendflow_append_only"
BODY = f" BEGIN RAISE EXCEPTION '% {REFUSED}', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation'; END "


def triggers(dialect: str) -> dict[str, str]:
    """Return the statements that create the triggers, by trigger name.

    On PostgreSQL each table has one more, because TRUNCATE does not run the triggers of rows.
    """
    made: dict[str, str] = {}
    for table in APPEND_ONLY_TABLES:
        for act in ("UPDATE", "DELETE"):
            name = f"{table}_no_{act.lower()}"
            if dialect == "sqlite":
                made[name] = (
                    f"CREATE TRIGGER {name} BEFORE {act} ON {table} BEGIN SELECT RAISE(ABORT, '{table} {REFUSED}'); END"
                )
            else:
                made[name] = f"CREATE TRIGGER {name} BEFORE {act} ON {table} FOR EACH ROW EXECUTE FUNCTION {FUNCTION}()"
        if dialect != "sqlite":
            name = f"{table}_no_truncate"
            made[name] = (
                f"CREATE TRIGGER {name} BEFORE TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION {FUNCTION}()"
            )
    return made


def append_only_function() -> str:
    """Return the statement that creates the function of PostgreSQL's triggers."""
    return f"CREATE OR REPLACE FUNCTION {FUNCTION}() RETURNS trigger LANGUAGE plpgsql AS $${BODY}$$"


def missing_triggers(connection: Connection) -> list[str]:
    """Return the names of the append-only triggers that are missing, disabled or altered."""
    wanted = triggers(connection.dialect.name)
    if connection.dialect.name == "sqlite":
        present = {
            row[0]: row[1]
            for row in connection.execute(text("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"))
        }
        return [name for name, statement in wanted.items() if present.get(name) != statement]
    present_triggers = {tuple(row) for row in connection.execute(text(_PRESENT), {"body": BODY})}
    return [
        name
        for name in wanted
        if (name, name.rpartition("_no_")[0], _TYPES[name.rpartition("_no_")[2]]) not in present_triggers
    ]


# The triggers that are enabled ('O': by default, 'A': always), have no condition, and run exactly our function.
# `tgtype` holds when a trigger fires, in bits: row 1, before 2, delete 8, update 16, truncate 32.
_PRESENT = """
SELECT t.tgname, c.relname, t.tgtype
FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_proc p ON p.oid = t.tgfoid
WHERE NOT t.tgisinternal AND t.tgenabled IN ('O', 'A') AND t.tgqual IS NULL AND p.prosrc = :body
  AND pg_table_is_visible(c.oid)
"""
_TYPES = {"update": 1 + 2 + 16, "delete": 1 + 2 + 8, "truncate": 2 + 32}


def grants(role: str) -> list[str]:
    """Return the statements that grant the application's role its rights.

    It may read all tables, insert into the append-only tables, and change the others. It may not alter, drop or
    truncate a table.
    """
    named = '"' + role.replace('"', '""') + '"'
    changed = sorted(set(METADATA.tables) - set(APPEND_ONLY_TABLES))
    return [
        f"GRANT USAGE ON SCHEMA public TO {named}",
        "REVOKE CREATE ON SCHEMA public FROM PUBLIC",
        f"REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {named}",
        f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {named}",
        f"GRANT INSERT ON {', '.join(APPEND_ONLY_TABLES)} TO {named}",
        f"GRANT INSERT, UPDATE, DELETE ON {', '.join(changed)} TO {named}",
        f"GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {named}",
    ]
