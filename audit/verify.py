"""Verifying: re-hash every chain, refold every case under the machine of its time, compare copies and caches, print the
head.

One ordered scan, a case at a time, so that memory is that of one case whatever the number of facts. Damage is named,
never mended: which case, which fact, what differs. Who was told is compared in `verifying_notices`.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime, timedelta
from hashlib import sha256
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple

from msgspec import structs
from pydantic import BaseModel, ConfigDict
from sqlalchemy import Connection, select

from audit.verify_letters import check_letters, check_letters_of
from audit.verify_notices import FACT_SEQ, Found, NoticeCheck, notices_by_case
from casework.cases.loaded_case import BEFORE_ALL_FACTS
from casework.cases.projections import duty_rows
from casework.context import AppContext, instant
from config.law import LawError, NoAnswer
from deadlines.duties import Duty, duties_of
from deadlines.escalation import look
from models import ledger
from models.bulk_io import Row, day_form, stream_rows
from models.casefile import CaseFile
from models.database import missing_triggers, reading
from models.facts import GENESIS, StoredFact, Unreadable, told_of
from models.ledger import Stored
from models.tables import CASE, CHECKPOINT, DUTY
from statemachines.process import NotPermitted
from statemachines.replay import fold

CASE_COLUMNS = tuple(CASE.columns.keys())
DUTY_COLUMNS = tuple(DUTY.columns.keys())
DUTY_KEY = itemgetter(DUTY_COLUMNS.index("rule"), DUTY_COLUMNS.index("opened_seq"))
SEQ_OF_NOTICE = itemgetter(FACT_SEQ)
COPIED = Stored._fields[: Stored._fields.index("text")]


class Damage(BaseModel):
    """One thing that is not as it was written, or not as the facts say."""

    model_config = ConfigDict(frozen=True)
    case_ref: str | None
    seq: int | None
    what: str
    message: str


class VerifyReport(BaseModel):
    """`stale` counts cases whose cached duties were not compared: they were worked out under another law, and the next
    sweep works them out anew.

    `head` is sha256 over `case_ref seq hash` of each case's last fact recorded before `before`, in reference order."""

    model_config = ConfigDict(frozen=True)
    cases: int
    facts: int
    intact: bool
    head: str
    before: str
    stale: int = 0
    damage: list[Damage]


class _Kept(NamedTuple):
    """What the records hold of one case: its facts, its cached case and duties, its notices (as
    `verifying_notices.Noticed`).
    """

    ref: str
    facts: list[Row]
    case: Row | None
    duties: list[Row]
    notices: list[Row]


class Refolded(NamedTuple):
    """What the facts of one case leave, and the facts as they were written."""

    casefile: CaseFile
    duties: list[Duty]
    lines: list[StoredFact]


def verify(context: AppContext, case: str | None = None, before: str | None = None) -> VerifyReport:
    """Verify every case, or one. Raises LookupError for a case that has left no trace."""
    until = before or instant(context.now() + timedelta(microseconds=1))
    damage: list[Damage] = []
    cases = facts = stale = 0
    head = sha256()
    with reading(context.engine) as connection:
        damage.extend(
            Damage(
                case_ref=None,
                seq=None,
                what="trigger",
                message=f"the trigger {name} is gone: rows could be changed or deleted unseen",
            )
            for name in missing_triggers(connection)
        )
        day = day_form(connection)
        notices = NoticeCheck(context, connection, day)
        for kept in _cases(connection, case):
            if kept.facts:
                cases, facts = cases + 1, facts + len(kept.facts)
                last = next((row for row in map(Stored._make, reversed(kept.facts)) if row.recorded_at < until), None)
                if last is not None:
                    head.update(f"{kept.ref} {last.seq} {last.hash}\n".encode())
            stale += _check_case(context, kept, day, notices, damage)

        def found(ref: str | None, seq: int | None, message: str) -> None:
            damage.append(Damage(case_ref=ref, seq=seq, what="letter", message=message))

        if case is not None:
            check_letters_of(connection, case, day, found)
        else:
            check_letters(connection, day, notices.sent, found)
            _check_anchor(connection, damage)
    if case is not None and cases == 0 and not damage:
        raise LookupError("there is no such case: its reference stands at the head of its letters, for example NX00042")
    return VerifyReport(
        cases=cases, facts=facts, intact=not damage, head=head.hexdigest(), before=until, stale=stale, damage=damage
    )


