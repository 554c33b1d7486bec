"""The desk: one unit of work on some cases inside one transaction. Facts are checked, chained, cached and noticed
together.

`open` reads histories, `add` checks what is wanted against a refold of the whole case, `flush` writes facts, caches,
passages and notices at once. One fact is a bulk of one: the same path. The caller opens the transaction and commits it.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from string import ascii_uppercase
from typing import Any, NamedTuple

from sqlalchemy import Connection, bindparam, func, select, update

from casework.cases.changed_time_limits import check_retimed
from casework.cases.validation import Refused, prepared
from casework.context import AppContext, instant, london_day
from config.law import LawError, NoAnswer
from deadlines.duties import Duty, duties_of
from deadlines.escalation import Evaluation, look
from deadlines.working_calendar import OutsideCalendarRange
from models import ledger, people
from models.bulk_io import Row, day_form, delete_rows, insert_missing, put_new_rows, put_rows, read_among
from models.casefile import CaseFile
from models.database import LEDGER, alone, beside_others, lock_cases
from models.facts import Fact, FactDraft, StoredFact, fact_of
from models.ledger import Tail
from models.tables import CASE, DUTY, NOTICE
from notifications.notices import NoticeDraft, notices_for
from statemachines.process import NotPermitted, Process
from statemachines.replay import fold, opened_by, process_of

DUTY_COLUMNS = tuple(DUTY.columns.keys())
FAR_BACK = date(1900, 1, 1)
SERIES = ("SF-", *(f"SF{letter}-" for letter in ascii_uppercase))
OF_SERIES = 1_000_000
# What a history that cannot be worked out raises, whichever part of it is at fault.
UNREADABLE = (KeyError, ValueError, LookupError, LawError, NoAnswer, OutsideCalendarRange, Refused, NotPermitted)


class Replayed(NamedTuple):
    """What a history leaves."""

    casefile: CaseFile
    duties: list[Duty]


@dataclass(slots=True)
class LoadedCase:
    """A case on the desk: its stored history, what has been added, and what the whole now folds to."""

    case_ref: str
    context: AppContext
    process: Process | None = None
    lines: list[StoredFact] = field(default_factory=list)
    tail: Tail = ledger.NEW_CASE
    folded: Replayed | None = None
    added: list[Fact] = field(default_factory=list)
    child_key: str | None = None
    stored_key: str | None = None
    stale: bool = False

    @property
    def file(self) -> CaseFile:
        """The folded case. Raises LookupError for a case without facts."""
        return self.whole().casefile

    @property
    def duties(self) -> list[Duty]:
        """Every duty of the case. Raises LookupError for a case without facts."""
        return self.whole().duties

    def whole(self) -> Replayed:
        """What the history folds to, worked out when it is first asked for: most acts never ask what a case was before
        them.
        """
        if self.folded is None:
            if not self.lines:
                raise LookupError(f"case {self.case_ref} has no facts yet")
            self.folded = replay_case(self.context, self.case_ref, self.lines)
        return self.folded

    def so_far(self) -> CaseFile | None:
        """The folded case; None before its first fact."""
        return self.file if self.lines else None

    @property
    def ended(self) -> bool:
        return self.process is not None and self.file.state in self.process.final


@dataclass(slots=True)
class _Caches:
    """Rows of caches to be written: cases; duties that are new, changed, changed in the law they were worked out under
    as well, or gone.
    """

    cases: list[Row] = field(default_factory=list)
    new: list[Row] = field(default_factory=list)
    fresh: list[Row] = field(default_factory=list)
    anew: list[Row] = field(default_factory=list)
    gone: list[Row] = field(default_factory=list)


@dataclass(slots=True)
class ReferenceGenerator:
    """New references, one after another, never one that stands already: SF-000001 to SF-999999, then SFA-000000, each
    as long as the others, so that the highest is the last and an index knows it.
    """

    connection: Connection
    last: int = field(default=-1)

    def next(self) -> str:
        """The next reference."""
        if self.last < 0:
            # until this transaction ends, or two would be given the same reference
            alone(self.connection, "minter")
            self.last = self._highest()
        self.last += 1
        return f"{SERIES[self.last // OF_SERIES]}{self.last % OF_SERIES:06d}"

    def _highest(self) -> int:
        last = 0
        for place, prefix in enumerate(SERIES):
            ref = CASE.c.case_ref
            among = (ref >= f"{prefix}000000", ref <= f"{prefix}999999", func.length(ref) == len(prefix) + 6)
            highest = self.connection.scalar(select(func.max(ref)).where(*among))
            if highest is None:
                break
            last = place * OF_SERIES + int(highest.removeprefix(prefix))
            if last % OF_SERIES < OF_SERIES - 1:
                break
        return last


class UnitOfWork:
    """See the module. `actor`, `via` and `run` stand in every fact that the desk writes."""

    def __init__(
        self, context: AppContext, connection: Connection, *, actor: str, via: str, run: str | None = None
    ) -> None:
        self.context = context
        self.connection = connection
        self.day = day_form(connection)
        self.actor = actor
        self.via = via
        self.run = run
        beside_others(
            connection, LEDGER
        )  # a head that leaves the building waits for facts that are under way, and they for it
        now = context.now()
        self.now, self.today = instant(now), london_day(now)
        context.ruleset_guard.ensure_active(connection, self.now, actor, via)
        self.works: dict[str, LoadedCase] = {}
        self.notices: list[NoticeDraft] = []
        self.passages: list[people.FreeText] = []
        self.people: list[tuple[str, Mapping[str, str]]] = []
        self.aliases: dict[str, str] = {}
        self.references = ReferenceGenerator(connection)
        self.united: set[str] = set()
        self.left: dict[
            str, str
        ] = {}  # a case that a correction has made another child's, and the child that it was of

    def open(self, refs: Sequence[str]) -> dict[str, LoadedCase]:
        """Put cases on the desk, locked; a reference without facts gives an empty case, to be opened by its
        first fact.
        """
        wanted = [ref for ref in refs if ref not in self.works]
        if wanted:
            lock_cases(self.connection, wanted)
        histories = ledger.read(self.connection, wanted) if wanted else {}
        for ref in wanted:
            work = LoadedCase(ref, self.context)
            if ref in histories:
                work.lines, work.tail = histories[ref]
                work.process = process_of(work.lines)
            self.works[ref] = work
        return {ref: self.works[ref] for ref in refs}

    def add(self, work: LoadedCase, drafts: Iterable[FactDraft]) -> list[Fact]:
        """Check and add facts to a case in one act. Raises Refused, and the case is as before.

        The whole history is refolded with them, so that nothing is accepted that would make a later fact unlawful.
        """
        facts: list[Fact] = []
        lines = list(work.lines)
        passages: list[people.FreeText] = []
        seq = lines[-1].seq if lines else 0
        recorded_at = max(self.now, lines[-1].recorded_at) if lines else self.now
        process = work.process
        rehearsed = True if self.context.simulated else None
        for draft in drafts:
            if process is None:
                process = opened_by().get(draft.kind)
                if process is None:
                    kinds = ", ".join(sorted(opened_by()))
                    raise Refused(
                        "not_open", f"there is no case {work.case_ref} yet: a case is opened by one of {kinds}"
                    )
            seq += 1
            data, written = prepared(self.context, process, work.so_far, lines, draft, self.today, self.via)
            for key, words in written.items():
                passage = people.encrypt_free_text(self.context.cipher, work.case_ref, words, self.now)
                passages.append(passage)
                data[key] = passage.token
            fact = fact_of(
                {
                    "case_ref": work.case_ref,
                    "seq": seq,
                    "kind": draft.kind,
                    "version": process.versions[draft.kind],
                    "process": process.name,
                    "machine": process.version,
                    "law": self.context.law_version,
                    "occurred_on": draft.occurred_on,
                    "recorded_at": recorded_at,
                    "actor": self.actor,
                    "on_behalf_of": draft.on_behalf_of,
                    "via": self.via,
                    "run": self.run,
                    "corrects": draft.corrects,
                    "caused_by": draft.caused_by,
                    "rehearsed": rehearsed,
                    "data": data,
                }
            )
            facts.append(fact)
            lines.append(fact)
        if not facts:
            return []
        new = lines[-len(facts) :]
        try:
            folded = replay_case(self.context, work.case_ref, lines)
            check_excuses(folded, new)
            of = self.context.processes[folded.casefile.process]
            check_retimed(of, self.context.duty_rules[of.name], folded.casefile.lines, folded.duties, new)
        except NotPermitted as problem:
            raise Refused("unlawful", problem.sentence, seq=problem.seq) from None
        except NoAnswer as problem:
            # A day for which no law stands in the folder: a person has to look at the day, or at the
            # folder.
            raise Refused("no_law", str(problem)) from None
        work.process, work.folded = of, folded
        work.lines = lines
        work.added.extend(facts)
        self.passages.extend(passages)
        local = self.context.settings.carrier == "sink"
        self.notices.extend(
            notices_for(
                new,
                work.file,
                work.duties,
                self.context.escalation_policy,
                self.context.directory,
                self.context.calendar,
                self.today,
                local_sink=local,
            )
        )
        return facts

    def look(self, work: LoadedCase, as_at: date) -> Evaluation:
        """What the ladder has to say of the case by `as_at`."""
        return look(
            work.file, work.duties, self.context.escalation_policy.rung, self.context.calendar, as_at, work.ended
        )

    def remember_person(self, work: LoadedCase, person: Mapping[str, str]) -> None:
        """Keep who the case is about, sealed; cases of one child come to share a random key."""
        self.people.append((work.case_ref, person))

    def flush(self) -> None:
        """Write new facts, free text and notices, and the projections of every case that was added to or
        marked stale.
        """
        self._put_people()
        caches = _Caches()
        written = [work for work in self.works.values() if work.lines and (work.added or work.stale)]
        held = self._held(work.case_ref for work in written if work.tail.seq)
        opened = {work.case_ref for work in written if not work.tail.seq}
        ledger.append(self.connection, self._chained(written, held, caches), sum(len(work.added) for work in written))
        self._write_cases(caches.cases, opened)
        delete_rows(self.connection, DUTY, caches.gone)
        put_new_rows(self.connection, DUTY, caches.new)
        put_rows(self.connection, DUTY, caches.fresh, leave="looked_under")
        put_rows(self.connection, DUTY, caches.anew)
        if self.passages:
            people.check_key_for_writing(self.connection, self.context.cipher)
            people.insert_free_texts(self.connection, self.passages)
            self.passages = []
        self._write_notices(opened)

    def _chained(
        self, written: Sequence[LoadedCase], held: Mapping[str, Mapping[tuple[str, int], Row]], caches: _Caches
    ) -> Iterator[Row]:
        """The rows of all new facts; what the caches of their cases come to is worked out while the database takes them
        in.
        """
        for work in written:
            if not work.tail.seq:
                work.stored_key = work.child_key
            rows, work.tail = ledger.chained(work.added, work.tail)
            work.added = []
            yield from rows
            caches.cases.append(self._case_row(work))
            before, after = held.get(work.case_ref, {}), self._duty_rows(work)
            for key, row in after.items():
                if (old := before.get(key)) is None:
                    caches.new.append(row)
                elif old != row:
                    (caches.fresh if old[-1] == row[-1] else caches.anew).append(row)
            caches.gone.extend((work.case_ref, *key) for key in before.keys() - after.keys())
            work.stale = False

    def settle_children(self, works: Sequence[LoadedCase]) -> None:
        """Find out which child each case is about: from the person table for new ones, from the cached case for old."""
        self._put_people()
        self._know_children(works)

    def _know_children(self, works: Iterable[LoadedCase]) -> None:
        unknown = [work.case_ref for work in works if work.child_key is None and work.tail.seq]
        for case_ref, key in read_among(self.connection, CASE, ("case_ref", "child_key"), "case_ref", unknown):
            self.works[case_ref].child_key = self.works[case_ref].stored_key = key

    def _put_people(self) -> None:
        if self.people:
            self._know_children(self.works[ref] for ref, _person in self.people)
            linked = {ref: key for ref, _person in self.people if (key := self.works[ref].child_key) is not None}
            keys = people.put_people(self.connection, self.context.cipher, self.people, linked)
            for (case_ref, _person), key in zip(self.people, keys, strict=True):
                self.is_of(linked.get(case_ref, key), key)
                self.works[case_ref].child_key = key
            self.people = []
        if self.aliases:
            people.put_aliases(self.connection, self.context.cipher, self.aliases)
            self.aliases = {}

    def is_of(self, before: str, key: str) -> None:
        """Two keys turn out to be one child's: every case of the one becomes a case of the other."""
        if before != key:
            self.united.add(key)
            self.connection.execute(update(CASE).where(CASE.c.child_key == before).values({CASE.c.child_key: key}))
            for work in self.works.values():
                work.child_key = key if work.child_key == before else work.child_key
                work.stored_key = key if work.stored_key == before else work.stored_key

    def _write_cases(self, rows: list[Row], opened: set[str]) -> None:
        """Cached cases; and whose they are, where that is news."""
        put_new_rows(self.connection, CASE, [row for row in rows if row[0] in opened])
        put_rows(self.connection, CASE, [row for row in rows if row[0] not in opened], leave="child_key")
        told = [work for work in self.works.values() if work.child_key != work.stored_key]
        if told:
            self.connection.execute(
                _UPDATE_CHILD, [{"v_case_ref": work.case_ref, "v_key": work.child_key} for work in told]
            )
            for work in told:
                work.stored_key = work.child_key

    def _write_notices(self, opened: set[str]) -> None:
        """The first notice of a key stands: whatever asks again for the same letter asks for nothing. Of a case just
        opened none stands yet.
        """
        first: dict[str, NoticeDraft] = {}
        for notice in self.notices:
            first.setdefault(notice.key, notice)
        of_opened = [notice.row(self.now, self.day) for notice in first.values() if notice.case_ref in opened]
        put_new_rows(self.connection, NOTICE, of_opened)
        insert_missing(
            self.connection,
            NOTICE,
            [notice.row(self.now, self.day) for notice in first.values() if notice.case_ref not in opened],
        )
        self.notices = []

    def _held(self, refs: Iterable[str]) -> dict[str, dict[tuple[str, int], Row]]:
        """The cached duties of some cases, as `duty_rows` gives them."""
        held: dict[str, dict[tuple[str, int], Row]] = {}
        for row in read_among(self.connection, DUTY, DUTY_COLUMNS, "case_ref", refs):
            held.setdefault(row[0], {})[row[1], row[2]] = row
        return held

    def _case_row(self, work: LoadedCase) -> Row:
        file = work.file
        opened_on = self.day(file.opened_on) if file.opened_on is not None else None
        return (
            work.case_ref,
            file.process,
            file.state,
            work.tail.seq,
            work.tail.hash,
            opened_on,
            file.la,
            file.la_reference,
            work.child_key,
        )

    def _duty_rows(self, work: LoadedCase) -> dict[tuple[str, int], Row]:
        looked = self.look(work, FAR_BACK)
        return duty_rows(work.case_ref, work.duties, looked, self.context.ruleset_digest, self.day)


