"""Recording: facts are accepted in the caller's process and in one transaction, or refused with a reason. [I/O]

`record_acts` takes many commands on many cases; a refused one does not stop the others. `record` takes one.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Unpack

from msgspec import Struct
from msgspec.structs import replace
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection

from casework.cases.about import refuse_child_of
from casework.cases.asked_ahead import NAMES_A_CHILD, ahead_of_act, names_a_child, refs_to_load
from casework.cases.birth_date_answers import answered, corrected_day, days_asked_about
from casework.cases.case_links import with_links_as_stored
from casework.cases.child_questions import ask_if_others_are_reached, cases_of, filled_in, reach_of, record_joined
from casework.cases.commit import commit
from casework.cases.duplicates import open_duplicates
from casework.cases.fact_form import Refused
from casework.cases.fact_references import refuse_unknown_facts
from casework.cases.first_fact import no_reference
from casework.cases.identity_in_clear import refuse_identifier, refuse_name
from casework.cases.loaded_case import LoadedCase
from casework.cases.not_copied import not_copied
from casework.cases.out_of_order import LOOK_AGAIN, probable_slips
from casework.cases.record_choices import RecordChoices
from casework.cases.references import by_la_reference, find_other_reference, stored_reference
from casework.cases.restricted_cases import (
    as_seen,
    refuse_facts_of_the_child,
    refuse_out_of_series,
    sentences_seen,
)
from casework.cases.same_child import (
    facts_to_withdraw,
    find_link,
    link_cases,
    refuse_another_child,
    refuse_second_case,
)
from casework.cases.sampling import append_with_drawn
from casework.cases.second_person import EXCEPTIONS, Check, accepted_exceptions, with_second_person
from casework.cases.unit_of_work import UnitOfWork
from casework.cases.validation import check_person
from casework.cases.warnings import warnings_of
from casework.context import AppContext
from models import people
from models.aliases import find_aliases
from models.database import is_postgresql, transact
from models.facts import FactData, FactDraft, StoredFact
from models.free_text import new_free_text
from models.locks import lock_exclusive
from models.same_words import case_reference, plain_reference, spellings
from statemachines.agreement import OF_A_CHILD
from statemachines.process import Process
from statemachines.registry import opens_a_case
from statemachines.replay import facts_in_force


class RecordCommand(Struct, frozen=True):
    """Facts to record together on one case, all or none.

    `case_ref` None asks for a new reference. `passages` are free texts of the case as a whole. With `begin_chasing`,
    as an import sets it, reminders of a duty that is open start today. `confirmed`: a person has confirmed that every
    case which the command reaches is about one child.
    """

    case_ref: str | None
    drafts: Sequence[FactDraft]
    person: Mapping[str, str] | None = None
    passages: Sequence[str] = ()
    begin_chasing: bool = False
    alias: str | None = None
    confirmed: bool = False


class Recorded(BaseModel):
    """An accepted command: the case, its process and state, the last fact's number and how many facts were added.

    `unheard` are the follow-ups for a person, in sentences.
    """

    model_config = ConfigDict(frozen=True)
    case_ref: str
    process: str
    seq: int
    state: str
    facts: int = 0
    unheard: list[str] = Field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Refusal:
    """A refused command: nothing of it was written."""

    case_ref: str | None
    code: str
    message: str
    field: str | None = None
    kind: str | None = None


def record(
    context: AppContext, case: str, drafts: Sequence[FactDraft], actor: str, **choices: Unpack[RecordChoices]
) -> Recorded:
    """Record facts on one case. Raises Refused; with the code `confirm_child`, a person is to confirm what it names.

    A reference that is not in sendflow's form gets an opening fact a new one; any other fact is then refused.
    """
    confirmed, own_reference = choices.get("confirmed", False), choices.get("own_reference")
    command = RecordCommand(case_reference(case), drafts, choices.get("person"), confirmed=confirmed)
    if command.case_ref is None and own_reference is None and opens_a_case(drafts[0].kind, drafts[0].data) is None:
        raise Refused("no_such_case", no_reference(drafts[0].kind), wrong_call=True)

    together = choices.get("together")

    def once(connection: Connection, check: Check) -> Recorded:
        if together is not None:
            together.before(connection)
        via, run = choices.get("via", "record"), choices.get("run")
        unit = UnitOfWork(context, connection, actor=actor, via=via, run=run)
        case = _apply_as_meant(unit, _with_own_reference(unit, command, own_reference))
        recorded = _recorded(case, len(case.new_facts))
        missed = _not_copied_before(unit, case)
        if choices.get("look_again") and (questions := probable_slips(unit, case)):
            raise Refused(LOOK_AGAIN, " ".join(questions))
        warnings = warnings_of(case)
        follow_ups = commit(unit)
        unheard = [*follow_ups, *open_duplicates(unit), *facts_to_withdraw(unit), *unit.child_notes, *missed, *warnings]
        unheard = sentences_seen(unit, unheard)
        check(connection)
        recorded = recorded.model_copy(update={"unheard": unheard}) if unheard else recorded
        if together is not None:
            together.after(connection, recorded)
        return recorded

    # What is done together, and another reference, may take locks that come before the lock on a case.
    asks_ahead = together is None and own_reference is None and is_postgresql(context.engine)
    ahead = ahead_of_act(command.case_ref, drafts) if asks_ahead else None

    def act(check: Check) -> Recorded:
        return transact(context.engine, lambda connection: once(connection, check), appends=True, ahead=ahead)

    key = accepted_exceptions(command.case_ref, drafts)
    return (
        with_second_person(context, EXCEPTIONS, key, actor, act) if key is not None else act(lambda _connection: None)
    )


def _not_copied_before(unit: UnitOfWork, case: LoadedCase) -> list[str]:
    """What cases have recorded that a person links by this act, and would have copied, had they been linked before."""
    linked = {str(fact.data["linked_to"]) for fact in case.new_facts if fact.data.get("linked_to")}
    if not linked:
        return []
    others = [unit.cases[ref] for ref in sorted(linked & unit.cases.keys()) if unit.cases[ref].facts]
    return not_copied([[case], others]) if others else []


def _with_own_reference(unit: UnitOfWork, command: RecordCommand, own_reference: str | None) -> RecordCommand:
    """The command on the case that was opened with this reference before, or with it as the new case's alias."""
    if own_reference is None or command.case_ref is not None:
        return command
    lock_exclusive(unit.connection, "children")
    known = find_aliases(unit.connection, unit.context.cipher, [own_reference]).get(own_reference)
    if known is not None:
        return replace(command, case_ref=known)
    if opens_a_case(command.drafts[0].kind, command.drafts[0].data):
        _refuse_authoritys_reference(unit, own_reference)
        return replace(command, alias=own_reference)
    known = find_other_reference(unit.connection, unit.context.cipher, own_reference)
    if known is None:
        raise Refused("no_such_case", "there is no case with that reference (it is not repeated here)", wrong_call=True)
    return replace(command, case_ref=known)


