"""The sentences that say why a history is not permitted and what is permitted instead, or what is out of order."""

from collections.abc import Sequence

from models.casefile import CaseFile
from models.common_facts import ENGINE_ONLY
from models.enums import About
from models.facts import StoredFact
from statemachines.process import FactDefinition, NotPermitted, OpeningFact, Process, Warn

# How the words about a fact begin that a state accepts though the law does not foresee it there.
OUT_OF_ORDER = "out of order on "


def named(fact: StoredFact) -> str:
    """A fact as a sentence names it."""
    return f"fact {fact.seq}, {fact.kind} of {fact.occurred_on.isoformat()},"


def refused(fact: StoredFact, reason: str) -> NotPermitted:
    """The refusal of a fact, with a reason that ends the sentence."""
    return NotPermitted(fact.seq, fact.kind, f"{named(fact)} is refused: {reason}")


def nothing_known() -> NotPermitted:
    """The refusal of a history that had no opening fact on the day or at the instant asked about."""
    return NotPermitted(0, "", "nothing was known of this case then")


def out_of_order(process: Process, definition: FactDefinition) -> Warn:
    """The note about a fact that a state accepts though the law does not foresee it there."""

    def note(casefile: CaseFile, fact: StoredFact) -> str:
        own = definition.warning(casefile, fact) if definition.warning is not None else None
        return f"{OUT_OF_ORDER}a case at '{process.states[casefile.state]}': {own or definition.order}"

    return note


def not_accepted(process: Process, casefile: CaseFile, state: str, fact: StoredFact) -> NotPermitted:
    """The refusal of a fact that `state` does not accept. It lists what a person may record instead.

    Golden histories quote the sentences of machines that take nothing out of order.
    """
    definition = process.facts.get(fact.kind)
    if definition is None:
        return refused(fact, f"{process.title} has no such fact")
    lenient = process.takes_out_of_order(casefile.machine)
    kinds = [
        kind
        for kind in process.permitted(state)
        if kind not in ENGINE_ONLY and not _is_always_refused(process, casefile, fact, kind)
    ]
    permitted = f"{'Usual' if lenient else 'Lawful'} then: {', '.join(kinds) or 'nothing'}"
    opens = isinstance(definition, OpeningFact) if lenient else fact.kind == process.opens
    if casefile.opened_on is not None and opens:
        return refused(fact, f"{_opened_once(process, state) if lenient else 'the case is open already'}. {permitted}")
    quoted = definition.order if casefile.machine >= definition.order_from else ""
    why = definition.impossible_in.get(state, "") if lenient else quoted
    order = f"{why[:1].upper()}{why[1:]}. " if why else ""
    return refused(fact, f"on that day the case stands at '{process.states[state]}'. {order}{permitted}")


def _opened_once(process: Process, state: str) -> str:
    """Why a case is not opened again, and what to do with what comes back."""
    if state in process.final:
        return (
            f"the case ended at '{process.states[state]}', and what begins again is a case of its own: record it under"
            f" a new reference{', with --data linked_to= and this one' if process.about is About.CHILD else ''}"
        )
    return (
        "the case is open already. If its first fact is wrong, correct it: fact_corrected; what begins again is a case"
        " of its own, under a new reference"
    )


def _is_always_refused(process: Process, casefile: CaseFile, fact: StoredFact, kind: str) -> bool:
    """Whether an open case refuses another opening fact with any fields."""
    guard = process.facts[kind].guard if kind in process.opens_too and casefile.opened_on is not None else None
    try:
        return guard is not None and guard(casefile, fact._replace(kind=kind, data={})) is not None
    except KeyError:  # the guard reads its fields
        return False


def before_opening(fact: StoredFact, opening: StoredFact) -> NotPermitted:
    """The refusal of a fact that is dated before the opening fact."""
    return refused(fact, f"it is dated before {opening.kind} of {opening.occurred_on.isoformat()}")


def from_later_version(process: Process, fact: StoredFact) -> NotPermitted:
    """The refusal of a fact that a later version of the machine wrote. This version cannot know what it means."""
    return NotPermitted(
        fact.seq,
        fact.kind,
        f"{named(fact)} was written by a later version of sendflow ({process.title}, machine {fact.machine}; "
        f"this program knows {max(process.tables)} and before): bring this program up to date",
    )


def without_opening(known: Sequence[StoredFact]) -> NotPermitted | None:
    """The refusal of a history whose opening fact was withdrawn; None if no fact was withdrawn."""
    withdrawal = next((fact for fact in reversed(known) if fact.kind == "fact_withdrawn"), None)
    if withdrawal is None:
        return None
    return refused(
        withdrawal,
        "it takes away the fact that opened the case. A case that should not be there ends with case_closed",
    )
