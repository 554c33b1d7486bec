"""What may be recorded on a case now: the facts that its state accepts, the usual ones first, each with its fields.

Facts out of order come last, each with what the law says of its place.

A form and a prompt are made from this, so that a new process needs neither. Reading it records nothing.
"""

from collections.abc import Iterable, Sequence
from datetime import date
from functools import cache
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel, ConfigDict

from casework.cases.fact_form import example_of
from casework.cases.loaded_case import replay_case
from casework.context import AppContext
from casework.reports.histories import read_histories
from deadlines.duties import Duty
from models.casefile import CaseFile
from models.common_facts import ATTENDED, CONTACT, CORRECTIONS, ENGINE_ONLY, LINKED, REPLIED, UNLINKED
from models.database import reading
from models.facts import FactData
from models.fields import form_of
from statemachines.process import FactDefinition, OpeningFact, Process
from statemachines.registry import opened_by

Group = Literal["usual", "possible", "at any time", "out of order"]
GROUPS = get_args(Group)


class FieldForm(BaseModel):
    """One field of a fact. `kind` says what is expected; a `choice` has `choices`.

    `hidden`: it identifies the child, so it is typed unseen and encrypted. `encrypted`: words of a person.
    """

    model_config = ConfigDict(frozen=True)
    name: str
    required: bool
    kind: Literal["day", "yes_no", "number", "choice", "words", "money", "list", "fact", "case"]
    choices: list[str]
    example: str | None
    hidden: bool
    encrypted: bool


class RecordableFact(BaseModel):
    """One fact that may be recorded. `leads_to`: the state after it, None if the state stays.

    `meets`: what it does for open duties, in the words of each duty. `group`: whether it is usual now. `order`: what
    the law says of its place, where it is out of order now.
    """

    model_config = ConfigDict(frozen=True)
    kind: str
    group: Group
    leads_to: str | None
    meets: list[str]
    fields: list[FieldForm]
    order: str | None = None


class Recordable(BaseModel):
    """A case and the facts that it accepts now. Without a case: the facts that open one."""

    model_config = ConfigDict(frozen=True)
    case_ref: str | None
    process: str | None
    state: str | None
    facts: list[RecordableFact]


def _usual_first(fact: RecordableFact) -> tuple[int, bool, bool, str]:
    return GROUPS.index(fact.group), not fact.meets, fact.leads_to is None, fact.kind


def recordable(context: AppContext, case_ref: str) -> Recordable:
    """Give the facts that a case accepts now. Raises NoSuchCase, or NotPermitted for a damaged history."""
    with reading(context.engine) as connection:
        (facts,) = read_histories(connection, case_ref)
    file, duties = replay_case(context, case_ref, facts)
    process = context.processes[file.process]
    found = _accepted(context, process, file.state, duties)
    return Recordable(case_ref=case_ref, process=process.title, state=process.states[file.state], facts=found)


def usual_facts(context: AppContext, file: CaseFile, duties: Sequence[Duty]) -> list[RecordableFact]:
    """Give the facts that are usual now, of a case that was read, in the order of `recordable`."""
    return _accepted(context, context.processes[file.process], file.state, duties, usual_only=True)


def _accepted(
    context: AppContext, process: Process, state: str, duties: Sequence[Duty], *, usual_only: bool = False
) -> list[RecordableFact]:
    meets = _met_by(context, duties)
    found = [
        _recordable(process, fact, state, meets.get(fact.kind, []))
        for kind in process.permitted(state)
        if kind not in ENGINE_ONLY
        for fact in [process.facts[kind]]
        if not usual_only or _group(process, fact, state, meets.get(kind, [])) == "usual"
    ]
    if not usual_only:
        found += [
            _out_of_order(process, process.facts[kind], state, meets.get(kind, []))
            for kind in process.out_of_order(state)
            if kind not in ENGINE_ONLY
        ]
    # What the health bodies owe comes first: it is what a DCO team records most.
    # Of those that meet one duty, the one that its rule names first.
    places = {kind: place for place, kind in enumerate(meets)}

    def place(fact: RecordableFact) -> tuple[int | bool | str, ...]:
        group, *others, kind = _usual_first(fact)
        return group, kind not in process.answers, *others, places.get(kind, len(places)), kind

    found.sort(key=place)
    return found


