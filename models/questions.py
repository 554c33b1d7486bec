"""Queries that are composed once and asked often, alone or several together. [I/O]

Purpose: a page of a case asks ten short questions. SQLAlchemy takes longer to pass on such a question than the database
takes to answer it, and PostgreSQL is waited for at each. A `Question` is asked on the driver's own cursor, and
`ask_together` waits once for the answers of several. Inside `models.database.one_snapshot` they are remembered, so that
the functions that ask them one by one find them.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, Dialect, Select

from models.bulk_io import begun, in_one_go, run
from models.visibility import as_seen

ANSWERS = "sendflow_answers"  # in `connection.info` of a snapshot: what it was asked, by question and values


class Question:
    """A SELECT with `bindparam`s. Its rows have the names of its columns.

    `plan_each_time`: PostgreSQL plans it each time. A plan from when a table was empty would read the whole table.
    """

    def __init__(self, query: Select[Any], *, plan_each_time: bool = False) -> None:
        """Composes nothing yet: that needs the dialect of a connection."""
        self._query, self._plan_each_time = query, plan_each_time
        self._composed: dict[str, _Composed] = {}

    def rows(self, connection: Connection, **given: Any) -> list[Any]:
        """The rows, from what the snapshot was asked before if it was."""
        found = self.known(connection, **given)
        return found if found is not None else self.read(connection, self.ask(begun(connection), given))

    def known(self, connection: Connection, **given: Any) -> list[Any] | None:
        """The rows if the snapshot was asked before; None otherwise."""
        answers: dict[object, list[Any]] | None = connection.info.get(ANSWERS)
        return answers.get(self._key(given)) if answers else None

    def first(self, connection: Connection, **given: Any) -> Any:
        """The first row; None if there is none."""
        found = self.rows(connection, **given)
        return found[0] if found else None

    def scalar(self, connection: Connection, **given: Any) -> Any:
        """The first column of the first row; None if there is none."""
        found = self.rows(connection, **given)
        return found[0][0] if found else None

    def ask(self, connection: Connection, given: Mapping[str, Any]) -> Any:
        """Send it, and give the driver's cursor."""
        composed = self._for(connection.dialect)
        values: Any = {**composed.fixed, **given}
        if composed.places is not None:
            values = [values[name] for name in composed.places]
        how = {"prepare": False} if self._plan_each_time and connection.dialect.name != "sqlite" else {}
        return run(connection, as_seen(connection, composed.text), values, **how)

    def read(self, connection: Connection, cursor: Any) -> list[Any]:
        """The rows of a cursor of `ask`."""
        composed = self._for(connection.dialect)
        found = [composed.row(row) for row in cursor.fetchall()]
        for name, convert in composed.converted:
            found = [row._replace(**{name: convert(getattr(row, name))}) for row in found]
        return found

    def remember(self, answers: dict[object, list[Any]], given: Mapping[str, Any], rows: list[Any]) -> None:
        """Add to what a snapshot was asked."""
        answers[self._key(given)] = rows

    def _key(self, given: Mapping[str, Any]) -> object:
        return (self, *sorted(given.items()))

    def _for(self, dialect: Dialect) -> _Composed:
        found = self._composed.get(dialect.name)
        if found is None:
            found = self._composed[dialect.name] = _composed(self._query, dialect)
        return found


def ask_together(connection: Connection, asked: Iterable[tuple[Question, Mapping[str, Any]]]) -> None:
    """Ask several questions, and wait for PostgreSQL once. Nothing is asked outside of a snapshot that remembers."""
    answers: dict[object, list[Any]] | None = connection.info.get(ANSWERS)
    if answers is None:
        return
    with in_one_go(connection):
        sent = [(question, given, question.ask(connection, given)) for question, given in asked]
    for question, given, cursor in sent:
        question.remember(answers, given, question.read(connection, cursor))


class _Composed(NamedTuple):
    """A query as a driver takes it: its text, the values that it has itself, and the order of all (None: by name).

    `row` makes a row of a tuple; `converted` are the columns that the driver gives in another form.
    """

    text: str
    fixed: Mapping[str, Any]
    places: Sequence[str] | None
    row: Callable[[Sequence[Any]], Any]
    converted: Sequence[tuple[str, Callable[[Any], Any]]]


def _composed(query: Select[Any], dialect: Dialect) -> _Composed:
    made, columns = query.compile(dialect=dialect), query.selected_columns
    rows_named: Any = namedtuple("Row", list(columns.keys()), rename=True)  # type: ignore[misc]
    convert = [column.type.dialect_impl(dialect).result_processor(dialect, None) for column in columns]
    fields: Sequence[str] = rows_named._fields
    converted = [(name, each) for name, each in zip(fields, convert, strict=True) if each is not None]
    return _Composed(str(made), made.params, made.positiontup, rows_named._make, converted)
