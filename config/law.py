"""The law as data: which duty, from which day, how long, counted how, by which provision, with which exceptions.

Duty/provision: every rule of config/statute/*.toml carries its own. This module decides no date (deadlines/ does), and
it does not know which facts exist: kinds are words here. A file's name up to its first dot is the process of its rules.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cached_property, lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pydantic import field_validator

from config.law_tables import Amendment, LocalStandard, Use
from config.period_schema import UNITS, AlternativePeriod, Basis, Count, Overlay, Period
from config.rule_schema import Input, LawError, NoAnswer, Rule, UnknownRule
from config.rule_values import month_day
from config.toml_reader import ConfigFault, Strict, layered, named, parsed, read_toml, topmost

__all__ = [
    "UNITS",
    "AlternativePeriod",
    "Basis",
    "ConfigFault",
    "Count",
    "Ground",
    "Input",
    "Law",
    "LawError",
    "NoAnswer",
    "Overlay",
    "Period",
    "Rule",
    "UnknownRule",
    "load_law",
    "month_day",
]

HERE = Path(__file__).parent

# One correct line for every key a person may write; what is not here is not known.
EXAMPLES: Mapping[str, str] = MappingProxyType(
    {
        "bound": 'bound = "by"',
        "lawful_from": 'lawful_from = "day_after_due"',
        "per": 'per = "body"',
        "starts": 'starts = ["health_advice_requested"]',
        "starts_if": 'starts_if = { says_sen = "yes" }',
        "not_after": 'not_after = ["la_responded"]',
        "starts_once": "starts_once = true",
        "counts_already": 'counts_already = { draft_plan_received = ["plan_refused"] }',
        "starts_by_locality": 'starts_by_locality = { received = "referral_received", accepted = "referral_accepted" }',
        "strict_start": 'strict_start = "received_on"',
        "starts_from": 'starts_from = "accepted"',
        "held_as": 'held_as = "review"',
        "then": 'then = "review_decision_notify"',
        "met_by": 'met_by = ["health_advice_received"]',
        "met_if": 'met_if = [{ sent_to = ["parent_and_la", "parent_only"] }]',
        "met_before": 'met_before = ["appeal_registered"]',
        "ends": 'ends = ["case_withdrawn"]',
        "reopened_by": 'reopened_by = ["health_advice_returned"]',
        "superseded_by": 'superseded_by = ["assessment_ordered"]',
        "only_after": 'only_after = { cease_decided = ["review_meeting_held"] }',
        "resumed_by": 'resumed_by = { cease_reversed = ["plan_ceased"] }',
        "settled_by": 'settled_by = ["child_moved"]',
        "provisional": '[ehc_body_advice_respond.provisional] with starts = ["health_advice_called_for_again"]',
        "contingent": "contingent = true",
        "may_lapse": "may_lapse = true",
        "open_ended": "open_ended = true",
        "start_by": 'start_by = "born_by"',
        "start_day": 'start_day = "meeting_on"',
        "told_by": 'told_by = ["mediation_certificate_heard"]',
        "told_as": 'told_as = "agreed_on"',
        "holds_up": 'holds_up = "ehc_final_plan_send"',
        "goes_on": 'goes_on = "the duty itself goes on for as long as the plan says so"',
        "calculation_only": 'calculation_only = "no fact of this process starts the clock"',
        "enabled": "enabled = false",
        "switchable": "switchable = true",
        "clock_starts": 'clock_starts = "the request was received"',
        "duty_on": 'duty_on = "LA"',
        "owner": 'owner = "team"',
        "action": 'action = "send the finalised plan"',
        "on_is": 'on_is = "the meeting date"',
        "note": 'note = "calendar days"',
        "replaced_by": 'replaced_by = "directed_on"',
        "source_status": 'source_status = "read"',
        "inputs": "[the_rule.inputs.moved_on]",
        "needed": "needed = true",
        "meaning": 'meaning = "the day of the move"',
        "together_with": 'together_with = "reopens_on"',
        "period": "[[the_rule.period]]",
        "from": "from = 2014-09-01",
        "text": 'text = "6 weeks"',
        "days": "days = 15",
        "weeks": "weeks = 6",
        "months": "months = 2",
        "years": "years = 14",
        "working_days": "working_days = 3",
        "institution_days": "institution_days = 10",
        "counts": 'counts = "after"',
        "cite": 'cite = "SEND Regs 2014 reg 8(1)"',
        "url": 'url = "https://www.legislation.gov.uk/uksi/2014/1530/regulation/8"',
        "basis": 'basis = "regulation"',
        "excuses": 'excuses = ["absent_4_weeks"]',
        "excuses_cite": 'excuses_cite = "reg 8(2)"',
        "repealed": "repealed = true",
        "later_of": 'later_of = [{ months = 2 }, { months = 1, start = "certificate_date" }]',
        "earlier_of": 'earlier_of = [{ weeks = 12 }, { weeks = 8, start = "notice_sent_on" }]',
        "start": 'start = "certificate_date"',
        "strict_reading": 'strict_reading = { counts = "after", takes = "due" }',
        "takes": 'takes = "due"',
        "strict_adds_days": "strict_adds_days = 1",
        "day_itself": 'day_itself = { input = "moved_on", known_working_days_before = 15 }',
        "input": 'input = "moved_on"',
        "known_working_days_before": "known_working_days_before = 15",
        "before": 'before = "31 March"',
        "before_except": 'before_except = [{ on = 2015-09-01, before = "31 May", cite = "reg 18(3)" }]',
        "on": "on = 2015-09-01",
        "prescribed": 'prescribed = ["31 March", "31 August", "31 December"]',
        "follows": 'follows = "appeal_register"',
        "back_from": 'back_from = "reopens_on"',
        "closed_at_least_days": "closed_at_least_days = 28",
        "excuse_overlay": "[[the_rule.excuse_overlay]]",
        "due_from": "due_from = 2020-05-01",
        "due_to": "due_to = 2020-09-24",
        "add": 'add = ["coronavirus"]',
        "test": 'test = "impractical"',
        "only_limb": 'only_limb = "counted"',
        "read_by": 'read_by = "SEND Regs 2014 reg 8(2)(c)"',
        "stands_for": 'stands_for = ["absent_4_weeks"]',
    }
)


class Ground(Strict):
    """A ground of exception, in plain words; `stands_for` lists the grounds that it includes."""

    meaning: str
    read_by: str
    stands_for: tuple[str, ...] = ()

    @field_validator("stands_for", mode="before")
    @classmethod
    def _list_is_tuple(cls, value: Any) -> Any:
        return tuple(value) if isinstance(value, list) else value


@dataclass(frozen=True, eq=False)
class Law:
    """Every rule by its id, every ground by its word, and the digest of what was read. Compared by identity."""

    rules: Mapping[str, Rule]
    grounds: Mapping[str, Ground]
    digest: str
    used: Mapping[str, tuple[Rule, ...]] = field(default_factory=dict)

    def rule(self, rule_id: str) -> Rule:
        """One rule. Raises UnknownRule, which lists the nearest ids."""
        found = self.rules.get(rule_id)
        if found is None:
            near = get_close_matches(rule_id, list(self.rules), n=3, cutoff=0.5) or ["ehc_body_advice_respond"]
            raise UnknownRule(
                f"There is no rule of that id. Nearest: {', '.join(near)}. `sendflow rules` lists all"
                f" {len(self.rules)}."
            )
        return found

    def for_process(self, process: str) -> tuple[Rule, ...]:
        """The rules of one process, in the order of its file. Empty where no file has that name."""
        return tuple(rule for rule in self.rules.values() if rule.process == process)

    def duties_of(self, process: str) -> tuple[Rule, ...]:
        """The rules that open duties on cases of a process: its own, and those of other processes that its file says it
        uses.
        """
        found = self._opening.get(process)
        if found is None:
            rules = (*self.for_process(process), *self.used.get(process, ()))
            found = self._opening[process] = tuple(rule for rule in rules if rule.starts and rule.enabled)
        return found

    @cached_property
    def _opening(self) -> dict[str, tuple[Rule, ...]]:
        return {}

    @cached_property
    def provisions(self) -> Mapping[str, str]:
        """The provision of each ground of exception."""
        return {ground: each.read_by for ground, each in self.grounds.items()}

    def grounds_of(self, ground: str) -> tuple[str, ...]:
        """The ground itself and those that it stands for."""
        return (ground, *self.grounds[ground].stands_for)


def load_law(*folders: Path) -> Law:
    """Read the statute, the grounds and, where there is one, the locality's own standards from `folders` (default:
    config/).

    Of several folders, a file in a later one stands for the file of that name in an earlier one.

    Raises ConfigFault, which names the file, the rule and the key, for anything that is not exactly as it should be.
    """
    return _read(folders) if folders else _shipped()


@lru_cache(maxsize=1)
def _shipped() -> Law:
    return _read((HERE,))


def _read(folders: Sequence[Path]) -> Law:
    content: dict[str, Any] = {}
    grounds = _grounds(topmost(folders, "grounds.toml"), content)
    rules: dict[str, Rule] = {}
    uses: dict[str, Mapping[str, Any]] = {}
    amends: dict[str, Mapping[str, Any]] = {}
    files = layered(folders, "statute")
    if not files:
        raise ConfigFault(
            f"{folders[0].name}/statute/ holds no statute file; one such as ehc_needs_assessment.toml was expected."
        )
    for file in files:
        tables = _tables(file, "[ehc_final_plan_send]")
        content[file.name] = tables
        for rule_id, table in tables.items():
            if rule_id in ("uses", "amends"):
                if not isinstance(table, dict):
                    raise ConfigFault(
                        f"{named(file)}: `{rule_id}` is a table of rules. Example: [{rule_id}.ehc_body_advice_respond]"
                    )
                (uses if rule_id == "uses" else amends)[named(file)] = table
                continue
            rule = _rule(rule_id, table, named(file))
            if rule_id in rules:
                raise ConfigFault(
                    f"{named(file)}: [{rule_id}] is also in another statute file; each rule is in one file."
                )
            _check_grounds(rule, grounds, named(file))
            rules[rule_id] = rule
    for name, changes in amends.items():
        for rule_id, table in changes.items():
            rules[rule_id] = _amended(rules, name, rule_id, table)
            _check_grounds(rules[rule_id], grounds, name)
    _check_follows(rules)
    _localise(topmost(folders, "locality.toml"), rules, content)
    used: dict[str, tuple[Rule, ...]] = {}
    for name, borrowed in uses.items():  # a process may have several files, and each may use rules
        process = _process_of(name)
        before, more = (
            used.get(process, ()),
            tuple(_used(rules, name, rule_id, table) for rule_id, table in borrowed.items()),
        )
        for rule in more:
            if twice := next(
                (kind for other in before if other.id == rule.id for kind in rule.starts if kind in other.starts), None
            ):
                raise ConfigFault(
                    f"{name}: [uses.{rule.id}] starts with {twice}, and so it does in another file of {process}: its"
                    " duties would be opened twice."
                )
        used[process] = before + more
    canonical = json.dumps(content, sort_keys=True, default=str, ensure_ascii=False, separators=(",", ":"))
    return Law(
        MappingProxyType(rules),
        MappingProxyType(grounds),
        hashlib.sha256(canonical.encode()).hexdigest(),
        MappingProxyType(used),
    )


def _amended(rules: Mapping[str, Rule], file: str, rule_id: str, table: Any) -> Rule:
    """A rule with the additions of a later law. The earlier periods still apply to their own time."""
    rule = rules.get(rule_id)
    if rule is None:
        raise ConfigFault(
            f"{file}: [amends.{rule_id}] names no rule of another statute file; `sendflow rules` lists them."
        )
    added = parsed(Amendment, table, file, f"amends.{rule_id}", EXAMPLES)
    amended = rule.model_dump(by_alias=True, exclude_none=True)
    for key in ("period", "excuse_overlay"):
        amended[key] = (
            *amended[key],
            *(each.model_dump(by_alias=True, exclude_none=True) for each in getattr(added, key)),
        )
    return parsed(Rule, amended, file, f"amends.{rule_id}", EXAMPLES)


def _used(rules: Mapping[str, Rule], file: str, rule_id: str, table: Any) -> Rule:
    """Another process's rule as this file's process uses it: the same clock and law, opened by its own facts."""
    rule = rules.get(rule_id)
    if rule is None:
        raise ConfigFault(
            f"{file}: [uses.{rule_id}] names no rule of another statute file; `sendflow rules` lists them."
        )
    use = parsed(Use, table, file, f"uses.{rule_id}", EXAMPLES)
    if unknown := sorted(use.inputs.keys() - rule.inputs.keys()):
        raise ConfigFault(
            f"{file}: [uses.{rule_id}.inputs.{unknown[0]}] is no input of that rule; it has:"
            f" {', '.join(rule.inputs) or 'none'}."
        )
    # Each process has its own facts that supply a further day; it does not know those of the rule's process.
    own = {name: {"told_by": (), "told_as": None} for name in rule.inputs} | {
        name: supplied.model_dump() for name, supplied in use.inputs.items()
    }
    inputs = {name: each.model_copy(update=own[name]) for name, each in rule.inputs.items()}
    changes = use.model_dump(exclude={"inputs", "provisional"})
    return rule.model_copy(
        update={**changes, "provisional": use.provisional, "inputs": inputs, "calculation_only": None}
    )


def _rule(rule_id: str, table: Any, file: str) -> Rule:
    if not isinstance(table, dict):
        raise ConfigFault(
            f"{file}: `{rule_id}` is outside any rule; each rule is a table. Example: [ehc_body_advice_respond]"
        )
    reserved = {"id", "process"} & set(table)
    if reserved:
        raise ConfigFault(
            f"{file}: [{rule_id}] has the key `{min(reserved)}`, which the table's and the file's names already say."
        )
    return parsed(Rule, {**table, "id": rule_id, "process": _process_of(file)}, file, rule_id, EXAMPLES)


def _tables(file: Path, example: str) -> dict[str, Any]:
    """The tables of a file, which has some: an empty one was cut by a full disk, and would take every duty away."""
    tables = read_toml(file)
    if not tables:
        raise ConfigFault(f"{named(file)}: the file is empty. It has a table for each entry. Example: {example}")
    return tables


def _process_of(file: str) -> str:
    """The process of a statute file: its name up to the first dot, without its folder."""
    return file.rpartition("/")[2].split(".")[0]


def _grounds(file: Path, content: dict[str, Any]) -> dict[str, Ground]:
    content[file.name] = _tables(file, "[exceptional_personal]")
    grounds = {word: parsed(Ground, table, named(file), word, EXAMPLES) for word, table in content[file.name].items()}
    for word, ground in grounds.items():
        for other in ground.stands_for:
            if other not in grounds:
                raise ConfigFault(
                    f"{named(file)}: [{word}] stands for a ground that has no table of its own: `{other}`."
                )
    return grounds


def _check_grounds(rule: Rule, grounds: Mapping[str, Ground], file: str) -> None:
    words = [ground for version in rule.period for ground in version.excuses]
    words += [ground for overlay in rule.excuse_overlay for ground in overlay.add]
    for ground in words:
        if ground not in grounds:
            near = get_close_matches(ground, list(grounds), n=1) or sorted(grounds)[:1]
            raise ConfigFault(
                f'{file}: [{rule.id}] names a ground that grounds.toml does not have: `{ground}`. Example: "{near[0]}"'
            )


def _check_follows(rules: Mapping[str, Rule]) -> None:
    """Rules that name another rule name one that is there."""
    for rule in rules.values():
        for held_up in rule.holds_up:
            if held_up not in rules:
                raise ConfigFault(
                    f"statute/{rule.process}.toml: [{rule.id}] holds up a rule that is not there: `{held_up}`. Example:"
                    f" {EXAMPLES['holds_up']}"
                )
        if rule.then is not None and rule.then not in rules:
            raise ConfigFault(
                f"statute/{rule.process}.toml: [{rule.id}] names a rule that is not there: `{rule.then}`. Example:"
                f" {EXAMPLES['then']}"
            )
        for version in rule.period:
            if version.follows and (version.follows not in rules or rules[version.follows].period[0].follows):
                raise ConfigFault(
                    f"statute/{rule.process}.toml: [{rule.id}] follows a rule that is not there or itself follows"
                    f' another: `{version.follows}`. Example: follows = "appeal_register"'
                )


def _localise(file: Path, rules: dict[str, Rule], content: dict[str, Any]) -> None:
    """Lay the locality's own numbers over the rules that the law leaves to it. No file: the law alone."""
    if not file.exists():
        return
    content[file.name] = read_toml(file)
    examples = {key: EXAMPLES[key] for key in LocalStandard.model_fields}
    for rule_id, table in content[file.name].items():
        own = parsed(LocalStandard, table, named(file), rule_id, examples)
        rule = rules.get(rule_id)
        if rule is None:
            raise ConfigFault(f"{named(file)}: [{rule_id}] is no rule; `sendflow rules` lists them.")
        changed = rule.model_dump(by_alias=True, exclude_none=True)
        if own.enabled is not None:
            if not rule.switchable:
                raise ConfigFault(
                    f"{named(file)}: [{rule_id}] cannot be switched: the law does not leave it to the locality."
                )
            changed["enabled"] = own.enabled
        if own.starts_from is not None:
            if own.starts_from not in rule.starts_by_locality:
                steps = ", ".join(rule.starts_by_locality) or "none, because its start is not left to the locality"
                raise ConfigFault(
                    f"{named(file)}: [{rule_id}] cannot start from that step; it may start from: {steps}."
                )
            changed["starts"] = rule.starts_by_locality[own.starts_from]
        if own.counts is None and own.model_fields_set - {"enabled", "starts_from"}:
            raise ConfigFault(
                f"{named(file)}: [{rule_id}] gives a number or its words, and not how it is counted. Example: counts ="
                ' "working_days_after"'
            )
        if own.counts is not None:
            if any(version.counts not in ("local", "none") for version in rule.period):
                raise ConfigFault(
                    f"{named(file)}: [{rule_id}] has a number of its own in the law; only a local standard takes one"
                    " here."
                )
            if rule.goes_on is not None:
                raise ConfigFault(
                    f"{named(file)}: [{rule_id}] is a continuing duty, owed at once and for as long as it lasts: a day"
                    " for it would allow delay."
                )
            number = own.model_dump(exclude_none=True, exclude={"enabled"})
            law = rule.period[-1]
            kept = {"cite": f"local standard; the duty is {law.cite}", "url": law.url} if law.cite and law.url else {}
            changed["period"] = [{"text": "local", "basis": "local_standard", **kept, **number}]
        rules[rule_id] = parsed(Rule, changed, named(file), rule_id, EXAMPLES)
