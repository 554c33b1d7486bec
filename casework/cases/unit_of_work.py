"""The unit of work: some cases, locked in one transaction, and the facts that one act appends to them. [I/O]

`load` reads histories, `append` checks new facts against a replay of the whole case, and `write` stores facts,
projections, free text and notices. One fact takes the same path as many. The caller opens the transaction and commits
it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, select, update

from casework.cases.asked_ahead import asked_cases
from casework.cases.changed_time_limits import check_changed_time_limits
from casework.cases.exceptions import check_exceptions
from casework.cases.first_fact import opens_none
from casework.cases.loaded_case import UNREADABLE, LoadedCase, Replayed, is_readable, replay_case
from casework.cases.projections import DutyKey, Projections, write_child_ids
from casework.cases.references import ReferenceGenerator
from casework.cases.repetitions import as_repetition
from casework.cases.validation import ENGINE_VIA, CaseSoFar, Refused, fields_of
from casework.context import AppContext, instant, london_day
from casework.webhooks import ChangedCase, are_awaited, note_changes
from config.law import NoAnswer
from models import ledger, people
from models.aliases import insert_aliases
from models.bulk_io import (
    Row,
    day_form,
    in_one_statement,
    insert_missing_with,
    put_new_rows,
    read_among,
)
from models.change_log import AT, log_at_the_end, log_keys, log_rows
from models.database import is_postgresql
from models.facts import Fact, FactDraft, StoredFact, fact_of
from models.free_text import FreeText, insert_free_texts, new_free_text
from models.key_checks import check_key_for_writing
from models.locks import LEDGER, lock_cases, lock_shared
from models.tables import CASE, NOTICE
from notifications.letter_fields import CaseView
from notifications.notices import NoticeDraft, notices_for
from notifications.outbox import notice_row
from statemachines.process import NotPermitted, Process
from statemachines.refusals import named
from statemachines.registry import opens_a_case, process_of

LARGEST_CLOCK_DIFFERENCE = timedelta(minutes=5)
FEW = 20  # cases whose duties are read together with their facts: of more, as in a sweep, not each one changes


class UnitOfWork:
    """One act on some cases. Every fact that it appends carries `actor`, `via` and `run`.

    Raises RulesetMismatch if another rule set is active for this database.
    """

    def __init__(
        self, context: AppContext, connection: Connection, *, actor: str, via: str, run: str | None = None
    ) -> None:
        self.context = context
        self.connection = connection
        self.actor = actor
        self.via = via
        self.run = run
        self._simulated = True if context.simulated else None
        # The daily digest reads the head of the ledger: it waits for acts under way, and they wait for it.
        lock_shared(connection, LEDGER)
        now = context.now()
        self.now, self.today = instant(now), london_day(now)
        connection.info[AT] = self.now
        context.keep_time(connection)
        context.ruleset_guard.ensure_active(connection, self.now, actor, via)
        context.ruleset_guard.note_files(connection, context.directory, at=self.now, actor=actor, via=via)
        self.cases: dict[str, LoadedCase] = {}
        self._stored_duties: dict[str, dict[DutyKey, Row]] = {}  # read with the case, and not written since
        self._locked_child_ids: dict[str, str | None] = {}  # likewise, of cases that this act has locked
        self.notices: list[NoticeDraft] = []
        self.free_texts: list[FreeText] = []
        self.people: list[tuple[str, Mapping[str, str]]] = []
        self.aliases: dict[str, str] = {}
        self.references = ReferenceGenerator(connection)
        self.merged_children: set[str] = set()
        self.saved_children: set[str] = set()
        # Cases that a correction has given to another child, and the child that each was of.
        self.former_child: dict[str, str] = {}
        # What became known of a child of other cases too, in sentences.
        self.child_notes: list[str] = []

    def load(self, refs: Sequence[str], *, locked: bool = False) -> dict[str, LoadedCase]:
        """Lock (unless the caller has `locked` them) and read cases. One without facts is opened by its first fact.

        Raises Damaged or NotPermitted if a history cannot be read.
        """
        wanted = [ref for ref in refs if ref not in self.cases]
        if wanted:
            histories = self._read(wanted, locked)
            for ref in wanted:
                case = LoadedCase(ref, self.context)
                if ref in histories:
                    case.facts, case.tail = histories[ref]
                    case.process = process_of(case.facts)
                self.cases[ref] = case
        return {ref: self.cases[ref] for ref in refs}

    def _read(self, wanted: list[str], locked: bool) -> Mapping[str, tuple[list[StoredFact], ledger.Tail]]:
        """Lock and read. On PostgreSQL, what an act on a few cases compares at its end is read with them."""
        if len(wanted) > FEW or not is_postgresql(self.connection):
            if not locked:
                lock_cases(self.connection, wanted)
            return ledger.read(self.connection, wanted)
        asked = asked_cases(self.connection, wanted, locked)
        self._locked_child_ids |= asked.child_ids()
        self._stored_duties |= asked.stored_duties()
        return asked.histories()

    def append(
        self, case: LoadedCase, drafts: Iterable[FactDraft], via: str | None = None, *, usual_only: bool = False
    ) -> list[Fact]:
        """Check new facts of a case and append them together. Raises Refused, and the case is as before.

        `via` is OWN for facts that no person may record by hand. With `usual_only`, a fact out of order is refused.

        The whole history is replayed with them: a fact is refused if a later fact would not be permitted after it.
        """
        facts, free_texts = self._new_facts(case, drafts, via or self.via)
        if not facts:
            return []
        history = [*case.facts, *facts]
        process, replayed = self._checked(case, history, facts)
        if usual_only:
            _refuse_out_of_order(replayed, facts)
        case.accept(history, facts, process, replayed)
        self.free_texts.extend(free_texts)
        context = self.context
        view = CaseView(
            context.escalation_policy,
            context.directory,
            context.calendar,
            replayed.casefile,
            replayed.duties,
            context.team_roles,
        )
        self.notices.extend(notices_for(facts, view, self.today, local_sink=context.settings.carrier == "sink"))
        return facts

    def _new_facts(self, case: LoadedCase, drafts: Iterable[FactDraft], via: str) -> tuple[list[Fact], list[FreeText]]:
        """Number and date the drafts, and encrypt their free text."""
        facts: list[Fact] = []
        free_texts: list[FreeText] = []
        history: list[StoredFact] = list(case.facts)
        recorded_at = self._recorded_at(history)
        kinds = {fact.kind for fact in history}
        by_hand = via not in ENGINE_VIA
        so_far: CaseSoFar | None = None  # made once: `history` and `kinds` grow with each fact
        for draft in drafts:
            if so_far is None:
                process = case.process or self._process_opened_by(case, draft)
                so_far = CaseSoFar(process, history, kinds, self.today, case.file_if_opened)
                alike = self._alike(case.case_ref, recorded_at, process)
            data, texts = fields_of(self.context, so_far, draft, via)
            repeated = as_repetition(process, case, draft, data) if by_hand else None
            if repeated is not None:
                draft = repeated
                data, texts = fields_of(self.context, so_far, draft, via)
            for key, text in texts.items():
                fresh = new_free_text(case.case_ref, text)
                free_texts.append(fresh)
                data[key] = fresh.token
            fact = _fact(alike, history[-1].seq + 1 if history else 1, process.facts[draft.kind].version, draft, data)
            facts.append(fact)
            history.append(fact)
            kinds.add(fact.kind)
        return facts, free_texts

    def _recorded_at(self, history: Sequence[StoredFact]) -> str:
        """Give the instant of new facts: not before the last one's, which another machine's clock may have given.

        An instant of the future is not followed in a real installation: it would stick to every later fact.
        """
        last = history[-1].recorded_at if history else self.now
        if last > self.now and not self.context.simulated and self._is_ahead(last):
            return self.now
        return max(self.now, last)

    def _is_ahead(self, recorded_at: str) -> bool:
        return datetime.fromisoformat(recorded_at) - datetime.fromisoformat(self.now) > LARGEST_CLOCK_DIFFERENCE

    def _process_opened_by(self, case: LoadedCase, draft: FactDraft) -> Process:
        process = opens_a_case(draft.kind, draft.data)
        if process is None:
            raise Refused("not_open", opens_none(case.case_ref, draft.kind))
        return process

    def _alike(self, case_ref: str, recorded_at: str, process: Process) -> dict[str, Any]:
        """The fields that all new facts of a case have alike."""
        return {
            "case_ref": case_ref,
            "process": process.name,
            "machine": process.version,
            "law": self.context.law_version,
            "recorded_at": recorded_at,
            "actor": self.actor,
            "via": self.via,
            "run": self.run,
            "rehearsed": self._simulated,
        }

    def _checked(self, case: LoadedCase, history: list[StoredFact], new: Sequence[Fact]) -> tuple[Process, Replayed]:
        """Replay a history with its new facts. Raises Refused."""
        try:
            replayed = replay_case(self.context, case.case_ref, history)
            file, duties = replayed
            process = self.context.processes[file.process]
            check_exceptions(file, duties, new)
            check_changed_time_limits(process, self.context.duty_rules[process.name], file.lines, duties, new)
        except NotPermitted as problem:
            raise Refused("unlawful", problem.sentence, seq=problem.seq) from None
        except NoAnswer as problem:
            # The rule set has no law for that day: a person has to check the day, or the statute files.
            raise Refused("no_law", str(problem)) from None
        return process, replayed

    def remember_person(self, case: LoadedCase, person: Mapping[str, str]) -> None:
        """Store who the case is about, encrypted, when the unit is written. Cases of one child share a random id."""
        self.people.append((case.case_ref, person))

    def write(self) -> None:
        """Write new facts, free text, notices, and the projections of every case that changed or is outdated."""
        self._put_people()
        changed: list[LoadedCase] = []
        opened: set[str] = set()
        grown: set[str] = set()
        count = 0
        for case in self.cases.values():
            if new := len(case.new_facts):
                grown.add(case.case_ref)
                count += new
                if not case.tail.seq:
                    opened.add(case.case_ref)
            elif not (case.outdated and case.facts):
                continue
            changed.append(case)
        projections = Projections.of(self.connection, changed, opened, grown, self._stored_duties)
        self._stored_duties = {}
        signed = ledger.Signed.of(self.connection)
        notices = self._notice_rows(opened)
        rows = count + projections.count + len(notices[True]) + len(notices[False])
        with in_one_statement(self.connection, rows):
            ledger.append(self.connection, _chain(changed), count, signed)
            projections.write(self.connection, signed.mac)
            put_new_rows(self.connection, NOTICE, notices[True])
            inserted = insert_missing_with(self.connection, NOTICE, notices[False])
        for case in changed:
            case.outdated = False
            if case.case_ref in opened:
                case.stored_child_id = case.child_id
        write_child_ids(self.connection, self.cases.values())
        self._locked_child_ids = {}
        if self.free_texts:
            self._write_free_texts()
        if notices[True]:
            log_rows(self.connection, NOTICE, notices[True])
        if notices[False]:
            log_at_the_end(self.connection, lambda: self._log_notices(notices[False], inserted()))
        if are_awaited(self.connection):
            files = ((each.case_ref, each.tail.seq, each.file) for each in changed)
            after = (ChangedCase(ref, file.process, file.state, file.la, seq) for ref, seq, file in files)
            note_changes(self.connection, self.context, after, projections.duties.written, self.now)

    def find_children(self, cases: Sequence[LoadedCase]) -> None:
        """Set the child id of each case: from the person table if it is new, from its case_file row if stored."""
        self._put_people()
        self._read_child_ids(cases)

    def _read_child_ids(self, cases: Iterable[LoadedCase]) -> None:
        unknown = [case for case in cases if case.child_id is None and case.tail.seq]
        found = self._locked_child_ids
        if unread := [case.case_ref for case in unknown if case.case_ref not in found]:
            found = found | dict(read_among(self.connection, CASE, ("case_ref", "child_key"), "case_ref", unread))
        for case in unknown:
            case.child_id = case.stored_child_id = found.get(case.case_ref)

    def _put_people(self) -> None:
        if self.people:
            self._read_child_ids(self.cases[ref] for ref, _person in self.people)
            known = {ref: child for ref, _person in self.people if (child := self.cases[ref].child_id) is not None}
            children = people.save_people(self.connection, self.context.cipher, self.people, known)
            for (case_ref, _person), child_id in zip(self.people, children, strict=True):
                self.merge_children(known.get(case_ref, child_id), child_id)
                self.cases[case_ref].child_id = child_id
            self.saved_children.update(children)
            self.people = []
        if self.aliases:
            insert_aliases(self.connection, self.context.cipher, self.aliases)
            self.aliases = {}

    def merge_children(self, before: str, after: str) -> None:
        """Two child ids turn out to be one child: every case of the first becomes a case of the second."""
        if before != after:
            self.merged_children.add(after)
            moved = select(CASE.c.case_ref).where(CASE.c.child_key == before)
            log_keys(self.connection, CASE, list(self.connection.scalars(moved)))
            self.connection.execute(update(CASE).where(CASE.c.child_key == before).values({CASE.c.child_key: after}))
            self._locked_child_ids = {}
            for case in self.cases.values():
                case.child_id = after if case.child_id == before else case.child_id
                case.stored_child_id = after if case.stored_child_id == before else case.stored_child_id

    def _write_free_texts(self) -> None:
        check_key_for_writing(self.connection, self.context.cipher)
        insert_free_texts(self.connection, self.context.cipher, self.free_texts)
        self.free_texts = []

    def _notice_rows(self, opened: set[str]) -> dict[bool, list[Row]]:
        """The first notice of each key, by whether its case is new: a second one asks for the same letter."""
        rows: dict[bool, list[Row]] = {True: [], False: []}
        if self.notices:
            first: dict[str, NoticeDraft] = {}
            for notice in self.notices:
                first.setdefault(notice.key, notice)
            day = day_form(self.connection)
            for notice in first.values():
                rows[notice.case_ref in opened].append(notice_row(notice, self.now, day))
            self.notices = []
        return rows

    def _log_notices(self, rows: Sequence[Row], inserted: int) -> None:
        """Note the notices of cases that are not new in the change log. Some may be stored already."""
        if inserted == len(rows):
            log_rows(self.connection, NOTICE, rows)
        else:
            log_keys(self.connection, NOTICE, (row[0] for row in rows))


def _fact(alike: Mapping[str, Any], seq: int, version: int, draft: FactDraft, data: dict[str, Any]) -> Fact:
    return fact_of(
        {
            **alike,
            "seq": seq,
            "kind": draft.kind,
            "version": version,
            "occurred_on": draft.occurred_on,
            "on_behalf_of": draft.on_behalf_of,
            "corrects": draft.corrects,
            "caused_by": draft.caused_by,
            "data": data,
        }
    )


def _refuse_out_of_order(replayed: Replayed, facts: Sequence[Fact]) -> None:
    for fact in facts:
        if (words := replayed.casefile.out_of_order.get(fact.seq)) is not None:
            raise Refused("unlawful", f"{named(fact)} is {words}", seq=fact.seq)


def _chain(changed: Iterable[LoadedCase]) -> Iterator[Row]:
    """The ledger rows of all new facts, made while the database takes them in: memory is that of one case."""
    for case in changed:
        yield from case.chain_new_facts()


def load_readable(unit: UnitOfWork, refs: Iterable[str]) -> dict[str, LoadedCase]:
    """Load cases, leaving out those whose history cannot be read or replayed."""
    wanted = sorted(refs)
    try:
        loaded = unit.load(wanted)
    except UNREADABLE:
        loaded = dict(load_each(unit, wanted))
    return {ref: case for ref, case in loaded.items() if not case.facts or is_readable(case)}


def load_each(unit: UnitOfWork, refs: Sequence[str]) -> Iterable[tuple[str, LoadedCase]]:
    """Load cases one by one, leaving out those whose history cannot be read."""
    for ref in refs:
        try:
            yield ref, unit.load([ref])[ref]
        except UNREADABLE:
            continue
