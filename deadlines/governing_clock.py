"""Which of several clocks for one plan governs: the request's own, an order's, or that of the authority's own reversal.

Provision: SEND Regs 2014 regs 13(2), 27(2); 42(2), 44(2), 45 after an agreement, an order or a concession; R (W) v
Hertfordshire CC [2023] EWHC 3138 (Admin): without an order, the request's 20 weeks go on after a reversal. The clocks
stay beside each other, because each shows what was late under it.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from deadlines.duties import Duty
from deadlines.whose_days import Owned, plan_clocks
from models.facts import StoredFact

# A time that an ombudsman counts binds nobody beside a time that a regulation gives.
PRACTICE = "ombudsman_practice"
# The facts by which an order falls, and the time that it gave with it.
FALLEN = frozenset({"order_set_aside", "decision_set_aside"})


class Governing(NamedTuple):
    """The clocks of one plan in the order in which they began, two or more, and the one that governs."""

    clocks: Sequence[Duty]
    duty: Duty

    def says(self, duty: Duty) -> bool | None:
        """Whether a duty is the clock that governs; None for a duty that is none of the clocks."""
        return duty is self.duty if any(duty is each for each in self.clocks) else None

    def sentence(self) -> str:
        """The clocks, the one that governs, and why."""
        listed = "; ".join(f"{each.rule}, due {each.due} ({each.dates.citation})" for each in self.clocks)
        return f"One plan has {len(self.clocks)} clocks: {listed}. {self.duty.rule} governs. {self._why()}"

    def _why(self) -> str:
        if self.duty.rule == self.clocks[0].rule and self.duty is not self.clocks[0]:
            return (
                "The authority took its decision back and decided again, so that the time runs from its latest decision"
                f" ({self.duty.dates.citation}). What was late before stays on the record."
            )
        if self.duty is not self.clocks[0]:
            return (
                "What the Tribunal ordered, or has the effect of its order, has its own time, which takes the place of"
                " the earlier ones from its day (SEND Regs 2014 regs 42(2), 44(2), 45). What was late before stays on"
                " the record."
            )
        return (
            "No order was made, so that the time of the request goes on (R (W) v Hertfordshire CC [2023] EWHC 3138"
            " (Admin)). The ombudsman counts the reversal's time beside it."
        )


def governing(duties: Sequence[Duty], rules: Mapping[str, Owned], facts: Iterable[StoredFact] = ()) -> Governing | None:
    """The clock that governs, of those facts that are known: the latest that law gives. None where there is one clock
    at most. The time of an order that `facts` set aside is none of them.
    """
    fell = {fact.seq for fact in facts if fact.kind in FALLEN}
    clocks = [each for each in plan_clocks(duties, rules) if each.ended_seq not in fell]
    if len(clocks) < 2:
        return None
    of_law = [each for each in clocks if each.dates.basis != PRACTICE]
    return Governing(clocks, (of_law or clocks)[-1])