def _apply_as_meant(unit: UnitOfWork, command: RecordCommand) -> LoadedCase:
    """Append a command to its case, which a person may also name by the authority's reference. Raises SeveralCases."""
    try:
        case = apply(unit, command)
    except Refused as refused:
        if refused.code != "not_open" or command.case_ref is None:
            raise
        other = find_other_reference(unit.connection, unit.context.cipher, command.case_ref)
        if not other:
            raise
        return apply(unit, replace(command, case_ref=other))
    if command.case_ref is not None and not case.tail.seq:
        _refuse_authoritys_reference(unit, command.case_ref)
    return case


def _refuse_authoritys_reference(unit: UnitOfWork, typed: str) -> None:
    """Refuse to open a case under the reference that an authority gave to a stored one: one reference, one case."""
    found = by_la_reference(unit.connection, typed)
    if found:
        raise Refused(
            "authoritys_reference",
            f"that is the authority's reference of {' and '.join(f'case {ref}' for ref in found[:6])}. What happened"
            f" there is recorded on it: sendflow record {found[0]}. For a further case: sendflow record new",
            wrong_call=True,
        )


def record_acts(
    context: AppContext,
    acts: Sequence[RecordCommand],
    actor: str,
    via: str,
    run: str | None = None,
    connection: Connection | None = None,
) -> list[Recorded | Refusal]:
    """Record many commands, in order, in one transaction or in the caller's. Each is accepted or refused as a whole."""
    if connection is None:
        return transact(context.engine, lambda own: record_acts(context, acts, actor, via, run, own), appends=True)
    unit = UnitOfWork(context, connection, actor=actor, via=via, run=run)
    # All at once, with every spelling under which a case that is to be opened may exist: a read each would cost most.
    unit.load([ref for command in acts if command.case_ref is not None for ref in _forms(command)])
    outcomes = [_apply_or_refuse(unit, command) for command in acts]
    commit(unit)
    return outcomes


