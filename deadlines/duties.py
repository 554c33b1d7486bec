"""Which duties a history has opened, by when each is due, and what has met or ended it.

The statute file says which facts start, meet, end and reopen a duty; this module reads no machine. A duty is identified
by its rule, its body and service, and the fact that opened it. Unusable advice that is returned reopens the same duty
with the same due date.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from typing import Any

import msgspec

from deadlines.duty_rule import Dates, DatesOf, DutyRule
from deadlines.duty_rules import ITEM, NOT_SAID, DutyRules, Effect, Start, Supply
from models.casefile import Claim
from models.facts import StoredFact


class Duty(msgspec.Struct, gc=False):
    """One duty after the facts of its case. `closed_on` is the day it was met or ended; None while it is open.

    `gc` is off because a duty never refers to an object that refers to it.
    """

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
    said: tuple[Mapping[str, Any], ...] = ()
    ended_on: date | None = None
    ended_seq: int | None = None
    excuse: Claim | None = None
    reopened: int = 0
    superseded: bool = False
    item: str | None = None

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
    def met_before(self) -> bool:
        """Whether it was met by a fact that proves an earlier day and does not say it."""
        return self.met_by in self.law.met_before

    @property
    def start_day(self) -> str | None:
        return self.law.start_day

    @property
    def may_be_chased(self) -> bool:
        """Whether steps of the policy may fall due: of a rule that binds bodies, only once a body has been asked."""
        return self.body is not None or self.law.per != "body"

    @property
    def closed_on(self) -> date | None:
        return self.met_on if self.met_on is not None else self.ended_on

    @property
    def closed_by(self) -> tuple[date, int] | None:
        """The day and the fact that closed it, in replay order; None while it is open."""
        seq = self.met_seq if self.met_on is not None else self.ended_seq
        return (self.closed_on, seq) if self.closed_on is not None and seq is not None else None


_NOBODY = (None, None)
# The place before every fact.
FIRST = (date.min, 0)


def duties_of(
    facts: Sequence[StoredFact], rules: DutyRules, dates_of: DatesOf, claims: Iterable[Claim] = ()
) -> list[Duty]:
    """Return every duty that these facts opened, with what met or ended it.

    `facts` are in replay order, corrections applied. Raises what `dates_of` raises if the law or the working-day
    calendar has no answer for a start day.
    """
    register = DutyRegister(rules, dates_of)
    of_kind = rules.of_kind
    for fact in facts:
        does = of_kind.get(fact.kind)
        if does is None:
            continue
        # The order matters: a fact closes older duties before it opens its own. Most facts do one of the three.
        if does.effects:
            register.close(fact, does.effects)
        if does.supplies:
            register.supply_dates(fact, does.supplies)
        if does.starts:
            register.open(fact, does.starts)
        if does.awaited:
            register.came(fact)
    register.excuse([claim for claim in claims if claim.decision == "accepted"])
    return register.duties


class DutyRegister:
    """The duties of one case while its facts are read in replay order."""

    __slots__ = ("_by_rule", "_came", "_dates_of", "_rules", "_supplied", "duties")

    def __init__(self, rules: DutyRules, dates_of: DatesOf) -> None:
        """Start without duties."""
        self.duties: list[Duty] = []
        self._rules = rules
        self._dates_of = dates_of
        self._by_rule: dict[str, list[Duty]] = {}
        # Days by rule that facts supply before the duty opens, such as the day of a child's move.
        self._supplied: dict[str, dict[str, Any]] = {}
        # The facts of each kind that a rule waits for, in the order of replay.
        self._came: dict[str, list[StoredFact]] = {}

    def came(self, fact: StoredFact) -> None:
        """Remember that a fact came for which the effect of another waits."""
        self._came.setdefault(fact.kind, []).append(fact)

    def close(self, fact: StoredFact, effects: Mapping[str, Sequence[Effect]]) -> None:
        """Meet, end, supersede, lapse, resume or reopen the duties that the fact is about."""
        data = fact.data
        names_one = "opened_seq" in data
        # Over the rules that have duties: a fact may change those of twenty rules, and a case has duties of few.
        for rule_id, of_rule in self._by_rule.items():
            for change in effects.get(rule_id, ()):
                if change.on_all and not names_one:
                    apply = _EFFECTS[change.effect]
                    for duty in of_rule:
                        apply(duty, fact)
                    continue
                duties, effect = of_rule, change.effect
                if change.by_item and ITEM in data:
                    duties = [duty for duty in duties if duty.item == data[ITEM]]
                elif change.by_body or names_one:
                    duties = _about(duties, data, change.by_body, effect)
                if change.kinds:
                    kinds = change.kinds
                    duties = self._resumed(duties, kinds) if effect == "resume" else self._since(duties, kinds)
                apply = _EFFECTS[effect]
                for duty in duties if effect != "reopen" else _last_closed(duties):
                    apply(duty, fact)

    def _since(self, duties: Iterable[Duty], kinds: Iterable[str]) -> list[Duty]:
        """The duties since whose opening one of those facts came; the fact that opened a duty is one of them."""
        latest = max((_place(fact) for kind in kinds for fact in self._came.get(kind, ())), default=FIRST)
        return [duty for duty in duties if (duty.opened_on, duty.opened_seq) <= latest]

    def _resumed(self, duties: Iterable[Duty], kinds: Iterable[str]) -> list[Duty]:
        """The duties that one of those facts ended."""
        ended = [duty for duty in duties if duty.ended_seq is not None and duty.met_on is None and not duty.superseded]
        if ended:  # seldom: most duties are met
            seqs = {fact.seq for kind in kinds for fact in self._came.get(kind, ())}
            ended = [duty for duty in ended if duty.ended_seq in seqs]
        return ended

    def supply_dates(self, fact: StoredFact, supplies: Iterable[Supply]) -> None:
        """Give open duties a further day that their rule was waiting for, and calculate their dates again."""
        data = fact.data
        for supply in supplies:
            rule_id, name = supply.rule, supply.name
            if data.get("rule") not in (None, rule_id):
                continue
            day = data.get(supply.key) or fact.occurred_on.isoformat()
            rule = self._rules.rules[rule_id]
            expected = rule.inputs[name]
            if expected.needed or expected.told_before or name == rule.strict_start:
                self._supplied.setdefault(rule_id, {})[name] = day
            if any(kind in self._came for kind in expected.settled_by):
                continue
            for duty in _about(self._by_rule.get(rule_id, []), data, False, "supply"):
                if duty.closed_on is None and ("body" not in data or duty.body is None or _same_body(duty, data)):
                    duty.given = {**duty.given, name: day}
                    duty.dates = self._dates_of(rule_id, duty.started_on, duty.given)

    def open(self, fact: StoredFact, starts: Iterable[Start]) -> None:
        """Open the duties that the fact starts."""
        data, on, seq, imported = fact.data, fact.occurred_on, fact.seq, fact.via == "import"
        by_rule, came, supplied, dates_of = self._by_rule, self._came, self._supplied, self._dates_of
        for start in starts:
            if start.starts_if and not _applies(start.starts_if, data):
                continue
            if start.not_after and any(kind in came for kind in start.not_after):
                continue
            rule_id = start.id
            if start.plain and rule_id not in supplied:  # as most are: the shorter way to the same
                body, service = (data.get("body"), data.get("service")) if start.by_body else _NOBODY
                dates = dates_of(rule_id, on, data)
                duty = Duty(rule_id, start.rule, body, service, seq, on, dates, imported, data, on, start.provisional)
            else:
                duty = self._new_duty(start, fact)
            same_rule = by_rule.get(rule_id)
            if same_rule is None:
                by_rule[rule_id] = [duty]
            else:
                if start.once and _is_there(same_rule, duty, start.once):
                    continue
                if start.ends_provisional:
                    self._end_provisional(same_rule, duty, fact)
                same_rule.append(duty)
            self.duties.append(duty)
            if start.counts_already:
                self._count_already(duty)

    @staticmethod
    def _end_provisional(same_rule: Iterable[Duty], duty: Duty, fact: StoredFact) -> None:
        for other in same_rule:
            if other.body == duty.body and other.service in (None, duty.service):
                _lapse(other, fact)

    def _count_already(self, duty: Duty) -> None:
        """Meet or end a new duty by what had come before it and still counts: a plan before the order to make one."""
        for kind, undone_by in duty.law.counts_already.items():
            undone = max((_place(fact) for undoing in undone_by for fact in self._came.get(undoing, ())), default=FIRST)
            first = next((fact for fact in self._came.get(kind, ()) if _place(fact) > undone), None)
            if first is None or duty.item not in (None, first.data.get(ITEM)):
                continue
            if duty.body in (None, first.data.get("body")):
                _EFFECTS["meet" if kind in duty.law.met_by else "end"](duty, first)

    def _new_duty(self, start: Start, fact: StoredFact) -> Duty:
        rule_id = start.id
        data = given = fact.data
        started_on = on = fact.occurred_on
        if start.start_day is not None and (first_day := data.get(start.start_day)):
            started_on = date.fromisoformat(first_day)
        body = service = None
        if start.by_body:
            # A fact that names a body opens that body's duties only; the authority's own duties have no body.
            body, service = data.get("body"), data.get("service")
        if rule_id in self._supplied:
            given = {**self._supplied[rule_id], **data}
        dates = self._dates_of(rule_id, started_on, given)
        if start.start_by is not None and (latest := data.get(start.start_by)):
            dates = dates._replace(due=self._dates_of(rule_id, date.fromisoformat(latest), given).due)
        # Positional, because keyword arguments double the cost of this call.
        imported, provisional = fact.via == "import", start.provisional
        duty = Duty(rule_id, start.rule, body, service, fact.seq, started_on, dates, imported, given, on, provisional)
        if start.by_item:
            duty.item = data.get(ITEM)
        return duty

    def excuse(self, accepted: Sequence[Claim]) -> None:
        """Give each duty the first accepted claim of an exception that covers it."""
        if accepted:
            for duty in self.duties:
                duty.excuse = next((claim for claim in accepted if excuses(claim, duty)), None)


def _applies(starts_if: Mapping[str, tuple[str, ...]], data: Mapping[str, Any]) -> bool:
    # A loop, because a generator costs more than the one or two questions that it asks.
    for key, values in starts_if.items():  # noqa: SIM110
        if data.get(key, NOT_SAID) not in values:
            return False
    return True


def _is_there(duties: Iterable[Duty], duty: Duty, once: bool | str) -> bool:
    """Whether the same body has a duty of the rule already, or an open one, or one that was not ended unmet."""
    same = [other for other in duties if (other.body, other.item) == (duty.body, duty.item)]
    if once == "while_open":
        return any(other.closed_on is None for other in same)
    return any(other.ended_on is None for other in same) if once == "unless_ended" else bool(same)


def _place(fact: StoredFact) -> tuple[date, int]:
    return fact.occurred_on, fact.seq


def _about(duties: list[Duty], data: Mapping[str, Any], by_body: bool, effect: str) -> list[Duty]:
    """The duties of one rule that a fact is about: the one that it names by `opened_seq`, or those of its body.

    A fact without a body meets or reopens the duty without a body, if there is one: the authority's part of an
    agreement, for example.
    """
    opened_seq = data.get("opened_seq")
    if opened_seq is not None:
        return [duty for duty in duties if duty.opened_seq == opened_seq]
    if not by_body:
        return duties
    if "body" in data:
        body, service = data["body"], data.get("service")
        return [duty for duty in duties if duty.body == body and _serves(duty, service)]
    return ([duty for duty in duties if duty.body is None] if effect != "end" else []) or duties


def _same_body(duty: Duty, data: Mapping[str, Any]) -> bool:
    return duty.body == data["body"] and _serves(duty, data.get("service"))


def _serves(duty: Duty, service: str | None) -> bool:
    """Whether a duty is of that service, where both name one."""
    return service is None or duty.service is None or duty.service == service


def _last_closed(duties: Iterable[Duty]) -> list[Duty]:
    """The duties that the latest answer closed. Returned advice reopens these, and no earlier request."""
    closed = [(duty.closed_by, duty) for duty in duties if duty.closed_by is not None and not duty.superseded]
    latest = max((by for by, _duty in closed), default=None)
    return [duty for by, duty in closed if by == latest]


def _meet(duty: Duty, fact: StoredFact) -> None:
    if duty.ended_on is not None or (duty.met_on is not None and not _met_for_another_body(duty, fact)):
        return
    law = duty.law
    if not law.met_if or _enough(duty, fact):
        duty.met_on, duty.met_seq, duty.met_by = fact.occurred_on, fact.seq, fact.kind
        if law.met_by_each:
            duty.met_for = (*duty.met_for, fact.data.get("body"))


def _end(duty: Duty, fact: StoredFact) -> None:
    if duty.met_on is None and duty.ended_on is None:
        duty.ended_on, duty.ended_seq = fact.occurred_on, fact.seq


def _supersede(duty: Duty, fact: StoredFact) -> None:
    """Another duty has replaced this one (an order's, after a refusal): later facts belong to that one and never reopen
    this one.
    """
    _end(duty, fact)
    duty.superseded = True


def _lapse(duty: Duty, fact: StoredFact) -> None:
    if duty.provisional:
        _supersede(duty, fact)


def _reopen(duty: Duty, _fact: StoredFact) -> None:
    if duty.met_on is not None:
        duty.reopened += 1
    duty.met_on = duty.met_seq = duty.met_by = duty.ended_on = duty.ended_seq = None


_EFFECTS: Mapping[str, Callable[[Duty, StoredFact], None]] = {
    "meet": _meet,
    "end": _end,
    "supersede": _supersede,
    "lapse": _lapse,
    "reopen": _reopen,
    "resume": _reopen,
}


def _enough(duty: Duty, fact: StoredFact) -> bool:
    """Whether the facts that meet a duty say together what the law asks of them, this one included."""
    duty.said = (*duty.said, fact.data)
    return all(any(_says_one(clause, data) for data in duty.said) for clause in duty.law.met_if)


def _says_one(clause: Mapping[str, tuple[str, ...]], data: Mapping[str, Any]) -> bool:
    return any(data.get(key) in words for key, words in clause.items())


def _met_for_another_body(duty: Duty, fact: StoredFact) -> bool:
    """Whether the fact meets a duty, owed to each of several bodies, towards one more of them."""
    return duty.law.met_by_each and fact.data.get("body") not in duty.met_for


def excuses(claim: Claim, duty: Duty) -> bool:
    """Whether an accepted exception covers a duty: its rule, body, service and period, on a ground of its provision."""
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