def open_readable(unit: UnitOfWork, refs: Iterable[str]) -> dict[str, LoadedCase]:
    """Puts cases on the desk; one whose history cannot be read is left out, and the others go on."""
    wanted = sorted(refs)
    try:
        opened = unit.open(wanted)
    except UNREADABLE:
        opened = dict(open_each(unit, wanted))
    return {ref: work for ref, work in opened.items() if not work.lines or readable(work)}


def readable(work: LoadedCase) -> bool:
    """Whether a case can be worked out. Asked here, because a desk folds a case only when somebody looks at it."""
    try:
        work.whole()
    except UNREADABLE:
        return False
    return True


def open_each(unit: UnitOfWork, refs: Sequence[str]) -> Iterable[tuple[str, LoadedCase]]:
    """Puts those cases on the desk whose history can be read."""
    for ref in refs:
        try:
            yield ref, unit.open([ref])[ref]
        except UNREADABLE:
            continue


def replay_case(context: AppContext, case_ref: str, lines: list[StoredFact]) -> Replayed:
    """A case and its duties from its facts. Raises Unlawful, LawError or NoAnswer."""
    casefile = fold(case_ref, lines)
    return Replayed(
        casefile,
        duties_of(casefile.lines, context.duty_rules[casefile.process], context.dates_of, casefile.claims.values()),
    )


