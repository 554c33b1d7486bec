"""What cases of one child had recorded before anybody knew that they are one child's, and would have copied.

A fact is copied when it is recorded. What lies before a join or a link is not: it may be long settled, and on a wrong
case it would change dates. So a person reads of each such fact, with the command that records it.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from casework.cases.loaded_case import LoadedCase
from models.common_facts import CORRECTIONS
from models.facts import StoredFact
from statemachines.process import NotPermitted, Process, Reaction
from statemachines.registry import reactions_to
from statemachines.replay import facts_in_force, replay

# A reader decides on so many at once; the rest is a number.
SHOWN = 12


def not_copied(sides: Sequence[Sequence[LoadedCase]]) -> list[str]:
    """A sentence for each stored fact of one side that a case of the other would take as usual and does not have."""
    found = dict.fromkeys(
        sentence
        for here, there in ((sides[0], sides[1]), (sides[1], sides[0]))
        for source in here
        for sentence in _of_case(source, there)
    )
    sentences = list(found)
    more = len(sentences) - SHOWN
    return sentences[:SHOWN] + ([f"{more} further facts were not copied either."] if more > 0 else [])


def _of_case(source: LoadedCase, targets: Sequence[LoadedCase]) -> Iterable[str]:
    if source.process is None or not source.facts:
        return
    new = {fact.seq for fact in source.new_facts}
    for fact in facts_in_force(source.facts):
        if fact.kind in CORRECTIONS or fact.seq in new:
            continue
        for process, reaction in reactions_to().get((source.process.name, fact.kind), ()):
            if reaction.applies_to(fact.data) and (reaction.where is None or reaction.where(source.file, fact)):
                dated = fact if reaction.day_of is None else reaction.day_of(source.file, fact)
                for target in targets:
                    if target.process is process and not target.ended and _lacks(target, process, reaction, dated):
                        yield (
                            f"Case {source.case_ref} has {fact.kind} of {dated.occurred_on.isoformat()}, and case"
                            f" {target.case_ref} of the same child has no {reaction.records} of it. If it belongs"
                            f" there: sendflow record {target.case_ref} {reaction.records} --on"
                            f" {dated.occurred_on.isoformat()}"
                        )


def _lacks(target: LoadedCase, process: Process, reaction: Reaction, fact: StoredFact) -> bool:
    """Whether a case would take the copied fact as usual, and has none of that day."""
    kind, day = reaction.records, fact.occurred_on
    if target.file.opened_on is None or day <= target.file.opened_on:
        return False  # it is what the case is about, or before it
    if kind in process.openings or any(each.kind == kind and each.occurred_on == day for each in target.facts):
        return False
    model = process.facts[kind].model
    fields: Mapping[str, Any] = {key: value for key, value in fact.data.items() if key in model.model_fields}
    seq = target.facts[-1].seq + 1
    copy = fact._replace(seq=seq, kind=kind, data={**fields, **reaction.fields.constants}, corrects=None)
    try:
        after = replay(target.case_ref, [*target.facts, copy._replace(machine=process.version)])
    except (NotPermitted, KeyError):  # a guard may read a field that only a person can give
        return False
    return seq not in after.out_of_order
