"""Whether the machine, the facts and the reactions of a process agree: what `define_process` refuses, in sentences."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import get_args

from models.common_facts import CORRECTIONS, ENGINE_ONLY, LINK_ROLES, OF_THE_CHILD, SHARED, Opening, shared_facts
from models.enums import About
from models.fields import form_of, links_in
from statemachines.definitions import (
    FactDefinition,
    NoTransition,
    OpeningFact,
    Reaction,
    RecordClass,
    RecordClassByField,
    Transition,
)
from statemachines.released import TransitionTable

# Fields by which an opening fact says whose case it is.
OF_A_CHILD = frozenset(Opening.model_fields) - {"la"}


@dataclass(frozen=True, kw_only=True)
class Shape:
    """What `define_process` reads off a machine, and what the cases are about."""

    name: str
    states: Mapping[str, str]
    final: frozenset[str]
    table: TransitionTable
    unusual: frozenset[tuple[str, str]]
    version: int
    about: About

    @property
    def usual(self) -> set[tuple[str, str]]:
        return set(self.table) - self.unusual

    @property
    def open_states(self) -> frozenset[str]:
        return frozenset(self.states) - self.final

    @property
    def events(self) -> set[str]:
        return {kind for _state, kind in self.table}


def shared_definitions(shape: Shape) -> list[FactDefinition]:
    shared: list[FactDefinition] = []
    for kind, model in shared_facts(shape.about).items():
        if kind in shape.events:
            shared.append(Transition(kind, model))
        elif kind in CORRECTIONS | ENGINE_ONLY | OF_THE_CHILD:
            shared.append(NoTransition(kind, model, accepted_in=frozenset(shape.states)))
        else:
            shared.append(NoTransition(kind, model, accepted_in=shape.open_states))
    return shared


def problems_of(
    facts: Sequence[FactDefinition],
    reactions: Sequence[Reaction],
    shape: Shape,
    known: Mapping[str, FactDefinition],
    *,
    takes_out_of_order: bool,
) -> list[str]:
    """Everything about which the parts of a process do not agree, in sentences."""
    return [
        *_duplicates(facts, reactions),
        *(problem for fact in facts for problem in _problems_of_fact(fact, shape, known)),
        *_problems_of_process(facts, reactions, shape, known),
        *(_problems_of_order(facts, shape) if takes_out_of_order else ()),
        *(_problems_without_child(facts, reactions, shape.about) if shape.about is not About.CHILD else ()),
    ]


def _problems_without_child(
    facts: Sequence[FactDefinition], reactions: Sequence[Reaction], about: About
) -> Iterable[str]:
    """A case about an organisation or a meeting says nothing of a child, and no child's case reaches it."""
    for fact in facts:
        model = fact.model
        of_child = {*model.IDENTITY_FIELDS, *model.ANSWERED_FROM_BIRTH_DATE} | (model.model_fields.keys() & OF_A_CHILD)
        if of_child:
            yield f"{fact.kind} says {sorted(of_child)} of a child, and the case is about {in_words(about)}"
    for reaction in reactions:
        if reaction.along is None and reaction.successor is None:
            why = f"is recorded for a fact of the same child, and the case is about {in_words(about)}"
            yield f"{reaction.records} {why}"


def in_words(about: About) -> str:
    """What a case is about: "a child", "an organisation", "a meeting"."""
    return f"{'an' if about is About.ORGANISATION else 'a'} {about}"


def _duplicates(facts: Sequence[FactDefinition], reactions: Sequence[Reaction]) -> list[str]:
    kinds = [*SHARED, *(fact.kind for fact in facts)]
    causes = [(reaction.process, reaction.kind, reaction.records) for reaction in reactions]
    return [
        *(f"{kind} is defined more than once" for kind in dict.fromkeys(kinds) if kinds.count(kind) > 1),
        *(f"there are two reactions to {' '.join(each)}" for each in dict.fromkeys(causes) if causes.count(each) > 1),
    ]


