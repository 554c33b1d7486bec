"""What people do that the law does not foresee: the facts of a process that may come out of order, from its machine.

Pure. The page of a process and the generated reference show it after the law's own path.
"""

from collections.abc import Collection, Iterable, Iterator

from casework.rules.process_diagram import ENDINGS
from config.law import Law
from models.common_facts import SHARED
from statemachines.process import Process


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """A table in Markdown."""
    cells = [head, tuple("---" for _ in head), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in row)} |" for row in cells)


def out_of_order(process: Process, law: Law) -> Iterator[str]:
    """Each fact that may come out of order: where, what the law says, where it leads, and what it does to duties."""
    if not process.takes_out_of_order(process.version):
        yield "This machine takes a fact only where the law foresees it."
        return
    yield (
        "What anybody did is recorded, in any order, and marked. What was skipped is still owed: it is met late,"
        " or ended by the fact that made it pointless. Only what cannot be true is refused."
    )
    facts = [fact for kind, fact in sorted(process.facts.items()) if kind not in SHARED and kind not in ENDINGS]
    unusual = [(fact, states) for fact in facts if (states := unusual_states(process, fact.kind))]
    rows = [
        (
            f"`{fact.kind}`",
            _among(process, states),
            fact.order,
            _becomes(process, fact.kind, states),
            _for_duties(law, process, fact.kind),
        )
        for fact, states in unusual
    ]
    yield table(("fact", "out of order at", "what the law says", "next state", "its duties"), rows)
    impossible: dict[tuple[str, str], list[str]] = {}
    for fact in facts:
        for state, why in fact.impossible_in.items():
            impossible.setdefault((fact.kind, why), []).append(state)
    if impossible:
        yield "Impossible:"
        yield table(
            ("fact", "at", "why"),
            [(f"`{kind}`", _among(process, states), why) for (kind, why), states in impossible.items()],
        )


def unusual_states(process: Process, kind: str) -> list[str]:
    """The states that accept a fact out of order, in the order of the machine."""
    return [state for state in process.states if kind in process.out_of_order(state)]


def _among(process: Process, states: Collection[str]) -> str:
    """States by name; "any other state" where they are all that is left."""
    alive = [state for state in process.states if state not in process.final]
    if len(states) == len(alive):
        return "every state"
    names = [process.states[state] for state in alive if state in states]
    left_out = [process.states[state] for state in alive if state not in states]
    return ", ".join(names) if len(names) <= len(left_out) else f"every state but {', '.join(left_out)}"


def _becomes(process: Process, kind: str, states: Iterable[str]) -> str:
    targets = dict.fromkeys(process.table.get((state, kind), "") for state in states)
    return ", ".join(process.states[target] if target else "no change" for target in targets)


def _for_duties(law: Law, process: Process, kind: str) -> str:
    """What a fact does to the duties of its process, wherever it comes."""
    done: dict[str, list[str]] = {}
    for rule in law.duties_of(process.name):
        for verb, kinds in (("starts", rule.starts), ("meets", rule.met_by), ("ends", rule.ends)):
            if kind in kinds:
                done.setdefault(verb, []).append(f"`{rule.id}`")
    return "; ".join(f"{verb} {', '.join(rules)}" for verb, rules in done.items()) or "no change"
