"""Compares one case after another with its facts: every hash, the replay under the machine of its time, the
projections and the notices. Nothing is repaired.
"""

from collections.abc import Callable, Sequence
from datetime import date
from hashlib import sha256
from operator import itemgetter
from typing import Any, NamedTuple

from msgspec import structs

from audit.stored_cases import CASE_COLUMNS, DUTY_COLUMNS, StoredCase
from audit.verify_notices import NoticeCheck, Report
from casework.cases.loaded_case import BEFORE_ALL_FACTS
from casework.cases.projections import duty_rows, link_rows
from casework.cases.unit_of_work import LARGEST_CLOCK_DIFFERENCE
from casework.context import AppContext, instant
from config.law import LawError, NoAnswer
from deadlines.duties import Duty, duties_of
from deadlines.escalation import evaluate
from models.bulk_io import Row
from models.casefile import CaseFile
from models.facts import (
    GENESIS,
    StoredFact,
    Unreadable,
    canonical_text,
    canonical_texts,
    iso,
    stored_fact_of,
    stored_facts_of,
)
from models.ledger import Stored
from statemachines.process import NotPermitted
from statemachines.replay import replay

DUTY_KEY = itemgetter(DUTY_COLUMNS.index("rule"), DUTY_COLUMNS.index("opened_seq"))
EVALUATED_UNDER = itemgetter(DUTY_COLUMNS.index("evaluated_under"))
_TEXT = Stored._fields.index("text")
COPIED = Stored._fields[:_TEXT]
DutyRows = dict[tuple[str, int], Row]


_ORDER = (
    "fact {seq} was recorded before fact {before}, by its instant: the instant was altered, or the clock of a machine"
    " was wrong then"
)
_FUTURE = "fact {seq} was recorded at {at}, which is yet to come: the clock of a machine was wrong, or it was altered"

_NEVER_ACTIVE = "the cached duty {rule} opened by fact {seq} names a rule set that was never active"


class ReplayedCase(NamedTuple):
    """What the facts of one case give, and the facts as they were stored."""

    casefile: CaseFile
    duties: list[Duty]
    facts: Sequence[StoredFact]


class CaseCheck:
    """Compares one case after another with its facts."""

    def __init__(
        self, context: AppContext, notices: NoticeCheck, day: Callable[[date | None], Any], rulesets: frozenset[str]
    ) -> None:
        """`rulesets` are the digests of those that were ever active."""
        self._context = context
        self._rulesets = rulesets | {context.ruleset_digest}
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
            evaluation = evaluate(casefile, duties, context.step_days, BEFORE_ALL_FACTS, final)
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
            for row in stored.duties:
                if EVALUATED_UNDER(row) not in self._rulesets:
                    rule, seq = DUTY_KEY(row)
                    report(seq, "cache", _NEVER_ACTIVE.format(rule=rule, seq=seq))
            return True
        current = duty_rows(stored.ref, duties, evaluation, ruleset, self._day)
        rows = {DUTY_KEY(row): row for row in stored.duties}
        if rows != current:
            _report_duties(rows, current, report)
        return False


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
    facts = _intact(rows) or _check_chain(rows, report)
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


def _intact(rows: Sequence[Row]) -> Sequence[StoredFact] | None:
    """The facts of a chain in which `_check_chain` finds nothing; None of any other, which that reads fact by fact.

    The texts are read and written in one call. That the lines are the same proves it of each text: what is written has
    one line feed a fact, so no text has one, and each line is one text.
    """
    try:
        raw = ("\n".join([row[_TEXT] for row in rows]) + "\n").encode()
        facts = stored_facts_of(raw)
    except (Unreadable, TypeError, UnicodeEncodeError):
        return None
    if len(facts) != len(rows) or canonical_texts(facts) != raw:
        return None
    previous, last_instant = GENESIS, ""
    # One expression without calls of our own, because this loop runs once for every fact of the database.
    for number, row, fact in zip(range(1, len(rows) + 1), rows, facts, strict=True):
        ref, seq, kind, occurred_on, recorded_at, actor, text, prev_hash, digest = row
        if (
            seq != number
            or prev_hash != previous
            or sha256((prev_hash + text).encode()).hexdigest() != digest
            or fact.case_ref != ref
            or fact.seq != seq
            or fact.kind != kind
            or iso(fact.occurred_on) != occurred_on
            or fact.recorded_at != recorded_at
            or fact.actor != actor
            or recorded_at < last_instant
        ):
            return None
        previous, last_instant = digest, recorded_at
    return facts


def _check_chain(rows: Sequence[Row], report: Report) -> Sequence[StoredFact] | None:
    """The facts of one chain (rows in the order of ledger.Stored); None if one is missing or cannot be read."""
    previous, last_instant = GENESIS, ""
    facts: list[StoredFact] = []
    for number, row in enumerate(rows, 1):
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
            fact = stored_fact_of(raw)
        except Unreadable:
            report(seq, "unreadable", f"the text of fact {seq} cannot be read")
            continue
        facts.append(fact)
        if canonical_text(fact) != raw:
            report(seq, "form", f"the text of fact {seq} is not in the form in which sendflow writes it")
        if recorded_at < last_instant:
            report(seq, "order", _ORDER.format(seq=seq, before=seq - 1))
        last_instant = recorded_at
        if (
            fact.case_ref != ref
            or fact.seq != seq
            or fact.kind != kind
            or iso(fact.occurred_on) != occurred_on
            or fact.recorded_at != recorded_at
            or fact.actor != actor
        ):
            expected = {**structs.asdict(fact), "occurred_on": fact.occurred_on.isoformat()}
            wrong = ", ".join(name for name, value in zip(COPIED, row, strict=False) if expected[name] != value)
            report(seq, "column", f"the column {wrong} of fact {seq} is not what its text says")
    return facts if len(facts) == len(rows) else None
