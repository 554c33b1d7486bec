"""Record some rows of a tracker in one transaction: each row whole or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from msgspec.structs import replace
from sqlalchemy import Connection, select

from casework.cases.child_questions import CONFIRM
from casework.cases.loaded_case import LoadedCase
from casework.cases.out_of_order import unusual
from casework.cases.record import RecordCommand, apply
from casework.cases.repetitions import as_repetition
from casework.cases.same_child import UndecidedAlready, refuse_second_case
from casework.cases.unit_of_work import UnitOfWork
from casework.cases.validation import Refused
from casework.cases.warnings import bodies_of_another_time
from casework.context import AppContext
from casework.imports.cells import other_spelling
from casework.imports.compare import VIA_IMPORT, compare
from casework.imports.identity import DIFFERS, Identities, IdentityChange
from casework.imports.row_choices import NO_ANSWERS, Answers, RowChoice
from casework.imports.rows import Plan, Problem, RowReader
from models.aliases import find_aliases
from models.bulk_io import in_chunks
from models.facts import REFERENCE, FactDraft
from models.free_text import StoredText, free_text_id, read_free_texts
from models.tables import CASE
from statemachines.registry import opened_by
from statemachines.replay import facts_in_force

# Refusals of a row because it may be about a child, or a matter, that is stored already.
MAY_BE_ONE = frozenset({CONFIRM, "undecided_already", "open_already", "another_child", "authoritys_reference"})
MOST_NAMED = 12
REFERENCES = ("reference", "la_reference")  # columns that a fact's refusal names by its field


@dataclass(frozen=True)
class ImportOptions:
    """Who imports, through which run, and whether cells that differ from the record become corrections.

    `confirmed`: a person has confirmed that the cases which a row reaches are about one child. `answers` says the same
    of single rows.
    """

    actor: str
    run: str | None
    accept_changes: bool
    confirmed: bool = False
    answers: Answers = NO_ANSWERS

    def is_confirmed(self, plan: Plan) -> bool:
        """Whether a person has confirmed the child of this row."""
        return self.confirmed or self.answers.choice(plan.row) is RowChoice.SAME


@dataclass
class RowOutcome:
    """What became of one row. A row with problems was refused, `cases` are stored ones that it is about, and the other
    fields are empty.

    `new_reference` is the reference given to a case whose own has another form; `claim_of` the case on which the row
    claims an exception; `out_of_order` says which of its facts the law does not foresee there, and `notes` what it made
    known of a child of other cases.
    """

    problems: Sequence[Problem] = ()
    facts: int = 0
    corrections: int = 0
    unchanged: bool = False
    bodies: set[str] = field(default_factory=set)
    new_reference: str | None = None
    claim_of: str | None = None
    out_of_order: Sequence[str] = ()
    notes: Sequence[str] = ()
    cases: Sequence[str] = ()


@dataclass(frozen=True)
class _Change:
    """What a row would change on its case. `drafts` are the facts, each with the column that it comes from."""

    drafts: Sequence[tuple[str, FactDraft]]
    corrections: int
    identity: IdentityChange
    comments: Sequence[str]
    claim: bool

    @property
    def empty(self) -> bool:
        return not self.drafts and not self.comments and not self.identity.values


class RowBatch:
    """Some sound rows, with all that the database contains about their cases, read at once."""

    def __init__(
        self,
        context: AppContext,
        connection: Connection,
        reader: RowReader,
        options: ImportOptions,
        plans: Sequence[Plan],
    ) -> None:
        self.context = context
        self.reader = reader
        self.options = options
        self.stored_as = _stored_spellings(connection, [plan.reference for plan in plans if plan.reference])
        # A reference of our form may be of a repeated request, which has no case of its own.
        self.aliases = find_aliases(connection, context.cipher, [plan.reference or plan.original for plan in plans])
        refs = [ref for plan in plans if (ref := self._ref_of(plan)) is not None]
        self.unit = UnitOfWork(context, connection, actor=options.actor, via=VIA_IMPORT, run=options.run)
        self.cases = self.unit.load(refs)
        known = [ref for ref, case in self.cases.items() if case.facts]
        self.free_texts = read_free_texts(connection, context.cipher, known)
        self.identities = Identities(
            connection, context.cipher, reader, plans, known, accept_changes=options.accept_changes
        )

    def record(self, plan: Plan) -> RowOutcome:
        """Record one row."""
        ref = self._ref_of(plan)
        case = self.cases.get(ref) if ref is not None else None
        change, problems = self._compare(plan, ref, case)
        if problems:
            return RowOutcome(problems, cases=[*_stored([case]), *self._of_the_number(plan, case)])
        if change.empty:
            return RowOutcome(unchanged=True)
        return self._apply(plan, ref, case, change)

    def _ref_of(self, plan: Plan) -> str | None:
        """The reference of a row's case; None if the case is new and gets a reference from sendflow."""
        if plan.reference is None:
            return self.aliases.get(plan.original)
        return self.stored_as.get(plan.reference) or self.aliases.get(plan.reference, plan.reference)

    def _compare(self, plan: Plan, ref: str | None, case: LoadedCase | None) -> tuple[_Change, list[Problem]]:
        facts = facts_in_force(case.facts) if case is not None and case.facts else []
        compared = compare(plan, facts, self.reader)
        choice = self.options.answers.choice(plan.row)
        identity = self.identities.compare(plan, ref, choice)
        accepted = self.options.accept_changes or choice is RowChoice.NEW
        problems = [
            self.reader.problem(plan.row, difference.column, DIFFERS, difference.message)
            for difference in compared.differences
            if choice is not RowChoice.OLD and not (accepted and difference.corrections)
        ]
        corrections = compared.corrections() if choice is not RowChoice.OLD else []
        drafts = [*corrections, *compared.new]
        claim = self._claim(plan, ref, case)
        if claim is not None:
            drafts.append(("exception", claim))
        comments = [plan.comments] if plan.comments and plan.comments not in self._stored_words(ref) else []
        change = _Change(drafts, len(corrections), identity, comments, claim is not None)
        return change, [*problems, *identity.problems]

    def _apply(self, plan: Plan, ref: str | None, case: LoadedCase | None, change: _Change) -> RowOutcome:
        before = case.facts[-1].seq if case is not None and case.facts else 0
        drafts = [draft for _column, draft in change.drafts]
        alias = plan.original if ref is None else None
        command = RecordCommand(
            ref, drafts, change.identity.values, change.comments, begin_chasing=bool(drafts), alias=alias
        )
        known = len(self.unit.child_notes)
        try:
            done = self._done(plan, command, case)
        except Refused as refused:
            place = refused.seq - before - 1 if refused.seq is not None else 0
            column = change.drafts[place][0] if 0 <= place < len(change.drafts) else "reference"
            if refused.field in REFERENCES:
                column = refused.field
            problems = [self.reader.problem(plan.row, column, refused.code, refused.message)]
            return RowOutcome(problems, cases=self._reached(case, refused))
        added = done.facts[-1].seq - before if done.facts else 0
        return RowOutcome(
            facts=added,
            corrections=change.corrections + change.identity.replaced,
            unchanged=added == 0 and not change.identity.replaced,
            bodies={str(draft.data["body"]) for draft in drafts if "body" in draft.data},
            new_reference=done.case_ref if alias is not None else None,
            claim_of=done.case_ref if change.claim else None,
            out_of_order=unusual(done, after=before),
            notes=[
                *self.unit.child_notes[known:],
                *(plan.remarks if added else ()),
                *bodies_of_another_time(done, after=before),
            ],
        )

    def _of_the_number(self, plan: Plan, case: LoadedCase | None) -> list[str]:
        """The stored cases of the NHS number of a row that has no case of its own yet."""
        child = self.identities.child_by_number.get(plan.person.get("nhs_number", ""))
        if child is None or _stored([case]):
            return []
        query = select(CASE.c.case_ref).where(CASE.c.child_key == child).order_by(CASE.c.case_ref)
        return list(self.unit.connection.scalars(query.limit(MOST_NAMED)))

    def _reached(self, case: LoadedCase | None, refused: Refused) -> list[str]:
        """The stored case of a refused row, and those that the refusal says the row may be one with."""
        named = REFERENCE.findall(refused.message) if refused.code in MAY_BE_ONE else []
        query = select(CASE.c.case_ref).where(CASE.c.case_ref.in_(named[:MOST_NAMED]))
        stored = set(self.unit.connection.scalars(query)) if named else set()
        return sorted({*_stored([case]), *stored})

    def _done(self, plan: Plan, command: RecordCommand, case: LoadedCase | None) -> LoadedCase:
        """Apply a command. While the child's case is undecided, a further request is a repetition there."""
        opened = case is not None and case.facts
        other: str | None
        try:
            return apply(self.unit, command)
        except UndecidedAlready as undecided:
            other = undecided.case_ref
        except Refused as refused:
            if refused.code != CONFIRM or not self.options.is_confirmed(plan):
                raise
            other = None if opened else self._undecided_case(command)
            if other is None:
                return apply(self.unit, replace(command, confirmed=True))
        (opening, *further) = command.drafts
        if further:
            raise Refused(
                "undecided_already",
                f"case {other} of the same child and local authority is undecided, and a further request is part of it;"
                f" expected what followed in the row of {other}, and the day of the request alone in this row",
                field="requested_on",
            )
        own = plan.reference or plan.original
        process, first = opened_by()[opening.kind], self.unit.load([other])[other]
        repeated = as_repetition(process, first, opening, opening.data)
        assert repeated is not None, "the case is undecided"
        done = apply(self.unit, replace(command, case_ref=other, person=None, drafts=[repeated], alias=own))
        self.aliases[own] = other
        return done

    def _undecided_case(self, command: RecordCommand) -> str | None:
        """The undecided case that a row belongs to whose child a person has confirmed."""
        process = opened_by()[command.drafts[0].kind]
        case = LoadedCase(command.case_ref or "", self.context)
        try:
            refuse_second_case(self.unit, process, case, command.drafts, None, command.person or {})
        except UndecidedAlready as undecided:
            return undecided.case_ref
        except Refused:
            return None
        return None

    def _claim(self, plan: Plan, ref: str | None, case: LoadedCase | None) -> FactDraft | None:
        """The row's exception as an undated claim, unless an import has recorded a claim in the same words before."""
        if not plan.exception:
            return None
        words = {text.id: text.words for text in self._stored_texts(ref)}
        for fact in case.facts if case is not None else []:
            if fact.kind == "excuse_claimed" and fact.via == VIA_IMPORT:
                before = words.get(free_text_id(str(fact.data.get("evidence", ""))))
                if before is None or before == plan.exception:  # None: erased, and not to be recorded again
                    return None
        return FactDraft("excuse_claimed", self.reader.today, {"evidence": plan.exception})

    def _stored_words(self, ref: str | None) -> set[str]:
        return {text.words for text in self._stored_texts(ref) if text.words is not None}

    def _stored_texts(self, ref: str | None) -> Sequence[StoredText]:
        return self.free_texts.get(ref, []) if ref is not None else []


def _stored(cases: Sequence[LoadedCase | None]) -> list[str]:
    return [case.case_ref for case in cases if case is not None and case.tail.seq]


def _stored_spellings(connection: Connection, references: Sequence[str]) -> dict[str, str]:
    """The references of stored cases, also those that have a hyphen where the file has none, or none there."""
    others = {other_spelling(reference): reference for reference in references}
    stored = {
        ref
        for chunk in in_chunks([*others, *references])
        for ref in connection.scalars(select(CASE.c.case_ref).where(CASE.c.case_ref.in_(chunk)))
    }
    spelt_otherwise = {ref: other for other, ref in others.items() if other in stored}
    return spelt_otherwise | {ref: ref for ref in references if ref in stored}
