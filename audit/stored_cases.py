"""What the database has of each case: its facts, its projections and its notices, streamed a case at a time. [I/O]"""

from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple

from sqlalchemy import Connection, Table, func, select

from audit.verify_notices import StoredNotice, notices_by_case
from models.bulk_io import Row, mark, stream_some
from models.ledger import Stored
from models.tables import CASE, CASE_LINK, DUTY, FACT

CASE_COLUMNS = tuple(CASE.columns.keys())
DUTY_COLUMNS = tuple(DUTY.columns.keys())
LINK_COLUMNS = tuple(CASE_LINK.columns.keys())


class Cases(NamedTuple):
    """Some cases: one, or those from a reference up to another without it. None is the beginning, or the end."""

    first: str | None = None
    after: str | None = None
    only: str | None = None

    def where(self, connection: Connection) -> tuple[str, tuple[str, ...]]:
        """The condition of a statement about a table with the column `case_ref`, and its values."""
        conditions = ((self.only, "="), (self.first, ">="), (self.after, "<"))
        given = [(value, sign) for value, sign in conditions if value is not None]
        texts = " AND ".join(f"case_ref {sign} {mark(connection)}" for _value, sign in given)
        return (f"WHERE {texts}" if texts else ""), tuple(value for value, _sign in given)


class StoredCase(NamedTuple):
    """What the database has of one case: its facts, its row of case_file, its duties, links and notices."""

    ref: str
    facts: list[Row]
    case: Row | None
    duties: list[Row]
    notices: list[StoredNotice]
    links: list[Row]


def stored_cases(connection: Connection, cases: Cases) -> Iterator[StoredCase]:
    """Everything that is stored of each case, in order of reference: four ordered streams, read side by side."""
    where, given = cases.where(connection)

    def rows(table: Table, columns: tuple[str, ...]) -> _CaseStream:
        return _CaseStream(_by_case(stream_some(connection, table, columns, where, given)))

    facts, files, duties = rows(FACT, Stored._fields), rows(CASE, CASE_COLUMNS), rows(DUTY, DUTY_COLUMNS)
    links = rows(CASE_LINK, LINK_COLUMNS)
    notices = _CaseStream(notices_by_case(connection, where, given))
    streams = (facts, files, duties, notices, links)
    while refs := [each.ref for each in streams if each.ref is not None]:
        ref = min(refs)
        row = files.take(ref)
        case = row[0] if row else None
        yield StoredCase(ref, facts.take(ref), case, duties.take(ref), notices.take(ref), links.take(ref))


def count_cases(connection: Connection) -> int:
    """How many cases there are."""
    return connection.scalar(select(func.count()).select_from(CASE)) or 0


def _by_case(rows: Iterable[Row]) -> Iterator[tuple[str, list[Row]]]:
    for ref, some in groupby(rows, itemgetter(0)):
        yield ref, list(some)


class _CaseStream:
    """Rows by case, read as far as the next case. `ref` is that case; None at the end."""

    def __init__(self, source: Iterator[tuple[str, list[Any]]]) -> None:
        self._source = source
        self.ref: str | None = None
        self._rows: list[Any] = []
        self._next()

    def take(self, ref: str) -> list[Any]:
        """The rows of a case if it is the next one; otherwise none."""
        if self.ref != ref:
            return []
        rows = self._rows
        self._next()
        return rows

    def _next(self) -> None:
        self.ref, self._rows = next(self._source, (None, []))
