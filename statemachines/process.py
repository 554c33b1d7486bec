"""What a process is made of: a state machine, the definition of each of its facts, and its reactions to other cases.

Pure: no clock, no database, no callbacks. A machine says which facts change the state of a case, and from which states.
`define_process` reads its transition table once, checks that machine, facts and reactions agree, and returns a
`Process`. Replay uses the table; tests compare it with the class and with the frozen tables of every release.

A fact is usual in a state, out of order there, or impossible. The law foresees the usual ones. What else anybody did
is recorded too, out of order, with a warning that names the provision: a record that cannot say what happened
shows nobody who was in breach. Only what cannot be true is refused, such as an answer before its question.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from functools import cached_property
from typing import Any, Literal

from statemachine import StateMachine
from statemachine.transition_list import TransitionList

from models.answers import Answer
from models.casefile import CaseFile
from models.common_facts import CORRECTIONS, ENGINE_ONLY, SHARED
from models.errors import SendflowError
from models.facts import FactData, StoredFact
from statemachines.released import TransitionTable, released_tables, released_unusual, table_of, unusual_of

# Says why a fact cannot be true on a case; None where it can.
Guard = Callable[[CaseFile, StoredFact], str | None]
# Says, with its provision, what is out of order about a fact that a case accepts; None where nothing is.
Warn = Callable[[CaseFile, StoredFact], str | None]
# Says what a reader of a case should know besides its dates. Remarks decide nothing.
Remarks = Callable[[CaseFile], list[str]]
# The answers that a fact records, each with the fields that the answer gives.
Says = Mapping[str, Mapping[str, str]]
IS_DONE: Says = {Answer.SENT: {}}
HAS_ARRIVED: Says = {Answer.RECEIVED: {}}
# What a fact does to the bodies that owe an answer: it asks one, is an answer, reopens a request, or shows contact.
Role = Literal["asks", "answers", "reopens", "contacts"]


class StatutoryMachine(StateMachine):
    """The strict base class: states are nouns, events are fact kinds. An event without a transition raises."""

    allow_event_without_transition = False
    catch_errors_as_events = False
    atomic_configuration_update = True


def unusual(transitions: TransitionList) -> TransitionList:
    """Mark transitions of a machine that the law does not foresee. Replay takes them, and marks the fact.

    A fact that is out of order in a state without such a transition leaves the state as it is.
    """
    for transition in transitions:
        transition.is_unusual = True
    return transitions


class NotPermitted(SendflowError):
    """The machine does not permit a fact of a history. `sentence` names the fact, and what is permitted instead."""

    default_code = "not_permitted"

    def __init__(self, seq: int, kind: str, sentence: str) -> None:
        super().__init__(sentence)
        self.seq = seq
        self.kind = kind
        self.sentence = sentence


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
    that the answer gives.
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
class Reaction:
    """When `kind` is recorded on a linked case of `process`, sendflow records `records` here.

    `when`: values that fields of that fact must have. `optional`: nobody is asked to follow up if no case accepts it.
    `latest_case_only`: only the latest case that accepts it, for a child with several. `if_nothing_is_due`: it opens no
    case while another of the child has a duty with a due date. `where`: whether the case on which `kind` is recorded
    calls for it, by what came before.
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

    def applies_to(self, data: Mapping[str, Any]) -> bool:
        """Whether the fields of a fact have the values that `when` asks for."""
        return all(data.get(key) in values for key, values in self.when.items())


