"""What the facts of a process are declared with: definitions of facts, their guards, and reactions to other cases."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from functools import cached_property
from typing import Any, Literal, Protocol

from models.answers import Answer
from models.casefile import CaseFile
from models.facts import FactData, StoredFact

# Says why a fact cannot be true on a case; None where it can.
Guard = Callable[[CaseFile, StoredFact], str | None]
# Says, with its provision, what is out of order about a fact that a case accepts; None where nothing is.
Warn = Callable[[CaseFile, StoredFact], str | None]
# Says what a reader of a case should know besides its dates. Remarks decide nothing.
Remarks = Callable[[CaseFile], list[str]]
# What a letter may say besides of a duty that this fact opened: words and numbers that identify nobody.
InLetters = Callable[[CaseFile, StoredFact], Mapping[str, Any]]


class Said(Protocol):
    """A fact as it is shown: its number, its kind and its fields."""

    @property
    def seq(self) -> int: ...
    @property
    def kind(self) -> str: ...
    @property
    def data(self) -> Mapping[str, Any]: ...


# The fields that nobody is shown yet, by the number of the fact: of the facts in force, and of every fact as written.
NotYetShown = Callable[[Sequence[Said], Sequence[Said]], Mapping[int, frozenset[str]]]
# Whether what is agreed covers that others than our team see the case.
MayShare = Callable[[CaseFile], bool]
# The answers that a fact records, each with the fields that the answer gives.
Says = Mapping[str, Mapping[str, str]]
IS_DONE: Says = {Answer.SENT: {}}
HAS_ARRIVED: Says = {Answer.RECEIVED: {}}
# What a fact does to the bodies that owe an answer: it asks one, is an answer, reopens a request, or shows contact.
Role = Literal["asks", "answers", "reopens", "contacts"]


def before(version: int, guard: Guard) -> Guard:
    """A guard of the machine's earlier versions only, which refused what later ones take out of order."""

    def earlier(casefile: CaseFile, fact: StoredFact) -> str | None:
        return guard(casefile, fact) if casefile.machine < version else None

    return earlier


@dataclass(frozen=True)
class FactDefinition:
    """One fact kind of a process. Use `OpeningFact`, `Transition` or `NoTransition`.

    `accepted_in`: states in which the fact is usual and which it does not change. In every other open state it is out
    of order, or impossible in the states that `impossible_in` names, with the reason. `order`: what the law says about
    its place in the order of facts, with the provision; the warning about a fact out of order quotes it, and so do the
    refusals of the machine's versions from `order_from` on that took nothing out of order. `guard`: why
    the fact cannot be true, by its fields or by what came before. `warning`: what is out of order about it for the same
    grounds. `version`: of the fact's fields, never higher than the machine's version.
    `requests_again`: the fact that sendflow then records for each body that was asked before this fact. `repeated_as`:
    the fact that sendflow records instead while the first such request is unanswered. `needs`: fields that a person has
    to give, though histories have the fact without them. `undecided_in`: of an opening fact, the states in which
    another request of the same child to the same authority is a repetition, and opens no second case.
    `says`: the answers to a letter that this fact records, by the words of `models/answers.py`, each with the fields
    that the answer gives. `opens_in`: the state of a case that a fact opens which mostly follows others, if it names
    the authority.
    """

    kind: str
    model: type[FactData]
    _: KW_ONLY
    accepted_in: Collection[str] = ()
    impossible_in: Mapping[str, str] = field(default_factory=dict)
    guard: Guard | None = None
    warning: Warn | None = None
    order: str = ""
    order_from: int = 1
    version: int = 1
    roles: tuple[Role, ...] = ()
    requests_again: str | None = None
    repeated_as: str | None = None
    needs: tuple[str, ...] = ()
    undecided_in: Collection[str] = ()
    says: Says = field(default_factory=dict)
    opens_in: str | None = None

    @cached_property
    def is_looked_up(self) -> bool:
        """Whether the directory, the locality's standards or the law say or check a field of the fact."""
        model = self.model
        return any((model.FROM_STANDARD, model.BOUND_BODY_KINDS, model.READING_IN_FORCE, model.WITHIN_PERIOD))


