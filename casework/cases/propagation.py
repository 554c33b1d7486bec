"""Records a new fact on the cases that react to it, in the same transaction: of the same child, or along a link.

Replay never reads another case. So each process lists its reactions to facts of other processes, and `propagate`
appends the fact that a reaction records, with `caused_by`. A correction of the cause corrects what it caused.
Cases of one child share a random key, which names nobody. A fact goes to the cases where it is usual. If there is none,
sendflow opens a case where the fact is an opening fact; what concerns the latest case alone is recorded there out of
order; and otherwise sendflow returns a follow-up: a sentence that says what a person must do.
"""

import secrets
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from casework.cases.case_links import cases_along, cases_ever_linked
from casework.cases.loaded_case import LoadedCase, is_readable
from casework.cases.successors import open_successor
from casework.cases.unit_of_work import UnitOfWork, load_each
from casework.cases.validation import Refused
from models.bulk_io import read_among
from models.common_facts import CORRECTIONS
from models.facts import Fact, FactDraft, StoredFact
from models.ledger import Damaged
from models.tables import CASE
from statemachines.process import FieldMapping, NotPermitted, Process, Reaction
from statemachines.registry import reactions_to

# A fact may cause a fact that causes a fact. A test proves that no chain of reactions is as long as this.
ROUNDS = 6


class Cause(NamedTuple):
    """A new fact, and the case that it was recorded on."""

    case: LoadedCase
    fact: Fact

    @property
    def reference(self) -> str:
        """As `caused_by` names it."""
        return f"{self.case.case_ref}/{self.fact.seq}"

    @property
    def corrected(self) -> str:
        """The fact that a correction corrects, as `caused_by` names it."""
        return f"{self.case.case_ref}/{self.fact.corrects}"


def propagate(unit: UnitOfWork) -> list[str]:
    """Record each new fact on the linked cases that react to it. Returns the follow-ups.

    Facts that propagation itself records are new facts too.
    """
    follow_ups: list[str] = []
    reactions = reactions_to()
    propagated: dict[str, int] = {}  # how many new facts of each case have been looked at
    for _round in range(ROUNDS):
        causes: list[Cause] = []
        for case in unit.cases.values():
            before = propagated.get(case.case_ref, 0)
            if len(case.new_facts) > before:
                new = case.new_facts[before:]
                propagated[case.case_ref] = len(case.new_facts)
                again = case.process.requests_again if case.process is not None else {}
                for fact in new:
                    if again and (fact.kind in again or fact.kind in CORRECTIONS):
                        follow_ups += _request_again(unit, Cause(case, fact), again)
                causes += [
                    Cause(case, fact) for fact in new if (fact.process, _kind_concerned(case, fact)) in reactions
                ]
        if not causes:
            break
        linked = _linked_references(unit, [cause.case for cause in causes])
        for cause in causes:
            refs = [ref for ref in linked.get(cause.case.child_id or "", []) if ref != cause.case.case_ref]
            follow_ups += _propagate_along_links(unit, cause, refs)
            follow_ups += _propagate_fact(unit, cause, refs)
    return follow_ups


def _kind_concerned(case: LoadedCase, fact: StoredFact) -> str | None:
    """The kind of a fact; of a correction, that of the fact which it corrects, if there is one."""
    if fact.kind in CORRECTIONS:
        return next((each.kind for each in case.facts if each.seq == fact.corrects), None)
    return fact.kind


def _linked_references(unit: UnitOfWork, cases: Sequence[LoadedCase]) -> dict[str, list[str]]:
    """The references of each child's cases, in order of reference: the order in which cases are locked."""
    unit.find_children(cases)
    keys = {case.child_id for case in cases if case.child_id}
    found: dict[str, set[str]] = defaultdict(set)
    for case in unit.cases.values():
        if case.child_id in keys and case.facts:
            found[str(case.child_id)].add(case.case_ref)
    for key, ref in read_among(unit.connection, CASE, ("child_key", "case_ref"), "child_key", keys):
        found[key].add(ref)
    return {key: sorted(refs) for key, refs in found.items()}


