"""Reads and checks the escalation policy: which letters a locality sends to whom before and after a due date. [I/O]"""

import hashlib
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from functools import cached_property, lru_cache
from itertools import chain
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from config.toml_reader import ConfigFault, first_fault, layered, named, read_text, refuse_added, tables_of
from models.enums import Party
from models.facts import Slug, canonical

DEFAULT = Path(__file__).parent / "ladder"
# A name changes no letter and no day, so it is no part of the digest.
Called = Annotated[str | None, Field(exclude=True, min_length=1, max_length=80)]


class EscalationPolicyError(ConfigFault):
    """A file of the escalation policy is not valid. The message names the file, the key and what is expected."""

    default_code = "escalation_policy"


class Addressed(BaseModel):
    """The recipients: `to` always, `to_if_ours` for a duty of our own board, `to_if_others` for another body's duty."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    to: Annotated[tuple[Party, ...], Field(min_length=1)]
    to_if_ours: tuple[Party, ...] = ()
    to_if_others: tuple[Party, ...] = ()

    def parties(self, ours: bool) -> tuple[Party, ...]:
        """Return the recipients for a duty of our own board (`ours`) or of another body."""
        return self.to + (self.to_if_ours if ours else self.to_if_others)

    @property
    def everyone(self) -> str:
        """The recipients, in words for a table."""
        more = ((self.to_if_ours, "of our own board's duties"), (self.to_if_others, "of other bodies' duties"))
        return ", ".join([*self.to, *(f"{party} ({where})" for parties, where in more for party in parties)])


class EscalationStep(Addressed):
    """One step of the escalation policy of a rule.

    Exactly one of `days`, `weeks` (calendar) and `working_days` is the distance after `after` or before `before`.
    `withdrawal` is the letter that withdraws the step after the facts it rests on were corrected. `called` is its name
    for people; without one, its id is its name (`config/step_words.py`).
    """

    id: Slug
    called: Called = None
    fact: Literal["reminder_due", "breached", "escalation_due"]
    after: Literal["start", "due", "breach"] | None = None
    before: Literal["due"] | None = None
    days: Annotated[int, Field(ge=0)] | None = None
    weeks: Annotated[int, Field(ge=0)] | None = None
    working_days: Annotated[int, Field(ge=0)] | None = None
    unless: Literal["contact"] | None = None
    template: Slug
    withdrawal: Slug = "rung_withdrawn"
    rank: int = 0

    @cached_property
    def distance(self) -> timedelta:
        """The distance in calendar days; zero where the distance is in working days."""
        return timedelta(days=self.days or 0, weeks=self.weeks or 0)

    @model_validator(mode="after")
    def _one_distance(self) -> "EscalationStep":
        if sum(value is not None for value in (self.days, self.weeks, self.working_days)) != 1:
            raise ValueError("exactly one of days, weeks and working_days, for example weeks = 3")
        if (self.after is None) == (self.before is None):
            raise ValueError('exactly one of after and before, for example after = "start"')
        if self.before is not None and (self.working_days is not None or self.fact != "reminder_due"):
            raise ValueError('before = "due" is for a reminder, in days or weeks, for example weeks = 4')
        return self


class LetterDef(Addressed):
    """A letter that sendflow sends for a live fact. `template_for` has the letter of a rule that has its own."""

    rung: Slug
    called: Called = None
    template: Slug
    template_for: Mapping[Slug, Slug] = {}

    @property
    def templates(self) -> tuple[Slug, ...]:
        """All the templates that this letter may use."""
        return (self.template, *self.template_for.values())


class EndDef(BaseModel):
    """The letter for a duty of this rule that ends without being met, so that nobody works on it any more.

    sendflow sends it to all who were notified of the duty and, where the end is live, to `to`. `again` is the letter
    that withdraws it. `unless_by` names the ends that the body itself causes; sendflow sends no letter for those.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    template: Slug
    again: Slug
    to: tuple[Party, ...] = ()
    unless_by: tuple[Slug, ...] = ()


