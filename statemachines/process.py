"""What a process is made of: a state machine, the definition of each of its facts, and its reactions to other cases.

Pure: no clock, no database, no callbacks. A machine says which facts change the state of a case, and from which states.
`define_process` reads its transition table once, checks that machine, facts and reactions agree, and returns a
`Process`. Replay uses the table; tests compare it with the class and with the frozen tables of every release.

A fact is usual in a state, out of order there, or impossible. The law foresees the usual ones. What else anybody did
is recorded too, out of order, with a warning that names the provision: a record that cannot say what happened
shows nobody who was in breach. Only what cannot be true is refused, such as an answer before its question.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from statemachine import StateMachine
from statemachine.transition_list import TransitionList

from models.common_facts import UNLINKED
from models.enums import About
from models.errors import SendflowError
from models.facts import FactData, StoredFact
from models.fields import LinkRole, fields_naming_facts, links_in
from statemachines.agreement import Shape, problems_of, problems_of_record_class, shared_definitions
from statemachines.definitions import (
    HAS_ARRIVED,
    IS_DONE,
    FactDefinition,
    FieldMapping,
    Guard,
    InLetters,
    MayShare,
    NoTransition,
    NotYetShown,
    OpeningFact,
    PartyMailbox,
    Reaction,
    RecordClass,
    RecordClassByField,
    Remarks,
    Role,
    Says,
    Successor,
    Transition,
    Warn,
    before,
)
from statemachines.items import Items, ItemTable, item_table, problems_of_items
from statemachines.released import (
    TransitionTable,
    released_items,
    released_tables,
    released_unusual,
    table_of,
    unusual_of,
)

__all__ = [
    "HAS_ARRIVED",
    "IS_DONE",
    "About",
    "FactDefinition",
    "FieldMapping",
    "Guard",
    "NoTransition",
    "NotPermitted",
    "OpeningFact",
    "Process",
    "Reaction",
    "Remarks",
    "Role",
    "Says",
    "StatutoryMachine",
    "Successor",
    "Transition",
    "Warn",
    "before",
    "define_process",
    "unusual",
]


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


@dataclass(frozen=True)
class Process:
    """One statutory process. `tables` has the frozen transition table of every released version of the machine, and
    `unusual` the transitions of each that the law does not foresee. Histories of the machine's versions before
    `out_of_order_from` had no facts out of order; None where the present machine still refuses them.

    `about`: what a case is about. A case about no child has no identity and no other cases of the same child.
    `labels`: what people call its facts and their fields, where the stored word is unclear.
    `items`: the items inside a case, with states and duties of their own; `item_tables`: the frozen table of their
    moves of every released version.
    `one_open_case_per_child_and_la`: sendflow refuses a second case of one child and local authority while the first is
    open; with `and_per_body`, a second case of the body whose duty it is, by the opening fact.
    `papers`: what the papers of a case are called, where a case has papers of its items; None where it has none.
    `in_letters`: what letters of its duties may say besides, by the fact that opened the duty.
    `not_yet_shown`: the fields that no surface shows yet, such as a first mark before the blind second one.
    `unnamed_in`: states in which no list, e-mail, digest, calendar, export or program names a case, and nothing of it
    leaves: the person has not consented, or no longer does. Only its own page and its history have it.
    `may_share`: whether consent covers that other agencies see a case; without it every case may be shared.
    `restricted`: operations staff may not know that such a case exists, so Prefect shows nothing of it.
    `party_mailbox`: where a case has the mailbox of a party outside, which then may get letters.
    `record_class`: the class in retention.toml by which its records are retained, or the field of its facts that says
    it; None for the class of its subject.
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
    in_letters: InLetters | None = None
    restricted: bool = False
    about: About = About.CHILD
    items: Items | None = None
    item_tables: Mapping[int, ItemTable] = field(default_factory=dict)
    record_class: RecordClass = None
    papers: str | None = None
    party_mailbox: PartyMailbox | None = None
    unnamed_in: frozenset[str] = frozenset()
    not_yet_shown: NotYetShown | None = None
    may_share: MayShare | None = None
    labels: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def opens(self) -> str:
        """The main opening fact."""
        return next(fact.kind for fact in self.facts.values() if isinstance(fact, OpeningFact))

    @cached_property
    def opens_too(self) -> frozenset[str]:
        """The other opening facts."""
        opening = (fact.kind for fact in self.facts.values() if isinstance(fact, OpeningFact) or fact.opens_in)
        return frozenset(opening) - {self.opens}

    def state_opened_by(self, kind: str) -> str:
        """The state in which a case begins that this fact opens."""
        return self.facts[kind].opens_in or self.table.get((self.initial, kind), self.initial)

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
    def about_requests(self) -> frozenset[str]:
        """Facts of any of these four roles."""
        return self.asks | self.answers | self.reopens | self.contacts

    @cached_property
    def of_the_openings_body(self) -> frozenset[str]:
        """Facts that need a body, where the main opening fact needs one too.

        One that the opening need not name (a board that may have asked for a re-assessment) is not the body that the
        case is about.
        """
        needing = frozenset(kind for kind, fact in self.facts.items() if _needs_body(fact.model))
        return needing if self.opens in needing else frozenset()

    @cached_property
    def requests_again(self) -> Mapping[str, str]:
        """Facts after which sendflow requests again what was requested before, and the fact that it records."""
        return {fact.kind: fact.requests_again for fact in self.facts.values() if fact.requests_again is not None}

    @cached_property
    def draws(self) -> frozenset[str]:
        """Facts that draw a sample, with which sendflow records the facts of what is drawn."""
        return frozenset(kind for kind, fact in self.facts.items() if fact.model.FROM_SAMPLE)

    @cached_property
    def about_the_child(self) -> frozenset[str]:
        """Facts of which a field identifies the child, or is answered from the date of birth."""
        return frozenset(
            kind
            for kind, fact in self.facts.items()
            if fact.model.IDENTITY_FIELDS or fact.model.ANSWERED_FROM_BIRTH_DATE
        )

    @cached_property
    def naming_facts(self) -> frozenset[str]:
        """Facts of which a field names a fact of another case."""
        return frozenset(kind for kind, fact in self.facts.items() if fields_naming_facts(fact.model))

    @cached_property
    def links_by(self) -> Mapping[str, Mapping[str, LinkRole | None]]:
        """The facts that link the case to another, with their fields and the role of each; None: the fact says it."""
        links = {fact.kind: links_in(fact.model) for fact in self.facts.values() if fact.kind != UNLINKED}
        return {kind: fields for kind, fields in links.items() if fields}

    @property
    def record_classes(self) -> list[str | None]:
        """Every class of records that a case of the process may have; None is the class of its subject."""
        if isinstance(self.record_class, RecordClassByField):
            return [None, *dict.fromkeys(self.record_class.classes.values())]
        return [self.record_class]

    def record_class_of(self, facts: Iterable[StoredFact]) -> str | None:
        """The class of a case with these facts, corrected and in the order of replay; None for that of its subject."""
        by = self.record_class
        return by.of(facts) if isinstance(by, RecordClassByField) else by

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
        return list(self._permitted[state])

    @cached_property
    def _permitted(self) -> Mapping[str, Sequence[str]]:
        kinds: dict[str, set[str]] = {state: set() for state in self.states}
        for state, kind in self.usual_moves:
            kinds[state].add(kind)
        for fact in self.facts.values():
            for state in fact.accepted_in:
                kinds[state].add(fact.kind)
        return {state: sorted(some) for state, some in kinds.items()}

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


