"""Bulk reads and writes on the driver's own cursor: rows are plain tuples, statements are cached per table. [I/O]

Purpose: SQLAlchemy Core spends more time on a row than the database does, so the tables that every fact touches are
read and written here. Both databases run the same statements in the caller's transaction. Many rows go to PostgreSQL
by COPY or as one JSON text. A row to write has every column of its table, in the table's order, and its days have the
driver's form (`day_form`). The driver's errors are raised as SQLAlchemy's, without values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from datetime import date
from functools import lru_cache
from itertools import chain, count
from typing import Any

import orjson
from sqlalchemy import Connection, Table
from sqlalchemy.exc import DBAPIError

from models.facts import iso_or_none
from models.left_write import cursor_of, driver_of, leave, send_left
from models.visibility import as_seen

Row = tuple[Any, ...]
FETCH = 250  # rows at a time: few enough that they fit in the processor's cache
_NUMBERS = count()
CHUNK = 400
GATHERED = "sendflow_gathered"  # in `connection.info`: what `in_one_statement` writes at its end
MANY = 100  # from this number of rows on, PostgreSQL receives them in one piece


def day_form(connection: Connection) -> Callable[[date | None], Any]:
    """Return the function that gives a day, or None, in the form that this driver stores: text on SQLite, else a
    date.
    """
    return iso_or_none if connection.dialect.name == "sqlite" else _as_it_is


def _as_it_is(day: date | None) -> date | None:
    return day


def in_chunks(values: Sequence[str]) -> Iterator[Sequence[str]]:
    """Yield the values in order, at most CHUNK at a time: a statement takes only so many parameters."""
    return (values[start : start + CHUNK] for start in range(0, len(values), CHUNK))


def insert_rows(connection: Connection, table: Table, rows: Iterable[Row], count: int) -> None:
    """Insert `count` rows. PostgreSQL receives many of them while `rows` still produces more.

    Raises IntegrityError if the table already has a row with the same key.
    """
    if count < MANY or connection.dialect.name == "sqlite":
        if made := list(rows):
            _write(connection, _insert(table, mark(connection)), made, table)
        return
    _copy(connection, table, rows)


def put_new_rows(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Do the same as `put_rows` for rows whose keys are not in the table: many go to PostgreSQL by COPY, in half the
    time.
    """
    if len(rows) >= MANY and connection.dialect.name != "sqlite":
        _copy(connection, table, rows)
    elif rows:
        _write(connection, _put(table, mark(connection), ()), rows, table)


def insert_missing(connection: Connection, table: Table, rows: Sequence[Row]) -> int:
    """Insert the rows whose keys are not in the table yet; change no other row. Return how many were inserted."""
    return insert_missing_with(connection, table, rows)() if rows else 0


def insert_missing_with(connection: Connection, table: Table, rows: Sequence[Row]) -> Callable[[], int]:
    """Do the same, within `in_one_statement` or alone. What is returned says how many, after the block."""
    if not rows:
        return lambda: 0
    statement = f"{_insert(table, mark(connection))} ON CONFLICT DO NOTHING"
    gathered: _Gathered | None = connection.info.get(GATHERED)
    if gathered is not None:
        return gathered.add(statement, rows, table, counted=True)
    count = _write(connection, statement, rows, table)
    return lambda: count


def put_rows(connection: Connection, table: Table, rows: Sequence[Row], leave: tuple[str, ...] = ()) -> None:
    """Insert rows, or update all columns of those whose keys are in the table.

    An update leaves the columns `leave` unchanged, so that the database need not write their indexes.
    """
    if rows:
        _write(connection, _put(table, mark(connection), leave), rows, table)


def delete_rows(connection: Connection, table: Table, keys: Sequence[Row]) -> None:
    """Delete by primary key, its columns in the table's order."""
    if keys:
        _write(connection, _delete(table, mark(connection)), keys)


def read_rows(
    connection: Connection, table: Table, columns: tuple[str, ...], column: str, among: Sequence[Any]
) -> list[Row]:
    """Return `columns` of the rows whose `column` has one of the values, in the order of the primary key."""
    found: list[Row] = send_rows(connection, table, columns, column, among).fetchall()
    return found


