"""Hearing: a fact of one case that opens, closes or restarts duties in another case of the same child, in the same
transaction.

No fold reads another case. A machine file lists what it hears; the fact heard is appended to the other case with
`caused_by`, and a correction of the cause is heard likewise. Cases of one child share a random key, so that nobody is
named. Of several cases of a process any may take what is heard; what none can take opens a case where the machine says
that it may, and is said to a person where not.
"""

import secrets
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any

from casework.cases.loaded_case import LoadedCase, is_readable
from casework.cases.unit_of_work import UnitOfWork, load_each
from casework.cases.validation import Refused
from models.bulk_io import read_among
from models.common_facts import CORRECTIONS
from models.facts import Fact, FactDraft, StoredFact
from models.ledger import Damaged
from models.tables import CASE
from statemachines.process import FieldMapping, NotPermitted, Process
from statemachines.replay import processes

ROUNDS = 6


@cache
def heard_by() -> dict[tuple[str, str], list[tuple[str, str]]]:
    """(process, fact kind) -> (process that hears it, the kind under which it does)."""
    found: dict[tuple[str, str], list[tuple[str, str]]] = defaultdict(list)
    for process in processes().values():
        for cause, kind in process.hears.items():
            found[cause].append((process.name, kind))
    return dict(found)


def propagate(unit: UnitOfWork, mint: Callable[[], str]) -> list[str]:
    """Let linked cases hear what has been added on this desk; returns what could not be taken, in sentences for a
    person.
    """
    listening = heard_by()
    unheard: list[str] = []
    if not listening:
        return unheard
    asked: dict[str, int] = {}  # how many of a case's added facts have been looked at
    for _round in range(ROUNDS):
        told: list[tuple[LoadedCase, Fact]] = []
        for work in unit.cases.values():
            fresh = work.new_facts[asked.get(work.case_ref, 0) :]
            if fresh:
                asked[work.case_ref] = len(work.new_facts)
                unheard += _call_again(unit, work, fresh)
                told.extend(
                    (work, fact)
                    for fact in fresh
                    if (fact.process, fact.kind) in listening or _corrects_heard(work, fact, listening)
                )
        if not told:
            break
        linked = _linked(unit, [work for work, _fact in told])
        for work, fact in told:
            others = [ref for ref in linked.get(work.child_id or "", []) if ref != work.case_ref]
            unheard += _tell(unit, work, fact, others, listening, mint)
    return unheard


def _call_again(unit: UnitOfWork, work: LoadedCase, fresh: list[Fact]) -> list[str]:
    """After an order to assess: a fact for each body that had been asked before it and not since; a correction of the
    order is one of these too.
    """
    calls = work.process.calls_again if work.process is not None else {}
    unheard: list[str] = []
    for fact in fresh if calls else ():
        if fact.kind in CORRECTIONS:
            again = [
                line
                for line in work.facts
                if line.caused_by == f"{work.case_ref}/{fact.corrects}" and line.kind in calls.values()
            ]
            data = {key: value for key, value in fact.data.items() if key == "occurred_on"}
            if fact.kind == "fact_withdrawn" or data:
                unheard += [
                    said
                    for line in again
                    for said in _try(
                        unit,
                        work,
                        FactDraft(fact.kind, fact.occurred_on, data, line.seq, caused_by=f"{work.case_ref}/{fact.seq}"),
                    )
                ]
            asks = work.process.asks if work.process is not None else frozenset()
            if any(line.seq == fact.corrects and line.kind in asks for line in work.facts):
                for line in [line for line in work.file.lines if line.kind in calls]:
                    unheard += _ask_again(unit, work, line, calls[line.kind], fact)
        else:
            # One that was withdrawn in the same act is not among what stands.
            for line in [line for line in work.file.lines if line.seq == fact.seq and line.kind in calls]:
                unheard += _ask_again(unit, work, line, calls[line.kind], fact)
    return unheard


