"""The rules of a process, indexed by the kinds of the facts that open, change or date their duties. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from deadlines.duty_rule import DutyRule
from models.common_facts import DIED

T = TypeVar("T")
# What `starts_if` calls a field that a fact leaves out, and the field by which a fact names an item of its case.
NOT_SAID = "not_said"
ITEM = "item"


# These three have slots and are no named tuples: to unpack a named tuple takes Python 3.11 twice as long as to read the
# same attributes, and every duty of every case passes here.
@dataclass(frozen=True, slots=True)
class Start:
    """One way to open a duty under a rule. Copied out of the rule once, because every fact asks for it."""

    id: str
    rule: DutyRule
    start_day: str | None
    start_by: str | None
    by_body: bool
    starts_if: Mapping[str, tuple[str, ...]]
    provisional: bool
    ends_provisional: bool
    by_item: bool
    not_after: tuple[str, ...]
    once: bool | str
    counts_already: bool


@dataclass(frozen=True, slots=True)
class Effect:
    """What a fact does to the open or closed duties of one rule: meet, end, reopen, resume, supersede or lapse.

    `kinds`: the facts that must have come since a duty was opened, or the facts that must have ended it to be resumed.
    """

    effect: str
    by_body: bool
    by_item: bool
    kinds: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Supply:
    """A fact supplies the further day `name` of a rule; its data hold the day under `key`."""

    rule: str
    name: str
    key: str


@dataclass(frozen=True, slots=True)
class DutyRules:
    """The rules of one process, indexed by the kinds of the facts that open, change or date their duties.

    `effects` are by kind and then by rule: a fact may change the duties of many rules, of which a case has few.
    """

    starts: Mapping[str, tuple[Start, ...]]
    effects: Mapping[str, Mapping[str, tuple[Effect, ...]]]
    rules: Mapping[str, DutyRule] = field(default_factory=dict)
    supplies: Mapping[str, tuple[Supply, ...]] = field(default_factory=dict)
    awaited: frozenset[str] = frozenset()

    @classmethod
    def of(cls, rules: Iterable[DutyRule]) -> "DutyRules":
        """Index the rules that facts can open. Rules without `starts` serve calculations only and are left out."""
        used = {rule.id: rule for rule in rules if rule.starts}
        starts: dict[str, list[Start]] = {}
        effects: dict[str, dict[str, list[Effect]]] = {}
        supplies: dict[str, list[Supply]] = {}
        for rule in used.values():
            for kind, start in _starts_of(rule):
                starts.setdefault(kind, []).append(start)
            for kind, effect in _effects_of(rule):
                effects.setdefault(kind, {}).setdefault(rule.id, []).append(effect)
            for name, day in rule.inputs.items():
                for kind in day.told_by:
                    supplies.setdefault(kind, []).append(Supply(rule.id, name, day.told_as or name))
        changes = {kind: _as_tuples(by_rule) for kind, by_rule in effects.items()}
        awaited = {
            kind
            for by_rule in changes.values()
            for several in by_rule.values()
            for effect in several
            for kind in effect.kinds
        }
        for rule in used.values():
            awaited.update(rule.not_after, *(day.settled_by for day in rule.inputs.values()))
            awaited.update(rule.counts_already, *rule.counts_already.values())
        return cls(_as_tuples(starts), changes, used, _as_tuples(supplies), frozenset(awaited))


def _as_tuples(lists: Mapping[str, list[T]]) -> dict[str, tuple[T, ...]]:
    return {kind: tuple(each) for kind, each in lists.items()}


def _starts_of(rule: DutyRule) -> Iterator[tuple[str, Start]]:
    by_body = rule.per == "body"
    provisional_starts = rule.provisional.starts if rule.provisional else ()
    for kinds, provisional in ((rule.starts, False), (provisional_starts, True)):
        ends_provisional = rule.provisional is not None and not provisional
        start = Start(
            rule.id,
            rule,
            rule.start_day,
            rule.start_by,
            by_body,
            rule.starts_if,
            provisional,
            ends_provisional,
            rule.per == "item",
            rule.not_after,
            rule.starts_once,
            bool(rule.counts_already),
        )
        for kind in kinds:
            yield kind, start


def _effects_of(rule: DutyRule) -> Iterator[tuple[str, Effect]]:
    by_body, by_item = rule.per == "body", rule.per == "item"
    for effect, kinds in (
        ("meet", rule.met_by),
        ("end", (*rule.ends, DIED)),
        ("reopen", rule.reopened_by),
        ("supersede", rule.superseded_by),
        ("lapse", rule.provisional.ends if rule.provisional else ()),
    ):
        for kind in kinds:
            yield kind, Effect(effect, by_body, by_item, rule.only_after.get(kind, ()))
    for kind, ending in rule.resumed_by.items():
        yield kind, Effect("resume", by_body, by_item, ending)
