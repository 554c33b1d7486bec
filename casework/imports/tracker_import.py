"""Import a tracker: the facts of each sound row are recorded together, and every refused row is reported with reasons.

Purpose: cases begin from the teams' own spreadsheets. sendflow guesses no cell, and sends no letter about the past:
`chasing_began`, dated the day of import, covers every escalation step up to that day.

One transaction holds the whole file, or 1,000 rows at a time of a very large one. The same file imported again changes
nothing, so an interrupted import is completed by running it again. The file's name may be a child's and is stored
nowhere: an import is known by the digest of its file.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Protocol, TypedDict, Unpack

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Connection

from casework.cases.commit import commit
from casework.cases.duplicates import open_duplicates
from casework.cases.unit_of_work import UnitOfWork
from casework.context import AppContext, instant
from casework.imports.batch import ImportOptions, RowBatch, RowOutcome
from casework.imports.date_order import doubt_orders
from casework.imports.raw_rows import SheetError
from casework.imports.refused_rows import RefusedRow, RowsRead, leave_to_a_person
from casework.imports.row_choices import NO_ANSWERS, Answers, RowChoice
from casework.imports.rows import Plan, Problem, RowReader, as_own_case
from casework.imports.sheet import CellCount, SheetRow, TrackerFile, open_tracker
from casework.imports.unread import cells_filled
from casework.steps import Step, run_step
from casework.to_decide import MOST_OF_A_FILE, keys_of_waiting_rows, row_key
from config.tracker_columns import load_columns
from models.aliases import find_aliases
from models.change_log import insert_logged
from models.database import reading, transact, writing
from models.tables import IMPORT_FILE

IN_ONE_PIECE = 5_000
BATCH = 1_000


class RowRefusal(BaseModel):
    """One doubtful cell of a refused row: physical line or sheet row, column, code, and what was expected."""

    model_config = ConfigDict(frozen=True)
    line: int
    field: str
    code: str
    message: str


class ClaimToDecide(BaseModel):
    """A claimed exception of the tracker that a person has to decide; until then it changes no status."""

    model_config = ConfigDict(frozen=True)
    case_ref: str
    line: int


class Named(BaseModel):
    """A row without a usable reference (its own may be a name), and the reference that its case was given."""

    model_config = ConfigDict(frozen=True)
    case_ref: str
    line: int


class ImportReport(BaseModel):
    """The result of an import.

    `rows` counts case rows only. `refused` counts rows; `refusals` has one entry for each doubtful cell. `corrections`
    counts the cells that replaced a value of the record, in facts and in the encrypted identity. `named` lists the rows
    whose cases were given a new reference by this import.
    """

    model_config = ConfigDict(frozen=True)
    rows: int
    accepted: int
    refused: int
    facts_added: int
    refusals: list[RowRefusal]
    unchanged: int
    corrections: int
    claims_to_decide: list[ClaimToDecide]
    named: list[Named]
    remarks: list[str]
    cells: CellCount
    dry_run: bool
    bodies: list[str]
    left_out: int = 0


class Watcher(Protocol):
    """Sees what an import does, row by row and piece by piece."""

    def refused(self, row: SheetRow, problems: Sequence[Problem], cases: Sequence[str]) -> None:
        """A row was refused; `cases` are stored ones that it may be about."""

    def to_be_written(self, unit: UnitOfWork) -> None:
        """A piece is about to be written in its transaction, which may be repeated, or undone in a dry run."""

    def noted(self, connection: Connection, rows: int, facts: int) -> None:
        """So many rows and facts of the file are recorded once the transaction of this connection ends."""

    def finished(self, connection: Connection, report: ImportReport) -> None:
        """The import is recorded once the transaction of this connection ends."""


@dataclass
class _Tally:
    """Counts of the rows read so far. `refusals` are with the number of the row's sheet."""

    rows: int = 0
    accepted: int = 0
    refused: int = 0
    facts_added: int = 0
    unchanged: int = 0
    corrections: int = 0
    left_out: int = 0
    cells_accepted: int = 0
    cells_refused: int = 0
    refusals: list[tuple[int, RowRefusal]] = field(default_factory=list)
    claims: list[ClaimToDecide] = field(default_factory=list)
    named: list[Named] = field(default_factory=list)
    bodies: set[str] = field(default_factory=set)
    first_lines: dict[str, int] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)
    refused_rows: list[RefusedRow] = field(default_factory=list)
    settled: set[str] = field(default_factory=set)

    def refuse(self, row: SheetRow, reference: str, problems: Sequence[Problem], cases: Sequence[str] = ()) -> None:
        """Count a row as refused, with every doubtful cell of it."""
        self.refused += 1
        self.cells_refused += row.filled
        if len(self.refused_rows) < MOST_OF_A_FILE:
            codes = tuple(dict.fromkeys((problem.field, problem.code) for problem in problems))
            self.refused_rows.append(RefusedRow(reference, row.sheet, row.line, codes, tuple(cases)))
        where = f"Sheet {row.sheet}: " if row.sheet > 1 else ""
        # One cell may give several facts (a request for each service); the same problem of it is reported once.
        refusals = dict.fromkeys(
            RowRefusal(line=row.line, field=problem.field, code=problem.code, message=where + problem.message)
            for problem in problems
        )
        self.refusals.extend((row.sheet, refusal) for refusal in refusals)

    def count(self, row: SheetRow, outcome: RowOutcome) -> None:
        """Count what became of a row that was accepted."""
        self.accepted += 1
        self.cells_accepted += row.filled
        self.unchanged += outcome.unchanged
        self.facts_added += outcome.facts
        self.corrections += outcome.corrections
        self.bodies |= outcome.bodies
        self.remarks += [f"line {row.line}: {words}" for words in outcome.out_of_order]
        if outcome.new_reference is not None:
            self.named.append(Named(case_ref=outcome.new_reference, line=row.line))
        where = f"sheet {row.sheet}, line {row.line}" if row.sheet > 1 else f"line {row.line}"
        self.remarks += [f"{where}: {note[0].lower()}{note[1:]}" for note in outcome.notes]
        if outcome.claim_of is not None:
            self.claims.append(ClaimToDecide(case_ref=outcome.claim_of, line=row.line))