def _ask_again(unit: UnitOfWork, work: LoadedCase, order: StoredFact, kind: str, told: Fact) -> list[str]:
    """For each body that was asked before an order and not since, the fact that it is called for again; none for a body
    whose request is gone since.
    """
    asks = work.process.asks if work.process is not None else frozenset()
    cause = f"{work.case_ref}/{order.seq}"
    lines = list(work.file.lines)
    place = next(at for at, line in enumerate(lines) if line.seq == order.seq)
    before = dict.fromkeys(_asked(line) for line in lines[:place] if line.kind in asks)
    since = {_asked(line) for line in lines[place:] if line.kind in asks}
    there = {_asked(line): line.seq for line in lines if line.kind == kind and line.caused_by == cause}
    unheard: list[str] = []
    for gone in [each for each in there if each not in before]:
        withdrawn = FactDraft(
            "fact_withdrawn", told.occurred_on, {}, there[gone], caused_by=f"{work.case_ref}/{told.seq}"
        )
        unheard += _try(unit, work, withdrawn)
    for body, service in [each for each in before if each not in since and each not in there]:
        unheard += _try(
            unit, work, FactDraft(kind, order.occurred_on, {"body": body, "service": service}, caused_by=cause)
        )
    return unheard


def _asked(line: StoredFact) -> tuple[str, str | None]:
    return line.data["body"], line.data.get("service")


def _corrects_heard(work: LoadedCase, fact: Fact, listening: dict[tuple[str, str], list[tuple[str, str]]]) -> bool:
    if fact.kind not in CORRECTIONS:
        return False
    target = next((line for line in work.facts if line.seq == fact.corrects), None)
    return target is not None and (fact.process, target.kind) in listening


def _linked(unit: UnitOfWork, works: list[LoadedCase]) -> dict[str, list[str]]:
    """References by child, in order of reference: the order in which cases are locked."""
    unit.find_children(works)
    keys = {work.child_id for work in works if work.child_id}
    found: dict[str, set[str]] = defaultdict(set)
    for work in unit.cases.values():
        if work.child_id in keys and work.facts:
            found[str(work.child_id)].add(work.case_ref)
    for key, ref in read_among(unit.connection, CASE, ("child_key", "case_ref"), "child_key", keys):
        found[key].add(ref)
    return {key: sorted(refs) for key, refs in found.items()}


def _tell(
    unit: UnitOfWork,
    work: LoadedCase,
    fact: Fact,
    others: list[str],
    listening: dict[tuple[str, str], list[tuple[str, str]]],
    mint: Callable[[], str],
) -> list[str]:
    cause = f"{work.case_ref}/{fact.seq}"
    hearers = listening.get((fact.process, fact.kind), [])
    if fact.kind in CORRECTIONS:
        opened, unheard = _readable(unit, work, fact, others, set())
        return unheard + _tell_correction(unit, work, fact, opened, cause)
    unheard = []
    opened = []
    for name, kind in hearers:
        process = processes()[name]
        wanted = process.hears_if.get((fact.process, fact.kind), {})
        if any(fact.data.get(key) not in said for key, said in wanted.items()):
            continue
        if not others and kind != process.opens and kind not in process.opens_too:
            continue
        put = process.hears_as.get((fact.process, fact.kind), FieldMapping())
        draft = FactDraft(
            kind,
            fact.occurred_on,
            {**_put(process, kind, put, fact.data), **_of_the_opening(work, put), **put.says},
            caused_by=cause,
        )
        if not opened:
            opened, lost = _readable(unit, work, fact, others, {name for name, _kind in hearers})
            unheard += [said for said in lost if said not in unheard]
        listeners = [other for other in opened if other.process is process and not other.ended]
        if kind == process.opens:
            busy = next((other for other in listeners if kind in process.hears_once and _under_way(other)), None)
            if busy is not None:
                unheard.append(
                    f"Case {busy.case_ref} of the same child is under way ({process.title}), so that {fact.kind} opened"
                    " no other: see that it covers what was asked"
                )
            else:
                unheard += _open(unit, work, process, draft, mint)
            continue
        tried = (
            _latest_first(unit, listeners, draft)
            if kind in process.hears_once
            else [_try(unit, other, draft) for other in listeners]
        )
        if [] in tried:
            # a child may have several cases of a process, and what one of them takes is not the others' business
            continue
        if kind in process.opens_too:
            unheard += _open(unit, work, process, draft, mint)
        elif kind not in process.hears_quietly:
            unheard += [said for each in tried for said in each]
    return unheard


def _put(process: Process, kind: str, put: FieldMapping, said: Mapping[str, Any]) -> dict[str, Any]:
    """What a fact says, as the process that hears it has it; words stay with the case that they were written on."""
    model = process.facts[kind]
    named = {put.renamed.get(key, key): value for key, value in said.items()}
    return {
        key: value for key, value in named.items() if key in model.model_fields and key not in model.FREE_TEXT_FIELDS
    }


