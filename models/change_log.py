"""The change log: one chained record for each change of a row that the facts do not give. [I/O]

Purpose: a chain of facts proves what was recorded, and nothing of persons, free text, letters or the access log. A
record holds a digest of the row as the change left it, and follows the hash of the record before it. Verification
compares each row with its newest record. The hash of the newest record is in the published head.

`log_rows`, `log_keys` and `insert_logged` note a change; `write_pending` writes all of a transaction at its end, so
that the records of two transactions never cross. Callers open the transaction; nothing here commits.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, NamedTuple

import orjson
from sqlalchemy import Boolean, Connection, Integer, Table, insert, select

from models import tables
from models.acting import found_or_new
from models.bulk_io import MANY, Row, begun, in_one_go, insert_rows, mark, read_among, run
from models.facts import GENESIS
from models.left_write import is_left
from models.macs import MADE_HERE, NUMBER, NUMBER_QUERY, keys_of, newest_mac

PENDING = "sendflow_changes"  # on a connection: the changes of its transaction
AT = "sendflow_at"  # on a connection: the instant (ISO 8601 UTC) of its transaction
TAIL = "sendflow_change_tail"  # on a connection: the newest record as its transaction began (SQLite only)
TAIL_QUERY = "SELECT number || ' ' || at || ' ' || hash FROM change_log ORDER BY number DESC LIMIT 1"
_RECORDS = "SELECT number, at, hash FROM change_log {} ORDER BY number DESC LIMIT 1"
_NEWEST = f"SELECT ({TAIL_QUERY}), ({NUMBER_QUERY})"
AT_ITS_END = "sendflow_asked_first"  # on a connection: `AskedFirst` of a transaction that writes at its end only
BEFORE_LOCK = "sendflow_before_lock"  # on a connection: what is sent before the lock of the one row of its end
_OF_A_TRANSACTION = {PENDING, AT, TAIL, NUMBER, MADE_HERE, AT_ITS_END, BEFORE_LOCK}
LOCK = int.from_bytes(sha256(b"sendflow/changes").digest()[:8], "big", signed=True)
_TAKE_LOCK = f"SELECT pg_advisory_xact_lock({LOCK})"
_AS_STORED = {str, int, type(None)}  # types of which both databases give back the value that they were given


class Coverage(NamedTuple):
    """Which columns of a table the change log covers, in order; `key` names the row and `case` its case, by place.

    `name` is plain text. SQLAlchemy's name of a table is a subclass of it, for which SQLite's driver looks for an
    adapter at each row.
    """

    table: Table
    name: str
    columns: tuple[str, ...]
    key: int
    case: int | None
    flags: tuple[int, ...]


class AskedFirst(NamedTuple):
    """What is asked with the one row of a transaction, and what checks the row of its answer, and may raise."""

    statement: str
    check: Callable[[Connection, Any], None]


class Tail(NamedTuple):
    """The newest record of the change log."""

    number: int = 0
    at: str = ""
    hash: str = GENESIS


def _coverage(table: Table, *columns: str) -> Coverage:
    names = columns or tuple(table.columns.keys())
    (key,) = (names.index(column.name) for column in table.primary_key)
    case = names.index("case_ref") if "case_ref" in names else None
    flags = tuple(place for place, name in enumerate(names) if isinstance(table.columns[name].type, Boolean))
    return Coverage(table, str(table.name), names, key, case, flags)


# Everything that the facts do not give. Of a case that is the child: its other columns are replayed.
COVERED = {
    coverage.name: coverage
    for coverage in (
        *map(
            _coverage,
            (
                tables.NOTICE,
                tables.LETTER,
                tables.PERSON,
                tables.ALIAS,
                tables.FREE_TEXT,
                tables.ACCESS,
                tables.CHECKPOINT,
                tables.ADOPTION,
                tables.RULESET,
                tables.CLOCK_SETTING,
                tables.JOB_RUN,
                tables.INCOMING_MAIL,
                tables.IMPORT_FILE,
                tables.CONFIG_HELD,
                tables.FINDING,
                tables.FINDING_CLOSED,
                tables.ACCOUNT_CHANGE,
                tables.ACCOUNT_IDENTITY,
                tables.WEBHOOK,
                tables.CASE_LOOK,
                tables.ACCOUNT_MAILBOX,
                tables.TO_DECIDE,
                tables.DECIDED,
                tables.CASE_OWNER,
                tables.RECEIPT,
                tables.LOG_ACT,
                tables.MAC_KEY,
                tables.ACTING,
                tables.CALENDAR_ADDRESS,
                tables.RETENTION_HOLD,
                tables.RETENTION_HOLD_ENDED,
                tables.ERASURE_PROPOSAL,
                tables.ERASURE_DECIDED,
            ),
        ),
        _coverage(tables.CASE, "case_ref", "child_key"),
        # Not the failed attempts: they end by themselves.
        _coverage(tables.ACCOUNT_PASSWORD, "account", "digest", "changed_at"),
        # Not which codes were used: that is written at each sign-in.
        _coverage(tables.ACCOUNT_FACTOR, "account", "sealed", "confirmed_at", "changed_at", "changed_by"),
        _coverage(tables.RECOVERY_CODE, "digest", "account", "made_at"),
        # Not the last use: that is written by each call of a program.
        _coverage(tables.API_TOKEN, *tables.API_TOKEN.columns.keys()[:-1]),
    )
}


def row_digest(coverage: Coverage, row: Sequence[Any]) -> str:
    """The digest of a row, its values in the order of `coverage.columns`, the same for both databases."""
    return sha256(row_text(coverage, row)).hexdigest()


def row_text(coverage: Coverage, row: Sequence[Any]) -> bytes:
    """The text of a row of which the digest is taken.

    Empty values at the end are left out, so that a later column that may be empty changes no digest of before.
    """
    values = row
    if coverage.flags or row[-1] is None:
        values = list(row)
        for place in coverage.flags:
            values[place] = bool(values[place])
        while values[-1] is None:
            values.pop()
    return orjson.dumps(values, default=_plain)


def _plain(value: Any) -> str:
    return bytes(value).hex()


def row_key(value: Any) -> str:
    """The key of a row as text that sorts as the row does."""
    return f"{value:012d}" if isinstance(value, int) else str(value)


def link(previous: str, record: Sequence[Any]) -> str:
    """The hash of a record: number, instant, subject, key, case and digest, after the hash before it."""
    number, at, subject, key, case_ref, digest = record  # unpacked, because each record of the log is hashed here
    text = f"{previous}\n{number}\n{at}\n{subject}\n{key}\n{case_ref or ''}\n{digest or ''}"
    return sha256(text.encode()).hexdigest()


class _Last(NamedTuple):
    coverage: Coverage
    key: str
    values: Mapping[str, Any]


class _Pending:
    """The changes of one transaction: rows as they were written, and keys of rows to be read at its end."""

    __slots__ = ("at", "keys", "last", "later", "rows")

    def __init__(self) -> None:
        self.rows: dict[tuple[str, str], tuple[str | None, str | None]] = {}  # case and digest, by subject and key
        self.keys: dict[str, set[Any]] = {}
        self.later: list[Callable[[], None]] = []  # what notes more rows, once the database has said what it wrote
        self.last: _Last | None = None  # a row to insert at the end, which the database numbers
        self.at = ""


def _pending(connection: Connection, at: str | None) -> _Pending:
    pending: _Pending | None = connection.info.get(PENDING)
    if pending is None:
        pending = connection.info[PENDING] = _Pending()
    if at is not None and at > pending.at:
        pending.at = at
    return pending


def log_rows(connection: Connection, table: Table, rows: Iterable[Sequence[Any]], at: str | None = None) -> None:
    """Note rows as they were written, whole, in the order of the covered columns. `at` is the instant of the change."""
    coverage = COVERED[table.name]
    pending = _pending(connection, at)
    for row in rows:
        case = row[coverage.case] if coverage.case is not None else None
        key = row_key(row[coverage.key])
        pending.rows[coverage.name, key] = (case, row_digest(coverage, row))


def log_keys(connection: Connection, table: Table, keys: Iterable[Any], at: str | None = None) -> None:
    """Note the keys of rows that were changed or deleted; the rows are read at the end of the transaction."""
    if wanted := set(keys):
        _pending(connection, at).keys.setdefault(COVERED[table.name].name, set()).update(wanted)


def log_at_the_end(connection: Connection, note: Callable[[], None]) -> None:
    """Let `note` note rows at the end of the transaction: it asks what was inserted, for which nobody waits before."""
    _pending(connection, None).later.append(note)


def insert_logged(
    connection: Connection,
    table: Table,
    rows: Sequence[Mapping[str, Any]],
    at: str | None = None,
    *,
    last: bool = False,
) -> None:
    """Insert rows and note them. The database numbers the rows of a table whose key is left out.

    `last`: the transaction does not read them, so that PostgreSQL may take one row with the statements of its end.
    """
    if not rows:
        return
    (column,) = table.primary_key
    if isinstance(column.type, Integer) and column.name not in rows[0]:
        if len(rows) == 1 and all(type(value) in _AS_STORED for value in rows[0].values()):
            one = _Last(COVERED[table.name], str(column.name), rows[0])
            if last and connection.dialect.name != "sqlite" and _pending(connection, at).last is None:
                _pending(connection, at).last = one
            else:
                inserted = run(begun(connection), *_insert_one(connection, one)).fetchone()
                log_rows(connection, table, [_whole(one, inserted[0])], at)
            return
        log_keys(connection, table, connection.scalars(insert(table).returning(column), list(rows)), at)
        return
    connection.execute(insert(table), list(rows))
    log_keys(connection, table, (row[column.name] for row in rows), at)


def _insert_one(connection: Connection, one: _Last) -> tuple[str, tuple[Any, ...]]:
    """The statement that inserts a row which the database numbers, and gives its number; and its values."""
    marks = ", ".join([mark(connection)] * len(one.values))
    names = ", ".join(f'"{name}"' for name in one.values)
    statement = f"INSERT INTO {one.coverage.name} ({names}) VALUES ({marks}) RETURNING {one.key}"  # noqa: S608
    return statement, tuple(one.values.values())


def _whole(one: _Last, number: int) -> Row:
    """A row that the database numbered, in the order of the covered columns."""
    return tuple(number if name == one.key else one.values.get(name) for name in one.coverage.columns)


def forget_pending(connection: Connection) -> None:
    """Forget what a transaction noted: it begins, or was undone."""
    info = connection.info
    for key in _OF_A_TRANSACTION & info.keys():
        del info[key]


def write_pending(connection: Connection, ending: str | None = None, later: ExitStack | None = None) -> None:
    """Write the records of this transaction, as its last statement: others wait for their place in the chain.

    `ending` is a statement that is sent with them, where PostgreSQL takes them in one piece. `later`: it is waited for
    at the end of that.
    """
    if PENDING not in connection.info:
        _end_with_left(connection, ending)
        return
    by = acting_number(connection)
    pending: _Pending = connection.info[PENDING]
    found = _insert_last(connection, pending, pending.last) if pending.last is not None else None
    if pending.later:
        found = found if found is not None else newest(connection)  # with the statement that it waits for
        for note in pending.later:
            note()
    del connection.info[PENDING]
    changes = [(subject, key, *about) for (subject, key), about in pending.rows.items()]
    if pending.keys:
        read = {(subject, row_key(key)) for subject, keys in pending.keys.items() for key in keys}
        changes = [change for change in changes if change[:2] not in read]
        for subject, keys in pending.keys.items():
            changes += _read(connection, COVERED[subject], keys)
    if not changes:
        _end_with_left(connection, ending)
        return
    tail = found if found is not None else newest(connection)
    now = pending.at or connection.info.get(AT) or datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    mac = newest_mac(connection)
    rows: list[Row] = []
    number, previous, at = tail.number, tail.hash, max(now, tail.at)
    for subject, key, case_ref, digest in changes:
        number += 1
        record = (number, at, subject, key, case_ref, digest)
        fresh = link(previous, record)
        made = (None, None) if mac is None else (mac.of_record(number, fresh, by), by)
        rows.append((*record, previous, fresh, *made))
        previous = fresh
    if ending is None or len(rows) >= MANY:
        insert_rows(connection, tables.CHANGE_LOG, rows, len(rows))
        return
    with in_one_go(connection, later):
        insert_rows(connection, tables.CHANGE_LOG, rows, len(rows))
        run(connection, ending, prepare=False)


def _end_with_left(connection: Connection, ending: str | None) -> None:
    """End a transaction that changed nothing of the log, and left a statement to its end, in one go with that."""
    if ending is not None and is_left(connection):
        with in_one_go(connection):
            run(connection, ending, prepare=False)


def acting_number(connection: Connection) -> int | None:
    """The number of who acts (`models.acting`), stored if it is new; None for an engine of no installation."""
    keys = keys_of(connection)
    if keys is None:
        return None
    number, row = found_or_new(connection, keys.acting)
    if row is not None:
        log_rows(connection, tables.ACTING, [row])
    return number


def _read(
    connection: Connection, coverage: Coverage, keys: Collection[Any]
) -> Iterable[tuple[str, str, str | None, str | None]]:
    """The rows of these keys as changes; a row that is not there was deleted."""
    name, column = coverage.name, coverage.columns[coverage.key]
    left = set(keys)
    for row in read_among(connection, coverage.table, coverage.columns, column, keys):
        key = row[coverage.key]
        left.discard(key)
        case = row[coverage.case] if coverage.case is not None else None
        yield name, row_key(key), case, row_digest(coverage, row)
    for key in sorted(left):
        yield name, row_key(key), None, None


def is_as_recorded(connection: Connection, table: Table, row: Sequence[Any]) -> bool:
    """Whether a row, whole, is as its newest record has it."""
    coverage = COVERED[table.name]
    log = tables.CHANGE_LOG
    query = select(log.c.digest).where(log.c.subject == table.name, log.c.key == row_key(row[coverage.key]))
    return connection.scalar(query.order_by(log.c.number.desc()).limit(1)) == row_digest(coverage, tuple(row))


def newest(connection: Connection) -> Tail:
    """The newest record. On PostgreSQL no other transaction adds one before this one ends."""
    text = connection.info.get(TAIL)
    if text is not None and connection.dialect.name == "sqlite":
        return _tail(text)
    if connection.dialect.name == "sqlite":
        row = run(connection, TAIL_QUERY).fetchone()
        return _tail(row[0]) if row is not None else Tail()
    with in_one_go(connection):
        cursor = _send_newest(connection)
    return _newest_of(connection, cursor.fetchone())


def _insert_last(connection: Connection, pending: _Pending, last: _Last) -> Tail:
    """Insert the row that a transaction left for its end, note it, and give the newest record, in one go."""
    first: AskedFirst | None = connection.info.pop(AT_ITS_END, None)
    statement, values = _insert_one(connection, last)
    with_first = f", first.* FROM ({first.statement}) AS first" if first is not None else ""
    with in_one_go(connection):
        for each in connection.info.pop(BEFORE_LOCK, ()):
            run(connection, each, prepare=False)
        run(connection, _TAKE_LOCK)
        # One statement, which sees what others wrote before the lock was given.
        asked = f"WITH made AS ({statement}) {_NEWEST}, (SELECT {last.key} FROM made){with_first}"  # noqa: S608
        cursor = run(connection, asked, values)
    tail, mac, number, *answer = cursor.fetchone()
    if first is not None:
        first.check(connection, answer)
    row = _whole(last, number)
    case = row[last.coverage.case] if last.coverage.case is not None else None
    pending.rows[last.coverage.name, row_key(number)] = (case, row_digest(last.coverage, row))
    return _newest_of(connection, (tail, mac))


def _send_newest(connection: Connection) -> Any:
    """Two statements in one go: the second sees what others wrote before the lock was given."""
    run(connection, _TAKE_LOCK)
    return run(connection, _NEWEST)


def _newest_of(connection: Connection, found: Sequence[Any]) -> Tail:
    tail, connection.info[NUMBER] = found
    return _tail(tail) if tail is not None else Tail()


def line_before(connection: Connection, before: str) -> str:
    """The line of a head: the newest record from before an instant; empty if there is none.

    Instants never go back from one record to the next, so the record is found by halves.
    """
    found = run(connection, _RECORDS.format("")).fetchone()
    if found is not None and found[1] >= before:
        low, high, found = 0, int(found[0]), None
        while high - low > 1:
            middle = (low + high) // 2
            row = run(connection, _RECORDS.format(f"WHERE number <= {middle}")).fetchone()
            if row is not None and row[1] < before:
                low, found = middle, row
            else:
                high = middle
    return f"change_log {found[0]} {found[2]}\n" if found is not None else ""


def _tail(text: str) -> Tail:
    if not text:
        return Tail()
    number, at, digest = text.split(" ")
    return Tail(int(number), at, digest)