class Choices(TypedDict, total=False):
    """Who imports, through which run, and whether the import goes on over columns that look like answers.

    `confirmed`: the cases that a row reaches by its NHS number are about one child. `answers`: what a person answered
    about single rows. `piece`: so many rows at most are one transaction. `watcher` sees what is done.
    """

    actor: str
    run: str | None
    ignore_columns: bool
    confirmed: bool
    answers: Answers
    piece: int
    watcher: Watcher


class _DryRun(Exception):
    """Rolls back the transaction of a dry run."""


def import_file(
    context: AppContext,
    path: Path | bytes,
    dry_run: bool = False,
    accept_changes: bool = False,
    **choices: Unpack[Choices],
) -> ImportReport:
    """Import a tracker: a file, or its content. `dry_run` writes nothing and reports what an import would do.

    `accept_changes` records corrections for cells that differ from the record. Raises SheetError if the file cannot be
    read as a tracker, TrackerError for a column file of the team that is wrong; then nothing was written.
    """
    tracker = open_tracker(path, load_columns(context.own_file("tracker.toml")), context.directory)
    # All are read before anything is written: a file that is damaged further down is refused whole.
    answers = choices.get("answers", NO_ANSWERS)
    rows = doubt_orders(answers.corrected(list(tracker.rows())))
    if not choices.get("ignore_columns"):
        _check_unread(tracker)
    options = ImportOptions(
        choices.get("actor", "importer"), choices.get("run"), accept_changes, choices.get("confirmed", False), answers
    )
    importer = _Importer(context, tracker, options, choices.get("watcher"))
    size = min(len(rows) if len(rows) <= IN_ONE_PIECE else BATCH, choices.get("piece", len(rows)))
    starts = range(0, len(rows), size or 1)
    for number, start in enumerate(starts, 1):
        batch = rows[start : start + size]
        step = Step(f"rows on lines {batch[0].line} to {batch[-1].line}", number, len(starts))
        run_step(step, partial(importer.import_batch, batch, dry_run))
    report = importer.report(dry_run)
    if not dry_run:
        importer.finish(report)
    return report


def _check_unread(tracker: TrackerFile) -> None:
    """Raise SheetError if a column with values was not read and looks like one of an answer or a status."""
    found = tracker.unread.like_answers()
    if found:
        named = "; ".join(
            f"{tracker.unread.named(each)} ({cells_filled(each.filled)}; {tracker.unread.near(each)})" for each in found
        )
        raise SheetError(
            "these columns look like answers or a status, and their headers are not known, so that advice that has"
            f" come would count as late: {named}; rename a header, or name it in tracker.toml, and import again; to"
            " go on without these columns: sendflow import FILE --ignore-columns",
            exit_code=1,
        )


