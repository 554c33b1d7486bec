"""Queries that are composed once and asked often, alone or several together. [I/O]

Purpose: a page of a case asks ten short questions. SQLAlchemy takes longer to pass on such a question than the database
takes to answer it, and PostgreSQL is waited for at each. A `Question` is asked on the driver's own cursor, and
`ask_together` makes one statement of several, because psycopg too takes longer to pass on a statement than PostgreSQL
takes to answer it. Inside `models.database.one_snapshot` the answers are remembered, so that the functions that ask
one by one find them.
"""

from __future__ import annotations

import re
from collections import namedtuple
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from functools import lru_cache
from typing import Any, NamedTuple

import orjson
from sqlalchemy import Boolean, Connection, Date, Dialect, Integer, Select, String
from sqlalchemy.types import TypeEngine

from models.bulk_io import begun, in_one_go, run, run_numbered
from models.visibility import as_seen, hidden_processes

ANSWERS = "sendflow_answers"  # in `connection.info` of a snapshot: what it was asked, by question and values
_MARK = re.compile(r"%%|%\((\w+)\)s")  # what psycopg has for a percent sign, and for a value
AHEAD = "sendflow_answers_ahead"  # the same of a reader who is not known yet, with what that reader does not see


class Question:
    """A SELECT with `bindparam`s. Its rows have the names of its columns."""

    def __init__(self, query: Select[Any]) -> None:
        """Composes nothing yet: that needs the dialect of a connection."""
        self._query = query
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
        composed = self.composed(connection.dialect)
        values: Any = {**composed.fixed, **given}
        if composed.places is not None:
            values = [values[name] for name in composed.places]
        return run(connection, as_seen(connection, composed.text), values)

    def read(self, connection: Connection, cursor: Any) -> list[Any]:
        """The rows of a cursor of `ask`."""
        composed = self.composed(connection.dialect)
        found = [composed.row(row) for row in cursor.fetchall()]
        for name, convert in composed.converted:
            found = [row._replace(**{name: convert(getattr(row, name))}) for row in found]
        return found

    def remember(self, answers: dict[object, list[Any]], given: Mapping[str, Any], rows: list[Any]) -> None:
        """Add to what a snapshot was asked."""
        answers[self._key(given)] = rows

    def _key(self, given: Mapping[str, Any]) -> object:
        return (self, *sorted(given.items()))

    def fits_in_json(self, dialect: Dialect) -> bool:
        """Whether PostgreSQL can give its rows as JSON: of text, whole numbers, yes or no, and days."""
        composed = self.composed(dialect)
        plain = all(isinstance(each, String | Integer | Boolean | Date) for each in composed.types)
        return plain and not composed.converted

    def composed(self, dialect: Dialect) -> _Composed:
        """As the driver of a dialect takes it."""
        found = self._composed.get(dialect.name)
        if found is None:
            found = self._composed[dialect.name] = _composed(self._query, dialect)
        return found


def forget_answers(connection: Connection, now: dict[object, list[Any]] | None = None) -> None:
    """Forget what a snapshot was asked. It remembers again what is added to `now`; None: it has ended."""
    connection.info.pop(AHEAD, None)
    connection.info[ANSWERS] = now


class Ahead(NamedTuple):
    """What a page will ask once its reader is known, for a reader who does not see the cases of `hidden` processes."""

    asked: Sequence[tuple[Question, Mapping[str, Any]]]
    hidden: frozenset[str]


def ask_together(
    connection: Connection,
    asked: Iterable[tuple[Question, Mapping[str, Any]]],
    *,
    last: bool = False,
    ahead: Ahead | None = None,
) -> None:
    """Ask several questions, and wait for PostgreSQL once. Nothing is asked outside of a snapshot that remembers.

    `last`: the snapshot is asked nothing else, and ends with the questions on PostgreSQL. What it knows is not asked.
    `ahead`: PostgreSQL is asked this too, beside questions that read no case. `models.database.one_snapshot` uses the
    answers if that is what the reader may see, and forgets them if not.
    """
    answers: dict[object, list[Any]] | None = connection.info.get(ANSWERS)
    if answers is None:
        return
    together: list[tuple[Question, Mapping[str, Any]]] = []
    alone: list[tuple[Question, Mapping[str, Any]]] = []
    postgresql = connection.dialect.name == "postgresql"
    for each in asked:
        if each[0].known(connection, **each[1]) is not None:
            continue
        (together if postgresql and each[0].fits_in_json(connection.dialect) else alone).append(each)
    if not together and not alone and not (last and postgresql):
        return
    early = ahead if ahead is not None and postgresql and together and not alone else None
    questions = [*together, *(early.asked if early is not None else ())]
    with in_one_go(connection):
        sent = [(question, given, question.ask(connection, given)) for question, given in alone]
        made = _in_one_statement(tuple(each for each, _given in questions), connection.dialect) if questions else None
        hiding = early.hidden if early is not None else None
        cursor = made.ask(connection, [given for _each, given in questions], hiding) if made is not None else None
        if last and postgresql:
            run(connection, "COMMIT", prepare=False)
    for question, given, sent_cursor in sent:
        question.remember(answers, given, question.read(connection, sent_cursor))
    if made is None:
        return
    of_reader = answers
    if early is not None and early.hidden != hidden_processes(connection):
        of_reader = {}
        connection.info[AHEAD] = (early.hidden, of_reader)
    for place, ((question, given), rows) in enumerate(zip(questions, made.read(cursor), strict=True)):
        question.remember(answers if place < len(together) else of_reader, given, rows)


