"""Whose days the late days of a case are: the authority's, a body's, the family's, our own team's or another party's.

Duty/provision: none of its own. A late day belongs to who had to act on it by law; each run of days names the fact
and the provision that say so. Decision 204 gives the rule and its limits.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from enum import StrEnum
from itertools import groupby
from typing import NamedTuple, Protocol

from deadlines.duties import Duty
from deadlines.status import days_late
from models.facts import StoredFact
from models.owner import OwnerKind

DAY = timedelta(days=1)


class Holder(StrEnum):
    """Whose a late day is."""

    AUTHORITY = "authority"
    BODY = "body"
    FAMILY = "family"
    TRIBUNAL = "tribunal"
    SCHOOL = "school"
    ADVISER = "mediation_adviser"
    TEAM = "our_team"
    PARTY = "other_party"


# Whose a duty is, by the words of the rule's `duty_on`, where the duty names no body of its own.
OWNERS: Mapping[str, Holder] = {
    "LA": Holder.AUTHORITY,
    "LA must allow": Holder.AUTHORITY,
    "LA (each RCB must take part)": Holder.AUTHORITY,
    "LA or RCB": Holder.AUTHORITY,
    "new LA": Holder.AUTHORITY,
    "old LA": Holder.AUTHORITY,
    "arranger": Holder.AUTHORITY,
    "arranging body": Holder.AUTHORITY,
    "school or LA": Holder.SCHOOL,
    "institution": Holder.SCHOOL,
    "governing body or principal": Holder.SCHOOL,
    "responsible body": Holder.SCHOOL,
    "parent/young person": Holder.FAMILY,
    "party": Holder.FAMILY,
    "all parties": Holder.TRIBUNAL,
    "mediation adviser": Holder.ADVISER,
    # Our team watches these, and another acts.
    "responsible commissioner": Holder.PARTY,
    "health provider": Holder.PARTY,
    "GP practice": Holder.PARTY,
}
# Whose a duty is that the rule lays on our own team, or on a party that its `owner` names.
OWNED: Mapping[OwnerKind, Holder] = {OwnerKind.TEAM: Holder.TEAM, OwnerKind.PARTY: Holder.PARTY}
# Whose circumstances an accepted exception is about; the other grounds say nothing of it, and the owner has the day.
GROUNDS: Mapping[str, Holder] = {
    "personal_exceptional": Holder.FAMILY,
    "exceptional_circumstances": Holder.FAMILY,
    "absent_4_weeks": Holder.FAMILY,
    "absent_2_weeks": Holder.FAMILY,
    "missed_appointment": Holder.FAMILY,
    "school_closed": Holder.SCHOOL,
    "early_years_closed": Holder.SCHOOL,
}
# After an order that fell the appeal goes on, as after the refusal.
REFUSALS = frozenset({"assessment_refused", "plan_refused", "reassessment_refused", "order_set_aside"})
ORDERS = frozenset({"assessment_ordered", "plan_ordered", "reconsideration_ordered", "reassessment_ordered"})


class Owned(Protocol):
    """What is read of a rule: who has the duty, and which other duties it holds up."""

    @property
    def duty_on(self) -> str | None: ...
    @property
    def holds_up(self) -> Sequence[str]: ...
    @property
    def owned_by(self) -> tuple[OwnerKind, str | None]: ...


class Whose(NamedTuple):
    """Whose one late day is, the body and service if it is a body's, and the fact and provision that say so."""

    holder: Holder
    body: str | None
    service: str | None
    seq: int
    provision: str


class LateDays(NamedTuple):
    """Consecutive late days of one duty that are of one holder, both ends included; `rule` and `opened_seq` name the
    duty.
    """

    rule: str
    opened_seq: int
    first: date
    last: date
    whose: Whose

    @property
    def days(self) -> int:
        """How many calendar days."""
        return (self.last - self.first).days + 1


def whose_days(
    duties: Sequence[Duty],
    facts: Sequence[StoredFact],
    rules: Mapping[str, Owned],
    provisions: Mapping[str, str],
    as_at: date,
) -> list[LateDays]:
    """Give the late days of each duty, in the order of the duties; the plan's are those past its first due date.

    `facts` are those in force, in order; `provisions` has the provision of each ground of exception.
    """
    chain, law = plan_clocks(duties, rules), _Law(rules, provisions)
    found: list[LateDays] = []
    for duty in duties:
        if chain and duty is chain[0]:
            advice = [each for each in duties if each.rule in rules and rules[each.rule].holds_up]
            waits = list(_waits_for_the_tribunal(facts))
            found += _runs(duty, _of_the_plan(chain, advice, waits, law, as_at))
        elif duty not in chain:
            found += _of_a_duty(duty, law, as_at)
    return found


