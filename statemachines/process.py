"""The strict base of every statutory machine, and what a process is made of. Pure: no clock, no hooks, no callbacks.

A machine says which facts move a case and from where. Facts that do not move it are listed beside it with the states
that accept them. The class is the law and the check; `Process.table` is read off it once and is what folds look moves
up in.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from statemachine import StateMachine

from models.casefile import CaseFile
from models.common_facts import CORRECTIONS, ENGINE_ONLY, SHARED
from models.errors import SendflowError
from models.facts import FactData, StoredFact

Guard = Callable[[CaseFile, StoredFact], str | None]
Remarks = Callable[[CaseFile], list[str]]
TABLES = Path(__file__).parent / "tables"


class StatutoryMachine(StateMachine):
    """States are nouns, events are fact kinds. Unknown or ill-timed events raise; nothing runs besides the move."""

    allow_event_without_transition = False
    catch_errors_as_events = False
    atomic_configuration_update = True


class NotPermitted(SendflowError):
    """A history that the machine does not allow, with a sentence for a person: which fact, and what is lawful then."""

    default_code = "not_permitted"

    def __init__(self, seq: int, kind: str, sentence: str) -> None:
        super().__init__(sentence)
        self.seq = seq
        self.kind = kind
        self.sentence = sentence


@dataclass(frozen=True, slots=True)
class FieldMapping:
    """How a fact of another case is put where it is heard: particulars that go by another name there, and what it says
    there besides.

    `from_opening`: particulars of the fact that opened that other case, and what they are called here; `opened_on` is
    what its day is called.
    """

    renamed: Mapping[str, str] = field(default_factory=dict)
    says: Mapping[str, str] = field(default_factory=dict)
    from_opening: Mapping[str, str] = field(default_factory=dict)
    opened_on: str | None = None


@dataclass(frozen=True, slots=True)
class Process:
    """One statutory process as its file describes it. `tables` holds the frozen table of every released version.

    `reasons`: what the law says where a fact comes in the wrong order, by kind: a refusal says it beside what is
    lawful.
    `one_open_per_child_and_la`: a second case of one child and local authority is refused while the first is open.
    `hears_if`: what a fact of another case must say to be heard, field by field; `hears_as`: how it is put here.
    `hears_once`: kinds of which a child's latest case that can take them is the one meant, and no earlier case; one
    that opens a case opens none while another is under way.
    `hears_quietly`: kinds that are heard only by a case that can take them, and elsewhere mean nothing: nobody is told
    that a case could not take one.
    `calls_again`: facts that begin again what a refusal had ended, and the fact that is then written for each body that
    had been asked before.
    `remarks`: what a reader of a case should know besides its dates, in sentences; they decide nothing.
    `opens_too`: facts that may open a case as well, where nothing is known of what came before; they move the new case
    as they move one at its first state.
    """

    name: str
    title: str
    machine: type[StatutoryMachine]
    version: int
    opens: str
    initial: str
    states: Mapping[str, str]
    final: frozenset[str]
    facts: Mapping[str, type[FactData]]
    versions: Mapping[str, int]
    table: Mapping[tuple[str, str], str]
    stays: Mapping[str, frozenset[str]]
    guards: Mapping[str, Guard]
    asks: frozenset[str]
    answers: frozenset[str]
    reopens: frozenset[str]
    contacts: frozenset[str]
    hears: Mapping[tuple[str, str], str] = field(default_factory=dict)
    tables: Mapping[int, Mapping[tuple[str, str], str]] = field(default_factory=dict)
    reasons: Mapping[str, str] = field(default_factory=dict)
    one_open_per_child_and_la: bool = False
    opens_too: frozenset[str] = frozenset()
    hears_if: Mapping[tuple[str, str], Mapping[str, tuple[str, ...]]] = field(default_factory=dict)
    hears_as: Mapping[tuple[str, str], FieldMapping] = field(default_factory=dict)
    hears_once: frozenset[str] = frozenset()
    hears_quietly: frozenset[str] = frozenset()
    calls_again: Mapping[str, str] = field(default_factory=dict)
    remarks: Remarks | None = None

    def lawful(self, state: str) -> list[str]:
        """Fact kinds that a case in `state` accepts, in alphabetical order; guards may still refuse one for its
        particulars.
        """
        moving = {kind for from_state, kind in self.table if from_state == state}
        staying = {kind for kind, states in self.stays.items() if state in states}
        return sorted(moving | staying)


def define_process(
    machine: type[StatutoryMachine],
    *,
    name: str,
    title: str,
    version: int,
    opens: str,
    facts: Mapping[str, type[FactData]],
    stays: Mapping[str, Iterable[str]],
    guards: Mapping[str, Guard] | None = None,
    asks: Iterable[str] = (),
    answers: Iterable[str] = (),
    reopens: Iterable[str] = (),
    contacts: Iterable[str] = (),
    hears: Mapping[tuple[str, str], str] | None = None,
    versions: Mapping[str, int] | None = None,
    reasons: Mapping[str, str] | None = None,
    one_open_per_child_and_la: bool = False,
    opens_too: Iterable[str] = (),
    hears_if: Mapping[tuple[str, str], Mapping[str, tuple[str, ...]]] | None = None,
    hears_as: Mapping[tuple[str, str], FieldMapping] | None = None,
    hears_once: Iterable[str] = (),
    hears_quietly: Iterable[str] = (),
    calls_again: Mapping[str, str] | None = None,
    remarks: Remarks | None = None,
) -> Process:
    """Put a process together from its machine and its facts.

    The facts that every process shares are added with the states that accept them: all but the final ones. Corrections,
    and what the engine itself wrote, stand in final states too: they say nothing new about the case, and a closing day
    learned late must not make an earlier breach unlawful. The engine begins nothing new on a case in a final state.
    Raises ValueError where a fact has no place in the machine, or an event no fact.
    """
    states = {state.id: str(state.name) for state in machine.states}
    final = frozenset(state.id for state in machine.states if state.final)
    initial = next(state.id for state in machine.states if state.initial)
    table = table_of(machine)
    alive = frozenset(states) - final
    known: dict[str, type[FactData]] = {**SHARED, **facts}
    moving = {kind for _state, kind in table}
    staying = {kind: frozenset(some) for kind, some in stays.items()}
    for kind in SHARED.keys() - moving - staying.keys():
        staying[kind] = frozenset(states) if kind in CORRECTIONS | ENGINE_ONLY else alive
    placed = moving | staying.keys() | {opens}
    if placed != known.keys():
        raise ValueError(f"{name}: facts without a place, or places without a fact: {sorted(placed ^ known.keys())}")
    if (later := max((versions or {}).values(), default=1)) > version:
        # An earlier program knows by the machine alone that a fact is not for it to read.
        raise ValueError(
            f"{name}: a fact in its version {later} needs version {later} of the machine, and this is {version}"
        )
    return Process(
        name,
        title,
        machine,
        version,
        opens,
        initial,
        states,
        final,
        known,
        {kind: (versions or {}).get(kind, 1) for kind in known},
        table,
        staying,
        dict(guards or {}),
        frozenset(asks),
        frozenset(answers),
        frozenset(reopens),
        frozenset(contacts),
        dict(hears or {}),
        released_tables(name) | {version: table},
        dict(reasons or {}),
        one_open_per_child_and_la,
        frozenset(opens_too),
        dict(hears_if or {}),
        dict(hears_as or {}),
        frozenset(hears_once),
        frozenset(hears_quietly),
        dict(calls_again or {}),
        remarks,
    )


def table_of(machine: type[StatutoryMachine]) -> dict[tuple[str, str], str]:
    """The moves of a machine: (state, fact kind) -> state."""
    return {
        (state.id, event.id): transition.target.id
        for state in machine.states
        for transition in state.transitions
        for event in transition.events
        if transition.target is not None
    }


def released_tables(name: str) -> dict[int, dict[tuple[str, str], str]]:
    """The frozen tables of a process, by version; old facts replay against theirs for ever."""
    found: dict[int, dict[tuple[str, str], str]] = {}
    for path in sorted(TABLES.glob(f"{name}.v*.json")):
        rows = json.loads(path.read_text("utf-8"))
        found[int(path.stem.rpartition(".v")[2])] = {(row[0], row[1]): row[2] for row in rows}
    return found