class _InOneStatement(NamedTuple):
    """One statement for PostgreSQL that has the rows of several questions, those of each as one JSON text.

    `fixed` are the values that the questions have themselves. The names of values are those of each question, with its
    place after them.
    """

    text: str
    fixed: Mapping[str, Any]
    rows: Sequence[Callable[[Sequence[Any]], Any]]

    def ask(self, connection: Connection, given: Sequence[Mapping[str, Any]], hiding: frozenset[str] | None) -> Any:
        """Send it, and give the driver's cursor. `hiding`: for a reader who does not see these processes' cases."""
        values = dict(self.fixed)
        values.update((f"{name}_{place}", value) for place, each in enumerate(given) for name, value in each.items())
        statement, names = _numbered(as_seen(connection, self.text, hiding))
        return run_numbered(connection, statement, [values[name] for name in names])

    def read(self, cursor: Any) -> list[list[Any]]:
        """The rows of each question."""
        found = cursor.fetchone()
        return [
            [row(each) for each in orjson.loads(text)] if text is not None else []
            for row, text in zip(self.rows, found, strict=True)
        ]


@lru_cache(maxsize=256)
def _numbered(statement: str) -> tuple[str, list[str]]:
    """A statement of psycopg with $1, $2 ... in place of its marks; and the name of each value."""
    names: dict[str, int] = {}
    numbered = _MARK.sub(lambda mark: f"${names.setdefault(mark[1], len(names) + 1)}" if mark[1] else "%", statement)
    return numbered, list(names)


_MADE: dict[tuple[Question, ...], _InOneStatement] = {}  # the questions of a page are the same each time


def _in_one_statement(questions: tuple[Question, ...], dialect: Dialect) -> _InOneStatement:
    found = _MADE.get(questions)
    if found is not None:
        return found
    parts, fixed, rows = [], {}, []
    for place, question in enumerate(questions):
        composed = question.composed(dialect)
        text, names = composed.text, ", ".join(f"c{number}" for number in range(len(composed.types)))
        for name, value in composed.fixed.items():
            text = text.replace(f"%({name})s", f"%({name}_{place})s")
            fixed[f"{name}_{place}"] = value
        parts.append(f"(SELECT json_agg(json_build_array({names}))::text FROM ({text}) AS q{place} ({names}))")  # noqa: S608
        rows.append(_row_of_json(composed))
    made = _MADE[questions] = _InOneStatement(f"SELECT {', '.join(parts)}", fixed, rows)
    return made


def _row_of_json(composed: _Composed) -> Callable[[Sequence[Any]], Any]:
    days = [place for place, column in enumerate(composed.types) if isinstance(column, Date)]
    if not days:
        return composed.row

    def row(values: Sequence[Any]) -> Any:
        made = list(values)
        for place in days:
            made[place] = date.fromisoformat(made[place]) if made[place] is not None else None
        return composed.row(made)

    return row


class _Composed(NamedTuple):
    """A query as a driver takes it: its text, the values that it has itself, and the order of all (None: by name).

    `row` makes a row of a tuple; `converted` are the columns that the driver gives in another form; `types` are
    those of all columns.
    """

    text: str
    fixed: Mapping[str, Any]
    places: Sequence[str] | None
    row: Callable[[Sequence[Any]], Any]
    converted: Sequence[tuple[str, Callable[[Any], Any]]]
    types: Sequence[TypeEngine[Any]]


def _composed(query: Select[Any], dialect: Dialect) -> _Composed:
    made, columns = query.compile(dialect=dialect), query.selected_columns
    rows_named: Any = namedtuple("Row", list(columns.keys()), rename=True)  # type: ignore[misc]
    convert = [column.type.dialect_impl(dialect).result_processor(dialect, None) for column in columns]
    fields: Sequence[str] = rows_named._fields
    converted = [(name, each) for name, each in zip(fields, convert, strict=True) if each is not None]
    types = [column.type for column in columns]
    return _Composed(str(made), made.params, made.positiontup, rows_named._make, converted, types)
