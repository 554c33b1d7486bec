"""Which duties a history has opened, by when each is owed, and what has met or ended it.

Which facts start, meet, end and reopen a duty is said in the statute file; this room never sees a machine. A duty is
(rule, body and service, the fact that opened it). Advice returned as unusable reopens the same duty with the same due
date.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, NamedTuple, Protocol

import msgspec

from models.casefile import Claim
from models.facts import StoredFact


class Dates(NamedTuple):
    """The three dates of a duty, the reading of the law that gave them, and its lawful excuses by due date."""

    due: date | None
    strict_due: date | None
    act_by: date | None
    basis: str
    citation: str
    url: str | None
    excuses: tuple[str, ...]
    version_from: date | None


class SuppliedLater(Protocol):
    """A further day of a rule that later facts may tell, under a name of their own where `told_as` says so."""

    @property
    def told_by(self) -> tuple[str, ...]: ...
    @property
    def told_as(self) -> str | None: ...
    @property
    def needed(self) -> bool: ...
    @property
    def told_before(self) -> bool: ...


class ForTheTimeBeing(Protocol):
    """Which facts begin a duty provisionally, and which end it unless what it waits for has come."""

    @property
    def starts(self) -> tuple[str, ...]: ...
    @property
    def ends(self) -> tuple[str, ...]: ...


class DutyRule(Protocol):
    """What this room reads of a rule of the statute."""

    @property
    def id(self) -> str: ...
    @property
    def per(self) -> str: ...
    @property
    def bound(self) -> str: ...
    @property
    def lawful_from(self) -> str | None: ...
    @property
    def contingent(self) -> bool: ...
    @property
    def may_lapse(self) -> bool: ...
    @property
    def open_ended(self) -> bool: ...
    @property
    def start_day(self) -> str | None: ...
    @property
    def start_by(self) -> str | None: ...
    @property
    def inputs(self) -> Mapping[str, "SuppliedLater"]: ...
    @property
    def starts(self) -> tuple[str, ...]: ...
    @property
    def starts_if(self) -> Mapping[str, tuple[str, ...]]: ...
    @property
    def strict_start(self) -> str | None: ...
    @property
    def met_by(self) -> tuple[str, ...]: ...
    @property
    def met_by_each(self) -> bool: ...
    @property
    def ends(self) -> tuple[str, ...]: ...
    @property
    def reopened_by(self) -> tuple[str, ...]: ...
    @property
    def superseded_by(self) -> tuple[str, ...]: ...
    @property
    def provisional(self) -> "ForTheTimeBeing | None": ...


DatesOf = Callable[[str, date, Mapping[str, Any]], Dates]


class Duty(msgspec.Struct):
    """One duty as the facts leave it. `closed_on` is the day it was met or ended; None while it is owed."""

    rule: str
    law: DutyRule
    body: str | None
    service: str | None
    opened_seq: int
    started_on: date
    dates: Dates
    imported: bool
    given: Mapping[str, Any]
    opened_on: date
    provisional: bool
    met_on: date | None = None
    met_seq: int | None = None
    met_by: str | None = None
    met_for: tuple[str | None, ...] = ()
    ended_on: date | None = None
    ended_seq: int | None = None
    excuse: Claim | None = None
    reopened: int = 0
    superseded: bool = False

    @property
    def due(self) -> date | None:
        return self.dates.due

    @property
    def bound(self) -> str:
        return self.law.bound

    @property
    def lawful_from(self) -> str | None:
        return self.law.lawful_from

    @property
    def contingent(self) -> bool:
        return self.law.contingent

    @property
    def may_lapse(self) -> bool:
        return self.law.may_lapse

    @property
    def open_ended(self) -> bool:
        return self.law.open_ended

    @property
    def start_day(self) -> str | None:
        return self.law.start_day

    @property
    def closed_on(self) -> date | None:
        return self.met_on if self.met_on is not None else self.ended_on

    @property
    def closed_by(self) -> tuple[date, int] | None:
        """The day and the fact that closed it, in the order of the fold; None while it is owed."""
        seq = self.met_seq if self.met_on is not None else self.ended_seq
        return (self.closed_on, seq) if self.closed_on is not None and seq is not None else None


class Start(NamedTuple):
    """What opens a duty under a rule, taken out of the rule once because every fact asks for it."""

    id: str
    rule: DutyRule
    start_day: str | None
    start_by: str | None
    by_body: bool
    starts_if: Mapping[str, tuple[str, ...]]
    provisional: bool


@dataclass(frozen=True, slots=True)
class DutyRules:
    """The rules of one process, indexed by the fact kinds that touch them: built once, read for every fact."""

    starts: Mapping[str, tuple[Start, ...]]
    effects: Mapping[str, tuple[tuple[str, str, bool], ...]]
    rules: Mapping[str, DutyRule] = field(default_factory=dict)
    tells: Mapping[str, tuple[tuple[str, str, str], ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, rules: Iterable[DutyRule]) -> "DutyRules":
        """Index rules that a process opens; rules that are calculation only have no `starts` and are left out."""
        starts: dict[str, list[Start]] = {}
        effects: dict[str, list[tuple[str, str, bool]]] = {}
        used = {rule.id: rule for rule in rules if rule.starts}
        for rule in used.values():
            by_body = rule.per == "body"
            for kinds, provisional in (
                (rule.starts, False),
                (rule.provisional.starts if rule.provisional else (), True),
            ):
                start = Start(rule.id, rule, rule.start_day, rule.start_by, by_body, rule.starts_if, provisional)
                for kind in kinds:
                    starts.setdefault(kind, []).append(start)
            for effect, kinds in (
                ("meet", rule.met_by),
                ("end", rule.ends),
                ("reopen", rule.reopened_by),
                ("supersede", rule.superseded_by),
                ("lapse", rule.provisional.ends if rule.provisional else ()),
            ):
                for kind in kinds:
                    effects.setdefault(kind, []).append((rule.id, effect, by_body))
        tells: dict[str, list[tuple[str, str, str]]] = {}
        for rule in used.values():
            for name, given in rule.inputs.items():
                for kind in given.told_by:
                    tells.setdefault(kind, []).append((rule.id, name, given.told_as or name))
        return cls(
            {kind: tuple(some) for kind, some in starts.items()},
            {kind: tuple(some) for kind, some in effects.items()},
            used,
            {kind: tuple(some) for kind, some in tells.items()},
        )


def duties_of(
    lines: Sequence[StoredFact], book: DutyRules, dates_of: DatesOf, claims: Iterable[Claim] = ()
) -> list[Duty]:
    """Work out every duty from facts in the order of the fold, corrections applied.

    Raises whatever `dates_of` raises where the law or the almanac has no answer for a start day.
    """
    duties: list[Duty] = []
    by_rule: dict[str, list[Duty]] = {}
    effects_of, starts_of, tells_of = book.effects, book.starts, book.tells
    known: dict[str, dict[str, Any]] = {}  # needed days that are told before the duty opens, such as the day of a move
    for line in lines:
        kind = line.kind
        effects = effects_of.get(kind)
        if effects:
            data = line.data
            for rule_id, effect, by_body in effects:
                touched = by_rule.get(rule_id)
                if touched is None:
                    continue
                if by_body or "opened_seq" in data:
                    touched = _about(touched, data, by_body, effect)
                for duty in touched if effect != "reopen" else _last_closed(touched):
                    _apply(duty, effect, line)
        told = tells_of.get(kind)
        if told:
            for rule_id, name, told_as in told:
                if line.data.get("rule") not in (None, rule_id):
                    continue
                day = line.data.get(told_as) or line.occurred_on.isoformat()
                asked = book.rules[rule_id].inputs[name]
                if asked.needed or asked.told_before or name == book.rules[rule_id].strict_start:
                    known.setdefault(rule_id, {})[name] = day
                for duty in _about(by_rule.get(rule_id, []), line.data, False, "tell"):
                    if duty.closed_on is None and (
                        "body" not in line.data or duty.body is None or _same(duty, line.data)
                    ):
                        duty.given = {**duty.given, name: day}
                        duty.dates = dates_of(rule_id, duty.started_on, duty.given)
        starting = starts_of.get(kind)
        if starting:
            data, on, imported = line.data, line.occurred_on, line.via == "import"
            for rule_id, rule, start_day, start_by, by_body, starts_if, provisional in starting:
                if starts_if and not _opens(starts_if, data):
                    continue
                start = data.get(start_day) if start_day is not None else None
                started_on = date.fromisoformat(start) if start else on
                # A body that a fact names bears only the duties that lie on bodies: the authority's own are nobody
                # else's.
                body, service = (data.get("body"), data.get("service")) if by_body else (None, None)
                given = {**known[rule_id], **data} if rule_id in known else data
                dates = dates_of(rule_id, started_on, given)
                if start_by is not None and (latest := data.get(start_by)):
                    dates = dates._replace(due=dates_of(rule_id, date.fromisoformat(latest), given).due)
                # By place, because names would double what it costs to make one.
                duty = Duty(rule_id, rule, body, service, line.seq, started_on, dates, imported, given, on, provisional)
                if rule.provisional is not None and not provisional:
                    for other in by_rule.get(rule_id, ()):
                        if other.body == body and other.service in (None, service):
                            _apply(other, "lapse", line)
                duties.append(duty)
                by_rule.setdefault(rule_id, []).append(duty)
    accepted = [claim for claim in claims if claim.decision == "accepted"]
    if accepted:
        for duty in duties:
            duty.excuse = next((claim for claim in accepted if excuses(claim, duty)), None)
    return duties


def _opens(starts_if: Mapping[str, tuple[str, ...]], data: Mapping[str, Any]) -> bool:
    return all(data.get(key) in said for key, said in starts_if.items())


def _about(duties: list[Duty], data: Mapping[str, Any], by_body: bool, effect: str) -> list[Duty]:
    """The duties of one rule that a fact is about: the one that it names by `opened_seq`, or those of its body.

    What names no body meets or reopens the duty that lies on none, where there is such a one (the authority's part of
    an agreement, and not a body's).
    """
    opened_seq = data.get("opened_seq")
    if opened_seq is not None:
        return [duty for duty in duties if duty.opened_seq == opened_seq]
    if not by_body:
        return duties
    if "body" in data:
        return [duty for duty in duties if _same(duty, data)]
    return ([duty for duty in duties if duty.body is None] if effect != "end" else []) or duties


def _same(duty: Duty, data: Mapping[str, Any]) -> bool:
    service = data.get("service")
    return duty.body == data["body"] and (service is None or duty.service is None or duty.service == service)


def _last_closed(duties: Iterable[Duty]) -> list[Duty]:
    """The duties that the latest answer closed: what comes back reopens these, and not an earlier request that is long
    settled.
    """
    closed = [(duty.closed_by, duty) for duty in duties if duty.closed_by is not None and not duty.superseded]
    latest = max((by for by, _duty in closed), default=None)
    return [duty for by, duty in closed if by == latest]


def _apply(duty: Duty, effect: str, line: StoredFact) -> None:
    if effect == "meet":
        if duty.ended_on is None and (duty.met_on is None or _of_another_body(duty, line)):
            duty.met_on, duty.met_seq, duty.met_by = line.occurred_on, line.seq, line.kind
            if duty.law.met_by_each:
                duty.met_for = (*duty.met_for, line.data.get("body"))
    elif effect in ("end", "supersede", "lapse"):
        if duty.met_on is None and duty.ended_on is None and (effect != "lapse" or duty.provisional):
            duty.ended_on, duty.ended_seq = line.occurred_on, line.seq
        # Another clock has taken its place (an order's, after a refusal): what comes later belongs to that one and
        # reopens this no more.
        duty.superseded = duty.superseded or effect == "supersede" or (effect == "lapse" and duty.provisional)
    else:
        if duty.met_on is not None:
            duty.reopened += 1
        duty.met_on = duty.met_seq = duty.met_by = duty.ended_on = duty.ended_seq = None


def _of_another_body(duty: Duty, line: StoredFact) -> bool:
    """Whether a duty that is met towards one body is met once more, towards another that had to have it as well."""
    return duty.law.met_by_each and line.data.get("body") not in duty.met_for


def excuses(claim: Claim, duty: Duty) -> bool:
    """Whether an accepted claim reaches a duty: same rule, body and service where named, a ground its provision lists,
    touching its period.
    """
    if claim.ground is None or claim.ground not in duty.dates.excuses or duty.due is None:
        return False
    if (
        claim.rule not in (None, duty.rule)
        or claim.body not in (None, duty.body)
        or claim.service not in (None, duty.service)
    ):
        return False
    began, ended = claim.began_on or duty.started_on, claim.ended_on or duty.due
    return began <= duty.due and ended >= duty.started_on