@dataclass(frozen=True)
class Process:
    """One statutory process. `tables` has the frozen transition table of every released version of the machine, and
    `unusual` the transitions of each that the law does not foresee. Histories of the machine's versions before
    `out_of_order_from` had no facts out of order; None where the present machine still refuses them.

    `one_open_case_per_child_and_la`: sendflow refuses a second case of one child and local authority while the first is
    open; with `and_per_body`, a second case of the body whose duty it is, by the opening fact.
    `restricted`: operations staff may not know that such a case exists, so Prefect shows nothing of it.
    """

    name: str
    title: str
    machine: type[StatutoryMachine]
    version: int
    initial: str
    states: Mapping[str, str]
    final: frozenset[str]
    facts: Mapping[str, FactDefinition]
    table: TransitionTable
    tables: Mapping[int, TransitionTable]
    unusual: Mapping[int, frozenset[tuple[str, str]]]
    reactions: Sequence[Reaction] = ()
    one_open_case_per_child_and_la: bool = False
    and_per_body: bool = False
    out_of_order_from: int | None = 1
    remarks: Remarks | None = None
    restricted: bool = False

    @cached_property
    def opens(self) -> str:
        """The main opening fact."""
        return next(fact.kind for fact in self.facts.values() if isinstance(fact, OpeningFact))

    @cached_property
    def opens_too(self) -> frozenset[str]:
        """The other opening facts."""
        return frozenset(fact.kind for fact in self.facts.values() if isinstance(fact, OpeningFact)) - {self.opens}

    @cached_property
    def openings(self) -> frozenset[str]:
        """Every opening fact."""
        return self.opens_too | {self.opens}

    @cached_property
    def asks(self) -> frozenset[str]:
        """Facts that ask a body for something."""
        return self._with_role("asks")

    @cached_property
    def answers(self) -> frozenset[str]:
        """Facts by which a body answers."""
        return self._with_role("answers")

    @cached_property
    def reopens(self) -> frozenset[str]:
        """Facts after which a body owes an answer again."""
        return self._with_role("reopens")

    @cached_property
    def contacts(self) -> frozenset[str]:
        """Facts that show contact with a body."""
        return self._with_role("contacts")

    @cached_property
    def requests_again(self) -> Mapping[str, str]:
        """Facts after which sendflow requests again what was requested before, and the fact that it records."""
        return {fact.kind: fact.requests_again for fact in self.facts.values() if fact.requests_again is not None}

    def model_of(self, kind: str) -> type[FactData] | None:
        """The model of a fact's fields; None if the process has no such fact."""
        definition = self.facts.get(kind)
        return definition.model if definition is not None else None

    def _with_role(self, role: Role) -> frozenset[str]:
        return frozenset(fact.kind for fact in self.facts.values() if role in fact.roles)

    @cached_property
    def unusual_moves(self) -> frozenset[tuple[str, str]]:
        """The (state, fact kind) of each transition that the law does not foresee."""
        return self.unusual[self.version]

    @cached_property
    def usual_moves(self) -> TransitionTable:
        """The transitions that the law foresees: the ones that a reader of the process sees first."""
        return {key: target for key, target in self.table.items() if key not in self.unusual_moves}

    def takes_out_of_order(self, machine: int) -> bool:
        """Whether that version of the machine records facts out of order."""
        return self.out_of_order_from is not None and machine >= self.out_of_order_from

    def permitted(self, state: str) -> list[str]:
        """Fact kinds that are usual in `state`, in alphabetical order. A guard may still refuse one for its fields."""
        transitions = {kind for from_state, kind in self.usual_moves if from_state == state}
        accepted = {fact.kind for fact in self.facts.values() if state in fact.accepted_in}
        return sorted(transitions | accepted)

    def out_of_order(self, state: str) -> list[str]:
        """Fact kinds that `state` accepts though they are out of order there, in alphabetical order."""
        if state in self.final or not self.takes_out_of_order(self.version):
            return []
        usual = set(self.permitted(state))
        return sorted(
            fact.kind for fact in self.facts.values() if fact.kind not in usual and self._possible(fact, state)
        )

    def _possible(self, fact: FactDefinition, state: str) -> bool:
        if isinstance(fact, OpeningFact):
            return (state, fact.kind) in self.table
        return state not in fact.impossible_in


@dataclass(frozen=True, kw_only=True)
class _Shape:
    """What `define_process` reads off a machine."""

    name: str
    states: Mapping[str, str]
    final: frozenset[str]
    table: TransitionTable
    unusual: frozenset[tuple[str, str]]

    @property
    def usual(self) -> set[tuple[str, str]]:
        return set(self.table) - self.unusual

    @property
    def open_states(self) -> frozenset[str]:
        return frozenset(self.states) - self.final

    @property
    def events(self) -> set[str]:
        return {kind for _state, kind in self.table}


def define_process(  # noqa: PLR0913 (one declaration of a process, each part by its name)
    machine: type[StatutoryMachine],
    *,
    name: str,
    title: str,
    version: int,
    facts: Iterable[FactDefinition],
    reactions: Iterable[Reaction] = (),
    one_open_case_per_child_and_la: bool = False,
    and_per_body: bool = False,
    remarks: Remarks | None = None,
    out_of_order_from: int | None = 1,
    restricted: bool = False,
) -> Process:
    """Put a process together from its machine, its facts and its reactions.

    The facts that every process shares are added. Every state that is not final accepts them. Final states accept
    corrections and sendflow's own facts too: a closing day learned late must not refuse an earlier breach.
    Raises ValueError with a sentence if machine, facts and reactions do not agree.
    """
    shape = _Shape(
        name=name,
        states={state.id: str(state.name) for state in machine.states},
        final=frozenset(state.id for state in machine.states if state.final),
        table=table_of(machine),
        unusual=unusual_of(machine),
    )
    own, reacts = list(facts), tuple(reactions)
    known = {fact.kind: fact for fact in (*_shared_facts(shape), *own)}
    problems = [
        *_duplicates(own, reacts),
        *(problem for fact in own for problem in _problems_of_fact(fact, shape, known, version)),
        *_problems_of_process(own, reacts, shape, known),
        *(_problems_of_order(own, shape) if out_of_order_from is not None else ()),
    ]
    if problems:
        raise ValueError(f"{name}: {'; '.join(problems)}")
    return Process(
        name=name,
        title=title,
        machine=machine,
        version=version,
        initial=next(state.id for state in machine.states if state.initial),
        states=shape.states,
        final=shape.final,
        facts=known,
        table=shape.table,
        tables=released_tables(name) | {version: shape.table},
        unusual=released_unusual(name) | {version: unusual_of(machine)},
        reactions=reacts,
        one_open_case_per_child_and_la=one_open_case_per_child_and_la,
        and_per_body=and_per_body,
        out_of_order_from=out_of_order_from,
        remarks=remarks,
        restricted=restricted,
    )


