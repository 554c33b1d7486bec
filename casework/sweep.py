"""Sweeping: look at every duty whose day to look has come, write what has become true, and the notices it calls for.

The sweep reads `look_on <= as_at or looked_under <> now's`: its cost follows what is due, and a changed law reaches
every case. Sweeping twice writes the same facts. A case that cannot be worked out is named and the others go on.
Several sweeps may run at once: each takes the cases of a shard that nobody has, and asks again at the end for those
that somebody had.
"""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import Any, NamedTuple
from zlib import crc32

from pydantic import BaseModel, ConfigDict
from sqlalchemy import ColumnElement, Connection, func, insert, or_, select

from casework import fault_points
from casework.cases.commit import commit
from casework.cases.unit_of_work import UNREADABLE, UnitOfWork
from casework.cases.validation import Refused
from casework.context import AppContext, instant
from config.law import LawError, NoAnswer
from deadlines.working_calendar import OutsideCalendarRange
from models.database import LEDGER, Contended, beside_others, is_postgresql, lock_cases, reading, transact, writing
from models.tables import DUTY, JOB_RUN
from statemachines.process import NotPermitted

SHARD = 200
SILENCE = timedelta(
    hours=26
)  # a day without a finished sweep: its 24 hours, the autumn's one more, and one to sweep in


class WrongDay(ValueError):
    """A sweep was asked for a day that has not come."""


class NoSuchShard(ValueError):
    """A part of the cases that cannot be, such as the fourth of three."""

    code = "no_such_part"


class Shard(NamedTuple):
    """One of several equal parts of the cases, so that as many workers each sweep their own: `number` from 1, `of` at
    most 99.
    """

    number: int
    of: int

    @classmethod
    def read(cls, text: str) -> "Shard":
        """The part written as 2/3. Raises NoSuchShard."""
        number, slash, of = text.partition("/")
        if not (slash and number.isdecimal() and of.isdecimal() and len(text) <= 5 and 1 <= int(number) <= int(of)):
            raise NoSuchShard("a part of the cases is written as 2/3, the second of three")
        return cls(int(number), int(of))

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"

    def holds(self, ref: str) -> bool:
        """Whether a case is in this part: by its reference alone, so that it is in the same one on every machine."""
        return crc32(ref.encode()) % self.of == self.number - 1


class Trouble(BaseModel):
    """A case that the sweep could not work out, and why, for a person."""

    model_config = ConfigDict(frozen=True)
    case_ref: str
    message: str


class SweepReport(BaseModel):
    """What a sweep did. `kinds` counts the facts written; `look_next` is the next day on which a sweep will have
    something to say.
    """

    model_config = ConfigDict(frozen=True)
    as_at: date
    cases_looked_at: int = 0
    facts_written: int = 0
    notices_written: int = 0
    kinds: dict[str, int] = {}
    bodies: list[str] = []
    processes: list[str] = []
    look_next: date | None = None
    troubles: list[Trouble] = []


def sweep(
    context: AppContext, as_at: date | None = None, run: str | None = None, part: Shard | None = None
) -> SweepReport:
    """Sweep for `as_at` (today unless said); every case, or those of one `part`, after which the day's sweep is still
    to be finished.

    Raises WrongDay for a later day than today, RulesetMismatch where the records go by another law than this house.
    """
    today = context.today()
    as_at = as_at or today
    if as_at > today:
        raise WrongDay(
            f"a sweep is for today or an earlier day: expected {today.isoformat()} or before, for example --as-at"
            f" {today.isoformat()}"
        )
    context.ensure_ruleset_active("sweep")
    looked = facts = notices = 0
    kinds: dict[str, int] = {}
    bodies: set[str] = set()
    touched: set[str] = set()
    troubles: list[Trouble] = []
    for swept, done in _sweep_all(context, as_at, run, troubles, part):
        looked += swept
        for kind, body, process in done:
            if kind == NOTICED:
                notices += 1
                continue
            facts += 1
            kinds[kind] = kinds.get(kind, 0) + 1
            touched.add(process)
            if body:
                bodies.add(body)
    with writing(context.engine) as connection:
        look_next = connection.scalar(
            select(DUTY.c.look_on).where(DUTY.c.look_on > as_at).order_by(DUTY.c.look_on).limit(1)
        )
        if part is None:
            finish(
                connection,
                context,
                "sweep",
                as_at,
                "troubled" if troubles else "done",
                f"{facts} facts under {context.ruleset_digest[:12]}",
            )
    return SweepReport(
        as_at=as_at,
        cases_looked_at=looked,
        facts_written=facts,
        notices_written=notices,
        kinds=kinds,
        bodies=sorted(bodies),
        processes=sorted(touched),
        look_next=look_next,
        troubles=troubles,
    )


NOTICED = "notice"


class Done(NamedTuple):
    """One fact or notice that a sweep wrote, by its kind, the body that it is about and the case's process."""

    kind: str
    body: str | None
    process: str


def finish(connection: Connection, context: AppContext, act: str, as_at: date, outcome: str, detail: str) -> None:
    """Note that an act of the engine finished: silence is the worst fault, and this is how it is heard."""
    row = {"act": act, "as_at": as_at, "finished_at": instant(context.now()), "outcome": outcome, "detail": detail}
    connection.execute(insert(JOB_RUN), row)


