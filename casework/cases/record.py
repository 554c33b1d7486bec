"""Recording: facts are accepted here, in the caller's own process and in one transaction, or refused with a sentence.

`record_acts` takes many acts on many cases; one that is refused does not stop the others. `record` is a bulk of one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection

from casework.cases.birth_date_answers import corrected_day, with_birth
from casework.cases.commit import commit
from casework.cases.same_child import join, left_behind, link_of, open_twice, refuse_another_child, refuse_second
from casework.cases.unit_of_work import LoadedCase, UnitOfWork
from casework.cases.validation import Refused, check_person
from casework.cases.warnings import misdirected
from casework.context import AppContext
from models import people
from models.database import alone, transact
from models.facts import REFERENCE, FactDraft
from statemachines.replay import facts_in_force, opened_by


@dataclass(frozen=True, slots=True)
class RecordCommand:
    """Facts to be accepted together on one case, or not at all.

    `case_ref` None asks for a new reference. `begin_chasing` starts chasing from today where a chased duty is open, as
    an import does.
    """

    case_ref: str | None
    drafts: Sequence[FactDraft]
    person: Mapping[str, str] | None = None
    passages: Sequence[str] = ()
    begin_chasing: bool = False
    alias: str | None = None


class Recorded(BaseModel):
    """What became of an act that was accepted: the case and its process, the last fact's number, the state it left, how
    many facts were added.
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
    """What became of an act that was refused; nothing of it was written."""

    case_ref: str | None
    code: str
    message: str
    field: str | None = None
    kind: str | None = None


def record(
    context: AppContext,
    case: str,
    drafts: Sequence[FactDraft],
    actor: str,
    via: str = "record",
    run: str | None = None,
    person: Mapping[str, str] | None = None,
) -> Recorded:
    """Record facts on one case. Raises Refused where they are not accepted.

    The reference is kept where it has the form of one; otherwise an opening fact is given a new reference.
    """
    kept = case.strip().upper()
    act = RecordCommand(kept if REFERENCE.fullmatch(kept) else None, drafts, person)
    if act.case_ref is None and drafts[0].kind not in opened_by():
        raise Refused(
            "no_such_case",
            "that is not the form of a case reference: expected capital letters and digits, for example NX00042",
            wrong_call=True,
        )

    def once(connection: Connection) -> Recorded:
        unit = UnitOfWork(context, connection, actor=actor, via=via, run=run)
        work = take(unit, act)
        seq, state, facts = work.lines[-1].seq, work.file.state, len(work.added)
        elsewhere = misdirected(work)
        follow_ups = commit(unit)
        unheard = [*follow_ups, *open_twice(unit), *left_behind(unit), *elsewhere]
        return Recorded(
            case_ref=work.case_ref, process=work.file.process, seq=seq, state=state, facts=facts, unheard=unheard
        )

    return transact(context.engine, once)


def record_acts(
    context: AppContext,
    acts: Sequence[RecordCommand],
    actor: str,
    via: str,
    run: str | None = None,
    connection: Connection | None = None,
) -> list[Recorded | Refusal]:
    """Record many acts in one transaction, or in the caller's. Each act is accepted whole or refused whole,
    in order.
    """
    if connection is None:
        return transact(context.engine, lambda own: record_acts(context, acts, actor, via, run, own))
    unit = UnitOfWork(context, connection, actor=actor, via=via, run=run)
    unit.open([act.case_ref for act in acts if act.case_ref is not None])
    outcomes: list[Recorded | Refusal] = []
    for act in acts:
        try:
            before = len(unit.works[act.case_ref].lines) if act.case_ref is not None else 0
            work = take(unit, act)
            seq = work.lines[-1].seq if work.lines else 0
            stands = work.file
            outcomes.append(
                Recorded(
                    case_ref=work.case_ref,
                    process=stands.process,
                    seq=seq,
                    state=stands.state,
                    facts=len(work.lines) - before,
                )
            )
        except Refused as refused:
            outcomes.append(
                Refusal(
                    act.case_ref,
                    refused.code,
                    refused.message,
                    refused.field,
                    act.drafts[0].kind if act.drafts else None,
                )
            )
    commit(unit)
    return outcomes


