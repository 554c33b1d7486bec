"""What an import of a tracker would do: each column, each refused row, the facts and the letters.

It takes the very path of an import, in a transaction that is undone. A refused row is given with its cells, which may
identify a child: they are for the person who has the file, and are stored encrypted only.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Connection, select

from casework.cases.unit_of_work import UnitOfWork
from casework.context import AppContext
from casework.imports.cells import cell_text, reference_key
from casework.imports.letters_to import LettersTo, NoticeOf, letters_to
from casework.imports.raw_rows import SheetError
from casework.imports.row_choices import NO_ANSWERS, Answers, RowChoice
from casework.imports.rows import Problem
from casework.imports.sheet import SheetRow, TrackerFile, open_tracker
from casework.imports.tracker_import import ImportReport, import_file
from casework.imports.unread import shown_header
from casework.reports.table_files import workbook
from config.tracker_columns import load_columns
from models.database import reading
from models.facts import REFERENCE
from models.tables import IMPORT_FILE
from models.visibility import unseen_among

DUPLICATE = "duplicate_reference"
IDENTIFYING = frozenset({"nhs_number", "date_of_birth", "name", "exception", "comments"})
MOST_REFUSED = 1_000
TO_CORRECT = "To correct"


class ColumnRead(BaseModel):
    """One column of the file: its sheet, letters and own header, and what it was understood as.

    `column` is its name for programs and `meaning` its header as sendflow knows it; both None where it was not read.
    Then `near` says which known header comes nearest. `filled` counts the cells of a column that was not read.
    """

    model_config = ConfigDict(frozen=True)
    sheet: int
    letter: str
    header: str
    column: str | None
    meaning: str | None
    filled: int = 0
    near: str = ""


class CellProblem(BaseModel):
    """One doubtful cell: its column, a code, and what was expected with an example."""

    model_config = ConfigDict(frozen=True)
    column: str
    code: str
    expected: str


class CellShown(BaseModel):
    """One cell of a refused row: its column, its header in the file and its text. It may identify a child."""

    model_config = ConfigDict(frozen=True)
    column: str
    header: str
    place: str
    text: str


class RowRefused(BaseModel):
    """A refused row: where it is, its cells, what is wrong with them, and stored cases that it may be about.

    `first` are the cells of the first row with the same reference, on line `first_line`, where that is why.
    """

    model_config = ConfigDict(frozen=True)
    sheet: int
    line: int
    cells: list[CellShown]
    problems: list[CellProblem]
    cases: list[str]
    first: list[CellShown] = []
    first_line: int = 0

    @property
    def codes(self) -> set[str]:
        """The codes of its problems."""
        return {problem.code for problem in self.problems}


class Trial(BaseModel):
    """What an import would do. `stopped` says why it would stop before it records anything, unless a person goes on.

    `rows` are the refused ones, 1,000 at most; `kinds` counts the facts by kind; `imported_at` are the instants at
    which the same file was imported before.
    """

    model_config = ConfigDict(frozen=True)
    report: ImportReport
    stopped: str | None
    columns: list[ColumnRead]
    rows: list[RowRefused]
    kinds: dict[str, int]
    letters: list[LettersTo]
    imported_at: list[str]


class Seen:
    """A watcher that remembers what an import refuses and writes, or would write."""

    def __init__(self) -> None:
        """Nothing is seen yet."""
        self._rows: dict[tuple[int, int], tuple[SheetRow, Sequence[Problem], Sequence[str]]] = {}
        self.kinds: Counter[str] = Counter()
        self.notices: list[NoticeOf] = []

    @property
    def rows(self) -> list[RowRefused]:
        """The refused rows in the order of the file, 1,000 at most."""
        return [_refused(row, problems, cases) for _place, (row, problems, cases) in sorted(self._rows.items())]

    def refused(self, row: SheetRow, problems: Sequence[Problem], cases: Sequence[str]) -> None:
        """Remember the row; one that is refused again replaces what it was before."""
        if len(self._rows) < MOST_REFUSED:
            self._rows[row.sheet, row.line] = row, problems, cases

    def to_be_written(self, unit: UnitOfWork) -> None:
        """Count the facts and the notices."""
        self.kinds.update(fact.kind for case in unit.cases.values() for fact in case.new_facts)
        self.notices += [NoticeOf(*(getattr(each, name) for name in NoticeOf._fields)) for each in unit.notices]

    def noted(self, connection: Connection, rows: int, facts: int) -> None:
        """Nothing is recorded."""

    def finished(self, connection: Connection, report: ImportReport) -> None:
        """Nothing is recorded."""


def try_import(
    context: AppContext,
    content: bytes,
    actor: str,
    answers: Answers = NO_ANSWERS,
    *,
    ignore_columns: bool = False,
) -> Trial:
    """Say what an import of this content would do with these answers. Raises SheetError if it is no tracker."""
    tracker = open_tracker(content, load_columns(context.own_file("tracker.toml")), context.directory)
    first: dict[str, SheetRow] = {}
    for row in answers.corrected(list(tracker.rows())):
        if answers.choice(row) is not RowChoice.LEAVE:
            first.setdefault(reference_key(row.cells.get("reference")), row)
    stopped = None
    try:
        seen, report = _dry_run(context, content, actor, answers, ignore_columns)
    except SheetError as problem:
        if problem.exit_code != 1:
            raise
        stopped = problem.sentence.partition("; to go on without")[0]
        seen, report = _dry_run(context, content, actor, answers, True)
    before = select(IMPORT_FILE.c.imported_at).where(IMPORT_FILE.c.digest == tracker.digest)
    with reading(context.engine) as connection:
        imported = list(connection.scalars(before.order_by(IMPORT_FILE.c.imported_at)))
    return Trial(
        report=report,
        stopped=stopped,
        columns=_columns(tracker),
        rows=[_as_seen(context, _beside(each, first)) for each in seen.rows],
        kinds=dict(seen.kinds.most_common()),
        letters=letters_to(context.directory, seen.notices),
        imported_at=imported,
    )


def _dry_run(
    context: AppContext, content: bytes, actor: str, answers: Answers, ignore_columns: bool
) -> tuple[Seen, ImportReport]:
    seen = Seen()
    report = import_file(
        context, content, True, actor=actor, answers=answers, ignore_columns=ignore_columns, watcher=seen
    )
    return seen, report


def _columns(tracker: TrackerFile) -> list[ColumnRead]:
    """Each column in the order of the file."""
    read = {
        (sheet, header.place): ColumnRead(
            sheet=sheet,
            letter=header.letter,
            header=header,
            column=what,
            meaning=tracker.columns.header(what, tracker.directory),
        )
        for (sheet, what), header in tracker.read_columns.items()
    }
    known = tracker.columns.known_words(tracker.directory)
    unread = {
        place: ColumnRead(
            sheet=each.sheet,
            letter=each.header.letter,
            header=shown_header(each.header, known),
            column=None,
            meaning=None,
            filled=each.filled,
            near=tracker.unread.near(each) if each.header else "it has no header",
        )
        for place, each in tracker.unread.found.items()
    }
    return [column for _place, column in sorted({**unread, **read}.items())]


def _beside(refused: RowRefused, first: Mapping[str, SheetRow]) -> RowRefused:
    """The row with the first one that has its reference, where it is refused for that."""
    texts = {cell.column: cell.text for cell in refused.cells}
    other = first.get(reference_key(texts.get("reference")))
    if DUPLICATE not in refused.codes or other is None or other.line == refused.line:
        return refused
    return refused.model_copy(update={"first": _cells(other), "first_line": other.line})


def _as_seen(context: AppContext, refused: RowRefused) -> RowRefused:
    """The row as an account sees it that may not know of a restricted case which the row names or reaches."""
    texts = " ".join((*(cell.text for cell in refused.cells), *(problem.expected for problem in refused.problems)))
    with reading(context.engine) as connection:
        unseen = unseen_among(connection, {*refused.cases, *REFERENCE.findall(texts.upper())})
    if not unseen:
        return refused
    said = "expected another reference, for example NX00042; ask the Designated Clinical Officer about this one"
    problem = CellProblem(column="reference", code="not_usable", expected=said)
    return refused.model_copy(update={"problems": [problem], "cases": [], "first": [], "first_line": 0})


def _refused(row: SheetRow, problems: Iterable[Problem], cases: Sequence[str]) -> RowRefused:
    shown = dict.fromkeys((problem.column, problem.code, problem.expected) for problem in problems)
    return RowRefused(
        sheet=row.sheet,
        line=row.line,
        cells=_cells(row),
        problems=[CellProblem(column=column, code=code, expected=said) for column, code, said in shown],
        cases=list(cases),
    )


def _cells(row: SheetRow) -> list[CellShown]:
    return [
        CellShown(
            column=what,
            header=header,
            place=f"column {header.letter}" if row.is_text else f"cell {header.letter}{row.line}",
            text=cell_text(row.cells.get(what)),
        )
        for what, header in sorted(row.headers.items(), key=lambda each: each[1].place)
    ]


def file_to_correct(rows: Sequence[RowRefused]) -> bytes:
    """The refused rows as an Excel workbook: their cells under the file's own headers, and what to correct.

    Once its cells are corrected it can be imported like any tracker.
    """
    headers = {cell.column: cell.header for row in rows for cell in row.cells}
    table: list[list[object]] = [[*headers.values(), TO_CORRECT]]
    for row in rows:
        texts = {cell.column: cell.text for cell in row.cells}
        said = "; ".join(
            f"{headers.get(problem.column, problem.column)}: {problem.expected}" for problem in row.problems
        )
        table.append([*(texts.get(column, "") for column in headers), said])
    return workbook(table, 1)