def _problems_of_fact(fact: FactDefinition, shape: Shape, known: Mapping[str, FactDefinition]) -> list[str]:
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
    problems += _problems_of_fields(fact)
    if fact.roles and "body" not in fact.model.model_fields:
        problems.append(f"{fact.kind} has a role ({', '.join(fact.roles)}), and no field `body` says of whom")
    if fact.requests_again is not None and fact.requests_again not in known:
        problems.append(f"{fact.kind} requests {fact.requests_again} again, which is no fact of the process")
    if fact.version > shape.version:
        # A program of an earlier version only sees from the machine's version that it cannot read a fact.
        problems.append(
            f"{fact.kind} in its version {fact.version} needs version {fact.version} of the machine,"
            f" and this is {shape.version}"
        )
    if fact.opens_in is not None and (fact.opens_in not in shape.open_states or "la" not in fact.model.model_fields):
        problems.append(f"{fact.kind} opens a case: opens_in is an open state, and the fact names the authority (la)")
    return problems


def _problems_of_fields(fact: FactDefinition) -> Iterable[str]:
    for name, info in fact.model.model_fields.items():
        form = form_of(info)
        if (form is not None and form.kind == "money") != name.endswith("_pence"):
            yield f"{fact.kind}: {name}: a field of money, and no other, has a name that ends in _pence"
    for name, role in links_in(fact.model).items():
        if role is None:
            yield f"{fact.kind}: {name} links two cases and has no LinkRole"
        elif role != LINK_ROLES.get(role.name, role):
            yield f"{fact.kind}: {name} has other words for the role {role.name} than case_linked has"


def problems_of_record_class(by: RecordClass, facts: Sequence[FactDefinition]) -> list[str]:
    """Why no fact could say the class of records: no fact has the field, or its words are others."""
    if not isinstance(by, RecordClassByField):
        return []
    fields = [fact.model.model_fields[by.field] for fact in facts if by.field in fact.model.model_fields]
    if not fields:
        return [f"the class of records goes by {by.field}, which is no field of a fact"]
    words = {word for field in fields for word in get_args(field.annotation)}
    unknown = sorted(by.classes.keys() - words)
    return [f"the class of records goes by {by.field}, which never says {', '.join(unknown)}"] if unknown else []


def _problems_of_process(
    facts: Sequence[FactDefinition],
    reactions: Sequence[Reaction],
    shape: Shape,
    known: Mapping[str, FactDefinition],
) -> list[str]:
    problems = [f"the machine has {kind}, and no fact defines it" for kind in sorted(shape.events - known.keys())]
    if not any(isinstance(fact, OpeningFact) for fact in facts):
        problems.append("no fact opens a case: define one as OpeningFact")
    problems.extend(
        f"a reaction along a link records {reaction.records}, which opens a case: a link is between two cases"
        for reaction in reactions
        if reaction.along is not None and isinstance(known.get(reaction.records), OpeningFact)
    )
    problems.extend(problem for reaction in reactions for problem in _problems_of_successor(reaction, shape, known))
    problems.extend(
        f"a reaction records {reaction.records}, which is no fact of the process"
        for reaction in reactions
        if reaction.records not in known
    )
    return problems


def _problems_of_successor(reaction: Reaction, shape: Shape, known: Mapping[str, FactDefinition]) -> Iterable[str]:
    """A case opens the next cycle of its own process, with a fact that links it and fields that it has."""
    after = reaction.successor
    if after is None:
        return
    opening = known.get(reaction.records)
    if reaction.process != shape.name or not isinstance(opening, OpeningFact):
        yield f"{reaction.records} opens the next cycle: it is an opening fact, and caused by a fact of this process"
        return
    if after.link not in links_in(opening.model):
        yield f"{reaction.records} opens the next cycle, and its field {after.link} is no link to a case"
    missing = set(after.days) - opening.model.model_fields.keys()
    if after.carries is not None:
        carries = known.get(after.carries)
        needed = {"item", *([after.since] if after.since else [])}
        missing |= needed - (carries.model.model_fields.keys() if carries is not None else set())
    if missing:
        yield f"{reaction.records} opens the next cycle, and no fact has the fields {sorted(missing)}"


def _problems_of_order(facts: Sequence[FactDefinition], shape: Shape) -> Iterable[str]:
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