def openings() -> Recordable:
    """Give the facts that open a case."""
    facts = [
        RecordableFact(
            kind=kind,
            group="usual" if process.opens == kind else "possible",
            leads_to=process.states[process.state_opened_by(kind)],
            meets=[],
            fields=_fields_to_open(process.facts[kind]),
        )
        for kind, process in opened_by().items()
    ]
    facts.sort(key=_usual_first)
    return Recordable(case_ref=None, process=None, state=None, facts=facts)


def _fields_to_open(fact: FactDefinition) -> list[FieldForm]:
    """The fields of a fact that opens a case; one that mostly follows others opens it only with the authority."""
    needed = {"la"} if fact.opens_in else set(fact.needs)
    forms = [
        form.model_copy(update={"required": form.required or form.name in needed}) for form in fields_of(fact.model)
    ]
    return sorted(forms, key=lambda form: not form.required)


def _met_by(context: AppContext, duties: Iterable[Duty]) -> dict[str, list[str]]:
    """The open duties that each fact would meet, by their actions; a contingent one is met by no choice of health."""
    rules = context.law.rules
    found: dict[str, dict[str, None]] = {}
    for duty in duties:
        if duty.closed_on is None and not duty.contingent:
            for kind in duty.law.met_by:
                found.setdefault(kind, {})[rules[duty.rule].action] = None
    return {kind: list(actions) for kind, actions in found.items()}


def _recordable(process: Process, fact: FactDefinition, state: str, meets: list[str]) -> RecordableFact:
    next_state = process.table.get((state, fact.kind))
    return RecordableFact(
        kind=fact.kind,
        group=_group(process, fact, state, meets),
        leads_to=process.states[next_state] if next_state is not None and next_state != state else None,
        meets=meets,
        fields=fields_of(fact.model),
    )


def _group(process: Process, fact: FactDefinition, state: str, meets: list[str]) -> Group:
    aside = fact.kind in (CONTACT, ATTENDED, REPLIED, LINKED, UNLINKED) or fact.kind.startswith(("chasing_", "excuse_"))
    if fact.kind in CORRECTIONS or (aside and not meets):
        return "at any time"
    moves = process.table.get((state, fact.kind)) not in (None, state)
    usual = bool(meets) or (moves and fact.kind not in {"case_closed", "case_withdrawn"})
    return "usual" if usual and not isinstance(fact, OpeningFact) else "possible"


def _out_of_order(process: Process, fact: FactDefinition, state: str, meets: list[str]) -> RecordableFact:
    usual = _recordable(process, fact, state, meets)
    return usual.model_copy(update={"group": "out of order", "order": fact.order})


def fields_of(model: type[FactData]) -> list[FieldForm]:
    """Give the fields of a fact, the required ones first. What sendflow works out itself is left out."""
    return list(_fields_of(model))


@cache
def _fields_of(model: type[FactData]) -> Sequence[FieldForm]:
    given = {
        name: info
        for name, info in model.model_fields.items()
        if name not in model.ANSWERED_FROM_BIRTH_DATE and name not in model.READING_IN_FORCE
        if name not in model.WITHIN_PERIOD and name not in model.FROM_SAMPLE
    }
    forms = [
        FieldForm(
            name=name,
            required=info.is_required() and name not in model.FROM_STANDARD,
            kind=form.kind if (form := form_of(info)) is not None else _kind(info.annotation),
            choices=_choices(info.annotation),
            example=example_of(model, name),
            hidden=name in model.IDENTITY_FIELDS,
            encrypted=name in model.FREE_TEXT_FIELDS,
        )
        for name, info in given.items()
    ]
    return sorted(forms, key=lambda form: not form.required)


def _parts(annotation: Any) -> list[Any]:
    """The annotation and everything inside it, such as a Literal in an optional list."""
    return [annotation, *(part for inner in get_args(annotation) for part in _parts(inner))]


def _kind(annotation: Any) -> Literal["day", "yes_no", "number", "choice", "words"]:
    parts = _parts(annotation)
    if date in parts:
        return "day"
    if any(get_origin(part) is Literal for part in parts):
        return "choice"
    if bool in parts:
        return "yes_no"
    return "number" if int in parts else "words"


def _choices(annotation: Any) -> list[str]:
    for part in _parts(annotation):
        if get_origin(part) is Literal:
            return [str(choice) for choice in get_args(part)]
    return []