def _shared_facts(shape: _Shape) -> list[FactDefinition]:
    shared: list[FactDefinition] = []
    for kind, model in SHARED.items():
        if kind in shape.events:
            shared.append(Transition(kind, model))
        elif kind in CORRECTIONS | ENGINE_ONLY:
            shared.append(NoTransition(kind, model, accepted_in=frozenset(shape.states)))
        else:
            shared.append(NoTransition(kind, model, accepted_in=shape.open_states))
    return shared


def _duplicates(facts: Sequence[FactDefinition], reactions: Sequence[Reaction]) -> list[str]:
    kinds = [*SHARED, *(fact.kind for fact in facts)]
    causes = [(reaction.process, reaction.kind, reaction.records) for reaction in reactions]
    return [
        *(f"{kind} is defined more than once" for kind in dict.fromkeys(kinds) if kinds.count(kind) > 1),
        *(f"there are two reactions to {' '.join(each)}" for each in dict.fromkeys(causes) if causes.count(each) > 1),
    ]


def _problems_of_fact(
    fact: FactDefinition, shape: _Shape, known: Mapping[str, FactDefinition], version: int
) -> list[str]:
    problems = []
    has_transition = fact.kind in shape.events
    if isinstance(fact, Transition) and not has_transition:
        problems.append(f"{fact.kind} is a Transition, and the machine has no transition of that name")
    if isinstance(fact, NoTransition) and has_transition:
        problems.append(f"{fact.kind} is a NoTransition, and the machine has a transition of that name")
    if isinstance(fact, NoTransition) and not fact.accepted_in:
        problems.append(f"{fact.kind} is accepted in no state: name the states in accepted_in")
    if unknown := set(fact.accepted_in) - shape.open_states:
        problems.append(f"{fact.kind} is accepted in {sorted(unknown)}, which are no open states of the machine")
    if both := [state for state in fact.accepted_in if (state, fact.kind) in shape.table]:
        problems.append(f"{fact.kind} both changes {both} and is accepted there without a change")
    if fact.requests_again is not None and fact.requests_again not in known:
        problems.append(f"{fact.kind} requests {fact.requests_again} again, which is no fact of the process")
    if fact.version > version:
        # A program of an earlier version only sees from the machine's version that it cannot read a fact.
        problems.append(
            f"{fact.kind} in its version {fact.version} needs version {fact.version} of the machine,"
            f" and this is {version}"
        )
    return problems


def _problems_of_process(
    facts: Sequence[FactDefinition],
    reactions: Sequence[Reaction],
    shape: _Shape,
    known: Mapping[str, FactDefinition],
) -> list[str]:
    problems = [f"the machine has {kind}, and no fact defines it" for kind in sorted(shape.events - known.keys())]
    if not any(isinstance(fact, OpeningFact) for fact in facts):
        problems.append("no fact opens a case: define one as OpeningFact")
    problems.extend(
        f"a reaction records {reaction.records}, which is no fact of the process"
        for reaction in reactions
        if reaction.records not in known
    )
    return problems


def _problems_of_order(facts: Sequence[FactDefinition], shape: _Shape) -> Iterable[str]:
    """A warning names a provision, so a fact that may be out of order says what the law says of its place."""
    for fact in facts:
        usual = {state for state, kind in shape.usual if kind == fact.kind} | set(fact.accepted_in)
        if unknown := fact.impossible_in.keys() - shape.open_states:
            yield f"{fact.kind} is impossible in {sorted(unknown)}, which are no open states of the machine"
        if both := fact.impossible_in.keys() & {state for state, kind in shape.table if kind == fact.kind}:
            yield f"{fact.kind} is impossible in {sorted(both)}, and the machine has a transition there"
        if both := fact.impossible_in.keys() & set(fact.accepted_in):
            yield f"{fact.kind} is both accepted and impossible in {sorted(both)}"
        if isinstance(fact, OpeningFact) or shape.open_states <= usual | fact.impossible_in.keys():
            continue
        if not fact.order:
            yield f"{fact.kind} may be out of order: say in `order` what the law says of its place, with the provision"
