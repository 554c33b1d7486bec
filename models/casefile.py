"""A case as its facts leave it: plain, in memory, worked out by the one fold and never stored as truth."""

from collections.abc import Mapping
from datetime import date
from typing import Any, NamedTuple

import msgspec
from msgspec import field

from models.enums import About
from models.facts import StoredFact

Asked = tuple[str, str | None]


class Claim(NamedTuple):
    """One claim of an exception: dates are calendar days, both included; `decision` is None until a person decides."""

    seq: int
    ground: str | None
    rule: str | None
    body: str | None
    service: str | None
    began_on: date | None
    ended_on: date | None
    decision: str | None = None
    decided_seq: int | None = None
    look_again_on: date | None = None


class Pause(NamedTuple):
    """Days without reminders, both included: of a body, of one duty, or of the whole case where it names neither."""

    began: date
    until: date
    body: str | None = None
    rule: str | None = None
    opened_seq: int | None = None

    def covers(self, day: date, body: str | None, rule: str, opened_seq: int) -> bool:
        """Whether no step of that body's duty falls due on `day`."""
        return (
            self.began <= day <= self.until
            and self.body in (None, body)
            and (self.opened_seq is None or (self.rule, self.opened_seq) == (rule, opened_seq))
        )


class EscalationFact(NamedTuple):
    """A step of the escalation policy in the history, and whether it was withdrawn since."""

    seq: int
    kind: str
    occurred_on: date
    rule: str
    rung: str
    opened_seq: int
    due: date
    body: str | None
    service: str | None
    withdrawn: bool = False


class Item(NamedTuple):
    """An item inside a case: its code, its state, since which day and fact it has it, and what it is called."""

    code: str
    state: str
    since: date
    seq: int
    called: str


class CaseFile(msgspec.Struct):
    """What the guards, the ladder and the letters need to know of a case on one reading of its history.

    `machine`: the version of the machine that judges it. `out_of_order`: by the number of a fact, what is out of order
    about it, with the provision.
    """

    case_ref: str
    process: str
    state: str
    opened_on: date | None = None
    la: str | None = None
    la_reference: str | None = None
    asked: dict[Asked, list[int]] = field(default_factory=dict)
    outstanding: dict[Asked, list[int]] = field(default_factory=dict)
    claims: dict[int, Claim] = field(default_factory=dict)
    steps_recorded: dict[int, EscalationFact] = field(default_factory=dict)
    notified: list[tuple[int, Mapping[str, Any]]] = field(default_factory=list)
    chasing_began: list[tuple[int, date]] = field(default_factory=list)
    pauses: list[Pause] = field(default_factory=list)
    contacts: dict[Asked, list[tuple[int, date]]] = field(default_factory=dict)
    seen: set[str] = field(default_factory=set)
    lines: list[StoredFact] = field(default_factory=list)
    machine: int = 1
    out_of_order: dict[int, str] = field(default_factory=dict)
    about: About = About.CHILD
    items: dict[str, Item] = field(default_factory=dict)

    def facts_before(self, fact: StoredFact, *kinds: str) -> list[StoredFact]:
        """The facts that come before a fact in the order of replay, of these kinds; of every kind if none is given."""
        at = (fact.occurred_on, fact.seq)
        return [each for each in self.lines if (each.occurred_on, each.seq) < at and (not kinds or each.kind in kinds)]

    def undecided(self) -> list[Claim]:
        """Claims that wait for a person."""
        return [claim for claim in self.claims.values() if claim.decision is None]