def _cases(connection: Connection, case: str | None) -> Iterator[_Kept]:
    """Everything that is kept of each case, one after another in reference order: four ordered streams side by side."""
    only = (None, None) if case is None else ("case_ref", case)
    facts = _Stream(ledger.scan(connection, case))
    cases = _Stream(_by_case(stream_rows(connection, CASE, CASE_COLUMNS, *only)))
    duties = _Stream(_by_case(stream_rows(connection, DUTY, DUTY_COLUMNS, *only)))
    notices = _Stream(notices_by_case(connection, case))
    while (
        ref := min((each.ref for each in (facts, cases, duties, notices) if each.ref is not None), default=None)
    ) is not None:
        row = cases.take(ref)
        yield _Kept(ref, facts.take(ref), row[0] if row else None, duties.take(ref), notices.take(ref))


def _by_case(rows: Iterable[Row]) -> Iterator[tuple[str, list[Row]]]:
    for ref, some in groupby(rows, itemgetter(0)):
        yield ref, list(some)


class _Stream:
    """Rows by case, read as far as the next case: `ref` is that case, None at the end."""

    def __init__(self, source: Iterator[tuple[str, list[Any]]]) -> None:
        self._source = source
        self.ref: str | None = None
        self._rows: list[Any] = []
        self._next()

    def take(self, ref: str) -> list[Any]:
        """The rows of a case, where it is the next; none otherwise."""
        if self.ref != ref:
            return []
        rows = self._rows
        self._next()
        return rows

    def _next(self) -> None:
        self.ref, self._rows = next(self._source, (None, []))


def _check_case(
    context: AppContext, kept: _Kept, day: Callable[[date], Any], notices: NoticeCheck, damage: list[Damage]
) -> int:
    """Check one case; returns 1 where its cached duties were worked out under another law and wait for the
    next sweep.
    """
    ref, rows = kept.ref, kept.facts

    def found(seq: int | None, what: str, message: str) -> None:
        damage.append(Damage(case_ref=ref, seq=seq, what=what, message=message))

    if not rows:
        found(None, "tail", "every fact of this case is gone, though the case was cached")
        return 0
    refolded = replay_case(context, ref, rows, found)
    last = Stored._make(rows[-1])
    if kept.case is None:
        found(None, "cache", "the case has facts and no cached case")
        return 0
    cached = dict(zip(CASE_COLUMNS, kept.case, strict=True))
    if (cached["seq"], cached["hash"]) != (last.seq, last.hash):
        gone = cached["seq"] - last.seq
        cut = f"the last {'fact is' if gone == 1 else f'{gone} facts are'} gone: the case had {cached['seq']}"
        found(last.seq, "tail", cut if gone > 0 else f"the cached end of the chain is not that of fact {last.seq}")
    elif (noticed := max(map(SEQ_OF_NOTICE, kept.notices), default=0)) > last.seq:
        found(last.seq, "tail", f"a notice was written for fact {noticed}, which is gone")
    if refolded is None:
        return 0
    casefile, duties, lines = refolded
    try:
        notices.check(ref, lines, duties, kept.notices, found)
    except (KeyError, TypeError, ValueError):
        found(None, "unreadable", "the facts do not hold what their kinds promise")
    try:
        looked = look(
            casefile,
            duties,
            context.escalation_policy.rung,
            context.calendar,
            BEFORE_ALL_FACTS,
            casefile.state in context.processes[casefile.process].final,
        )
    except (LawError, NoAnswer) as problem:
        found(None, "unanswered", str(problem))
        return 0
    opened_on = day(casefile.opened_on) if casefile.opened_on is not None else None
    for name, value in (
        ("process", casefile.process),
        ("state", casefile.state),
        ("opened_on", opened_on),
        ("la", casefile.la),
        ("la_reference", casefile.la_reference),
    ):
        if cached[name] != value:
            found(None, "cache", f"the cached {name} of the case is not what its facts say")
    if any(row[-1] != context.ruleset_digest for row in kept.duties):
        return 1
    fresh = duty_rows(ref, duties, looked, context.ruleset_digest, day)
    held = {DUTY_KEY(row): row for row in kept.duties}
    if held != fresh:
        _name_duties(held, fresh, found)
    return 0


