"""What keeps the record tables append-only: triggers on both databases, and on PostgreSQL what the application's role
may do. [I/O]

The migrations make the triggers with the tables; verify reports one that is gone or that does something else. Nothing
here mends: a trigger put back in silence would hide that rows could have been changed meanwhile.
"""

from sqlalchemy import Connection, text

from models.tables import METADATA

APPEND_ONLY_TABLES = ("fact", "anchor", "person_read", "adoption", "law_held", "clock_setting")
REFUSED = "is append-only: record a fact_corrected or fact_withdrawn instead"
FUNCTION = "sendflow_append_only"
BODY = f" BEGIN RAISE EXCEPTION '% {REFUSED}', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation'; END "


def triggers(dialect: str) -> dict[str, str]:
    """The statements that make the triggers, by trigger name. On PostgreSQL one more each, because TRUNCATE passes by a
    row's triggers.
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
    """The statement that makes what PostgreSQL's triggers run."""
    return f"CREATE OR REPLACE FUNCTION {FUNCTION}() RETURNS trigger LANGUAGE plpgsql AS $${BODY}$$"


def missing_triggers(connection: Connection) -> list[str]:
    """Names of the append-only triggers that are not there, are switched off, or do something else under the name."""
    wanted = triggers(connection.dialect.name)
    if connection.dialect.name == "sqlite":
        present = {
            row[0]: row[1]
            for row in connection.execute(text("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"))
        }
        return [name for name, statement in wanted.items() if present.get(name) != statement]
    standing = {tuple(row) for row in connection.execute(text(_PRESENT), {"body": BODY})}
    return [
        name
        for name in wanted
        if (name, name.rpartition("_no_")[0], _TYPES[name.rpartition("_no_")[2]]) not in standing
    ]


# Of a trigger in force ('O' by default, 'A' always): its table and when it fires, as PostgreSQL keeps it in
# bits (row
# 1, before 2, delete 8,
# update 16, truncate 32), where it has no condition and its function is ours to the letter.
_PRESENT = """
SELECT t.tgname, c.relname, t.tgtype
FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_proc p ON p.oid = t.tgfoid
WHERE NOT t.tgisinternal AND t.tgenabled IN ('O', 'A') AND t.tgqual IS NULL AND p.prosrc = :body
  AND pg_table_is_visible(c.oid)
"""
_TYPES = {"update": 1 + 2 + 16, "delete": 1 + 2 + 8, "truncate": 2 + 32}


def grants(role: str) -> list[str]:
    """What the application's role may do: read all, add to the kept tables, change the others. Nothing of it alters,
    drops or truncates.
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
