"""What a body has said of a duty in its replies. Pure.

A body that says it has sent what is asked for makes a claim: its duty is open until the receipt is recorded.
"""

from collections.abc import Iterable
from datetime import date

from deadlines.duties import Duty
from models.answers import Answer
from models.common_facts import REPLIED
from models.facts import StoredFact


def replies_about(facts: Iterable[StoredFact], duty: Duty) -> list[StoredFact]:
    """The replies in force about a duty, oldest first. One that names no duty is about every duty of its body."""
    return [fact for fact in facts if fact.kind == REPLIED and _is_about(fact, duty)]


def says_sent(facts: Iterable[StoredFact], duty: Duty) -> date | None:
    """The day on which the body says that it sent what an open duty asks for; None where it says no such thing."""
    if duty.closed_on is not None:
        return None
    said = [fact for fact in replies_about(facts, duty) if fact.data["said"] == Answer.SENT]
    if not said:
        return None
    return date.fromisoformat(said[-1].data.get("day") or said[-1].occurred_on.isoformat())


def _is_about(fact: StoredFact, duty: Duty) -> bool:
    data = fact.data
    if data["body"] != duty.body or data.get("service") not in (None, duty.service):
        return False
    if "opened_seq" in data:
        return (data.get("rule"), data["opened_seq"]) in ((duty.rule, duty.opened_seq), (None, duty.opened_seq))
    return fact.occurred_on >= duty.started_on and data.get("rule") in (None, duty.rule)
