"""An order of the Tribunal that falls, on the case of the assessment that it was about.

The decision is set aside on the Tribunal's own case: by the Upper Tribunal (Tribunals, Courts and Enforcement Act 2007
s12(2)(a)), on review (s9(4)(c)), or for an error of procedure. What the order asked for ends there and here, and the
refusal is under appeal again. It moves no state: the authority may have begun, and what bodies were asked is owed until
the authority says otherwise.
"""

from collections.abc import Collection

from models.casefile import CaseFile
from models.facts import StoredFact
from statemachines.health_advice import Noted
from statemachines.process import NoTransition, Reaction

FALLS = (
    "an order falls that was made: the decision of the Tribunal is set aside (Tribunals, Courts and Enforcement Act"
    " 2007 s9(4)(c), s12(2)(a))"
)


def order_set_aside(orders: Collection[str], accepted_in: Collection[str]) -> NoTransition:
    """The fact that one of `orders`, by which an order of the Tribunal came to this case, has fallen."""

    def ordered(casefile: CaseFile, line: StoredFact) -> str | None:
        if casefile.facts_before(line, *orders):
            return None
        return f"no order is known on this case by that day: record {' or '.join(orders)} with its own day first"

    return NoTransition("order_set_aside", Noted, accepted_in=accepted_in, guard=ordered, order=FALLS)


def set_aside_by_the_tribunal(*orders: str) -> Reaction:
    """The reaction to a decision that is set aside and made one of `orders`, as a whole or this order by its number."""

    def falls(casefile: CaseFile, fact: StoredFact) -> bool:
        named = fact.data.get("opened_seq")
        made = (each for each in casefile.facts_before(fact) if each.kind in orders)
        return any(named in (None, each.seq) for each in made)

    return Reaction("tribunal", "decision_set_aside", "order_set_aside", latest_case_only=True, where=falls)


def fallen_order(casefile: CaseFile, orders: Collection[str]) -> str | None:
    """What a reader should know while an order has fallen and no other has come since."""
    last = next((line for line in reversed(casefile.lines) if line.kind in {*orders, "order_set_aside"}), None)
    if last is None or last.kind != "order_set_aside":
        return None
    return (
        f"Fact {last.seq}: the Tribunal's order was set aside on {last.occurred_on.isoformat()}, and the refusal is"
        " under appeal again. What bodies were asked is owed until the authority says that it does not go on."
    )
