"""A person changes a step or another part of the escalation policy: what it would send is shown, then it is recorded.

Where the team has its own ladder.toml, its text is changed. Otherwise the change is a rule pack of one file, adopted as
any other, so that the processes of a later release keep their own policies. Both are parts of the rule set: a second
person agrees where SENDFLOW_SECOND_PERSON names adoptions, and the number of the rule set says who changed what.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import distinct, exists, func, select

from casework.context import AppContext
from casework.delivery.ladder_check import check
from casework.month_change import MonthChange, month_change
from casework.own_file_changes import Change, WrongChange, own_text, put_in_force
from casework.pack_letters import AHEAD
from casework.rule_packs import adopt
from casework.rules.checks.files import policy_problems
from casework.rules.config_held import LADDER
from config.escalation_policy import EscalationStep, policy_of
from config.policy_edit import StepForm, with_step
from config.policy_parts import ENDED, LETTER, PartValues, parts, with_part
from config.toml_reader import ConfigFault, layered, read_text
from models.database import reading
from models.tables import FACT, NOTICE
from notifications.ended_duties import ENDED as OVER


@dataclass(frozen=True)
class StepChange:
    """A step of a rule to change, to add (its word is `new`), or to leave out (no answers)."""

    rule: str
    step: str
    answers: StepForm | None


@dataclass(frozen=True)
class PartChange:
    """A part besides the steps, as `config.policy_parts` calls it, with the values that change."""

    part: str
    values: PartValues


class Lately(NamedTuple):
    """How many e-mails of a part one recipient had in the last four weeks, and of how many cases."""

    recipient: str
    letters: int
    cases: int


@dataclass(frozen=True)
class Proposed:
    """What a change would do: letters that would reach nobody or never leave, and the next four weeks beside now.

    `lately` says of the letters about a fact or an end, which depend on what happens, how many left in four weeks.
    """

    text: str
    problems: list[str]
    month: list[MonthChange]
    lately: list[Lately] = field(default_factory=list)


class _File(NamedTuple):
    """The text that has the steps of a rule; `name` is that of a file of `ladder/`, or None for the team's own."""

    name: str | None
    text: str


def propose_step(context: AppContext, change: StepChange) -> Proposed:
    """Say what a change would do. Writes nothing. Raises StepError, WrongChange or another ConfigFault."""
    file = _file_of(context, change.rule)
    return _proposed(context, file, _changed(context, file, change))


def propose_part(context: AppContext, change: PartChange) -> Proposed:
    """Say what other values of a part would do. Writes nothing. Raises what `propose_step` raises."""
    file = _file_with(context, change.part)
    found = _proposed(context, file, _part_changed(context, file, change))
    return replace(found, lately=_lately(context, change.part))


def record_step(context: AppContext, change: StepChange, actor: str, via: str) -> None:
    """Record a change in the name of a person.

    Raises what `propose_step` raises, and Refused where another person has to agree.
    """
    file = _file_of(context, change.rule)
    _record(context, file, _changed(context, file, change), actor, via)


def record_part(context: AppContext, change: PartChange, actor: str, via: str) -> None:
    """Record other values of a part in the name of a person. Raises what `record_step` raises."""
    file = _file_with(context, change.part)
    _record(context, file, _part_changed(context, file, change), actor, via)


def parts_of(context: AppContext) -> dict[str, PartValues]:
    """Every part of the policy besides its steps, with what it says now, in the order of the files."""
    return {part: values for file in _files(context) for part, values in _parts_in(file).items()}


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


def _files(context: AppContext) -> list[_File]:
    own = own_text(context, LADDER)
    if own is not None:
        return [_File(None, own)]
    return [_File(file.name, read_text(file)) for file in layered(context.rule_folders, "ladder")]


def _parts_in(file: _File) -> dict[str, PartValues]:
    name = file.name or "ladder.toml"
    return parts(policy_of(file.text, name), name.removesuffix(".toml"))


def _file_with(context: AppContext, part: str) -> _File:
    found = next((file for file in _files(context) if part in _parts_in(file)), None)
    if found is None:
        raise WrongChange("there is no such part: sendflow policy parts lists them")
    return found


def _file_of(context: AppContext, rule: str) -> _File:
    steps_of(context, rule)
    files = _files(context)
    if files[0].name is None:
        return files[0]
    named = next((file for file in files if rule in policy_of(file.text, str(file.name)).rung), None)
    wanted = f"{context.law.rules[rule].process}.toml"
    found = named or next((file for file in files if file.name == wanted), None)
    if found is None:
        raise WrongChange(
            f"no file of the escalation policy has the steps of this process: write ladder/{wanted} first"
        )
    return found


def _part_changed(context: AppContext, file: _File, change: PartChange) -> str:
    name = (file.name or "ladder.toml").removesuffix(".toml")
    text = with_part(file.text, name, change.part, change.values, context.today())
    if parts(policy_of(text), name) == parts(policy_of(file.text), name):
        raise WrongChange("the escalation policy says so already: nothing was changed")
    return text


def _proposed(context: AppContext, file: _File, text: str) -> Proposed:
    with _candidate(context, file, text) as changed:
        before = {each.message for each in check(context)}
        problems = [each.message for each in check(changed) if each.message not in before]
        return Proposed(text, problems, month_change(context, changed))


def _record(context: AppContext, file: _File, text: str, actor: str, via: str) -> None:
    if file.name is None:
        for problem in policy_problems(text, context.law):
            raise ConfigFault(problem.sentence)
        put_in_force(context, Change(LADDER, text, actor, via))
        return
    with _pack(file.name, text) as pack:
        adopt(context, pack, actor)  # which checks every word, and who has to agree


def _lately(context: AppContext, part: str) -> list[Lately]:
    """The e-mails of four weeks that a letter about a fact or an end sent, by recipient, the most first."""
    sort, _, key = part.partition(".")
    if sort not in (LETTER, ENDED):
        return []
    chosen = [NOTICE.c.on > context.today() - AHEAD, NOTICE.c.on <= context.today()]
    if sort == LETTER:
        called_for = (FACT.c.case_ref == NOTICE.c.case_ref) & (FACT.c.seq == NOTICE.c.fact_seq)
        rung = context.escalation_policy.letter[key].rung
        chosen += [NOTICE.c.rung == rung, exists().where(called_for, FACT.c.kind == key)]
    else:
        chosen += [NOTICE.c.rung == OVER, NOTICE.c.rule == key]
    query = (
        select(NOTICE.c.recipient, func.count(), func.count(distinct(NOTICE.c.case_ref)))
        .where(*chosen)
        .group_by(NOTICE.c.recipient)
        .order_by(func.count().desc(), NOTICE.c.recipient)
    )
    with reading(context.engine) as connection:
        return [Lately(*row) for row in connection.execute(query)]


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
