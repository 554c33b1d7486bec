"""Leaves the cases of restricted processes out of what a reader of the database sees. [I/O]

Purpose: people who are not named for a restricted process may not know that a case of it exists. An engine that is
bound to hidden processes (`hiding`) answers every statement of a connection that reads as if those cases, and all that
hangs on them, were not there: rows, counts, letters and links. Each statement is given common table expressions that
stand in the places of the tables, so that no query can be forgotten. What writes sees every case: a death ends the
duties of hidden cases too. An act therefore asks `hidden_among` before it names a case.
"""

import re
from collections.abc import Collection, Iterable
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Engine, event, select

from models.tables import CASE, METADATA

HIDDEN = "sendflow_hidden"  # an engine's option: the processes whose cases its readers do not see
READING = "sendflow_reading"
_MADE, _WHOLE = "sendflow_hiding_made", "sendflow_whole_engine"  # in an engine's __dict__
# References of restricted cases begin so, and no other does: no gap in the numbers of other cases betrays one.
SERIES, AFTER = "SR", "SS"
CHUNK = 400
# What names a case in another way than by a column `case_ref` that is always filled. `{refs}`: the hidden references.
_LETTERS = "SELECT letter FROM {own}notice WHERE letter IS NOT NULL AND case_ref IN ({refs})"
_NAMED_IN = "NOT EXISTS (SELECT 1 FROM hidden_case WHERE {find}(%s, hidden_case.case_ref) > 0)"
_SEEN = {
    "case_file": "process NOT IN ({processes})",
    "case_link": "case_ref NOT IN ({refs}) AND to_ref NOT IN ({refs})",
    "letter": f"id NOT IN ({_LETTERS})",
    "receipt": f"letter NOT IN ({_LETTERS})",
    "person": (
        "child_key NOT IN (SELECT child_key FROM {own}case_file WHERE child_key IS NOT NULL AND case_ref IN ({refs}))"
        " OR EXISTS (SELECT 1 FROM {own}case_file AS seen WHERE seen.child_key = person.child_key"
        " AND seen.case_ref NOT IN ({refs}))"
    ),
    "log_tail": "chain NOT IN ({refs})",
    "to_decide": _NAMED_IN % "detail",
    "incoming_mail": f"(letter IS NULL OR letter NOT IN ({_LETTERS})) AND (cases IS NULL OR {_NAMED_IN % 'cases'})",
    "decided": f"number IN (SELECT number FROM {{own}}to_decide AS asked WHERE {_NAMED_IN % 'asked.detail'})",  # noqa: S608
}
READ_OTHERS = frozenset({"person", "decided", "letter", "receipt", "incoming_mail"})
# Tables that say nothing of a case: accounts, settings, and the proof, which covers every fact and names none.
WITHOUT_CASES = frozenset(
    {
        *("account_change", "account_factor", "account_mail", "account_mailbox", "account_password", "adoption"),
        *("anchor", "attempt", "calendar_address", "clock_setting", "config_held", "finding_closed", "import_file"),
        *("job_run", "law_held", "log_act", "log_block", "log_checkpoint", "log_cosignature", "log_leaf"),
        *(
            "account_identity",
            "acting",
            "api_answer",
            "api_token",
            "data_key",
            "logout_token",
            "mac_key",
            "recovery_code",
            "session",
            "sign_in_attempt",
            "sign_in_link",
            "staged_import",
            "saved_view",
            "transport_state",
            "webhook",
            "erasure_decided",
            "retention_hold_ended",
        ),
    }
)


def hiding(engine: Engine, processes: Collection[str]) -> Engine:
    """The same database for a reader who does not see the cases of these processes.

    It is made once for each set of processes, because every page and call asks for it.
    """
    hidden, whole = frozenset(processes), whole_engine(engine)
    options = engine.get_execution_options()
    made: dict[frozenset[str], tuple[Any, Engine]] = whole.__dict__.setdefault(_MADE, {})
    found = made.get(hidden)
    if found is None or found[0] is not options:
        seen = engine.execution_options(**{HIDDEN: hidden})
        seen.__dict__[_WHOLE] = whole
        found = made[hidden] = (options, seen)
    return found[1]


def whole_engine(engine: Engine) -> Engine:
    """The engine that `hiding` was first called with: the one that has the connections."""
    whole: Engine = engine.__dict__.get(_WHOLE, engine)
    return whole