def _propagate_fact(unit: UnitOfWork, cause: Cause, refs: Sequence[str]) -> list[str]:
    """Record one fact, or one correction, on the cases `refs` that react to it."""
    fact = cause.fact
    if fact.kind in CORRECTIONS:
        cases, follow_ups = _readable_cases(unit, cause, refs, frozenset())
        return follow_ups + _propagate_correction(unit, cause, cases)
    reactions = reactions_to()[fact.process, fact.kind]
    applicable = [
        (process, reaction)
        for process, reaction in reactions
        if reaction.along is None
        and reaction.applies_to(fact.data)
        and (refs or reaction.records in {process.opens, *process.opens_too})
        and (reaction.where is None or reaction.where(cause.case.file, fact))
    ]
    if not applicable:
        return []
    cases, follow_ups = _readable_cases(unit, cause, refs, {process.name for process, _reaction in reactions})
    for process, reaction in applicable:
        targets = [case for case in cases if case.process is process and not case.ended]
        follow_ups += _react(unit, cause, process, reaction, targets)
    return follow_ups


def _propagate_along_links(unit: UnitOfWork, cause: Cause, of_the_child: Sequence[str]) -> list[str]:
    """Record one fact, or one correction, on the cases that a link joins with its case. They need no common child.

    A correction reaches the cases `of_the_child` without a link.
    """
    fact, case = cause.fact, cause.case
    if fact.kind in CORRECTIONS:
        kind = next((each.kind for each in case.facts if each.seq == fact.corrects), "")
        reactions = reactions_to().get((fact.process, kind), ())
        if not any(reaction.along or reaction.successor for _process, reaction in reactions):
            return []
        refs = [ref for ref in cases_ever_linked(unit, case) if ref not in of_the_child]
        cases, follow_ups = _readable_cases(unit, cause, refs, frozenset(), "")
        return follow_ups + _propagate_correction(unit, cause, cases)
    follow_ups = []
    for process, reaction in reactions_to()[fact.process, fact.kind]:
        if reaction.along is None or not reaction.applies_to(fact.data):
            continue
        if reaction.where is not None and not reaction.where(case.file, fact):
            continue
        refs = cases_along(unit, case, fact, reaction.along)
        cases, unreadable = _readable_cases(unit, cause, refs, {process.name}, "")
        targets = [each for each in cases if each.process is process and not each.ended]
        follow_ups += [*unreadable, *(_react(unit, cause, process, reaction, targets) if targets else [])]
    return follow_ups


def _react(
    unit: UnitOfWork, cause: Cause, process: Process, reaction: Reaction, targets: Sequence[LoadedCase]
) -> list[str]:
    """Record the fact of one reaction on the cases that accept it, or open a case with it."""
    mapping, kind = reaction.fields, reaction.records
    data = {
        **_mapped(process, kind, mapping, cause.fact.data),
        **_fields_of_opening(cause.case, mapping),
        **mapping.constants,
    }
    dated = cause.fact if reaction.day_of is None else reaction.day_of(cause.case.file, cause.fact)
    draft = FactDraft(kind, dated.occurred_on, data, caused_by=cause.reference)
    if kind == process.opens:
        return _open(unit, cause, process, reaction, draft, targets)
    if reaction.latest_case_only:
        answers = _append_to_latest(unit, targets, draft)
    else:
        answers = [_try_append(unit, case, draft) for case in targets]
    if None in answers:
        # A child may have several cases of a process. If one accepts the fact, the others need no follow-up.
        return []
    if kind in process.opens_too:
        return _open_case(unit, cause, process, draft)
    if reaction.latest_case_only and None in _append_to_latest(unit, targets, draft, out_of_order=True):
        return [sentence for case in targets for sentence in _out_of_order(case, draft)]
    return [] if reaction.optional else _follow_ups(answers)