def take(unit: UnitOfWork, act: RecordCommand) -> LoadedCase:
    """Put one act on the desk. Raises Refused, and the case is as before."""
    ref = act.case_ref or unit.references.next()
    if any(draft.data.get(key) for draft in act.drafts for key in ("linked_to", "nhs_number")):
        # Before any case is locked (a batch, whose cases are locked by now, is begun afresh where two wait
        # for each
        # other): whoever else says whose a
        # case is waits until the cases of the child are written as one.
        alone(unit.connection, "children")
    work = unit.open([ref])[ref]
    process = work.process or next((opened_by()[draft.kind] for draft in act.drafts if draft.kind in opened_by()), None)
    person = dict(act.person or {})
    drafts: list[FactDraft] = []
    for draft in act.drafts:
        model = process.facts.get(draft.kind) if process is not None else None
        if model is not None:
            if not model.IDENTITY_FIELDS.isdisjoint(draft.data):
                told = {key: str(draft.data[key]) for key in model.IDENTITY_FIELDS if draft.data.get(key)}
                check_person(told, draft.occurred_on)
                person |= told
                draft = draft._replace(
                    data={key: value for key, value in draft.data.items() if key not in model.IDENTITY_FIELDS}
                )
            if model.ANSWERED_FROM_BIRTH_DATE:
                draft = with_birth(unit.context, model, draft, _born(unit, work, draft, person))
            elif draft.kind == "fact_corrected":
                draft = _judged_again(unit, work, draft, person)
        drafts.append(draft)
    if person.get("nhs_number"):
        people.alone_with_child(unit.connection, unit.context.cipher, person["nhs_number"])
    link = link_of(unit, work, drafts, person)
    refuse_another_child(unit, work, act.drafts, link, person)
    if process is not None:
        refuse_second(unit, process, work, drafts, link.child_key if link is not None else None, person)
    unit.add(work, drafts)
    if link is not None:
        join(unit, work, link)
    if act.begin_chasing and chased_and_open(unit, work):
        unit.add(work, [FactDraft("chasing_began", unit.today)])
    if person:
        unit.remember_person(work, person)
    if act.alias is not None:
        unit.aliases[act.alias] = ref
    for words in act.passages:
        unit.passages.append(people.encrypt_free_text(unit.context.cipher, ref, words, unit.now))
    return work


def _judged_again(unit: UnitOfWork, work: LoadedCase, draft: FactDraft, person: dict[str, str]) -> FactDraft:
    """The correction of a fact that says something worked out from a birth: a corrected day, or birth, is judged
    afresh.
    """
    target = next((line for line in facts_in_force(work.lines) if line.seq == draft.corrects), None)
    model = work.process.facts.get(target.kind) if target is not None and work.process is not None else None
    if target is None or model is None:
        return draft
    told = {key: str(draft.data[key]) for key in model.IDENTITY_FIELDS if draft.data.get(key)}
    check_person(told, unit.today)
    person |= told
    if not model.ANSWERED_FROM_BIRTH_DATE:
        return draft
    data = {key: value for key, value in draft.data.items() if key not in model.IDENTITY_FIELDS}
    day = corrected_day(data, target.occurred_on)
    if day is None or (
        day == target.occurred_on and not told and not data.keys() & model.ANSWERED_FROM_BIRTH_DATE.keys()
    ):
        return draft
    particulars = {key: value for key, value in data.items() if key not in {"occurred_on", "reason"}}
    judged = with_birth(unit.context, model, FactDraft(target.kind, day, particulars), _born(unit, work, draft, person))
    return draft._replace(data={**data, **judged.data})


def _born(unit: UnitOfWork, work: LoadedCase, draft: FactDraft, person: Mapping[str, str]) -> str | None:
    """The date of birth: told in this act, or sealed with this case or the one that it is linked to."""
    for ref in (work.case_ref, draft.data.get("linked_to")):
        if person.get("date_of_birth"):
            break
        if ref:
            person = people.person_of(unit.connection, unit.context.cipher, str(ref)) or {}
    return person.get("date_of_birth")


def chased_and_open(unit: UnitOfWork, work: LoadedCase) -> bool:
    """Whether an imported duty that the ladder chases is open, and no chasing of it has begun."""
    began = max((seq for seq, _day in work.file.chasing_began), default=0)
    return any(
        duty.closed_on is None
        and duty.body is not None
        and duty.imported
        and duty.opened_seq > began
        and unit.context.escalation_policy.rungs(duty.rule)
        for duty in work.duties
    )


def parse_key_values(pairs: Sequence[str]) -> dict[str, Any]:
    """`key=value` options as a mapping. Raises Refused (a wrong call) for a pair without `=` or a key given twice."""
    told: dict[str, Any] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key.strip():
            raise Refused("bad_data", "every --data is key=value, for example --data body=QX101", wrong_call=True)
        if key.strip() in told:
            raise Refused("bad_data", "a key stands twice among the --data: each is given once", wrong_call=True)
        told[key.strip()] = value.strip()
    return told