def hidden_processes(bound: Engine | Connection) -> frozenset[str]:
    """The processes whose cases a reader of this engine or connection does not see."""
    found: frozenset[str] = bound.get_execution_options().get(HIDDEN, frozenset())
    return found


def hidden_among(connection: Connection, refs: Iterable[str]) -> frozenset[str]:
    """Those of the references that are of cases which the reader does not see. For transactions that write."""
    processes = hidden_processes(connection)
    if not processes:
        return frozenset()
    restricted = sorted({ref for ref in refs if ref.startswith(SERIES)})
    found: set[str] = set()
    for start in range(0, len(restricted), CHUNK):
        among = CASE.c.case_ref.in_(restricted[start : start + CHUNK])
        found |= set(connection.scalars(select(CASE.c.case_ref).where(among, CASE.c.process.in_(processes))))
    return frozenset(found)


def unseen_among(connection: Connection, refs: Iterable[str]) -> frozenset[str]:
    """Those of the references whose cases the reader does not see, in a transaction that reads or writes."""
    if not connection.get_execution_options().get(READING):
        return hidden_among(connection, refs)
    if not hidden_processes(connection):
        return frozenset()
    restricted = sorted({ref for ref in refs if ref.startswith(SERIES)})
    seen: set[str] = set()
    for start in range(0, len(restricted), CHUNK):
        among = CASE.c.case_ref.in_(restricted[start : start + CHUNK])
        seen |= set(connection.scalars(select(CASE.c.case_ref).where(among)))
    return frozenset(restricted) - seen


def as_seen(connection: Connection, statement: str, hiding: frozenset[str] | None = None) -> str:
    """The statement as the reader of this connection may ask it, or one who does not see the cases of `hiding`."""
    options = connection.get_execution_options()
    hidden = options.get(HIDDEN) if hiding is None else hiding
    if not hidden or not options.get(READING):
        return statement
    return _as_seen(statement, tuple(sorted(hidden)), sqlite=connection.dialect.name == "sqlite")


@lru_cache(maxsize=1024)
def _as_seen(statement: str, hidden: tuple[str, ...], *, sqlite: bool) -> str:
    words = set(_WORDS.findall(statement)) & filtered_tables()
    if not words:
        return statement
    # A common table expression of SQLite that names itself is recursive: its own table is named with its schema.
    own = "main." if sqlite else ""
    processes = ", ".join(f"'{name}'" for name in hidden)
    refs, find = "SELECT case_ref FROM hidden_case", "instr" if sqlite else "strpos"
    # Their references are one range of the primary key.
    within = f"case_ref >= '{SERIES}' AND case_ref < '{AFTER}'"
    made = [f"hidden_case AS (SELECT case_ref FROM {own}case_file WHERE {within} AND process IN ({processes}))"]  # noqa: S608
    # PostgreSQL takes a name in an expression for an earlier one: what reads other tables comes first.
    for table in sorted(words, key=lambda name: (name not in READ_OTHERS, name)):
        seen = condition(table).format(refs=refs, processes=processes, own=own, find=find)
        made.append(f"{table} AS NOT MATERIALIZED (SELECT * FROM {own}{table} WHERE {seen})")  # noqa: S608
    return _joined(statement, ", ".join(made))


def _joined(statement: str, made: str) -> str:
    begins = statement.lstrip()
    if begins[:5].upper() == "WITH ":
        return f"WITH {made}, {begins[5:]}"
    return f"WITH {made} {begins}" if begins[:6].upper() == "SELECT" else statement


def condition(table: str) -> str:
    """Which rows of a table a reader sees."""
    found = _SEEN.get(table)
    if found is not None:
        return found
    column = METADATA.tables[table].columns["case_ref"]
    return "case_ref IS NULL OR case_ref NOT IN ({refs})" if column.nullable else "case_ref NOT IN ({refs})"


@lru_cache(maxsize=1)
def filtered_tables() -> frozenset[str]:
    """Every table that says something of cases."""
    return frozenset(name for name, table in METADATA.tables.items() if name in _SEEN or "case_ref" in table.columns)


_WORDS = re.compile(r"[a-z_]+")


@event.listens_for(Engine, "before_cursor_execute", retval=True)
def _before(
    connection: Connection, _cursor: Any, statement: str, parameters: Any, _context: Any, _many: bool
) -> tuple[str, Any]:
    return as_seen(connection, statement), parameters