def _open(
    unit: UnitOfWork,
    cause: Cause,
    process: Process,
    reaction: Reaction,
    draft: FactDraft,
    targets: Sequence[LoadedCase],
) -> list[str]:
    """Open a case with the fact of a reaction, unless an open one of the child covers it."""
    if reaction.successor is not None:
        return open_successor(unit, cause.case, cause.fact, reaction.successor, draft)
    open_case = next((case for case in targets if reaction.if_nothing_is_due and _has_due_duty(case)), None)
    if open_case is None:
        return _open_case(unit, cause, process, draft)
    return [
        f"No new case was opened for {draft.kind}, because case {open_case.case_ref} ({process.title}) of the same"
        f" child is still open. Check that case {open_case.case_ref} covers this request."
    ]


def _append_to_latest(
    unit: UnitOfWork, targets: Iterable[LoadedCase], draft: FactDraft, out_of_order: bool = False
) -> list[str | None]:
    """Append to the latest case that accepts the fact. An order of today is not about what was refused long ago."""
    answers: list[str | None] = []
    for case in sorted(
        targets, key=lambda each: (each.file.opened_on or draft.occurred_on, each.case_ref), reverse=True
    ):
        answers.append(_try_append(unit, case, draft, out_of_order))
        if answers[-1] is None:
            break
    return answers


def _out_of_order(case: LoadedCase, draft: FactDraft) -> Iterable[str]:
    """What a person should look at: a copied fact that no case took as usual."""
    for fact in case.new_facts:
        note = case.file.out_of_order.get(fact.seq)
        if fact.caused_by == draft.caused_by and note is not None:
            yield f"Case {case.case_ref} recorded {fact.kind}: {note}. Is it the right case?"


