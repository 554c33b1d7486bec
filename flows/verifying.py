"""Verifying: re-hash every chain, refold every case under the machine of its time, compare copies and caches, print the head.

One ordered scan, a case at a time, so that memory is that of one case whatever the number of facts. Damage is named, never mended:
which case, which fact, what differs.
"""

import hashlib
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Connection, Table, func, select

from config.law import LawError, NoAnswer
from deadlines.duty import duties_of
from deadlines.ladder import look
from flows.desk import CASE, DUTY, FAR_BACK, NOTICE, duty_row
from flows.house import House, instant
from models import ledger
from models.database import missing_triggers, reading
from models.facts import GENESIS, Line, line_of
from models.ledger import Stored
from models.tables import AnchorRow
from statemachines.replay import fold
from statemachines.statutory import Unlawful

ANCHOR: Table = AnchorRow.__table__  # type: ignore[attr-defined]  # SQLModel sets the table at class creation
PAGE = 300
COPIED = ("seq", "kind", "occurred_on", "recorded_at", "actor")


class Damage(BaseModel):
    """One thing that is not as it was written, or not as the facts say."""

    model_config = ConfigDict(frozen=True)
    case_ref: str | None
    seq: int | None
    what: str
    message: str


class VerifyReport(BaseModel):
    """`head` is sha256 over `case_ref seq hash` of each case's last fact recorded before `before`, in reference order."""

    model_config = ConfigDict(frozen=True)
    cases: int
    facts: int
    intact: bool
    head: str
    before: str
    stale: int = 0
    damage: list[Damage]


class _Cached(NamedTuple):
    case: Any
    duties: dict[tuple[str, int], dict[str, Any]]
    highest_noticed: int


def verify(house: House, case: str | None = None, before: str | None = None) -> VerifyReport:
    """Verify every case, or one. Raises LookupError for a case that has left no trace."""
    until = before or instant(house.now() + timedelta(microseconds=1))
    damage: list[Damage] = []
    cases = facts = stale = 0
    head = hashlib.sha256()
    with reading(house.engine) as connection:
        damage.extend(
            Damage(case_ref=None, seq=None, what="trigger", message=f"the trigger {name} is gone: rows could be changed or deleted unseen")
            for name in missing_triggers(connection)
        )
        for page in _pages(connection, case):
            cached = _cached(connection, [ref for ref, _rows in page])
            for ref, rows in page:
                if rows:
                    cases, facts = cases + 1, facts + len(rows)
                    last = next((row for row in reversed(rows) if row.recorded_at < until), None)
                    if last is not None:
                        head.update(f"{ref} {last.seq} {last.hash}\n".encode())
                stale += _check_case(house, ref, rows, cached.get(ref), damage)
        if case is None:
            _check_anchor(connection, damage)
    if case is not None and cases == 0 and not damage:
        raise LookupError("there is no such case: its reference stands at the head of its letters, for example NX00042")
    return VerifyReport(
        cases=cases, facts=facts, intact=not damage, head=head.hexdigest(), before=until, stale=stale, damage=damage
    )


def _pages(connection: Connection, case: str | None) -> Iterator[list[tuple[str, list[Stored]]]]:
    """Cases with their rows, some at a time; a case whose facts are all gone stands with no rows."""
    known = select(CASE.c.case_ref).order_by(CASE.c.case_ref)
    if case is not None:
        known = known.where(CASE.c.case_ref == case)
    names = iter(connection.execution_options(stream_results=True, yield_per=1_000).scalars(known))
    name = next(names, None)
    page: list[tuple[str, list[Stored]]] = []
    for ref, rows in ledger.scan(connection, case):
        while name is not None and name < ref:
            page.append((name, []))
            name = next(names, None)
        if name == ref:
            name = next(names, None)
        page.append((ref, rows))
        if len(page) >= PAGE:
            yield page
            page = []
    while name is not None:
        page.append((name, []))
        name = next(names, None)
    if page:
        yield page


def _cached(connection: Connection, refs: Sequence[str]) -> dict[str, _Cached]:
    lowest, highest = min(refs), max(refs)
    between = (lowest, highest)
    found = {row.case_ref: _Cached(row, {}, 0) for row in connection.execute(select(CASE).where(CASE.c.case_ref.between(*between)))}
    for row in connection.execute(select(DUTY).where(DUTY.c.case_ref.between(*between))):
        if row.case_ref in found:
            found[row.case_ref].duties[(row.rule, row.opened_seq)] = dict(row._mapping)
    noticed = select(NOTICE.c.case_ref, func.max(NOTICE.c.fact_seq)).where(NOTICE.c.case_ref.between(*between)).group_by(NOTICE.c.case_ref)
    for ref, seq in connection.execute(noticed):
        if ref in found:
            found[ref] = found[ref]._replace(highest_noticed=seq)
    return found