def duty_rows(
    case_ref: str, duties: Iterable[Duty], looked: Evaluation, looked_under: str, day: Callable[[date], Any]
) -> dict[tuple[str, int], Row]:
    """The cache rows of a case's duties by rule and opening fact, in the order of the table's columns; `day` is how the
    driver has a day.
    """
    look_on = looked.look_on
    rows: dict[tuple[str, int], Row] = {}
    for duty in duties:
        key = (duty.rule, duty.opened_seq)
        dates, closed_on, looks = duty.dates, duty.closed_on, look_on.get(key)
        rows[key] = (
            case_ref,
            duty.rule,
            duty.opened_seq,
            duty.body,
            duty.service,
            day(duty.started_on),
            dates.due and day(dates.due),
            dates.strict_due and day(dates.strict_due),
            dates.act_by and day(dates.act_by),
            closed_on and day(closed_on),
            duty.met_on and day(duty.met_on),
            duty.excuse.ground if duty.excuse else None,
            looks and day(looks),
            looked_under,
        )
    return rows


def check_excuses(folded: Replayed, new: Sequence[StoredFact]) -> None:
    """Refuse a ground that no provision on this case lists, and an acceptance that reaches no duty."""
    for line in new:
        if line.kind not in {"excuse_claimed", "excuse_decided"} or line.seq not in {
            known.seq for known in folded.casefile.lines
        }:
            continue
        ground, rule, body = line.data.get("ground"), line.data.get("rule"), line.data.get("body")
        duties = [duty for duty in folded.duties if rule in (None, duty.rule) and body in (None, duty.body)]
        lawful = sorted({excuse for duty in duties for excuse in duty.dates.excuses})
        if ground is not None and ground not in lawful:
            listed = ", ".join(lawful) or "none"
            raise Refused(
                "ground_not_listed",
                f"'{ground}' is no ground that the law lists for this duty; it lists: {listed}. "
                "A waiting list can be recorded as waiting_list_stated, and the clock runs on",
            )
        if line.kind == "excuse_decided" and line.data["decision"] == "accepted":
            claim = folded.casefile.claims[line.data["claim"]]
            if claim.ground is None:
                raise Refused(
                    "ground_missing", "an accepted claim names its ground, for example --data ground=absent_4_weeks"
                )
            if claim.look_again_on is None:
                raise Refused(
                    "look_again_missing",
                    "whoever accepts an excuse names the day to look again, for example --data"
                    " look_again_on=2026-05-18",
                )
            if not any(duty.excuse is not None and duty.excuse.seq == claim.seq for duty in folded.duties):
                raise Refused(
                    "touches_nothing",
                    "the claim touches the period of no duty that it could excuse: give its days as "
                    "--data began_on=2026-03-02 --data ended_on=2026-04-05, and the body where it is about one",
                )


_UPDATE_CHILD = (
    update(CASE).where(CASE.c.case_ref == bindparam("v_case_ref")).values({CASE.c.child_key: bindparam("v_key")})
)
