"""Items inside a case: an agenda item, a line of a package, a criterion, each with a state and duties of its own. Pure.

A process declares the states of its items and the facts that move them. A fact names its item by the field `item`.
Replay folds them with the case, and a rule with `per = "item"` has a duty for each.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from models.casefile import CaseFile, Item
from models.facts import StoredFact
from statemachines.definitions import FactDefinition

ITEM = "item"
# A short code without a name: it is in letters and in lists.
ItemCode = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_]{0,39}$")]


@dataclass(frozen=True, slots=True)
class ItemMove:
    """A fact about an item, and the state to which it leads: None where the item stays in the state that it has.

    `states`: where it is usual; without any, it adds an item. In another state the fact is out of order: it is recorded
    and marked with `order`, and leaves the state as it is. `called`: what the item is called, where that is not what
    the others are called (an action beside agenda items).
    """

    kind: str
    to: str | None
    states: Collection[str] = ()
    order: str = ""
    called: str | None = None


@dataclass(frozen=True, slots=True)
class Items:
    """The items of a process: what one is called, the names of its states, and its moves."""

    called: str
    states: Mapping[str, str]
    moves: Sequence[ItemMove]


# (state of the item, fact kind) -> its next state; the state "" is that of an item that is not there yet
ItemTable = Mapping[tuple[str, str], str]


def item_table(items: Items) -> ItemTable:
    """Every move of the items, as a machine's own table has them. A fact that leaves the state leads to itself."""
    table: dict[tuple[str, str], str] = {}
    for move in items.moves:
        for state in move.states or ("",):
            table[state, move.kind] = move.to if move.to is not None else state
    return table


def problems_of_items(items: Items, known: Mapping[str, FactDefinition]) -> Iterable[str]:
    """What does not agree between the items and the facts of a process, in sentences."""
    kinds = [move.kind for move in items.moves]
    yield from (f"there are two moves of an item by {kind}" for kind in dict.fromkeys(kinds) if kinds.count(kind) > 1)
    if all(move.states for move in items.moves):
        yield "no fact adds an item: give a move without `states`"
    for move in items.moves:
        fact = known.get(move.kind)
        if fact is None:
            yield f"{move.kind} moves an item and is no fact of the process"
        elif ITEM not in fact.model.model_fields or not fact.model.model_fields[ITEM].is_required():
            yield f"{move.kind} moves an item and does not need the field `{ITEM}`"
        if move.to is None and not move.states:
            yield f"{move.kind} adds an item and names no state of it"
        if unknown := {state for state in (move.to, *move.states) if state is not None} - items.states.keys():
            yield f"{move.kind} names {sorted(unknown)}, which are no states of an item"
        if move.states and set(items.states) - set(move.states) and not move.order:
            yield f"{move.kind} may be out of order: say in `order` what the law says of its place"


def update_of(
    items: Items,
    tables: Mapping[int, ItemTable],
    move: ItemMove,
    refuse: Callable[[StoredFact, str], Exception],
) -> Callable[..., None]:
    """What a fact does to its item in the case file, by the table of the machine's version that judges the case.

    It raises what `refuse` makes if the fact cannot be true.
    """

    def update(casefile: CaseFile, fact: StoredFact) -> None:
        code = str(fact.data[ITEM])
        item = casefile.items.get(code)
        if item is None and move.states:
            raise refuse(fact, f"no {move.called or items.called} {code} was there on that day")
        called = item.called if item is not None else move.called or items.called
        if item is not None and not move.states:
            raise refuse(fact, f"the {called} {code} is there already")
        next_state = tables[casefile.machine].get((item.state if item is not None else "", move.kind))
        if item is not None and next_state is None:
            casefile.out_of_order.setdefault(
                fact.seq, f"out of order on the {called} {code} at '{items.states[item.state]}': {move.order}"
            )
        elif next_state is not None and (item is None or move.to is not None):
            casefile.items[code] = Item(code, next_state, fact.occurred_on, fact.seq, called)

    return update