def _forms(command: RecordCommand) -> Iterable[str]:
    assert command.case_ref is not None
    opens = any(opens_a_case(draft.kind, draft.data) for draft in command.drafts)
    return spellings(command.case_ref) if opens else (command.case_ref,)


def _apply_or_refuse(unit: UnitOfWork, command: RecordCommand) -> Recorded | Refusal:
    try:
        case, before = _apply(unit, command)
        return _recorded(case, len(case.facts) - before)
    except Refused as refused:
        kind = command.drafts[0].kind if command.drafts else None
        return Refusal(command.case_ref, refused.code, refused.message, refused.field, kind)


def _recorded(case: LoadedCase, facts: int) -> Recorded:
    file, seq = case.file, case.facts[-1].seq if case.facts else 0
    return Recorded(case_ref=case.case_ref, process=file.process, seq=seq, state=file.state, facts=facts)


def apply(unit: UnitOfWork, command: RecordCommand) -> LoadedCase:
    """Append one command to its case; the caller commits the unit. Raises Refused, and the case is as before."""
    return _apply(unit, command)[0]


def _apply(unit: UnitOfWork, command: RecordCommand) -> tuple[LoadedCase, int]:
    """Do the same, and say how many facts the case had before.

    The lock on children comes before any lock on a case, and the identity of the child before what depends on it.
    """
    given = frozenset[str]().union(*[draft.data for draft in command.drafts])  # asked once, and not of each draft
    opens = _opened_by(command.drafts) if command.case_ref is None else None
    ref = command.case_ref or unit.references.next(restricted=opens is not None and opens.restricted)
    named = list(command.drafts) if given.isdisjoint(NAMES_A_CHILD) else _naming_a_child(unit, command)
    case = as_seen(unit, _load_as_typed(unit, ref, named))
    ref, before = case.case_ref, len(case.facts)
    process = case.process or _opened_by(command.drafts)
    refuse_out_of_series(unit, process, case)
    named = _naming_what_is_recorded(unit, process, case, named)
    person = dict(command.person or {})
    if person or not given.isdisjoint(OF_A_CHILD):
        refuse_child_of(process, ref)
    drafts = [_without_identity(unit, case, process, draft, person) for draft in named]
    if person.get("nhs_number"):
        people.lock_child(unit.connection, unit.context.cipher, person["nhs_number"])
    link = find_link(unit, process, case, drafts, person)
    refuse_another_child(unit, case, named, link, person)
    reach = reach_of(unit, case, link, person) if link is not None or person else None
    if process is not None and process.restricted:
        unit.find_children([case] if case.facts else [])
        others = cases_of(unit, [case.child_id]) if case.child_id is not None else {}
        refuse_facts_of_the_child(process, case, drafts, [each for refs in others.values() for each in refs])
    if reach is not None and not command.confirmed:
        ask_if_others_are_reached(unit, case, named, link, person, reach)
    if process is not None and (process.one_open_case_per_child_and_la or not command.confirmed):
        refuse_second_case(unit, process, case, drafts, link.child_id if link is not None else None, person)
    _refuse_identity_in_clear(unit, case, drafts, person)
    notes = filled_in(unit, case, person, reach) if reach is not None else []
    append_with_drawn(unit, process, case, drafts)
    unit.child_notes += notes
    if link is not None:
        link_cases(unit, case, link)
    restricted = process is not None and process.restricted
    if reach is not None and not restricted and not (link is not None and link.is_correction):
        record_joined(unit, list(reach.sides.values()))
    if command.begin_chasing and _has_duty_to_chase(unit.context, case):
        unit.append(case, [FactDraft("chasing_began", unit.today)])
    if person:
        unit.remember_person(case, person)
    if command.alias is not None:
        unit.aliases[command.alias] = ref
    for text in command.passages:
        unit.free_texts.append(new_free_text(ref, text))
    return case, before


