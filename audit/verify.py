"""Verify the history: hash every chain, replay every case under the machines of its time, compare copies and
projections with the facts, and calculate the ledger head.

One ordered scan, a case at a time, so that memory is that of one case however many facts there are. Nothing is
repaired: a finding says which case, which fact and what differs. Notices and letters: verify_notices, verify_letters.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime, timedelta
from functools import partial
from hashlib import sha256
from itertools import islice
from operator import attrgetter, itemgetter
from typing import Any, NamedTuple

from msgspec import structs
from pydantic import BaseModel, ConfigDict
from sqlalchemy import Connection

from audit.published_head import Compared, Head, PublishedHead, compare_head
from audit.stored_cases import CASE_COLUMNS, DUTY_COLUMNS, StoredCase, count_cases, stored_cases
from audit.verify_changes import check_changes, check_config
from audit.verify_encrypted import check_encrypted
from audit.verify_letters import check_files, check_letters, check_letters_of
from audit.verify_log import check_log
from audit.verify_notices import NoticeCheck, Report
from casework import findings, published_heads
from casework.cases.loaded_case import BEFORE_ALL_FACTS
from casework.cases.projections import duty_rows, link_rows
from casework.cases.unit_of_work import LARGEST_CLOCK_DIFFERENCE
from casework.context import AppContext, instant
from casework.steps import Step, run_step
from config.law import LawError, NoAnswer
from config.settings import Settings
from deadlines.duties import Duty, duties_of
from deadlines.escalation import evaluate
from models.append_only import missing_triggers
from models.bulk_io import Row, day_form
from models.casefile import CaseFile
from models.change_log import line_before
from models.checkpoints import Heads, checkpoints, difference_message
from models.database import reading
from models.errors import NoSuchCase
from models.facts import GENESIS, StoredFact, Unreadable, canonical_text, iso, whole_fact_of
from models.ledger import Stored
from models.read_only import can_write, open_as_it_is
from models.schema import HEAD, revision
from models.schema_check import schema_differences
from statemachines.process import NotPermitted
from statemachines.replay import replay

DUTY_KEY = itemgetter(DUTY_COLUMNS.index("rule"), DUTY_COLUMNS.index("opened_seq"))
PUBLISHED = "published_head"
RANGE = 2_000  # cases of one step
EVALUATED_UNDER = itemgetter(DUTY_COLUMNS.index("evaluated_under"))
_COPIES = attrgetter("case_ref", "seq", "kind", "recorded_at", "actor")
COPIED = Stored._fields[: Stored._fields.index("text")]
SEQ_INSTANT_HASH = itemgetter(*(Stored._fields.index(name) for name in ("seq", "recorded_at", "hash")))
DutyRows = dict[tuple[str, int], Row]
CaseReport = Callable[[str | None, int | None, str, str], None]


_ORDER = (
    "fact {seq} was recorded before fact {before}, by its instant: the instant was altered, or the clock of a machine"
    " was wrong then"
)
_FUTURE = "fact {seq} was recorded at {at}, which is yet to come: the clock of a machine was wrong, or it was altered"


class VerificationFailure(BaseModel):
    """One thing that is altered or missing. `case_ref` and `seq` are None where it is not about one case or fact."""

    model_config = ConfigDict(frozen=True)
    case_ref: str | None
    seq: int | None
    what: str
    message: str


class VerifyReport(BaseModel):
    """`stale` counts cases whose stored duties were not compared, because they were calculated with another rule set;
    the next sweep calculates them again.

    `head` is sha256 over `case_ref seq hash` of each case's last fact recorded before `before`, in order of reference,
    and `change_log number hash` of the newest record of the change log before it. `published` is a head that was given
    to be compared, `against` a comparison with checkpoints that left.
    `open` counts the stored findings that no person has closed, also those of earlier verifications. `understood`
    counts the differences of now that a person has closed as understood; they are not in `damage`.
    """

    model_config = ConfigDict(frozen=True)
    cases: int
    facts: int
    intact: bool
    head: str
    before: str
    stale: int = 0
    open: int = 0
    understood: int = 0
    damage: list[VerificationFailure]
    published: PublishedHead | None = None
    against: Compared | None = None


class ReplayedCase(NamedTuple):
    """What the facts of one case give, and the facts as they were stored."""

    casefile: CaseFile
    duties: list[Duty]
    facts: list[StoredFact]


def verify(
    context: AppContext, case: str | None = None, before: str | None = None, head: str | None = None
) -> VerifyReport:
    """Verify every case, or one. `head` is a head that left the installation, of the instant `before`.

    Raises NoSuchCase for a case of which the database has nothing.
    """
    before = before or instant(context.now() + timedelta(microseconds=1))
    own = Head(before)
    published: PublishedHead | None = None
    failures: list[VerificationFailure] = []

    def report(ref: str | None, seq: int | None, what: str, message: str) -> None:
        failures.append(VerificationFailure(case_ref=ref, seq=seq, what=what, message=message))

    def report_letter(ref: str | None, seq: int | None, message: str) -> None:
        report(ref, seq, "letter", message)

    def report_row(ref: str | None, what: str, message: str) -> None:
        report(ref, None, what, message)

    witnesses = published_heads.Witnesses.read(context)
    with reading(context.engine) as connection:
        for name in missing_triggers(connection):
            report(None, None, "trigger", f"the trigger {name} is gone: rows could be changed or deleted unseen")
        # A later program's revision has columns that this one does not know; the doctor names the revision.
        for difference in schema_differences(connection) if revision(context.engine) == HEAD else ():
            report(None, None, "schema", difference)
        day = day_form(connection)
        notices = NoticeCheck(context, connection, day)
        checker = CaseCheck(context, notices, day)
        heads = Heads(checkpoints(connection) if case is None else [])

        ranges = _Ranges(checker, own, heads, report)
        stale = ranges.check(stored_cases(connection, case), count_cases(connection) if case is None else 1)
        if case is not None:
            check_letters_of(connection, case, day, report_letter)
        else:
            run_step(Step("letters"), partial(check_letters, connection, day, notices.sent_days, report_letter))
            check_files(connection, context.settings.letters, report_letter)
            if differences := heads.differences(partial(line_before, connection)):
                report(None, None, "head", difference_message(differences))
            failures += (VerificationFailure(**each._asdict()) for each in published_heads.check(connection, witnesses))
        check_log(context, connection, case, report)
        run_step(Step("change log"), partial(check_changes, connection, case, report_row))
        check_encrypted(connection, context.cipher, case, report_row)
        if case is None:
            check_config(context, connection, report_row)
        calculated = own.hex(line_before(connection, before))
        if head is not None:
            published = compare_head(connection, head, before, calculated, partial(report, None, None, PUBLISHED))
        known = without_understood(connection, failures)
        still_open = findings.count_open(connection)
    if case is not None and own.cases == 0 and not failures:
        raise NoSuchCase
    return VerifyReport(
        cases=own.cases,
        facts=own.facts,
        intact=not known,
        head=calculated,
        before=before,
        published=published,
        stale=stale,
        open=still_open,
        understood=len(failures) - len(known),
        damage=known,
    )


def without_understood(connection: Connection, failures: Sequence[VerificationFailure]) -> list[VerificationFailure]:
    """Leave out what a person has closed as understood."""
    found = [findings.Found(**dict(each)) for each in failures]
    return [VerificationFailure(**each._asdict()) for each in findings.without_understood(connection, found)]


def store_found(settings: Settings, report: VerifyReport) -> VerifyReport | None:
    """Store what a look at the installation found; None if its database cannot be written or is of another revision.

    Raises what AppContext.load_existing raises.
    """
    if settings.database_url is None and not can_write(settings.records):
        return None
    engine = open_as_it_is(settings.records_url)
    if engine is None or revision(engine) != HEAD:
        return None
    context = AppContext.load_existing(settings)
    try:
        return _stored(context, report, "verify")
    finally:
        context.engine.dispose()


def verify_and_store(
    context: AppContext, case: str | None = None, by: str = "verify", **given: str | None
) -> VerifyReport:
    """Verify, and store what was found as findings that stay open until a person closes them.

    `given` is a head that left the installation, and its instant. Who only looks stores nothing. Raises NoSuchCase as
    `verify` does.
    """
    report = verify(context, case, **given)
    if context.read_only:
        return report
    return _stored(context, report, by, heads=report.intact and case is None)


def _stored(context: AppContext, report: VerifyReport, by: str, *, heads: bool = False) -> VerifyReport:
    # A head that a person mistyped is no finding of the database.
    found = [findings.Found(**dict(each)) for each in report.damage if each.what != PUBLISHED]
    findings.store(context, by, found)
    with reading(context.engine) as connection:
        if heads:
            published_heads.note(context, connection)
        return report.model_copy(update={"open": findings.count_open(connection)})


class CaseCheck:
    """Compares one case after another with its facts."""

    def __init__(self, context: AppContext, notices: NoticeCheck, day: Callable[[date | None], Any]) -> None:
        self._context = context
        self._notices = notices
        self._day = day
        self._latest = None if context.simulated else instant(context.now() + LARGEST_CLOCK_DIFFERENCE)

    def check(self, stored: StoredCase, report: Report) -> bool:
        """Check one case. True if its duties wait for the next sweep, being calculated with another rule set."""
        if not stored.facts:
            report(None, "tail", "every fact of this case is gone, though the case was cached")
            return False
        replayed = check_and_replay(self._context, stored.ref, stored.facts, report)
        if stored.case is None:
            report(None, "cache", "the case has facts and no cached case")
            return False
        self._check_instants(stored, report)
        case = dict(zip(CASE_COLUMNS, stored.case, strict=True))
        _check_end(stored, case, report)
        if replayed is None:
            return False
        self._check_notices(stored, replayed, report)
        return self._check_projections(stored, case, replayed, report)

    def _check_instants(self, stored: StoredCase, report: Report) -> None:
        """Report facts of the future. A simulation may go back to an earlier day."""
        if self._latest is None:
            return
        for fact in map(Stored._make, reversed(stored.facts)):
            if fact.recorded_at <= self._latest:
                return
            report(fact.seq, "future", _FUTURE.format(seq=fact.seq, at=fact.recorded_at))

    def _check_notices(self, stored: StoredCase, replayed: ReplayedCase, report: Report) -> None:
        try:
            self._notices.check(stored.ref, replayed.facts, replayed.duties, stored.notices, report)
        except (KeyError, TypeError, ValueError):
            report(None, "unreadable", "the facts do not hold what their kinds promise")

    def _check_projections(
        self, stored: StoredCase, case: dict[str, Any], replayed: ReplayedCase, report: Report
    ) -> bool:
        context, casefile, duties = self._context, replayed.casefile, replayed.duties
        final = casefile.state in context.processes[casefile.process].final
        try:
            evaluation = evaluate(
                casefile, duties, context.escalation_policy.rung, context.calendar, BEFORE_ALL_FACTS, final
            )
        except (LawError, NoAnswer) as problem:
            report(None, "unanswered", str(problem))
            return False
        opened_on = self._day(casefile.opened_on) if casefile.opened_on is not None else None
        expected = {
            "process": casefile.process,
            "state": casefile.state,
            "opened_on": opened_on,
            "la": casefile.la,
            "la_reference": casefile.la_reference,
        }
        for name, value in expected.items():
            if case[name] != value:
                report(None, "cache", f"the cached {name} of the case is not what its facts say")
        if stored.links != link_rows(context.processes[casefile.process], stored.ref, replayed.facts, self._day):
            report(None, "cache", "the cached links of the case to others are not what its facts say")
        ruleset = context.ruleset_digest
        if any(EVALUATED_UNDER(row) != ruleset for row in stored.duties):
            return True
        current = duty_rows(stored.ref, duties, evaluation, ruleset, self._day)
        rows = {DUTY_KEY(row): row for row in stored.duties}
        if rows != current:
            _report_duties(rows, current, report)
        return False


class _Ranges:
    """Checks one case after another, a range of them as one step."""

    def __init__(self, checker: CaseCheck, own: Head, heads: Heads, report: CaseReport) -> None:
        self._checker, self._own, self._heads, self._report = checker, own, heads, report

    def check(self, cases: Iterator[StoredCase], total: int) -> int:
        """Check the cases, of which there were so many when they were counted. Returns how many are stale."""
        steps = max(1, -(-total // RANGE))
        stale = 0
        for number in range(1, steps + 1):
            first = (number - 1) * RANGE + 1
            some = islice(cases, RANGE) if number < steps else cases  # some may have been opened meanwhile
            step = Step(f"cases {first} to {min(first + RANGE - 1, max(total, 1))}", number, steps)
            stale += run_step(step, partial(self._check, some))
        return stale

    def _check(self, cases: Iterator[StoredCase]) -> int:
        stale = 0
        for stored in cases:
            self._own.add(stored.ref, stored.facts)
            self._heads.add(stored.ref, [SEQ_INSTANT_HASH(row) for row in stored.facts])
            stale += self._checker.check(stored, partial(self._report, stored.ref))
        return stale


def _check_end(stored: StoredCase, case: dict[str, Any], report: Report) -> None:
    """Whether the last fact is the one that the case's row and its notices know of."""
    last = Stored._make(stored.facts[-1])
    if (case["seq"], case["hash"]) != (last.seq, last.hash):
        missing = case["seq"] - last.seq
        message = f"the last {'fact is' if missing == 1 else f'{missing} facts are'} gone: the case had {case['seq']}"
        if missing <= 0:
            message = f"the cached end of the chain is not that of fact {last.seq}"
        report(last.seq, "tail", message)
        return
    noticed = max((notice.fact_seq for notice in stored.notices), default=0)
    if noticed > last.seq:
        report(last.seq, "tail", f"a notice was written for fact {noticed}, which is gone")