def replay_case(context: AppContext, ref: str, rows: list[Row], found: Found) -> Refolded | None:
    """One case from its rows alone: every hash, every fact through the table of its machine, every duty. None where
    that cannot be done.
    """
    lines = _check_chain(rows, found)
    if lines is None:
        return None
    try:
        casefile = fold(ref, lines)
        return Refolded(
            casefile,
            duties_of(casefile.lines, context.duty_rules[casefile.process], context.dates_of, casefile.claims.values()),
            lines,
        )
    except NotPermitted as problem:
        found(problem.seq, "unlawful", problem.sentence)
    except (LawError, NoAnswer) as problem:
        found(None, "unanswered", str(problem))
    except (KeyError, TypeError, ValueError):
        found(None, "unreadable", "the facts do not hold what their kinds promise")
    return None


def _name_duties(held: dict[tuple[str, int], Row], fresh: dict[tuple[str, int], Row], found: Found) -> None:
    for key in sorted(fresh.keys() | held.keys()):
        kept, right = held.get(key), fresh.get(key)
        if kept == right:
            continue
        if kept is None or right is None:
            differs = "is missing" if kept is None else "stands without a fact"
        else:
            columns = (name for name, one, other in zip(DUTY_COLUMNS, kept, right, strict=True) if one != other)
            differs = f"differs in {', '.join(sorted(columns))}"
        found(key[1], "cache", f"the cached duty {key[0]} opened by fact {key[1]} {differs}")


def _check_chain(rows: list[Row], found: Found) -> list[StoredFact] | None:
    """The facts of one chain as lines; None where one is gone or cannot be read."""
    previous, number = GENESIS, 0
    lines: list[StoredFact] = []
    for row in rows:
        ref, seq, kind, on, at, actor, text, prev_hash, digest = row
        number += 1
        if seq != number:
            found(number, "gap", f"fact {number} is gone")
            return None
        if prev_hash != previous:
            found(seq, "chain", f"fact {seq} does not follow the hash of fact {seq - 1}")
        # ledger.link, of text as the table has it
        if sha256((prev_hash + text).encode()).hexdigest() != digest:
            found(seq, "hash", f"fact {seq} is not the text that was hashed")
        previous = digest
        try:
            told = told_of(text)
        except Unreadable:
            found(seq, "unreadable", f"the text of fact {seq} cannot be read")
            continue
        lines.append(told)
        if (
            told.kind != kind
            or told.recorded_at != at
            or told.actor != actor
            or told.seq != seq
            or told.case_ref != ref
            or told.occurred_on.isoformat() != on
        ):
            said = {**structs.asdict(told), "occurred_on": told.occurred_on.isoformat()}
            wrong = ", ".join(name for name, held in zip(COPIED, row, strict=False) if said[name] != held)
            found(seq, "column", f"the column {wrong} of fact {seq} is not what its text says")
    return lines if len(lines) == len(rows) else None


def _check_anchor(connection: Connection, damage: list[Damage]) -> None:
    """The newest head that left the building must still be the head of that instant."""
    anchor = connection.execute(select(CHECKPOINT).order_by(CHECKPOINT.c.before.desc()).limit(1)).first()
    if anchor is None:
        return
    head, cases, facts = ledger.head(connection, anchor.before)
    if head != anchor.head:
        message = (
            f"the head before {anchor.before} was another: then {anchor.cases} cases and {anchor.facts} facts, now"
            f" {cases} and {facts}"
        )
        damage.append(Damage(case_ref=None, seq=None, what="head", message=message))


def parse_instant(value: str) -> str:
    """An instant given by a person as the records write it. Raises ValueError without a zone."""
    moment = datetime.fromisoformat(value)
    if moment.tzinfo is None:
        raise ValueError("an instant has a zone, for example 2026-04-14T09:00:00+01:00")
    return instant(moment)