def _opened_by(drafts: Sequence[FactDraft]) -> Process | None:
    """The process whose case the first fact opens that opens one."""
    return next((each for draft in drafts if (each := opens_a_case(draft.kind, draft.data))), None)


def _naming_what_is_recorded(
    unit: UnitOfWork, process: Process | None, case: LoadedCase, drafts: list[FactDraft]
) -> list[FactDraft]:
    """The drafts, whose fields name only cases and facts that are recorded, each as it is stored. Raises Refused."""
    if process is None:
        return drafts
    refuse_unknown_facts(unit, process, drafts)
    return with_links_as_stored(unit, process, case, drafts)


def _with_link_as_stored(unit: UnitOfWork, draft: FactDraft) -> FactDraft:
    """The draft with `linked_to` as the other case's reference is stored, however a person spelt it."""
    typed = draft.data.get("linked_to")
    ref = case_reference(typed) if isinstance(typed, str) else None
    if ref is None or ref in unit.cases:
        return draft
    return draft._replace(data={**draft.data, "linked_to": stored_reference(unit.connection, ref)})


def _load_as_typed(unit: UnitOfWork, ref: str, drafts: Sequence[FactDraft]) -> LoadedCase:
    """The case of a reference, however it is spelt: PT-00011 is PT00011. Both are locked where a case may be opened."""
    typed, first = plain_reference(ref), refs_to_load(ref, drafts)
    if first == [typed]:
        case = unit.load(first)[typed]
        if case.facts:
            return case
    loaded = unit.load(list(spellings(typed)))
    found = next((case for case in loaded.values() if case.facts), loaded[typed])
    for each in loaded.values():
        if each is not found and not each.facts:
            del unit.cases[each.case_ref]
    return found


def _refuse_identity_in_clear(
    unit: UnitOfWork, case: LoadedCase, drafts: Sequence[FactDraft], person: Mapping[str, str]
) -> None:
    """Refuse an identity of the child where it would be stored in clear: the case's reference, the authority's, who
    acts.
    """
    references = [str(draft.data["la_reference"]) for draft in drafts if draft.data.get("la_reference")]
    name = person.get("name")
    if not case.facts:
        refuse_identifier("reference", case.case_ref, unit.today)
    elif references and name is None:
        name = (people.person_of(unit.connection, unit.context.cipher, case.case_ref) or {}).get("name")
    if name is None:
        return
    for reference in references:
        refuse_name("la_reference", reference, name)
    refuse_name("actor", unit.actor, name)


def _naming_a_child(unit: UnitOfWork, command: RecordCommand) -> list[FactDraft]:
    """Lock all children if the command says which child a case is about; give its drafts with links as stored.

    Another transaction that says so waits until the cases of this child are written as one. In a batch, whose cases
    are locked by now, two that wait for each other are ended by the database and begun again (`transact`).
    """
    if names_a_child(command.drafts):
        lock_exclusive(unit.connection, "children")
    return [_with_link_as_stored(unit, draft) for draft in command.drafts]


