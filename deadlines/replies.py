"""What a body has said of a duty in its replies. Pure.

A body that says it has sent what is asked for makes a claim: its duty is open until the receipt is recorded.
"""

from collections.abc import Iterable
from datetime import date
from typing import Protocol

from models.answers import Answer
from models.common_facts import REPLIED
from models.facts import StoredFact


class DutyLike(Protocol):
    """What this module needs of a duty, or of its row."""

    @property
    def rule(self) -> str: ...
    @property
    def body(self) -> str | None: ...
    @property
    def service(self) -> str | None: ...
    @property
    def opened_seq(self) -> int: ...
    @property
    def started_on(self) -> date: ...
    @property
    def closed_on(self) -> date | None: ...


def replies_about(facts: Iterable[StoredFact], duty: DutyLike) -> list[StoredFact]:
    """The replies in force about a duty, oldest first. One that names no duty is about every duty of its body."""
    return [fact for fact in facts if fact.kind == REPLIED and _is_about(fact, duty)]


def says_sent(facts: Iterable[StoredFact], duty: DutyLike) -> date | None:
    """The day on which the body says that it sent what an open duty asks for; None where it says no such thing."""
    if duty.closed_on is not None:
        return None
    said = [fact for fact in replies_about(facts, duty) if fact.data["said"] == Answer.SENT]
    if not said:
        return None
    return date.fromisoformat(said[-1].data.get("day") or said[-1].occurred_on.isoformat())


def _is_about(fact: StoredFact, duty: DutyLike) -> bool:
    data = fact.data
    if data["body"] != duty.body or data.get("service") not in (None, duty.service):
        return False
    if "opened_seq" in data:
        return (data.get("rule"), data["opened_seq"]) in ((duty.rule, duty.opened_seq), (None, duty.opened_seq))
    return fact.occurred_on >= duty.started_on and data.get("rule") in (None, duty.rule)
