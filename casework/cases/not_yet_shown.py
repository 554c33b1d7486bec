"""Which fields of a case nobody is shown yet, on any surface: such as a first mark before the blind second one. Pure.

Purpose: a second marker who saw the first mark is not blind, and agreement between the two would say nothing. What is
known now decides, also for a view of an earlier day: once both marks are in, every replay shows them.
"""

from collections.abc import Mapping, Sequence

from models.common_facts import CORRECTIONS
from models.facts import StoredFact
from statemachines.process import Process
from statemachines.replay import facts_in_force

NOTHING: frozenset[str] = frozenset()


def not_yet_shown(process: Process, facts: Sequence[StoredFact]) -> Mapping[int, frozenset[str]]:
    """The fields that are not shown yet, by the number of the fact. `facts`: all of the case, as they were written.

    A correction of such a fact has its fields too, and so has a correction of that.
    """
    if process.not_yet_shown is None:
        return {}
    hidden = dict(process.not_yet_shown(facts_in_force(facts), facts))
    for fact in facts:
        if fact.kind in CORRECTIONS and fact.corrects in hidden:
            hidden[fact.seq] = hidden[fact.corrects]
    return hidden