def _without_identity(
    unit: UnitOfWork, case: LoadedCase, process: Process | None, draft: FactDraft, person: dict[str, str]
) -> FactDraft:
    """The draft without the fields that identify the child, which are added to `person`.

    What the fact says of the date of birth (such as "yes, before compulsory school age") is calculated here.
    """
    if process is None or not (draft.kind in process.about_the_child or draft.kind == "fact_corrected"):
        return draft
    model = process.facts[draft.kind].model
    if not model.IDENTITY_FIELDS.isdisjoint(draft.data):
        identity = _identity(model, draft)
        check_person(identity, draft.occurred_on)
        person |= identity
        draft = draft._replace(data=_other_fields(model, draft))
    if model.ANSWERED_FROM_BIRTH_DATE:
        return answered(unit.context, model, draft, _date_of_birth(unit, case, draft, person))
    if draft.kind == "fact_corrected":
        return _answered_again(unit, case, draft, person)
    return draft


def _answered_again(unit: UnitOfWork, case: LoadedCase, draft: FactDraft, person: dict[str, str]) -> FactDraft:
    """A correction with the answers calculated again, if it changes the day or the date of birth behind them."""
    target = _target(case, draft)
    model = case.process.model_of(target.kind) if target is not None and case.process is not None else None
    if target is None or model is None:
        return draft
    identity = _identity(model, draft)
    check_person(identity, unit.today)
    person |= identity
    if not model.ANSWERED_FROM_BIRTH_DATE:
        return draft
    data = _other_fields(model, draft)
    day = corrected_day(data, target.occurred_on)
    asked = model.ANSWERED_FROM_BIRTH_DATE
    changed = identity or day != target.occurred_on or data.keys() & {*asked, *days_asked_about(model)}
    if day is None or not changed:
        return draft
    stored = {key: value for key, value in target.data.items() if key not in asked}
    fields = stored | {key: value for key, value in data.items() if key not in {"occurred_on", "reason"}}
    born = _date_of_birth(unit, case, draft, person)
    again = answered(unit.context, model, FactDraft(target.kind, day, fields), born)
    return draft._replace(data={**data, **{key: again.data[key] for key in asked if key in again.data}})


def _target(case: LoadedCase, correction: FactDraft) -> StoredFact | None:
    return next((fact for fact in facts_in_force(case.facts) if fact.seq == correction.corrects), None)


def _identity(model: type[FactData], draft: FactDraft) -> dict[str, str]:
    return {key: str(draft.data[key]) for key in model.IDENTITY_FIELDS if draft.data.get(key)}


def _other_fields(model: type[FactData], draft: FactDraft) -> dict[str, Any]:
    return {key: value for key, value in draft.data.items() if key not in model.IDENTITY_FIELDS}


def _date_of_birth(unit: UnitOfWork, case: LoadedCase, draft: FactDraft, person: Mapping[str, str]) -> str | None:
    """The date of birth: given in this command, or stored with this case or with the case it is linked to."""
    for ref in (case.case_ref, draft.data.get("linked_to")):
        if person.get("date_of_birth"):
            break
        if ref:
            person = people.person_of(unit.connection, unit.context.cipher, str(ref)) or {}
    return person.get("date_of_birth")


def _has_duty_to_chase(context: AppContext, case: LoadedCase) -> bool:
    """Whether an imported duty is open that the escalation policy has steps for, and reminders have not begun."""
    began = max((seq for seq, _day in case.file.chasing_began), default=0)
    return any(
        duty.closed_on is None
        and duty.may_be_chased
        and duty.imported
        and duty.opened_seq > began
        and context.escalation_policy.steps(duty.rule)
        for duty in case.duties
    )