def _mapped(process: Process, kind: str, mapping: FieldMapping, data: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a fact under their names in another process. Free text stays on the case that it was written on."""
    model = process.facts[kind].model
    renamed = {mapping.renamed.get(key, key): value for key, value in data.items()}
    return {
        key: value for key, value in renamed.items() if key in model.model_fields and key not in model.FREE_TEXT_FIELDS
    }


def _fields_of_opening(case: LoadedCase, mapping: FieldMapping) -> dict[str, Any]:
    """The fields that a mapping copies from the opening fact of the case that caused the reaction: from the main one,
    whose day alone is a day of the opening, or from another that opened it.
    """
    if not (mapping.from_opening or mapping.opening_day) or case.process is None:
        return {}
    openings = [fact for fact in case.file.lines if fact.kind in case.process.openings]
    opening = next((fact for fact in openings if fact.kind == case.process.opens), openings[0])
    fields = {name: opening.data[key] for key, name in mapping.from_opening.items() if key in opening.data}
    if mapping.opening_day and opening.kind == case.process.opens:
        fields[mapping.opening_day] = opening.occurred_on.isoformat()
    return fields


def _has_due_duty(case: LoadedCase) -> bool:
    return any(duty.closed_on is None and duty.due is not None for duty in case.duties)


def _open_case(unit: UnitOfWork, cause: Cause, process: Process, draft: FactDraft) -> list[str]:
    """Open a case of the same child and the same local authority with the fact of a reaction."""
    fields, case = process.facts[draft.kind].model.model_fields, cause.case
    data: dict[str, Any] = {
        key: value for key in ("la", "la_reference") if key in fields and (value := getattr(case.file, key)) is not None
    }
    (opened,) = unit.load([unit.references.next()]).values()
    case.child_id = opened.child_id = case.child_id or secrets.token_hex(12)
    return _follow_ups([_try_append(unit, opened, draft._replace(data={**data, **draft.data}))])


def _readable_cases(
    unit: UnitOfWork,
    cause: Cause,
    refs: Sequence[str],
    process_names: Collection[str],
    whose: str = " of the same child",
) -> tuple[list[LoadedCase], list[str]]:
    """The cases `refs`, without those of these processes that cannot be read; and a follow-up for each of the latter.

    Damage to one case is no reason to refuse a fact of another.
    """
    try:
        loaded = unit.load(refs) if refs else {}
    except (Damaged, NotPermitted):
        loaded = dict(load_each(unit, refs))
    cases = [
        case
        for case in loaded.values()
        if case.process is None or case.process.name not in process_names or is_readable(case)
    ]
    unreadable = {ref for ref in refs if ref not in loaded} | loaded.keys() - {case.case_ref for case in cases}
    return cases, [
        f"{cause.fact.kind} of case {cause.case.case_ref} was not copied to case {ref}{whose}, because case"
        f" {ref} cannot be read. Run: sendflow verify {ref}"
        for ref in sorted(unreadable)
    ]


def _propagate_correction(unit: UnitOfWork, cause: Cause, cases: Iterable[LoadedCase]) -> list[str]:
    """Correct or withdraw the facts that the corrected fact caused on other cases."""
    answers: list[str | None] = []
    for case in cases:
        for caused in [fact for fact in case.facts if fact.caused_by == cause.corrected]:
            if cause.fact.kind == "fact_corrected" and _has_another_day(cause, case, caused):
                continue
            if cause.fact.kind == "fact_withdrawn" and caused is case.facts[0]:
                # A history cannot lose its first fact, so a case that was opened by mistake is withdrawn.
                day = max(cause.fact.occurred_on, caused.occurred_on)
                draft = FactDraft("case_withdrawn", day, caused_by=cause.reference)
            else:
                draft = _correction_of(cause, case, caused)
            answers.append(_try_append(unit, case, draft))
    return _follow_ups(answers)


def _correction_of(cause: Cause, case: LoadedCase, caused: StoredFact) -> FactDraft:
    """The same correction for a fact that the corrected fact caused, with the fields under their names there."""
    fact, data = cause.fact, dict[str, Any]()
    if case.process is not None:
        reaction = _reaction_behind(cause, case, caused)
        mapping = reaction.fields if reaction is not None else FieldMapping()
        data = _mapped(case.process, caused.kind, mapping, fact.data)
    if "occurred_on" in fact.data:
        data["occurred_on"] = fact.data["occurred_on"]
    return FactDraft(fact.kind, fact.occurred_on, data, caused.seq, caused_by=cause.reference)


def _reaction_behind(cause: Cause, case: LoadedCase, caused: StoredFact) -> Reaction | None:
    """The reaction that recorded a fact whose cause is corrected."""
    kind = next(each.kind for each in cause.case.facts if each.seq == cause.fact.corrects)
    reactions = reactions_to().get((cause.fact.process, kind), ())
    return next((each for process, each in reactions if process is case.process and each.records == caused.kind), None)


def _has_another_day(cause: Cause, case: LoadedCase, caused: StoredFact) -> bool:
    """Whether a copied fact has the day of another fact than the one that is corrected."""
    reaction = _reaction_behind(cause, case, caused)
    return reaction is not None and reaction.day_of is not None


def _try_append(unit: UnitOfWork, case: LoadedCase, draft: FactDraft, out_of_order: bool = False) -> str | None:
    """Append a fact. Returns None, or the follow-up if the case does not accept it."""
    try:
        unit.append(case, [draft], usual_only=not out_of_order)
    except Refused as refused:
        return f"Case {case.case_ref} did not accept {draft.kind}: {refused.message}"
    return None


def _follow_ups(answers: Iterable[str | None]) -> list[str]:
    return [answer for answer in answers if answer is not None]


# Requests that begin again after an order to assess, on the same case ------------------------------------------------


def _request_again(unit: UnitOfWork, cause: Cause, again: Mapping[str, str]) -> list[str]:
    """After an order to assess, record a fact for each body that was asked before the order and not since.

    Only where a refusal had ended what it owed: an order by consent may come while the assessment is under way. A
    correction of the order, of what came before it, or of a request, corrects these facts too.
    """
    case, fact = cause
    if fact.kind in CORRECTIONS:
        return _correct_requests(unit, cause, again)
    # An order that was withdrawn in the same act is not in force.
    orders = [each for each in case.file.lines if each.seq == fact.seq]
    return [follow_up for order in orders for follow_up in _request_after(unit, cause, order, again[order.kind])]


def _correct_requests(unit: UnitOfWork, cause: Cause, again: Mapping[str, str]) -> list[str]:
    case, fact = cause
    caused = [each for each in case.facts if each.caused_by == cause.corrected and each.kind in again.values()]
    data = {key: value for key, value in fact.data.items() if key == "occurred_on"}
    follow_ups: list[str] = []
    if fact.kind == "fact_withdrawn" or data:
        drafts = [FactDraft(fact.kind, fact.occurred_on, data, each.seq, caused_by=cause.reference) for each in caused]
        follow_ups += _follow_ups([_try_append(unit, case, draft) for draft in drafts])
    asks = case.process.asks if case.process is not None else frozenset()
    corrected = asks | again.keys() | _refusals(case, again)
    if any(each.seq == fact.corrects and each.kind in corrected for each in case.facts):
        for order in [each for each in case.file.lines if each.kind in again]:
            follow_ups += _request_after(unit, cause, order, again[order.kind])
    return follow_ups


def _request_after(unit: UnitOfWork, cause: Cause, order: StoredFact, kind: str) -> list[str]:
    """Record `kind` for each body that was asked before the refusal that an order ends, and not since.

    Withdraw it for a body whose request is no longer in force.
    """
    case = cause.case
    asks = case.process.asks if case.process is not None else frozenset()
    caused_by = f"{case.case_ref}/{order.seq}"
    facts = list(case.file.lines)
    position = next(index for index, fact in enumerate(facts) if fact.seq == order.seq)
    recorded = {_body_of(fact): fact.seq for fact in facts if fact.kind == kind and fact.caused_by == caused_by}
    if not recorded and asks.isdisjoint([fact.kind for fact in facts[:position]]):
        return []  # as after most decisions to assess: no body was asked before
    again = case.process.requests_again if case.process is not None else {}
    refusals = _refusals(case, again)
    turns = [index for index, fact in enumerate(facts[:position]) if fact.kind in refusals or fact.kind in again]
    # A body that was asked while the assessment was refused owes its own six weeks from that receipt.
    refusal = turns[-1] if turns and facts[turns[-1]].kind in refusals else 0
    before = dict.fromkeys(_body_of(fact) for fact in facts[:refusal] if fact.kind in asks)
    since = {_body_of(fact) for fact in facts[refusal:] if fact.kind in asks}
    withdrawals = [
        FactDraft("fact_withdrawn", cause.fact.occurred_on, {}, seq, caused_by=cause.reference)
        for body, seq in recorded.items()
        if body not in before
    ]
    requests = [
        FactDraft(kind, order.occurred_on, {"body": body, "service": service}, caused_by=caused_by)
        for body, service in before
        if (body, service) not in since and (body, service) not in recorded
    ]
    return _follow_ups([_try_append(unit, case, draft) for draft in (*withdrawals, *requests)])


def _refusals(case: LoadedCase, again: Mapping[str, str]) -> frozenset[str]:
    """The facts after which no body owes what it was asked for, by the law: a refusal to assess."""
    process = case.process
    rules = case.context.law.duties_of(process.name) if process is not None else ()
    return frozenset(
        kind
        for rule in rules
        if rule.provisional is not None and set(again.values()).intersection(rule.provisional.starts)
        for kind in rule.superseded_by
    )


def _body_of(fact: StoredFact) -> tuple[str, str | None]:
    return fact.data["body"], fact.data.get("service")
