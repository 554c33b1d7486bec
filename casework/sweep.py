"""Sweep: evaluate every duty whose check is due, and record the reminders, breaches and escalations that follow.

The cost of a sweep follows the duties that are due, and not the number of cases. A changed rule set makes all due.
Sweeping twice writes the same facts. A case that cannot be evaluated is reported, and the sweep goes on. Several sweeps
may run at once: each skips the cases that another one has locked, and waits for them at its end.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from typing import NamedTuple
from zlib import crc32

from pydantic import BaseModel, ConfigDict
from sqlalchemy import ColumnElement, Connection, exists, func, or_, select

from casework import fault_points
from casework.cases.commit import commit
from casework.cases.loaded_case import UNREADABLE
from casework.cases.restricted_cases import without_restricted
from casework.cases.unit_of_work import UnitOfWork
from casework.cases.validation import Refused
from casework.context import AppContext
from casework.job_runs import record_job_run
from casework.steps import Step, run_step
from config.law import LawError, NoAnswer
from deadlines.working_calendar import OutsideCalendarRange
from models.database import Contended, reading, transact, writing
from models.errors import Refusal
from models.facts import Fact
from models.locks import lock_cases
from models.tables import DUTY
from models.visibility import hiding
from statemachines.process import NotPermitted

BATCH = 200


class WrongDay(Refusal, ValueError):
    """A sweep was asked for a day in the future."""

    default_code = "day_not_reached"


class NoSuchShard(Refusal, ValueError):
    """A shard of the cases that cannot exist, such as the fourth of three."""

    default_code = "no_such_part"


class Shard(NamedTuple):
    """One of several equal shares of the cases, one for each worker: `number` from 1, `of` at most 99."""

    number: int
    of: int

    @classmethod
    def read(cls, text: str) -> "Shard":
        """Parse a shard written as 2/3. Raises NoSuchShard."""
        number, slash, of = text.partition("/")
        if not (slash and number.isdecimal() and of.isdecimal() and len(text) <= 5 and 1 <= int(number) <= int(of)):
            raise NoSuchShard("a part of the cases is written as 2/3, the second of three")
        return cls(int(number), int(of))

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"

    def holds(self, ref: str) -> bool:
        """Whether a case is in this shard. Only its reference decides, so the answer is the same on every machine."""
        return crc32(ref.encode()) % self.of == self.number - 1


class Trouble(BaseModel):
    """A case that the sweep could not evaluate, and why."""

    model_config = ConfigDict(frozen=True)
    case_ref: str
    message: str


class SweepReport(BaseModel):
    """What a sweep did.

    Nothing of a restricted case is named or counted. `kinds` counts the facts written by kind.
    `look_next` is the next day on which a duty is due for evaluation.
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


@dataclass(frozen=True)
class DueDuties:
    """The duties that are due for evaluation: their check is due by `as_at`, or another rule set evaluated them."""

    as_at: date
    ruleset_digest: str

    @classmethod
    def of(cls, context: AppContext, as_at: date) -> "DueDuties":
        """The duties that a sweep for `as_at` under the rule set of this context would evaluate."""
        return cls(as_at, context.ruleset_digest)

    def exist(self, connection: Connection) -> bool:
        """Whether there is any."""
        return any(connection.scalar(select(exists().where(condition))) for condition in self._conditions)

    def count(self, connection: Connection) -> int:
        """How many there are."""
        return connection.scalar(select(func.count()).select_from(DUTY).where(or_(*self._conditions))) or 0

    def case_refs(self, connection: Connection) -> list[str]:
        """References of their cases, sorted."""
        queries = [select(DUTY.c.case_ref).where(condition) for condition in self._conditions]
        return sorted({ref for query in queries for ref in connection.scalars(query)})

    def among(self, connection: Connection, refs: Sequence[str]) -> dict[str, bool]:
        """Those of the cases that have a due duty, sorted; True if another rule set evaluated one of them."""
        digests = select(DUTY.c.case_ref, DUTY.c.evaluated_under, func.min(DUTY.c.next_check_on))
        found: dict[str, bool] = {}
        for ref, digest, check_on in connection.execute(
            digests.where(DUTY.c.case_ref.in_(refs)).group_by(DUTY.c.case_ref, DUTY.c.evaluated_under)
        ):
            other_ruleset = digest != self.ruleset_digest
            if other_ruleset or (check_on is not None and check_on <= self.as_at):
                found[ref] = found.get(ref, False) or other_ruleset
        return dict(sorted(found.items()))

    @property
    def _conditions(self) -> tuple[ColumnElement[bool], ...]:
        """Each is one range of an index. No index answers "not equal", so the digest is compared twice."""
        return (
            DUTY.c.next_check_on <= self.as_at,
            DUTY.c.evaluated_under < self.ruleset_digest,
            DUTY.c.evaluated_under > self.ruleset_digest,
        )


