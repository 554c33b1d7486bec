"""The rules of a process, indexed by the kinds of the facts that open, change or date their duties. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from deadlines.duty_rule import DutyRule
from models.common_facts import DIED

# What `starts_if` calls a field that a fact leaves out, and the field by which a fact names an item of its case.
NOT_SAID = "not_said"
ITEM = "item"


# These have slots and are no named tuples: to unpack a named tuple takes Python 3.11 twice as long as to read the
# same attributes, and every duty of every case passes here.
@dataclass(frozen=True, slots=True)
class Start:
    """One way to open a duty under a rule. Copied out of the rule once, because every fact asks for it.

    `plain`: the duty starts on the day of its fact, and has no item.
    """

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
    plain: bool


@dataclass(frozen=True, slots=True)
class Effect:
    """What a fact does to the open or closed duties of one rule: meet, end, reopen, resume, supersede or lapse.

    `kinds`: the facts that must have come since a duty was opened, or the facts that must have ended it to be resumed.
    `on_all`: it concerns every duty of the rule, and asks nothing of the fact.
    """

    effect: str
    by_body: bool
    by_item: bool
    kinds: tuple[str, ...]
    on_all: bool

    @classmethod
    def of(cls, effect: str, by_body: bool, by_item: bool, kinds: tuple[str, ...] = ()) -> "Effect":
        """One that knows whether it concerns every duty of its rule."""
        on_all = not (by_body or by_item or kinds or effect == "reopen")
        return cls(effect, by_body, by_item, kinds, on_all)


@dataclass(frozen=True, slots=True)
class Supply:
    """A fact supplies the further day `name` of a rule; its data hold the day under `key`."""

    rule: str
    name: str
    key: str


@dataclass(slots=True)
class OfKind:
    """What a fact of one kind does to duties: which it opens, changes and dates, and whether another fact awaits it.

    `effects` are by rule: a fact may change the duties of many rules, of which a case has few.
    """

    starts: list[Start] = field(default_factory=list)
    effects: dict[str, list[Effect]] = field(default_factory=dict)
    supplies: list[Supply] = field(default_factory=list)
    awaited: bool = False


@dataclass(frozen=True, slots=True)
class DutyRules:
    """The rules of one process, indexed by the kinds of the facts that open, change or date their duties."""

    of_kind: Mapping[str, OfKind]
    rules: Mapping[str, DutyRule]

    @classmethod
    def of(cls, rules: Iterable[DutyRule]) -> "DutyRules":
        """Index the rules that facts can open. Rules without `starts` serve calculations only and are left out."""
        used = {rule.id: rule for rule in rules if rule.starts}
        of_kind: dict[str, OfKind] = defaultdict(OfKind)
        awaited: set[str] = set()
        for rule in used.values():
            for kind, start in _starts_of(rule):
                of_kind[kind].starts.append(start)
            for kind, effect in _effects_of(rule):
                of_kind[kind].effects.setdefault(rule.id, []).append(effect)
                awaited.update(effect.kinds)
            for name, day in rule.inputs.items():
                for kind in day.told_by:
                    of_kind[kind].supplies.append(Supply(rule.id, name, day.told_as or name))
            awaited.update(rule.not_after, *(day.settled_by for day in rule.inputs.values()))
            awaited.update(rule.counts_already, *rule.counts_already.values())
        for kind in awaited:
            of_kind[kind].awaited = True
        return cls(dict(of_kind), used)

    def supplied_by(self, kind: str) -> set[str]:
        """The rules of which a fact of that kind supplies a day."""
        of_kind = self.of_kind.get(kind)
        return {supply.rule for supply in of_kind.supplies} if of_kind is not None else set()


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
            plain=rule.start_day is None and rule.start_by is None and rule.per != "item",
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
            yield kind, Effect.of(effect, by_body, by_item, rule.only_after.get(kind, ()))
    for kind, ending in rule.resumed_by.items():
        yield kind, Effect.of("resume", by_body, by_item, ending)
