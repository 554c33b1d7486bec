"""Checks of claimed exceptions: the ground is one that the law lists, and an accepted one reaches a duty.

An accepted exception never moves a due date: it says that missing the date is no breach. This module decides no day.
"""

from collections.abc import Sequence
from operator import attrgetter

from casework.cases.validation import Refused
from deadlines.duties import Duty
from models.casefile import CaseFile
from models.facts import StoredFact

KIND = attrgetter("kind")
EXCEPTION_FACTS = frozenset({"excuse_claimed", "excuse_decided"})


def check_exceptions(file: CaseFile, duties: Sequence[Duty], new: Sequence[StoredFact]) -> None:
    """Check the new facts about exceptions against the replayed case. Raises Refused."""
    if EXCEPTION_FACTS.isdisjoint(map(KIND, new)):
        return
    about = [fact for fact in new if fact.kind in EXCEPTION_FACTS]
    in_force = {fact.seq for fact in file.lines}
    for fact in about:
        if fact.seq in in_force:
            _check_ground(duties, fact)
            if fact.kind == "excuse_decided" and fact.data["decision"] == "accepted":
                _check_accepted(file, duties, fact)


def _check_ground(duties: Sequence[Duty], fact: StoredFact) -> None:
    """Refuse a ground that no duty of that rule and body lists."""
    ground, rule, body = fact.data.get("ground"), fact.data.get("rule"), fact.data.get("body")
    meant = [duty for duty in duties if rule in (None, duty.rule) and body in (None, duty.body)]
    listed = sorted({excuse for duty in meant for excuse in duty.dates.excuses})
    if ground is not None and ground not in listed:
        raise Refused(
            "ground_not_listed",
            f"'{ground}' is no exception that the law lists for this duty. Listed: {', '.join(listed) or 'none'}. "
            "Record a waiting list as waiting_list_stated: the time limit runs on",
        )


def _check_accepted(file: CaseFile, duties: Sequence[Duty], decision: StoredFact) -> None:
    """Refuse an acceptance without a ground or a review date, and one that no duty overlaps."""
    claim = file.claims[decision.data["claim"]]
    if claim.ground is None:
        raise Refused(
            "ground_missing", "an accepted exception needs its ground, for example --data ground=absent_4_weeks"
        )
    if claim.look_again_on is None:
        raise Refused(
            "look_again_missing",
            "an accepted exception needs a review date, for example --data look_again_on=2026-05-18",
        )
    if not any(duty.excuse is not None and duty.excuse.seq == claim.seq for duty in duties):
        raise Refused(
            "touches_nothing",
            "no duty that this exception applies to was running on its days. Give the days as "
            "--data began_on=2026-03-02 --data ended_on=2026-04-05, and the body if it concerns one body",
        )