class _Importer:
    """One import: reads rows and records them batch by batch."""

    def __init__(
        self, context: AppContext, tracker: TrackerFile, options: ImportOptions, watcher: Watcher | None
    ) -> None:
        self.context = context
        self.watcher = watcher
        self.tracker = tracker
        self.options = options
        self.reader = RowReader(tracker.columns, context.directory, context.today())
        self.tally = _Tally()
        with reading(context.engine) as connection:
            self.waiting = keys_of_waiting_rows(connection)

    def report(self, dry_run: bool) -> ImportReport:
        """Give the report, with refusals from the top of the file down."""
        tally = self.tally
        return ImportReport(
            rows=tally.rows,
            accepted=tally.accepted,
            refused=tally.refused,
            facts_added=tally.facts_added,
            refusals=[refusal for _, refusal in sorted(tally.refusals, key=lambda each: (each[0], each[1].line))],
            unchanged=tally.unchanged,
            corrections=tally.corrections,
            claims_to_decide=tally.claims,
            remarks=[*self.tracker.all_remarks(), *tally.remarks],
            cells=self.tracker.count(tally.cells_accepted, tally.cells_refused),
            dry_run=dry_run,
            bodies=sorted(tally.bodies),
            named=[] if dry_run else tally.named,
            left_out=tally.left_out,
        )

    def finish(self, report: ImportReport) -> None:
        """Record that the file was imported, and leave its refused rows to a person."""
        imported = report.model_dump(include={"rows", "accepted", "refused", "facts_added"})
        imported |= {"digest": self.tracker.digest, "imported_at": instant(self.context.now())}
        read = RowsRead(self.tally.refused_rows, self.tally.settled)
        with writing(self.context.engine) as connection:
            insert_logged(connection, IMPORT_FILE, [imported], imported["imported_at"])
            leave_to_a_person(self.context, connection, self.tracker.digest, read, self.options.actor)
            if self.watcher is not None:
                self.watcher.finished(connection, report)

    def _refuse(self, row: SheetRow, problems: Sequence[Problem], cases: Sequence[str] = ()) -> None:
        self.tally.refuse(row, self.reader.reference(row), problems, cases)
        if self.watcher is not None:
            self.watcher.refused(row, problems, cases)

    def _count(self, row: SheetRow, outcome: RowOutcome) -> None:
        if outcome.problems:
            self._refuse(row, outcome.problems, outcome.cases)
            return
        reference = self.reader.reference(row)
        self.tally.count(row, outcome)
        if self.waiting and reference:
            self.tally.settled |= self.waiting & {row_key(self.context, reference, "")}

    def import_batch(self, rows: Sequence[SheetRow], dry_run: bool) -> None:
        """Record one batch in a transaction of its own, again if another writer was first."""
        before = self.tally

        def record_once(connection: Connection) -> None:
            self.tally = deepcopy(before)
            plans = list(self._sound(connection, rows))
            batch = RowBatch(self.context, connection, self.reader, self.options, plans)
            for plan in plans:
                self._count(plan.row, batch.record(plan))
            commit(batch.unit, self.watcher.to_be_written if self.watcher is not None else None)
            open_duplicates(batch.unit)
            if dry_run:
                raise _DryRun
            if self.watcher is not None:
                self.watcher.noted(connection, self.tally.rows, self.tally.facts_added)

        with suppress(_DryRun):
            transact(self.context.engine, record_once)

    def _sound(self, connection: Connection, rows: Sequence[SheetRow]) -> Iterator[Plan]:
        """Read the rows, refuse those with a problem and give the others."""
        for row in rows:
            self.tally.rows += 1
            choice = self.options.answers.choice(row)
            if choice is RowChoice.LEAVE:
                self.tally.left_out += 1
                self.tally.cells_refused += row.filled
                continue
            outcome = self.reader.read(row)
            problems = outcome if isinstance(outcome, list) else []
            reference = self.reader.reference(row)
            own = as_own_case(outcome) if isinstance(outcome, Plan) else None
            if own is not None and (choice is RowChoice.BOTH or self._is_own_case(connection, row, own)):
                yield own
                continue
            if reference:
                first = self.tally.first_lines.setdefault(reference, row.line)
                if first != row.line:
                    text = (
                        f"the reference was used before, on line {first}, and the first row with it is used; expected a"
                        " reference of its own"
                    )
                    problems.append(self.reader.problem(row, "reference", "duplicate_reference", text))
            if problems:
                self._refuse(row, problems)
            elif isinstance(outcome, Plan):
                yield outcome

    def _is_own_case(self, connection: Connection, row: SheetRow, own: Plan) -> bool:
        """Whether an earlier import made this row, which has the reference of another, a case of its own."""
        if not self.tally.first_lines.get(self.reader.reference(row)):
            return False
        return bool(find_aliases(connection, self.context.cipher, [own.original]))


__all__ = ["ClaimToDecide", "ImportReport", "RowRefusal", "SheetError", "import_file"]
