"""Importing a tracker: each sound row's facts are recorded together or not at all, and every refused row is told with
what was expected.

Purpose: the record begins from the teams' own spreadsheets, without a guess and without chasing the past
(`chasing_began`, dated the day of import, covers every rung up to it). One transaction holds the whole file, or one
thousand rows at a time of a very large one; the same file imported again changes nothing, so that a broken-off import
is finished by running it again. The file's name, which may be a child's, is kept nowhere: an import is known by the
digest of the file.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Connection, insert

from casework.cases.commit import commit
from casework.cases.loaded_case import LoadedCase
from casework.cases.record import RecordCommand, apply
from casework.cases.unit_of_work import UnitOfWork
from casework.cases.validation import Refused
from casework.context import AppContext, instant
from casework.imports.compare import VIA_IMPORT, Compared, compare
from casework.imports.rows import Plan, Problem, RowReader
from casework.imports.sheet import SheetError, SheetRow, TrackerFile, open_tracker
from config.tracker_columns import TrackerColumns, load_columns
from models import people
from models.database import transact, writing
from models.facts import FactDraft
from models.people import Kept
from models.tables import IMPORT_FILE
from statemachines.replay import facts_in_force

IN_ONE_PIECE = 5_000
BATCH = 1_000
DIFFERS = "differs"
NOT_SHOWN = "the record has another value than the file (neither is shown here)"


class RowRefusal(BaseModel):
    """One doubtful cell of a refused row: the file's physical line or sheet row, the column, a code, and what was
    expected.
    """

    model_config = ConfigDict(frozen=True)
    line: int
    field: str
    code: str
    message: str


class ClaimToDecide(BaseModel):
    """An exception of the tracker that waits for a person: nothing is excused until it is decided."""

    model_config = ConfigDict(frozen=True)
    case_ref: str
    line: int


class Named(BaseModel):
    """A row whose own reference has not the form of one here (it may be a name), and the reference that its case was
    given; a person can look it up.
    """

    model_config = ConfigDict(frozen=True)
    case_ref: str
    line: int


class ImportReport(BaseModel):
    """What became of a file. `rows` counts case rows only; `refused` counts rows, `refusals` has one entry for each
    doubtful cell.

    `named` says which row without a reference of the house's form became which case, the first time that it is
    imported.

    `corrections` counts the cells that were accepted against the record: of facts, and of the sealed person, which no
    fact tells.
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
    dry_run: bool
    bodies: list[str]


@dataclass
class _Tally:
    rows: int
    accepted: int
    refused: int
    facts_added: int
    unchanged: int
    corrections: int
    refusals: list[tuple[int, RowRefusal]]  # with the sheet that its row is of
    claims: list[ClaimToDecide]
    named: list[Named]
    bodies: set[str]

    @classmethod
    def empty(cls) -> _Tally:
        return cls(0, 0, 0, 0, 0, 0, [], [], [], set())


class _DryRun(Exception):
    """Undoes the transaction of a dry run."""


def import_file(
    context: AppContext,
    path: Path,
    dry_run: bool = False,
    accept_changes: bool = False,
    actor: str = "importer",
    run: str | None = None,
) -> ImportReport:
    """Imports a tracker. Raises SheetError where the file cannot be read as one, TrackerError for a locality's own
    column file; then nothing was written.

    `dry_run` writes nothing at all and reports what would be; `accept_changes` records corrections where a cell differs
    from the record.
    """
    tracker = open_tracker(Path(path), load_columns(context.own_file("tracker.toml")), context.directory)
    rows = list(
        tracker.rows()
    )  # read to the end before anything is written: a file that breaks off further down is refused whole
    importer = _Importer(context, tracker, accept_changes, actor, run)
    size = len(rows) if len(rows) <= IN_ONE_PIECE else BATCH
    for start in range(0, len(rows), size or 1):
        try:
            importer.take_in_once(rows[start : start + size], dry_run)
        except _DryRun:
            continue
    report = importer.report(dry_run)
    if not dry_run:
        with writing(context.engine) as connection:
            connection.execute(
                insert(IMPORT_FILE),
                [
                    {
                        "digest": tracker.digest,
                        "imported_at": instant(context.now()),
                        "rows": report.rows,
                        "accepted": report.accepted,
                        "refused": report.refused,
                        "facts_added": report.facts_added,
                    }
                ],
            )
    return report