def _check_case(house: House, ref: str, rows: list[Stored], cached: _Cached | None, damage: list[Damage]) -> int:
    """Check one case; returns 1 where its cached duties were worked out under another law and wait for the next sweep."""

    def found(seq: int | None, what: str, message: str) -> None:
        damage.append(Damage(case_ref=ref, seq=seq, what=what, message=message))

    if not rows:
        found(None, "tail", "every fact of this case is gone, though the case was cached")
        return 0
    lines = _check_chain(rows, found)
    last = rows[-1]
    if cached is None:
        found(None, "cache", "the case has facts and no cached case")
        return 0
    if (cached.case.seq, cached.case.hash) != (last.seq, last.hash):
        gone = cached.case.seq - last.seq
        cut = f"the last {gone} facts are gone: the case had {cached.case.seq}"
        found(last.seq, "tail", cut if gone > 0 else f"the cached end of the chain is not that of fact {last.seq}")
    elif cached.highest_noticed > last.seq:
        found(last.seq, "tail", f"a notice was written for fact {cached.highest_noticed}, which is gone")
    if lines is None:
        return 0
    try:
        casefile = fold(ref, lines)
        duties = duties_of(casefile.lines, house.books[casefile.process], house.dates_of, casefile.claims.values())
        ended = casefile.state in house.processes[casefile.process].final
        looked = look(casefile, duties, house.ladder.rung, house.almanac, FAR_BACK, ended)
    except Unlawful as problem:
        found(problem.seq, "unlawful", problem.sentence)
        return 0
    except (LawError, NoAnswer) as problem:
        found(None, "unanswered", str(problem))
        return 0
    except (KeyError, TypeError, ValueError):
        found(None, "unreadable", "the facts do not hold what their kinds promise")
        return 0
    for name in ("process", "state", "opened_on", "la", "la_reference"):
        if getattr(cached.case, name) != getattr(casefile, name):
            found(None, "cache", f"the cached {name} of the case is not what its facts say")
    if any(row["looked_under"] != house.looked_under for row in cached.duties.values()):
        return 1
    fresh = {
        (duty.rule, duty.opened_seq): duty_row(ref, duty, looked.look_on.get((duty.rule, duty.opened_seq)), house.looked_under)
        for duty in duties
    }
    for key in fresh.keys() | cached.duties.keys():
        if fresh.get(key) != cached.duties.get(key):
            columns = sorted(name for name, value in fresh.get(key, {}).items() if cached.duties.get(key, {}).get(name) != value)
            differs = f"differs in {', '.join(columns)}" if columns and key in cached.duties else "is missing" if key in fresh else "stands without a fact"
            found(key[1], "cache", f"the cached duty {key[0]} opened by fact {key[1]} {differs}")
    return 0


def _check_chain(rows: list[Stored], found: Any) -> list[Line] | None:
    previous = GENESIS
    lines: list[Line] = []
    readable = True
    for number, row in enumerate(rows, 1):
        if row.seq != number:
            found(number, "gap", f"fact {number} is gone")
            return None
        if row.prev_hash != previous:
            found(row.seq, "chain", f"fact {row.seq} does not follow the hash of fact {row.seq - 1}")
        if ledger.link(row.prev_hash, row.text.encode()) != row.hash:
            found(row.seq, "hash", f"fact {row.seq} is not the text that was hashed")
        previous = row.hash
        try:
            line = line_of(row.text)
        except (KeyError, TypeError, ValueError):
            found(row.seq, "unreadable", f"the text of fact {row.seq} cannot be read")
            readable = False
            continue
        copied = line._replace(occurred_on=line.occurred_on.isoformat())._asdict()  # type: ignore[arg-type]  # as the column holds it
        wrong = [name for name in COPIED if copied[name] != getattr(row, name)]
        if wrong:
            found(row.seq, "column", f"the column {', '.join(wrong)} of fact {row.seq} is not what its text says")
        if f'"case_ref":"{row.case_ref}"' not in row.text:
            found(row.seq, "column", f"the column case_ref of fact {row.seq} is not what its text says")
        lines.append(line)
    return lines if readable else None


def _check_anchor(connection: Connection, damage: list[Damage]) -> None:
    """The newest head that left the building must still be the head of that instant."""
    anchor = connection.execute(select(ANCHOR).order_by(ANCHOR.c.before.desc()).limit(1)).first()
    if anchor is None:
        return
    head, cases, facts = ledger.head(connection, anchor.before)
    if head != anchor.head:
        message = f"the head before {anchor.before} was another: then {anchor.cases} cases and {anchor.facts} facts, now {cases} and {facts}"
        damage.append(Damage(case_ref=None, seq=None, what="head", message=message))


def parse_instant(value: str) -> str:
    """An instant given by a person as the records write it. Raises ValueError without a zone."""
    moment = datetime.fromisoformat(value)
    if moment.tzinfo is None:
        raise ValueError("an instant has a zone, for example 2026-04-14T09:00:00+01:00")
    return instant(moment)