@dataclass(frozen=True)
class RecordClassByField:
    """The class of records that a case has by the newest word in a field of its facts.

    `classes`: the class in retention.toml by that word. Another word has the class of the subject of the case.
    """

    field: str
    classes: Mapping[str, str]

    def of(self, facts: Iterable[StoredFact]) -> str | None:
        """The class of a case with these facts, corrected and in the order of replay; None for that of its subject."""
        said = [str(fact.data[self.field]) for fact in facts if self.field in fact.data]
        return self.classes.get(said[-1]) if said else None


@dataclass(frozen=True)
class PartyMailbox:
    """Where a case has the mailbox of a party outside, such as an enquirer: the field of its facts, encrypted there.

    `stopped_by`: the fact after which the party gets no letter, until another fact names a mailbox.
    """

    field: str
    stopped_by: str

    def is_known(self, facts: Iterable[StoredFact]) -> bool:
        """Whether a case with these facts, corrected and in the order of replay, may write to the party."""
        return self.token(facts) is not None

    def token(self, facts: Iterable[StoredFact]) -> str | None:
        """What stands for the newest mailbox in the facts; None without one, or after the party wanted no letters."""
        found: str | None = None
        for fact in facts:
            found = None if fact.kind == self.stopped_by else str(fact.data.get(self.field, found or "")) or None
        return found


RecordClass = str | RecordClassByField | None


class OpeningFact(FactDefinition):
    """A fact that opens a case. The first one of a process is its main opening fact. A case is opened once: another
    opening fact is possible only in the states from which the machine has a transition, or in `accepted_in`.

    Another one opens a case where nothing is known of what came before. The machine's transition from the initial state
    then says in which state the case begins.
    """


class Transition(FactDefinition):
    """A fact that changes the state of a case. The machine says from which state to which."""


class NoTransition(FactDefinition):
    """A fact that `accepted_in` states accept without a change of state."""


@dataclass(frozen=True, slots=True)
class FieldMapping:
    """How the fields of a fact become the fields of the fact that a reaction records.

    `renamed`: fields with another name here. `constants`: fields with a fixed value. `from_opening`: fields of the fact
    that opened the other case, and their names here. `opening_day`: the field for the day of that fact.
    """

    renamed: Mapping[str, str] = field(default_factory=dict)
    constants: Mapping[str, str] = field(default_factory=dict)
    from_opening: Mapping[str, str] = field(default_factory=dict)
    opening_day: str | None = None


@dataclass(frozen=True, slots=True)
class Successor:
    """How a case that ends a cycle opens the next one, of the same process and about the same organisation.

    `link`: the field of the opening fact that links the next case to this one. `days`: fields of it that have the day
    of the last fact of a kind; where this case has none, what its own opening fact says. `carries`: the fact that adds
    to the next case each item of this one that is in `states`, with the newest fields that it needs. `since`: its field
    with the day on which the item came to its state, so that a clock of the item goes on.
    """

    link: str
    days: Mapping[str, str] = field(default_factory=dict)
    carries: str | None = None
    states: Collection[str] = ()
    since: str | None = None


@dataclass(frozen=True, slots=True)
class Reaction:
    """When `kind` is recorded on a linked case of `process`, sendflow records `records` here.

    `when`: values that fields of that fact must have. `optional`: nobody is asked to follow up if no case accepts it.
    `latest_case_only`: only the latest case that accepts it, for a child with several. `if_nothing_is_due`: it opens no
    case while another of the child has a duty with a due date. `where`: whether the case on which `kind` is recorded
    calls for it, by what came before. `day_of`: the fact of that case whose day it has, where it is not `kind` itself.
    `along`: the role of a link that lasts on the day of `kind`, from either case to the other. Then the cases need not
    be of one child, and sendflow opens none. `successor`: the fact opens the next cycle of the same process as another
    case, which needs no child.
    """

    process: str
    kind: str
    records: str
    when: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    fields: FieldMapping = field(default_factory=FieldMapping)
    latest_case_only: bool = False
    optional: bool = False
    if_nothing_is_due: bool = False
    where: Callable[[CaseFile, StoredFact], bool] | None = None
    day_of: Callable[[CaseFile, StoredFact], StoredFact] | None = None
    along: str | None = None
    successor: Successor | None = None

    def applies_to(self, data: Mapping[str, Any]) -> bool:
        """Whether the fields of a fact have the values that `when` asks for."""
        return all(data.get(key) in values for key, values in self.when.items())