def send_rows(connection: Connection, table: Table, columns: tuple[str, ...], column: str, among: Sequence[Any]) -> Any:
    """Ask the same within `in_one_go`, and give the driver's cursor, whose rows are fetched after the block."""
    if connection.dialect.name == "sqlite":
        statement = as_seen(connection, _select(table, columns, column, len(among), "?"))
        return run(begun(connection), statement, tuple(among))
    if len(among) == 1:
        # As an act asks of its one case: one plan is right for every value, with the limits of decision 315.
        return run(begun(connection), as_seen(connection, _select(table, columns, column, 1, "%s")), tuple(among))
    # Not prepared: PostgreSQL would reuse a plan from when the table was small, and scan the whole table until its
    # next ANALYZE.
    statement = as_seen(connection, _select(table, columns, column, None, "%s"))
    return run(begun(connection), statement, (list(among),), prepare=False)


def read_among(
    connection: Connection, table: Table, columns: tuple[str, ...], column: str, among: Iterable[Any]
) -> Iterator[Row]:
    """Do the same for any number of values, in several statements. Values are sorted, and each is used once."""
    values = sorted(set(among))
    if len(values) <= CHUNK:
        return iter(read_rows(connection, table, columns, column, values) if values else ())
    return chain.from_iterable(
        read_rows(connection, table, columns, column, values[at : at + CHUNK]) for at in range(0, len(values), CHUNK)
    )


def stream_rows(
    connection: Connection, table: Table, columns: tuple[str, ...], column: str | None = None, value: Any = None
) -> Iterator[Row]:
    """Yield `columns` of every row, or of those whose `column` is `value`, in the order of the primary key.

    It holds FETCH rows in memory.
    """
    statement = _select(table, columns, column, 0 if column is None else 1, mark(connection))
    return stream(connection, statement, () if column is None else (value,))


def stream_some(
    connection: Connection, table: Table, columns: tuple[str, ...], where: str, given: tuple[Any, ...]
) -> Iterator[Row]:
    """Yield `columns` of the rows that a condition of ours selects, in the order of the primary key."""
    keys = ", ".join(_quoted(each.name) for each in table.primary_key)
    names = ", ".join(map(_quoted, columns))
    return stream(connection, f"SELECT {names} FROM {table.name} {where} ORDER BY {keys}", given)  # noqa: S608


def stream(connection: Connection, statement: str, given: tuple[Any, ...] = ()) -> Iterator[Row]:
    """Yield the rows of a statement, holding FETCH rows in memory."""
    # On PostgreSQL a server-side cursor. Each has its own name, because several streams are read at the same time.
    name = () if connection.dialect.name == "sqlite" else (f"stream_{next(_NUMBERS)}",)
    with driver_cursor(begun(connection), *name) as cursor:
        cursor.execute(as_seen(connection, statement), given)
        while rows := cursor.fetchmany(FETCH):
            yield from rows
            if len(rows) < FETCH:  # those were the last, and a server need not be asked again
                return