class _Importer:
    """One import: reads rows, compares them with the record, and puts what is new on a desk, batch by batch."""

    def __init__(
        self, context: AppContext, tracker: TrackerFile, accept_changes: bool, actor: str, run: str | None
    ) -> None:
        self.context = context
        self.tracker = tracker
        self.columns: TrackerColumns = tracker.columns
        self.accept_changes = accept_changes
        self.actor = actor
        self.run = run
        self.today = context.today()
        self.reader = RowReader(self.columns, context.directory, self.today)
        self.seen: dict[str, int] = {}
        self.tally = _Tally.empty()

    def report(self, dry_run: bool) -> ImportReport:
        tally = self.tally
        remarks = self.tracker.said()
        # What the record refuses is known later than what a cell alone shows; a person reads both from the top of the
        # file down.
        refusals = [told for _, told in sorted(tally.refusals, key=lambda each: (each[0], each[1].line))]
        return ImportReport(
            rows=tally.rows,
            accepted=tally.accepted,
            refused=tally.refused,
            facts_added=tally.facts_added,
            refusals=refusals,
            unchanged=tally.unchanged,
            corrections=tally.corrections,
            claims_to_decide=tally.claims,
            remarks=remarks,
            dry_run=dry_run,
            bodies=sorted(tally.bodies),
            named=[] if dry_run else tally.named,
        )

    def take_in_once(self, rows: Sequence[SheetRow], dry_run: bool) -> None:
        """Takes in one batch in a transaction of its own, afresh where other writers were first. Raises _DryRun, which
        undoes it.
        """
        before = deepcopy(self.tally), dict(self.seen)

        def once(connection: Connection) -> None:
            self.tally, self.seen = deepcopy(before[0]), dict(before[1])
            self.take_in(connection, rows)
            if dry_run:
                raise _DryRun

        transact(self.context.engine, once)

    def take_in(self, connection: Connection, rows: Sequence[SheetRow]) -> None:
        """Takes in one batch inside the caller's transaction."""
        plans = list(self._sound(rows))
        batch = _Batch(self, connection, plans)
        for plan in plans:
            batch.take(plan)
        commit(batch.unit)

    def _sound(self, rows: Sequence[SheetRow]) -> Iterator[Plan]:
        for row in rows:
            self.tally.rows += 1
            outcome = self.reader.read(row)
            problems = outcome if isinstance(outcome, list) else []
            reference = self.reader.reference(row)
            if reference:
                first = self.seen.setdefault(reference, row.line)
                if first != row.line:
                    text = (
                        f"the reference was used before, on line {first}, and the first row with it stands; expected a"
                        " reference of its own"
                    )
                    problems.append(self.reader.problem("reference", "duplicate_reference", text))
            if problems:
                self.refuse(row, problems)
            elif isinstance(outcome, Plan):
                yield outcome

    def refuse(self, row: SheetRow, problems: Sequence[Problem]) -> None:
        """Counts a row as refused, with every doubtful cell of it."""
        self.tally.refused += 1
        where = f"Sheet {row.sheet}: " if row.sheet > 1 else ""
        # One cell may stand for several facts (a request for each service): what is said of it twice in the same words
        # is said once.
        found = dict.fromkeys(
            RowRefusal(line=row.line, field=told.field, code=told.code, message=where + told.message)
            for told in problems
        )
        self.tally.refusals.extend((row.sheet, told) for told in found)