def check_and_replay(context: AppContext, ref: str, rows: Sequence[Row], report: Report) -> ReplayedCase | None:
    """Check and replay one case from its rows alone: every hash, every fact, every duty. None if it cannot be done."""
    facts = _check_chain(rows, report)
    if facts is None:
        return None
    try:
        casefile = replay(ref, facts)
        rules = context.duty_rules[casefile.process]
        duties = duties_of(casefile.lines, rules, context.dates_of, casefile.claims.values())
        return ReplayedCase(casefile, duties, facts)
    except NotPermitted as problem:
        report(problem.seq, "unlawful", problem.sentence)
    except (LawError, NoAnswer) as problem:
        report(None, "unanswered", str(problem))
    except (KeyError, TypeError, ValueError):
        report(None, "unreadable", "the facts do not hold what their kinds promise")
    return None


def _report_duties(rows: DutyRows, current: DutyRows, report: Report) -> None:
    for key in sorted(current.keys() | rows.keys()):
        row, expected = rows.get(key), current.get(key)
        if row == expected:
            continue
        if row is None or expected is None:
            differs = "is missing" if row is None else "has no fact"
        else:
            columns = (name for name, one, other in zip(DUTY_COLUMNS, row, expected, strict=True) if one != other)
            differs = f"differs in {', '.join(sorted(columns))}"
        report(key[1], "cache", f"the cached duty {key[0]} opened by fact {key[1]} {differs}")