class SaidSent(BaseModel):
    """What follows where a body says that it has sent what a duty asks for.

    `confirm`: it is a claim until somebody confirms the receipt, and the duty stays open; otherwise it is the answer.
    `quiet_working_days`: how long no step of that duty falls due after such a claim.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    confirm: bool
    quiet_working_days: Annotated[int, Field(ge=0, le=20)] = 0


class EscalationPolicy(BaseModel):
    """The whole escalation policy. The steps of a rule are in order; `rank` counts them from 1.

    `grace_working_days` of a file: how long letters about its rules wait if a fact that was recorded late calls for
    them. `grace` has it for each rule, once the files are joined.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    name: Slug
    basis: Literal["local_standard"]
    decided_on: date
    grace_working_days: Annotated[int, Field(ge=0, le=20)] = 0
    rung: Mapping[Slug, tuple[EscalationStep, ...]] = {}
    letter: Mapping[Slug, LetterDef] = {}
    ended: Mapping[Slug, EndDef] = {}
    said_sent: Mapping[Slug, SaidSent] = {}
    grace: Mapping[Slug, int] = {}
    digest: str = ""

    def steps(self, rule: str) -> tuple[EscalationStep, ...]:
        """Return the steps of a rule; none where the locality has no policy for it."""
        return self.rung.get(rule, ())

    def step(self, rule: str, step_id: str) -> EscalationStep | None:
        """Return the step of that id; None where the policy no longer has it."""
        return next((one for one in self.steps(rule) if one.id == step_id), None)

    @cached_property
    def names(self) -> Mapping[str, str]:
        """What people call the steps and letters that have a name, by id."""
        return dict(self._named())

    def doubly_named(self) -> str | None:
        """A step or letter that has two names; None where each has one."""
        names: dict[str, str] = {}
        return next((step for step, name in self._named() if names.setdefault(step, name) != name), None)

    def _named(self) -> Iterator[tuple[str, str]]:
        steps = ((step.id, step.called) for steps in self.rung.values() for step in steps)
        letters = ((letter.rung, letter.called) for letter in self.letter.values())
        yield from ((step, name) for step, name in chain(steps, letters) if name is not None)

    @property
    def rules(self) -> frozenset[str]:
        """All the rules that the policy names."""
        return frozenset(
            (*self.rung, *self.ended, *(rule for each in self.letter.values() for rule in each.template_for))
        )

    @property
    def templates(self) -> frozenset[str]:
        """All the templates that the policy names."""
        steps = {name for steps in self.rung.values() for step in steps for name in (step.template, step.withdrawal)}
        letters = {name for letter in self.letter.values() for name in letter.templates}
        return frozenset(steps | letters | {name for end in self.ended.values() for name in (end.template, end.again)})


def load_escalation_policy(path: Path = DEFAULT, *over: Path) -> EscalationPolicy:
    """Read an escalation policy: one file, or a folder with a file for each process.

    A file of a folder in `over` replaces the file of that name. Raises EscalationPolicyError for an unknown key, a
    missing one or one that is given twice.
    """
    files = sorted(path.glob("*.toml")) if path.is_dir() else [path]
    if over:
        files = layered((path.parent, *(folder.parent for folder in over)), path.name)
    if not files:
        raise EscalationPolicyError(
            f"{path.name}: the folder holds no ladder; a file such as ehc_needs_assessment.toml was expected"
        )
    return _joined(tuple((named(file), read_text(file, EscalationPolicyError)) for file in files))


def policy_of(text: str, name: str = "ladder.toml") -> EscalationPolicy:
    """The whole policy that one text says; `name` is how errors call it. Raises EscalationPolicyError."""
    return _joined(((name, text),))


@lru_cache(maxsize=4)
def _joined(files: tuple[tuple[str, str], ...]) -> EscalationPolicy:
    """Return the policy of these (name, text) files together. Cached: every command loads the same files."""
    read = [_read(name, text) for name, text in files]
    steps: dict[str, tuple[EscalationStep, ...]] = {}
    letters: dict[str, LetterDef] = {}
    ends: dict[str, EndDef] = {}
    said_sent: dict[str, SaidSent] = {}
    grace: dict[str, int] = {}
    for (name, _content), part in zip(files, read, strict=True):
        doubled = sorted(
            (steps.keys() & part.rung.keys())
            | (letters.keys() & part.letter.keys())
            | (ends.keys() & part.ended.keys())
            | (said_sent.keys() & part.said_sent.keys())
        )
        if doubled:
            raise EscalationPolicyError(
                f"{name}: {doubled[0]} is in another file of the escalation policy already; give it once"
            )
        steps |= part.rung
        letters |= part.letter
        ends |= part.ended
        said_sent |= part.said_sent
        grace |= dict.fromkeys(part.rung, part.grace_working_days)
    ladder = read[0].model_copy(
        update={
            "rung": steps,
            "letter": letters,
            "ended": ends,
            "said_sent": said_sent,
            "grace": grace,
            "decided_on": max(part.decided_on for part in read),
        }
    )
    if (step := ladder.doubly_named()) is not None:
        raise EscalationPolicyError(
            f"the escalation policy calls {step} by two names: expected the same `called` wherever the step is"
        )
    # A policy without this part has the digest that it had before the part existed.
    left_out = {"digest"} if said_sent else {"digest", "said_sent"}
    try:
        digest = hashlib.sha256(canonical(ladder.model_dump(mode="json", exclude=left_out))).hexdigest()
    except ValueError:
        raise EscalationPolicyError(
            "the escalation policy holds a number of 2**53 or more: give a smaller one"
        ) from None
    return ladder.model_copy(update={"digest": digest})


def _read(name: str, text: str) -> EscalationPolicy:
    content = tables_of(text, name, EscalationPolicyError)
    refuse_added(content, name, EscalationPolicyError)
    try:
        for rule, steps in content.get("rung", {}).items():
            names = [step.get("id") for step in steps]
            if len(set(names)) != len(names):
                raise EscalationPolicyError(
                    f"{name}: rung.{rule}: an id occurs twice; every step of a rule has its own id"
                )
            for rank, step in enumerate(steps, 1):
                step["rank"] = rank
        return EscalationPolicy.model_validate(content)
    except (AttributeError, TypeError):
        raise EscalationPolicyError(
            f"{name}: a step is a table of its own under the rule's name, for example [[rung.ehc_body_advice_respond]]"
        ) from None
    except ValidationError as error:
        raise EscalationPolicyError(f"{name}: {first_fault(error, EscalationPolicy)}") from None