def called_for(context: AppContext, as_at: date) -> tuple[ColumnElement[bool], ...]:
    """When a duty is to be looked at: its day has come, or it was worked out under another law.

    Each condition is one range of an index. "Another" is asked as less or more, because no index answers "not equal".
    """
    return (
        DUTY.c.look_on <= as_at,
        DUTY.c.looked_under < context.ruleset_digest,
        DUTY.c.looked_under > context.ruleset_digest,
    )


def how_many(context: AppContext, as_at: date) -> int:
    """How many duties a sweep would look at now."""
    with reading(context.engine) as connection:
        return connection.scalar(select(func.count()).select_from(DUTY).where(or_(*called_for(context, as_at)))) or 0


def _shards(context: AppContext, as_at: date, part: Shard | None) -> Iterator[list[str]]:
    """References of the cases to look at, some at a time, in order: read once, so that nothing written here is read
    again.
    """
    with reading(context.engine) as connection:
        refs = sorted(
            {
                ref
                for condition in called_for(context, as_at)
                for ref in connection.scalars(select(DUTY.c.case_ref).where(condition))
            }
        )
    if part is not None:
        refs = [ref for ref in refs if part.holds(ref)]
    for start in range(0, len(refs), SHARD):
        yield refs[start : start + SHARD]


def _sweep_all(
    context: AppContext, as_at: date, run: str | None, troubles: list[Trouble], part: Shard | None
) -> Iterator[tuple[int, list[Done]]]:
    """How many cases of each shard were looked at, and what was written. Whoever comes first has a case; the others do
    not wait for it.
    """
    left: list[str] = []
    for refs in _shards(context, as_at, part):
        try:
            done = _sweep_some(context, refs, as_at, run, wait=False)
            left += done.left
            yield done.swept, done.done
        except Contended:
            left += refs
        except UNREADABLE:
            for ref in refs:
                yield _sweep_one(context, ref, as_at, run, troubles)
    for ref in left:
        # Somebody was at work on it: another sweep, after which nothing is left to do, or a person, after whom
        # something may be.
        yield _sweep_one(context, ref, as_at, run, troubles)


class Some(NamedTuple):
    """What became of a shard: how many cases were looked at, what was written, and the cases that somebody else had."""

    swept: int
    done: list[Done]
    left: list[str]


def _sweep_some(context: AppContext, refs: Sequence[str], as_at: date, run: str | None, wait: bool = True) -> Some:
    return transact(context.engine, lambda connection: _sweep_within(connection, context, refs, as_at, run, wait))


def _sweep_within(
    connection: Connection, context: AppContext, refs: Sequence[str], as_at: date, run: str | None, wait: bool
) -> Some:
    done: list[Done] = []
    beside_others(connection, LEDGER)  # before any case, as every desk does
    free = lock_cases(connection, refs, skip=not wait)
    left = sorted(set(refs) - set(free))
    refs = _still_called_for(connection, context, free, as_at) if is_postgresql(connection) else free
    if refs:
        unit = UnitOfWork(context, connection, actor="sendflow", via="sweep", run=run)
        stale = _stale(connection, context, refs)
        for ref, work in unit.open(refs).items():
            looked = unit.look(work, as_at)
            facts = unit.add(work, looked.drafts)
            done.extend(
                Done(fact.kind, str(fact.data["body"]) if "body" in fact.data else None, fact.process) for fact in facts
            )
            if ref in stale:
                work.stale = True
        done.extend(Done(NOTICED, None, "") for _notice in unit.notices)
        fault_points.here("before_sweep_flush")
        commit(unit)
        fault_points.here("after_fact_before_commit")
    return Some(len(refs), done, left)


def _still_called_for(connection: Connection, context: AppContext, refs: Sequence[str], as_at: date) -> list[str]:
    """Those of the locked cases that no other sweep has looked at since they were listed."""
    query = select(DUTY.c.case_ref).where(DUTY.c.case_ref.in_(refs), or_(*called_for(context, as_at))).distinct()
    return sorted(connection.scalars(query))


def _sweep_one(
    context: AppContext, ref: str, as_at: date, run: str | None, troubles: list[Trouble]
) -> tuple[int, list[Done]]:
    try:
        some = _sweep_some(context, [ref], as_at, run)
        return some.swept, some.done
    except (NotPermitted, LawError, NoAnswer, OutsideCalendarRange, Refused, Contended) as problem:
        troubles.append(Trouble(case_ref=ref, message=str(problem)))
    except (KeyError, ValueError):
        troubles.append(
            Trouble(case_ref=ref, message="the history cannot be read: run sendflow verify for what is damaged")
        )
    return 1, []


def _stale(connection: Connection, context: AppContext, refs: Sequence[str]) -> set[str]:
    query = (
        select(DUTY.c.case_ref)
        .where(DUTY.c.case_ref.in_(refs), DUTY.c.looked_under != context.ruleset_digest)
        .distinct()
    )
    return set(connection.scalars(query))


def last_finished(connection: Connection, act: str) -> Any:
    """When an act last finished (ISO 8601 UTC), or None."""
    return connection.scalar(
        select(JOB_RUN.c.finished_at).where(JOB_RUN.c.act == act).order_by(JOB_RUN.c.finished_at.desc()).limit(1)
    )