def _check_chain(rows: Sequence[Row], report: Report) -> list[StoredFact] | None:
    """The facts of one chain (rows in the order of ledger.Stored); None if one is missing or cannot be read."""
    previous, last_instant = GENESIS, ""
    facts: list[StoredFact] = []
    for number, row in enumerate(rows, 1):
        # Unpacked, because this loop runs once for every fact of the database.
        ref, seq, kind, occurred_on, recorded_at, actor, text, prev_hash, digest = row
        if seq != number:
            report(number, "gap", f"fact {number} is gone")
            return None
        if prev_hash != previous:
            report(seq, "chain", f"fact {seq} does not follow the hash of fact {seq - 1}")
        # as ledger.link does, over the text as the table has it
        raw = text.encode()
        if sha256(prev_hash.encode() + raw).hexdigest() != digest:
            report(seq, "hash", f"fact {seq} is not the text that was hashed")
        previous = digest
        try:
            fact = whole_fact_of(raw)
        except Unreadable:
            report(seq, "unreadable", f"the text of fact {seq} cannot be read")
            continue
        facts.append(fact)
        if canonical_text(fact) != raw:
            report(seq, "form", f"the text of fact {seq} is not in the form in which sendflow writes it")
        if recorded_at < last_instant:
            report(seq, "order", _ORDER.format(seq=seq, before=seq - 1))
        last_instant = recorded_at
        if _COPIES(fact) != (ref, seq, kind, recorded_at, actor) or iso(fact.occurred_on) != occurred_on:
            expected = {**structs.asdict(fact), "occurred_on": fact.occurred_on.isoformat()}
            wrong = ", ".join(name for name, value in zip(COPIED, row, strict=False) if expected[name] != value)
            report(seq, "column", f"the column {wrong} of fact {seq} is not what its text says")
    return facts if len(facts) == len(rows) else None


def parse_instant(value: str) -> str:
    """Parse a person's instant into the form of the database. Raises ValueError without a time zone."""
    moment = datetime.fromisoformat(value)
    if moment.tzinfo is None:
        raise ValueError("an instant has a zone, for example 2026-04-14T09:00:00+01:00")
    return instant(moment)