def plan_clocks(duties: Sequence[Duty], rules: Mapping[str, Owned]) -> list[Duty]:
    """The duties to make the plan that advice is for, in the order in which they were opened: the first, and those that
    an order, a concession or a reversal opened after it.
    """
    held_up = {each for rule in rules.values() for each in rule.holds_up}
    plan = {kind for duty in duties if duty.rule in held_up for kind in duty.law.met_by}
    of_the_plan = [
        duty
        for duty in duties
        if duty.bound == "by" and duty.due is not None and duty.body is None
        if duty.law.met_by and plan.issuperset(duty.law.met_by)
    ]
    return sorted(of_the_plan, key=lambda duty: (duty.opened_on, duty.opened_seq))


class _Law(NamedTuple):
    rules: Mapping[str, Owned]
    provisions: Mapping[str, str]

    def owner(self, duty: Duty) -> Whose:
        rule = self.rules.get(duty.rule)
        holder = Holder.BODY if duty.body is not None else _holder(rule)
        return Whose(holder, duty.body, duty.service, duty.opened_seq, duty.dates.citation)

    def excepted(self, duty: Duty, day: date) -> Whose | None:
        """Whose circumstances an accepted exception of the duty is about on a day."""
        claim = duty.excuse
        if claim is None or claim.ground is None or claim.ground not in GROUNDS:
            return None
        if (claim.began_on or day) <= day <= (claim.ended_on or day):
            return Whose(GROUNDS[claim.ground], None, None, claim.seq, self.provisions[claim.ground])
        return None


def _holder(rule: Owned | None) -> Holder:
    """Whose a duty of a rule is that lies on no body."""
    if rule is None:
        return Holder.AUTHORITY
    return OWNERS.get(rule.duty_on or "") or OWNED.get(rule.owned_by[0], Holder.BODY)


def _of_a_duty(duty: Duty, law: _Law, as_at: date) -> Iterable[LateDays]:
    late = days_late(duty, as_at)
    if duty.due is None or not late:
        return ()
    owner, first = law.owner(duty), duty.due + DAY
    if duty.excuse is None:  # the usual case, in which no day differs from the others
        return (LateDays(duty.rule, duty.opened_seq, first, duty.due + late * DAY, owner),)
    days = (first + number * DAY for number in range(late))
    return _runs(duty, ((day, law.excepted(duty, day) or owner) for day in days))


class _Wait(NamedTuple):
    """After the day of a refusal, up to and including the day of the order that followed it."""

    after: date
    until: date
    order: StoredFact


def _waits_for_the_tribunal(facts: Iterable[StoredFact]) -> Iterator[_Wait]:
    refused: date | None = None
    for fact in sorted(facts, key=lambda each: (each.occurred_on, each.seq)):
        if fact.kind in REFUSALS:
            refused = fact.occurred_on
        elif fact.kind in ORDERS and refused is not None:
            yield _Wait(refused, fact.occurred_on, fact)
            refused = None


def _of_the_plan(
    chain: Sequence[Duty], advice: Sequence[Duty], waits: Sequence[_Wait], law: _Law, as_at: date
) -> Iterator[tuple[date, Whose]]:
    """The days from the plan's first due date to the plan, to the end of the duty to make it, or to `as_at`."""
    first, newest = chain[0], chain[-1]
    assert first.due is not None, "a chain has duties with a due date only"
    end = next((duty.met_on for duty in reversed(chain) if duty.met_on is not None), None) or newest.ended_on or as_at
    day = first.due + DAY
    while day <= min(end, as_at):
        duty = next((each for each in reversed(chain) if each.opened_on <= day), first)
        wait = next((each for each in waits if each.after < day <= each.until), None)
        yield day, _ordered(wait, chain) or law.excepted(duty, day) or _awaited(advice, law, day) or law.owner(duty)
        day += DAY


def _ordered(wait: _Wait | None, chain: Collection[Duty]) -> Whose | None:
    if wait is None:
        return None
    after = next((duty.dates.citation for duty in chain if duty.opened_seq == wait.order.seq), "CFA 2014 s51")
    return Whose(Holder.TRIBUNAL, None, None, wait.order.seq, after)


def _awaited(advice: Iterable[Duty], law: _Law, day: date) -> Whose | None:
    """The advice that was late on a day, the one due first; if its own exception covers the day, whose that is."""
    late = [duty for duty in advice if _is_late(duty, day)]
    duty = min(late, key=lambda each: (each.due or day, each.opened_seq), default=None)
    return None if duty is None else law.excepted(duty, day) or law.owner(duty)


def _is_late(duty: Duty, day: date) -> bool:
    if duty.due is None or duty.provisional or duty.met_before or duty.opened_on > day:
        return False
    return duty.due < day <= (duty.closed_on or day)


def _runs(duty: Duty, days: Iterable[tuple[date, Whose]]) -> Iterator[LateDays]:
    for whose, run in groupby(days, key=lambda each: each[1]):
        found = [day for day, _whose in run]
        yield LateDays(duty.rule, duty.opened_seq, found[0], found[-1], whose)