class _Batch:
    """Some rows with all that the records hold of their cases, read at once."""

    def __init__(self, importer: _Importer, connection: Connection, plans: Sequence[Plan]) -> None:
        self.importer = importer
        self.context = importer.context
        self.connection = connection
        self.seal = self.context.cipher
        originals = [plan.original for plan in plans if plan.reference is None]
        self.aliases = people.find_aliases(connection, self.seal, originals)
        refs = [ref for plan in plans if (ref := self.ref_of(plan)) is not None]
        self.unit = UnitOfWork(self.context, connection, actor=importer.actor, via=VIA_IMPORT, run=importer.run)
        self.works = self.unit.load(refs)
        known = [ref for ref, work in self.works.items() if work.facts]
        self.passages = people.read_free_texts(connection, self.seal, known)
        self.child_of = people.child_keys(connection, known)
        self.by_number = people.find_children(
            connection, self.seal, [plan.person["nhs_number"] for plan in plans if "nhs_number" in plan.person]
        )
        children = {*self.child_of.values(), *self.by_number.values()}
        self.people = people.read_people(connection, self.seal, children)
        self.erased = people.erased_among(connection, children)
        self.told: dict[
            tuple[str, str], str
        ] = {}  # of each NHS number its birth and name, as the first row with it has them

    def ref_of(self, plan: Plan) -> str | None:
        """The case that a row is of; None where it has none yet and is to be given a reference."""
        return plan.reference or self.aliases.get(plan.original)

    def take(self, plan: Plan) -> None:
        """Takes in one row, whole or not at all."""
        reader, tally = self.importer.reader, self.importer.tally
        ref = self.ref_of(plan)
        work = self.works.get(ref) if ref is not None else None
        lines = facts_in_force(work.facts) if work is not None and work.facts else []
        compared = compare(plan, lines, self.importer.columns, self.context.directory, self.importer.today)
        problems = [
            reader.problem(told.column, DIFFERS, told.message)
            for told in compared.differences
            if self._stands(bool(told.corrections))
        ]
        person, mended, doubts = self._person(plan, ref)
        problems += doubts
        if problems:
            self.importer.refuse(plan.row, problems)
            return
        drafts = [*compared.corrections(), *compared.new] if lines else compared.new
        claim = self._claim(plan, ref, work)
        if claim is not None:
            drafts = [*drafts, ("exception", claim)]
        words = [plan.comments] if plan.comments and plan.comments not in self._words(ref) else []
        if not drafts and not words and not person:
            tally.accepted += 1
            tally.unchanged += 1
            return
        self._record(
            plan,
            ref,
            work,
            compared,
            [draft for _, draft in drafts],
            [column for column, _ in drafts],
            person,
            mended,
            words,
            claim is not None,
        )

    def _record(
        self,
        plan: Plan,
        ref: str | None,
        work: LoadedCase | None,
        compared: Compared,
        drafts: Sequence[FactDraft],
        columns: Sequence[str],
        person: dict[str, str],
        mended: int,
        words: Sequence[str],
        claimed: bool,
    ) -> None:
        tally = self.importer.tally
        before = work.facts[-1].seq if work is not None and work.facts else 0
        alias = plan.original if ref is None else None
        try:
            done = apply(self.unit, RecordCommand(ref, drafts, person, words, begin_chasing=bool(drafts), alias=alias))
        except Refused as refused:
            place = refused.seq - before - 1 if refused.seq is not None else 0
            column = columns[place] if 0 <= place < len(columns) else "reference"
            self.importer.refuse(plan.row, [self.importer.reader.problem(column, refused.code, refused.message)])
            return
        tally.accepted += 1
        added = done.facts[-1].seq - before if done.facts else 0
        tally.facts_added += added
        tally.unchanged += 1 if added == 0 and not mended else 0
        tally.corrections += len(compared.corrections()) + mended
        tally.bodies |= {str(draft.data["body"]) for draft in drafts if "body" in draft.data}
        if alias is not None:
            tally.named.append(Named(case_ref=done.case_ref, line=plan.row.line))
        if claimed:
            tally.claims.append(ClaimToDecide(case_ref=done.case_ref, line=plan.row.line))

    def _stands(self, can_be_corrected: bool) -> bool:
        """Whether a difference refuses its row: unless changes are accepted and the import can record this one."""
        return not (self.importer.accept_changes and can_be_corrected)

    def _words(self, ref: str | None) -> set[str]:
        return {kept.words for kept in self._kept(ref) if kept.words is not None}

    def _kept(self, ref: str | None) -> Sequence[Kept]:
        return self.passages.get(ref, []) if ref is not None else []

    def _claim(self, plan: Plan, ref: str | None, work: LoadedCase | None) -> FactDraft | None:
        """An undated claim that nobody has decided, unless these very words were claimed by an import before."""
        if not plan.exception:
            return None
        told = {kept.id: kept.words for kept in self._kept(ref)}
        for line in work.facts if work is not None else []:
            if line.kind == "excuse_claimed" and line.via == VIA_IMPORT:
                words = told.get(people.passage_id(str(line.data.get("evidence", ""))))
                if words is None or words == plan.exception:  # None: erased, and not to be brought back
                    return None
        return FactDraft("excuse_claimed", self.importer.today, {"evidence": plan.exception})

    def _person(self, plan: Plan, ref: str | None) -> tuple[dict[str, str], int, list[Problem]]:
        """What the row newly tells of the child, how much of it mends what is known, and where it contradicts it. No
        value is ever shown.
        """
        reader = self.importer.reader
        number = plan.person.get("nhs_number")
        own = self.child_of.get(ref) if ref is not None else None
        child = own or (self.by_number.get(number) if number else None)
        if child in self.erased:
            return (
                {},
                0,
                [
                    reader.problem(
                        "reference", "erased", "the person of this case has been erased; expected no row for it"
                    )
                ],
            )
        held = self.people.get(child, {}) if child is not None else {}
        one = {name: plan.person[name] for name in ("date_of_birth", "name") if number and name in plan.person}
        apart = [name for name, said in one.items() if self.told.setdefault((str(number), name), said) != said]
        if apart:
            text = "another row has another {} for the same NHS number; expected one child's to be the same"
            return {}, 0, [reader.problem(name, DIFFERS, text.format(name.replace("_", " "))) for name in apart]
        problems: list[Problem] = []
        fresh: dict[str, str] = {}
        mended = 0
        for name, told in plan.person.items():
            known = held.get(f"{name}/{ref}" if name in people.OF_A_CASE else name)
            if known is None:
                fresh[name] = told
            elif known != told and name != "reference":  # the same reference, written with other blanks or letter case
                fresh[name] = told
                mended += 1
                moved = name == "nhs_number" and self.by_number.get(told, child) != child
                if moved:
                    problems.append(
                        reader.problem(
                            name,
                            DIFFERS,
                            f"{NOT_SHOWN}, and the file's belongs to another child: mend the row, or the case",
                        )
                    )
                elif not self.importer.accept_changes:
                    problems.append(reader.problem(name, DIFFERS, NOT_SHOWN))
        if own is None and not fresh and plan.person:
            fresh = dict(plan.person)  # known from another case of the same child: this case is joined to it
        return fresh, mended, problems


__all__ = ["ClaimToDecide", "ImportReport", "RowRefusal", "SheetError", "import_file"]