def _copy(connection: Connection, table: Table, rows: Iterable[Row]) -> None:
    names = ", ".join(map(_quoted, _names(table)))
    with driver_cursor(begun(connection)) as cursor, cursor.copy(f"COPY {table.name} ({names}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)


def _write(connection: Connection, statement: str, rows: Sequence[Row], table: Table | None = None) -> int:
    """Run a statement once for each row, or once for many rows if it inserts whole rows of `table` on PostgreSQL.

    Return how many rows it wrote; 0 within `in_one_statement`, which writes them at its end.
    """
    is_sqlite = connection.dialect.name == "sqlite"
    if not is_sqlite and table is not None and (gathered := connection.info.get(GATHERED)) is not None:
        gathered.add(statement, rows, table)
        return 0
    cursor = cursor_of(begun(connection))
    try:
        if len(rows) == 1:
            cursor.execute(statement, rows[0])
        elif is_sqlite or len(rows) < MANY or table is None:
            cursor.executemany(statement, rows)
        else:
            cursor.execute(_as_json(statement, table), (_json(table, rows),))
    except connection.dialect.loaded_dbapi.Error as fault:
        raise _ours(connection, fault) from None
    return int(cursor.rowcount)


def _as_json(statement: str, table: Table) -> str:
    """The same insertion for rows that are one JSON text, which PostgreSQL reads faster than an array per column, and
    twice as fast as one row at a time.
    """
    names = _names(table)
    single = f"VALUES ({', '.join(['%s'] * len(names))})"
    columns = ", ".join(map(_quoted, names))
    many = f"SELECT {columns} FROM json_populate_recordset(NULL::{table.name}, %s::json)"  # noqa: S608
    return statement.replace(single, many, 1)


def _json(table: Table, rows: Sequence[Row]) -> str:
    names = _names(table)
    return orjson.dumps([dict(zip(names, row, strict=True)) for row in rows]).decode()


class _Gathered:
    """Insertions of whole rows that become one statement of PostgreSQL, which is sent at the next statement."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._parts: list[tuple[str, Sequence[Row], Table, bool]] = []
        self._cursor: Any = None
        self._counts: Sequence[int] | None = None

    def add(self, statement: str, rows: Sequence[Row], table: Table, *, counted: bool = False) -> Callable[[], int]:
        """Add an insertion; what is returned says how many rows it inserted, if it is `counted`."""
        place = sum(1 for part in self._parts if part[3])
        self._parts.append((statement, rows, table, counted))
        return lambda: self._count(place)

    def leave(self) -> None:
        """Leave it to the next statement of the transaction, or to its end, so that PostgreSQL is waited for once."""
        if self._parts:
            leave(self._connection, self._send)

    def _send(self) -> None:
        """Write everything. The parts see the tables as they were before, and have no row in common."""
        text = _one_statement(tuple((statement, table, counted) for statement, _rows, table, counted in self._parts))
        given = [_json(table, rows) for _statement, rows, table, _counted in self._parts]
        self._cursor = run(begun(self._connection), text, given)

    def _count(self, place: int) -> int:
        if self._counts is None:
            send_left(self._connection)
            self._counts = self._cursor.fetchone()
        return self._counts[place]


@lru_cache
def _one_statement(parts: tuple[tuple[str, Table, bool], ...]) -> str:
    """The statement of gathered insertions, whose text does not depend on how many rows each has."""
    written = [f"{_as_json(statement, table)}{' RETURNING 1' * counted}" for statement, table, counted in parts]
    counts = [f"(SELECT count(*) FROM part{place})" for place, part in enumerate(parts) if part[2]]  # noqa: S608
    if not counts:
        *written, last = written
    else:
        last = f"SELECT {', '.join(counts)}"
    named = ", ".join(f"part{place} AS ({part})" for place, part in enumerate(written))
    return f"WITH {named} {last}" if named else last


def in_one_statement(connection: Connection, rows: int) -> AbstractContextManager[None]:
    """Write the rows that functions of this module insert or put in the block as one statement, after its end.

    Each statement costs psycopg more than a row costs PostgreSQL. Inside, nothing is read of what is written, and no
    row is written twice. With many `rows`, and on SQLite, each is written at once. The statement goes with the next one
    of the transaction, or with its end, and what is wrong with it is raised there.
    """
    return nullcontext() if rows >= MANY or connection.dialect.name == "sqlite" else _gathering(connection)


@contextmanager
def _gathering(connection: Connection) -> Iterator[None]:
    gathered = connection.info[GATHERED] = _Gathered(connection)
    try:
        yield
    finally:
        del connection.info[GATHERED]
    gathered.leave()


def run(connection: Connection, statement: str, given: Sequence[Any] | Mapping[str, Any] = (), **how: Any) -> Any:
    """Execute one statement on the driver's own cursor and return the cursor. It begins no transaction.

    Raises the driver's errors as SQLAlchemy's, without values.
    """
    cursor = cursor_of(connection)
    try:
        cursor.execute(statement, given, **how)
    except connection.dialect.loaded_dbapi.Error as fault:
        raise _ours(connection, fault) from None
    return cursor


def run_numbered(connection: Connection, statement: str, given: Sequence[Any]) -> Any:
    """The same for PostgreSQL, with $1, $2 ... where values are.

    psycopg remembers no statement of over 4,096 characters with its own marks, and would look for them each time.
    """
    dbapi = connection.dialect.loaded_dbapi
    send_left(connection)
    cursor = dbapi.RawCursor(driver_of(connection))
    try:
        cursor.execute(statement, given)
    except dbapi.Error as fault:
        raise _ours(connection, fault) from None
    return cursor


def in_one_go(connection: Connection, later: ExitStack | None = None) -> AbstractContextManager[None]:
    """Send the statements of the block to PostgreSQL without a wait for each answer; rows are waited for when read.

    An error is raised by a later read, or at the end of the block. Inside, only functions of this module are used, and
    none of SQLAlchemy's, no COPY and no `stream`. On SQLite nothing waits, and the block is like any other.

    `later`: the answers are waited for at its end, and errors are raised there, so that PostgreSQL works meanwhile.
    """
    if connection.dialect.name == "sqlite":
        begun(connection)
        return nullcontext()
    if later is not None:
        later.enter_context(_answered(connection))
        return nullcontext()
    return _answered(connection)


@contextmanager
def _answered(connection: Connection) -> Iterator[None]:
    driver: Any = begun(connection).connection.dbapi_connection
    try:
        with driver.pipeline():
            yield
    except connection.dialect.loaded_dbapi.Error as fault:
        raise _ours(connection, fault) from None


def begun(connection: Connection) -> Connection:
    """Begin the connection's transaction unless it has begun, because the driver's own cursor does not begin it."""
    if not connection.in_transaction():
        connection.begin()
    return connection


def _ours(connection: Connection, fault: BaseException) -> BaseException:
    """Return an error of the driver as SQLAlchemy's, without values."""
    return DBAPIError.instance(
        None, None, fault, connection.dialect.loaded_dbapi.Error, hide_parameters=True, dialect=connection.dialect
    )


class driver_cursor:
    """The driver's own cursor, closed at the end of the block. With a name it is a server-side cursor of PostgreSQL.

    Raises the driver's errors as SQLAlchemy's, without values.
    """

    __slots__ = ("_connection", "_cursor")

    def __init__(self, connection: Connection, *name: str) -> None:
        self._connection = connection
        self._cursor = cursor_of(connection, *name)

    def __enter__(self) -> Any:
        return self._cursor

    def __exit__(self, _kind: object, fault: BaseException | None, _trace: object) -> None:
        self._cursor.close()
        if fault is not None and isinstance(fault, self._connection.dialect.loaded_dbapi.Error):
            raise _ours(self._connection, fault) from None


# The statements below contain names of our own tables only. Every value is a parameter.


def mark(connection: Connection) -> str:
    """Return the driver's placeholder for a value."""
    return "?" if connection.dialect.paramstyle == "qmark" else "%s"


def _quoted(name: str) -> str:
    return f'"{name}"'


@lru_cache
def _names(table: Table) -> tuple[str, ...]:
    """Return the names of a table's columns, in its order. SQLAlchemy makes a list of them at each call."""
    return tuple(table.columns.keys())


@lru_cache
def _insert(table: Table, mark: str) -> str:
    names = _names(table)
    columns, marks = ", ".join(map(_quoted, names)), ", ".join([mark] * len(names))
    return f"INSERT INTO {table.name} ({columns}) VALUES ({marks})"  # noqa: S608


@lru_cache
def _put(table: Table, mark: str, leave: tuple[str, ...]) -> str:
    keys = ", ".join(_quoted(column.name) for column in table.primary_key)
    fresh = ", ".join(
        f"{_quoted(name)} = excluded.{_quoted(name)}"
        for name in _names(table)
        if name not in table.primary_key.columns and name not in leave
    )
    return f"{_insert(table, mark)} ON CONFLICT ({keys}) DO UPDATE SET {fresh}"


@lru_cache
def _delete(table: Table, mark: str) -> str:
    keys = " AND ".join(f"{_quoted(column.name)} = {mark}" for column in table.primary_key)
    return f"DELETE FROM {table.name} WHERE {keys}"  # noqa: S608


@lru_cache
def _select(table: Table, columns: tuple[str, ...], column: str | None, values: int | None, mark: str) -> str:
    """Return the SELECT for this number of `values`; None: one array of values."""
    keys = ", ".join(_quoted(each.name) for each in table.primary_key)
    among = f"= ANY({mark})" if values is None else f"IN ({', '.join([mark] * values)})"
    where = f" WHERE {_quoted(column)} {among}" if column is not None else ""
    return f"SELECT {', '.join(map(_quoted, columns))} FROM {table.name}{where} ORDER BY {keys}"  # noqa: S608
