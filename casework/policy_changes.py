"""A person changes a step of the escalation policy: what it would send is shown first, and then it is recorded.

Where the team has its own ladder.toml, its text is changed. Otherwise the change is a rule pack of one file, adopted as
any other, so that the processes of a later release keep their own policies. Both are parts of the rule set: a second
person agrees where SENDFLOW_SECOND_PERSON names adoptions, and the number of the rule set says who changed what.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from casework.context import AppContext
from casework.delivery.ladder_check import check
from casework.month_change import MonthChange, month_change
from casework.own_file_changes import Change, WrongChange, own_text, put_in_force
from casework.rule_packs import adopt
from casework.rules.checks.files import policy_problems
from casework.rules.config_held import LADDER
from config.escalation_policy import EscalationStep, policy_of
from config.policy_edit import StepForm, with_step
from config.toml_reader import ConfigFault, layered, read_text


@dataclass(frozen=True)
class StepChange:
    """A step of a rule to change, to add (its word is `new`), or to leave out (no answers)."""

    rule: str
    step: str
    answers: StepForm | None


@dataclass(frozen=True)
class Proposed:
    """What a change would do: letters that would reach nobody or never leave, and the next four weeks beside now."""

    text: str
    problems: list[str]
    month: list[MonthChange]


class _File(NamedTuple):
    """The text that has the steps of a rule; `name` is that of a file of `ladder/`, or None for the team's own."""

    name: str | None
    text: str


def propose_step(context: AppContext, change: StepChange) -> Proposed:
    """Say what a change would do. Writes nothing. Raises StepError, WrongChange or another ConfigFault."""
    file = _file_of(context, change.rule)
    text = _changed(context, file, change)
    with _candidate(context, file, text) as changed:
        before = {each.message for each in check(context)}
        problems = [each.message for each in check(changed) if each.message not in before]
        return Proposed(text, problems, month_change(context, changed))


def record_step(context: AppContext, change: StepChange, actor: str, via: str) -> None:
    """Record a change in the name of a person.

    Raises what `propose_step` raises, and Refused where another person has to agree.
    """
    file = _file_of(context, change.rule)
    text = _changed(context, file, change)
    if file.name is None:
        for problem in policy_problems(text, context.law):
            raise ConfigFault(problem.sentence)
        put_in_force(context, Change(LADDER, text, actor, via))
        return
    with _pack(file.name, text) as pack:
        adopt(context, pack, actor)  # which checks every word, and who has to agree


def steps_of(context: AppContext, rule: str) -> tuple[EscalationStep, ...]:
    """The steps of a rule, the first one first. Raises WrongChange for an unknown rule."""
    if rule not in context.law.rules:
        raise WrongChange("there is no such rule: sendflow rules lists them")
    return context.escalation_policy.steps(rule)


def letters_for(context: AppContext, rule: str) -> list[str]:
    """The letters that a step of a rule may send: those of the steps of its process."""
    process = context.law.rules[rule].process
    policy = context.escalation_policy
    found = {
        step.template
        for other, steps in policy.rung.items()
        if other in context.law.rules and context.law.rules[other].process == process
        for step in steps
    }
    return sorted(found)


def _file_of(context: AppContext, rule: str) -> _File:
    steps_of(context, rule)
    own = own_text(context, LADDER)
    if own is not None:
        return _File(None, own)
    files: Mapping[str, str] = {file.name: read_text(file) for file in layered(context.rule_folders, "ladder")}
    named = next((name for name, text in files.items() if rule in policy_of(text, name).rung), None)
    name = named or f"{context.law.rules[rule].process}.toml"
    if name not in files:
        raise WrongChange(f"no file of the escalation policy has the steps of this process: write ladder/{name} first")
    return _File(name, files[name])


def _changed(context: AppContext, file: _File, change: StepChange) -> str:
    text = with_step(file.text, change.rule, change.step, change.answers, context.today())
    if policy_of(text).rung == policy_of(file.text).rung:
        raise WrongChange("the escalation policy says so already: nothing was changed")
    return text


@contextmanager
def _candidate(context: AppContext, file: _File, text: str) -> Iterator[AppContext]:
    """The installation under the changed policy.

    Raises ConfigFault for a word that names nothing, and where a restricted case would write to others.
    """
    for problem in policy_problems(text, context.law):
        raise ConfigFault(problem.sentence)
    if file.name is None:
        yield context.with_policy(text)
        return
    with _pack(file.name, text) as pack:
        yield context.with_rule_pack(pack)


@contextmanager
def _pack(name: str, text: str) -> Iterator[Path]:
    """A rule pack of one file of the escalation policy."""
    with tempfile.TemporaryDirectory(prefix="sendflow-policy-") as folder:
        pack = Path(folder) / "pack"
        (pack / "ladder").mkdir(parents=True)
        (pack / "ladder" / name).write_text(text, "utf-8")
        yield pack