def _of_the_opening(work: LoadedCase, put: FieldMapping) -> dict[str, Any]:
    """What the fact that opened the other case says, where that is needed to know what a fact of it is about."""
    if not (put.from_opening or put.opened_on) or work.process is None:
        return {}
    kinds = {work.process.opens, *work.process.opens_too}
    opening = next(line for line in work.file.lines if line.kind in kinds)
    said = {named: opening.data[key] for key, named in put.from_opening.items() if key in opening.data}
    return said | ({put.opened_on: opening.occurred_on.isoformat()} if put.opened_on else {})


def _under_way(other: LoadedCase) -> bool:
    """Whether a case still has something to be done by a day."""
    return any(duty.closed_on is None and duty.due is not None for duty in other.duties)


def _latest_first(unit: UnitOfWork, listeners: Iterable[LoadedCase], draft: FactDraft) -> list[list[str]]:
    """Tell the latest case that can take it, and no earlier one: what was refused long ago is not what an order of
    today is about.
    """
    tried: list[list[str]] = []
    for other in sorted(
        listeners, key=lambda each: (each.file.opened_on or draft.occurred_on, each.case_ref), reverse=True
    ):
        tried.append(_try(unit, other, draft))
        if not tried[-1]:
            break
    return tried


def _open(unit: UnitOfWork, work: LoadedCase, process: Process, draft: FactDraft, mint: Callable[[], str]) -> list[str]:
    """A case of the same child, opened by what was heard: the authority is the one that the cause had."""
    fields = process.facts[draft.kind].model_fields
    known: dict[str, Any] = {
        key: value for key in ("la", "la_reference") if key in fields and (value := getattr(work.file, key)) is not None
    }
    (other,) = unit.load([mint()]).values()
    work.child_id = other.child_id = work.child_id or secrets.token_hex(12)
    return _try(unit, other, draft._replace(data={**known, **draft.data}))


def _readable(
    unit: UnitOfWork, work: LoadedCase, fact: Fact, others: list[str], hearers: set[str]
) -> tuple[list[LoadedCase], list[str]]:
    """The other cases, of those that may hear only such as can be read: damage to one is no reason to refuse a fact of
    another.

    And what a person then has to see to, in sentences.
    """
    try:
        opened = unit.load(others) if others else {}
    except (Damaged, NotPermitted):
        opened = dict(load_each(unit, others))
    sound = [
        other
        for other in opened.values()
        if other.process is None or other.process.name not in hearers or is_readable(other)
    ]
    lost = {ref for ref in others if ref not in opened} | opened.keys() - {other.case_ref for other in sound}
    return sound, [
        f"Case {ref} of the same child cannot be read, and did not hear {fact.kind} of case {work.case_ref} if it would"
        f" have: sendflow verify {ref} says why"
        for ref in sorted(lost)
    ]


def _tell_correction(
    unit: UnitOfWork, work: LoadedCase, fact: Fact, others: Iterable[LoadedCase], cause: str
) -> list[str]:
    unheard: list[str] = []
    for other in others:
        for line in list(other.facts):
            if line.caused_by == f"{work.case_ref}/{fact.corrects}":
                if fact.kind == "fact_withdrawn" and line is other.facts[0]:
                    # A history cannot lose its first fact: the case that was opened by what did not happen is
                    # withdrawn.
                    unheard += _try(
                        unit,
                        other,
                        FactDraft("case_withdrawn", max(fact.occurred_on, line.occurred_on), caused_by=cause),
                    )
                    continue
                target = next(own for own in work.facts if own.seq == fact.corrects)
                put = (
                    other.process.hears_as.get((fact.process, target.kind), FieldMapping())
                    if other.process
                    else FieldMapping()
                )
                data = _put(other.process, line.kind, put, fact.data) if other.process else {}
                data |= {"occurred_on": fact.data["occurred_on"]} if "occurred_on" in fact.data else {}
                unheard += _try(unit, other, FactDraft(fact.kind, fact.occurred_on, data, line.seq, caused_by=cause))
    return unheard


def _try(unit: UnitOfWork, other: LoadedCase, draft: FactDraft) -> list[str]:
    try:
        unit.append(other, [draft])
    except Refused as refused:
        return [f"Case {other.case_ref} could not take {draft.kind}: {refused.message}"]
    return []
