"""One case in memory: its stored facts, the facts that an act appends, and what they replay to. Pure."""

from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple

from casework.cases.validation import Refused
from casework.context import AppContext
from config.law import LawError, NoAnswer
from deadlines.duties import Duty, duties_of
from deadlines.escalation import Evaluation, evaluate
from deadlines.working_calendar import OutsideCalendarRange
from models import ledger
from models.bulk_io import Row
from models.casefile import CaseFile
from models.facts import Fact, StoredFact
from models.ledger import Tail
from statemachines.process import NotPermitted, Process
from statemachines.replay import replay

# What a history that cannot be replayed raises, whichever part of it is at fault.
UNREADABLE = (KeyError, ValueError, LookupError, LawError, NoAnswer, OutsideCalendarRange, Refused, NotPermitted)
# Evaluated on a day before every fact, the escalation policy returns next check days and no reminders.
BEFORE_ALL_FACTS = date(1900, 1, 1)


class Replayed(NamedTuple):
    """What a history replays to."""

    casefile: CaseFile
    duties: list[Duty]


@dataclass(slots=True)
class LoadedCase:
    """A case of a unit of work. A case without facts is opened by the first one appended.

    `facts` are all of its facts, stored and new; `new_facts` those not written yet. `child_id` links cases of one
    child; `stored_child_id` is what the case_file row holds. `outdated`: the projections have to be written again.
    """

    case_ref: str
    context: AppContext
    process: Process | None = None
    facts: list[StoredFact] = field(default_factory=list)
    tail: Tail = ledger.NEW_CASE
    new_facts: list[Fact] = field(default_factory=list)
    child_id: str | None = None
    stored_child_id: str | None = None
    outdated: bool = False
    _replayed: Replayed | None = None
    _evaluation: Evaluation | None = None

    @property
    def file(self) -> CaseFile:
        """The replayed case. Raises LookupError for a case without facts."""
        return (self._replayed or self.replayed()).casefile

    @property
    def duties(self) -> list[Duty]:
        """Every duty of the case. Raises LookupError for a case without facts."""
        return (self._replayed or self.replayed()).duties

    def replayed(self) -> Replayed:
        """What the facts replay to. Most acts never need the state before them, so this is calculated on demand."""
        if self._replayed is None:
            if not self.facts:
                raise LookupError(f"case {self.case_ref} has no facts yet")
            self._replayed = replay_case(self.context, self.case_ref, self.facts)
        return self._replayed

    def file_if_opened(self) -> CaseFile | None:
        """The replayed case; None before its first fact."""
        return self.file if self.facts else None

    def accept(self, facts: list[StoredFact], new: list[Fact], process: Process, replayed: Replayed) -> None:
        """Take new facts, after every check: `facts` are all facts and `replayed` what they replay to."""
        self.facts, self.process = facts, process
        self._replayed, self._evaluation = replayed, None
        self.new_facts.extend(new)

    def evaluate(self, as_at: date) -> Evaluation:
        """What the escalation policy requires by `as_at`: facts to record, and the next check day of each duty."""
        self._evaluation = evaluate(self.file, self.duties, self.context.step_days, as_at, self.ended)
        return self._evaluation

    def next_checks(self) -> Evaluation:
        """An evaluation whose next check days hold. They are the same for every `as_at`, so one made earlier serves."""
        return self._evaluation or self.evaluate(BEFORE_ALL_FACTS)

    def chain_new_facts(self) -> list[Row]:
        """The ledger rows of the new facts. The case counts as written from here on."""
        rows, self.tail = ledger.chained(self.new_facts, self.tail)
        self.new_facts = []
        return rows

    @property
    def ended(self) -> bool:
        return self.process is not None and self.file.state in self.process.final


def is_readable(case: LoadedCase) -> bool:
    """Whether the facts of a case can be replayed."""
    try:
        case.replayed()
    except UNREADABLE:
        return False
    return True


def replay_case(context: AppContext, case_ref: str, facts: list[StoredFact]) -> Replayed:
    """A case and its duties from its facts. Raises NotPermitted, LawError or NoAnswer."""
    file = replay(case_ref, facts)
    rules = context.duty_rules[file.process]
    return Replayed(file, duties_of(file.lines, rules, context.dates_of, file.claims.values()))