@dataclass
class _Result:
    """What one transaction of a sweep did, or all of them. `busy` are cases that another transaction had locked."""

    cases: int = 0
    notices: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    bodies: set[str] = field(default_factory=set)
    processes: set[str] = field(default_factory=set)
    busy: list[str] = field(default_factory=list)
    troubles: list[Trouble] = field(default_factory=list)

    def count_facts(self, facts: Sequence[Fact], restricted: frozenset[str]) -> None:
        shown = [fact for fact in facts if fact.process not in restricted]
        self.kinds.update(fact.kind for fact in shown)
        self.bodies.update(str(fact.data["body"]) for fact in shown if fact.data.get("body"))
        self.processes.update(fact.process for fact in shown)

    def add(self, other: "_Result") -> None:
        self.cases += other.cases
        self.notices += other.notices
        self.kinds += other.kinds
        self.bodies |= other.bodies
        self.processes |= other.processes
        self.busy += other.busy
        self.troubles += other.troubles


def sweep(
    context: AppContext, as_at: date | None = None, run: str | None = None, part: Shard | None = None
) -> SweepReport:
    """Sweep for the day `as_at`, by default today: all cases, or those of the shard `part`.

    A sweep of a shard does not finish the day's sweep. Raises WrongDay for a day in the future, RulesetMismatch if the
    database has another active rule set.
    """
    today = context.today()
    as_at = as_at or today
    if as_at > today:
        raise WrongDay(
            f"a sweep is for today or an earlier day: expected {today.isoformat()} or before, for example --as-at"
            f" {today.isoformat()}"
        )
    context.ensure_ruleset_active("sweep")
    done = _Sweep(context, DueDuties.of(context, as_at), run).all_cases(part)
    facts = done.kinds.total()
    following = select(DUTY.c.next_check_on).where(DUTY.c.next_check_on > as_at).order_by(DUTY.c.next_check_on).limit(1)
    with reading(hiding(context.engine, context.restricted)) as connection:
        look_next = connection.scalar(following)
    with writing(context.engine) as connection:
        if part is None:
            outcome = "troubled" if done.troubles else "done"
            detail = f"{facts} facts under {context.ruleset_digest[:12]}"
            record_job_run(connection, context, "sweep", as_at, outcome, detail)
    return SweepReport(
        as_at=as_at,
        cases_looked_at=done.cases,
        facts_written=facts,
        notices_written=done.notices,
        kinds=dict(done.kinds),
        bodies=sorted(done.bodies),
        processes=sorted(done.processes),
        look_next=look_next,
        troubles=[each for each in done.troubles if without_restricted([each.case_ref])],
    )


@dataclass(frozen=True)
class _Sweep:
    """One sweep: batches of cases, each in a transaction of its own."""

    context: AppContext
    due: DueDuties
    run: str | None

    def all_cases(self, shard: Shard | None) -> _Result:
        total = _Result()
        batches, last = list(self._batches(shard)), 0
        for number, refs in enumerate(batches, 1):
            # Without references, and without a count of restricted cases: Prefect may not show every case.
            first, last = last + 1, last + len(without_restricted(refs))
            if first > last:
                total.add(self._batch(refs))
                continue
            step = Step(f"cases {first} to {last}", number, len(batches), again=True)
            total.add(run_step(step, partial(self._batch, refs)))
        # Another sweep, after which nothing is left to do, or a person, after whom something may be, had locked these.
        for ref in total.busy:
            total.add(self._one_case(ref))
        return total

    def _batches(self, shard: Shard | None) -> Iterator[list[str]]:
        """Read the references once, so that this sweep does not meet again what it writes."""
        with reading(self.context.engine) as connection:
            refs = self.due.case_refs(connection)
        if shard is not None:
            refs = [ref for ref in refs if shard.holds(ref)]
        for start in range(0, len(refs), BATCH):
            yield refs[start : start + BATCH]

    def _batch(self, refs: Sequence[str]) -> _Result:
        try:
            return self._evaluate(refs, skip_locked=True)
        except Contended:
            return _Result(busy=list(refs))
        except UNREADABLE:
            result = _Result()
            for ref in refs:
                result.add(self._one_case(ref))
            return result

    def _one_case(self, ref: str) -> _Result:
        try:
            return self._evaluate([ref], skip_locked=False)
        except (NotPermitted, LawError, NoAnswer, OutsideCalendarRange, Refused, Contended) as problem:
            message = str(problem)
        except (KeyError, ValueError):
            message = "The history cannot be read. To see which record was altered, run: sendflow verify"
        return _Result(cases=1, troubles=[Trouble(case_ref=ref, message=message)])

    def _evaluate(self, refs: Sequence[str], skip_locked: bool) -> _Result:
        return transact(
            self.context.engine, lambda connection: self._evaluate_within(connection, refs, skip_locked), appends=True
        )

    def _evaluate_within(self, connection: Connection, refs: Sequence[str], skip_locked: bool) -> _Result:
        """Evaluate those of the cases that are still due once they are locked, and write what follows."""
        unit = UnitOfWork(self.context, connection, actor="sendflow", via="sweep", run=self.run)
        free = lock_cases(connection, refs, skip=skip_locked)
        result = _Result(busy=sorted(set(refs) - set(free)))
        due = self.due.among(connection, free)
        if not due:
            return result
        for ref, case in unit.load(list(due), locked=True).items():
            facts = unit.append(case, case.evaluate(self.due.as_at).drafts)
            result.count_facts(facts, self.context.restricted)
            case.outdated = case.outdated or due[ref]
        result.cases = len(without_restricted(due))
        result.notices = len(without_restricted(draft.case_ref for draft in unit.notices))
        fault_points.here("before_sweep_flush")
        commit(unit)
        fault_points.here("after_fact_before_commit")
        return result