def _needs_body(model: type[FactData]) -> bool:
    body = model.model_fields.get("body")
    return body is not None and body.is_required()


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
    in_letters: InLetters | None = None,
    out_of_order_from: int | None = 1,
    restricted: bool = False,
    about: About = About.CHILD,
    items: Items | None = None,
    record_class: RecordClass = None,
    papers: str | None = None,
    party_mailbox: PartyMailbox | None = None,
    unnamed_in: frozenset[str] = frozenset(),
    not_yet_shown: NotYetShown | None = None,
    may_share: MayShare | None = None,
    labels: Mapping[str, str] | None = None,
) -> Process:
    """Put a process together from its machine, its facts and its reactions.

    The facts that every process shares are added. Every state that is not final accepts them. Final states accept
    corrections and sendflow's own facts too: a closing day learned late must not refuse an earlier breach.
    Raises ValueError with a sentence if machine, facts and reactions do not agree.
    """
    shape = Shape(
        name=name,
        states={state.id: str(state.name) for state in machine.states},
        final=frozenset(state.id for state in machine.states if state.final),
        table=table_of(machine),
        unusual=unusual_of(machine),
        version=version,
        about=about,
    )
    own, reacts = list(facts), tuple(reactions)
    known = {fact.kind: fact for fact in (*shared_definitions(shape), *own)}
    problems = problems_of(own, reacts, shape, known, takes_out_of_order=out_of_order_from is not None)
    problems += problems_of_record_class(record_class, own)
    if items is not None:
        problems += problems_of_items(items, known)
    if unknown := unnamed_in - shape.states.keys():
        problems.append(f"nothing names a case in {sorted(unknown)}, which are no states of the machine")
    fields = {name for fact in own for name in fact.model.model_fields}
    if strange := (labels or {}).keys() - known.keys() - fields:
        problems.append(f"the labels {sorted(strange)} are of no facts and no fields of the process")
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
        in_letters=in_letters,
        restricted=restricted,
        about=about,
        items=items,
        item_tables={} if items is None else released_items(name) | {version: item_table(items)},
        record_class=record_class,
        papers=papers,
        party_mailbox=party_mailbox,
        unnamed_in=unnamed_in,
        not_yet_shown=not_yet_shown,
        may_share=may_share,
        labels=labels or {},
    )
