"""The typed, strict reader of the ladder: local policy on who is told what before and after a due date. Pure besides
reading the file.
"""

import hashlib
import tomllib
from collections.abc import Mapping
from datetime import date, timedelta
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from config.toml_reader import ConfigFault, first_fault, layered, read_text
from models.enums import Party
from models.errors import ConfigurationError
from models.facts import Slug, canonical

DEFAULT = Path(__file__).parent / "ladder"


class EscalationPolicyError(ConfigurationError):
    """The ladder file says something that cannot be read; the message names the file, the place and what
    was expected.
    """

    default_code = "escalation_policy"


class Addressed(BaseModel):
    """Who hears: `to` always; besides them `to_if_ours` where the duty is our own board's, and `to_if_others` where it
    is another body's.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    to: Annotated[tuple[Party, ...], Field(min_length=1)]
    to_if_ours: tuple[Party, ...] = ()
    to_if_others: tuple[Party, ...] = ()

    def parties(self, ours: bool) -> tuple[Party, ...]:
        """Everyone who hears of a duty that is our own board's, or another body's."""
        return self.to + (self.to_if_ours if ours else self.to_if_others)

    @property
    def everyone(self) -> str:
        """Who hears, in words for a table."""
        more = ((self.to_if_ours, "of our own board's duties"), (self.to_if_others, "of other bodies' duties"))
        return ", ".join([*self.to, *(f"{party} ({where})" for parties, where in more for party in parties)])


class EscalationStep(Addressed):
    """One rung. Exactly one of `days`, `weeks` (calendar) and `working_days` says how far it is from `after`, or
    `before` the due date.

    `withdrawal` is the letter that takes it back, should the record no longer bear it out.
    """

    id: Slug
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
        """How far it is in calendar days, where it is not told in working days."""
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
    """A letter that a live fact itself calls for. `template_for`: the letter for a rule that has one of its own."""

    rung: Slug
    template: Slug
    template_for: Mapping[Slug, Slug] = {}

    @property
    def templates(self) -> tuple[Slug, ...]:
        """Every letter that it may be."""
        return (self.template, *self.template_for.values())


class EndDef(BaseModel):
    """What is told where a duty of this rule ends without having been met, so that nobody works on what nobody owes any
    more.

    It goes to whoever had been told that it was owed, and to `to` besides, told or not, where the end is live. `again`
    is the letter that takes it back. `unless_by`: ends that the body brings about itself, of which it is not told.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    template: Slug
    again: Slug
    to: tuple[Party, ...] = ()
    unless_by: tuple[Slug, ...] = ()


class EscalationPolicy(BaseModel):
    """The whole ladder. Rungs stand in order; the later outranks the earlier (`rank` from 1)."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    name: Slug
    basis: Literal["local_standard"]
    decided_on: date
    rung: Mapping[Slug, tuple[EscalationStep, ...]] = {}
    letter: Mapping[Slug, LetterDef] = {}
    ended: Mapping[Slug, EndDef] = {}
    digest: str = ""

    def steps(self, rule: str) -> tuple[EscalationStep, ...]:
        """The rungs of a rule; none where the locality does not chase it."""
        return self.rung.get(rule, ())

    def step(self, rule: str, rung: str) -> EscalationStep | None:
        """The rung of that name, if the ladder still has it."""
        return next((one for one in self.steps(rule) if one.id == rung), None)

    @property
    def templates(self) -> frozenset[str]:
        """Every letter that the ladder names."""
        steps = {name for steps in self.rung.values() for rung in steps for name in (rung.template, rung.withdrawal)}
        letters = {name for letter in self.letter.values() for name in letter.templates}
        return frozenset(steps | letters | {name for end in self.ended.values() for name in (end.template, end.again)})


def load_escalation_policy(path: Path = DEFAULT, *over: Path) -> EscalationPolicy:
    """Read a ladder: one file, or a folder with a file for each process; a file of a folder in `over` stands for that
    of its name.

    Raises EscalationPolicyError for anything unknown, doubled or missing.
    """
    files = sorted(path.glob("*.toml")) if path.is_dir() else [path]
    if over:
        files = layered((path.parent, *(folder.parent for folder in over)), path.name)
    if not files:
        raise EscalationPolicyError(
            f"{path.name}: the folder holds no ladder; a file such as ehc_needs_assessment.toml was expected"
        )
    return _joined(tuple((file.name, _text(file)) for file in files))


@lru_cache(maxsize=4)
def _joined(files: tuple[tuple[str, str], ...]) -> EscalationPolicy:
    """What files of these names and texts say together; worked out once, as the house is opened for every act."""
    read = [_read(name, text) for name, text in files]
    steps: dict[str, tuple[EscalationStep, ...]] = {}
    letters: dict[str, LetterDef] = {}
    ends: dict[str, EndDef] = {}
    for (name, _said), part in zip(files, read, strict=True):
        doubled = sorted(
            (steps.keys() & part.rung.keys())
            | (letters.keys() & part.letter.keys())
            | (ends.keys() & part.ended.keys())
        )
        if doubled:
            raise EscalationPolicyError(
                f"{name}: {doubled[0]} stands in another file of the ladder already; it stands once"
            )
        steps |= part.rung
        letters |= part.letter
        ends |= part.ended
    ladder = read[0].model_copy(
        update={"rung": steps, "letter": letters, "ended": ends, "decided_on": max(part.decided_on for part in read)}
    )
    digest = hashlib.sha256(canonical(ladder.model_dump(mode="json", exclude={"digest"}))).hexdigest()
    return ladder.model_copy(update={"digest": digest})


def _text(path: Path) -> str:
    try:
        return read_text(path)
    except ConfigFault as fault:
        raise EscalationPolicyError(str(fault)) from None
    except UnicodeDecodeError:
        raise EscalationPolicyError(f"{path.name}: the file is not UTF-8 text; save it as UTF-8") from None


def _read(name: str, text: str) -> EscalationPolicy:
    try:
        told = tomllib.loads(text)
        for rule, steps in told.get("rung", {}).items():
            names = [rung.get("id") for rung in steps]
            if len(set(names)) != len(names):
                raise EscalationPolicyError(
                    f"{name}: rung.{rule}: an id stands twice; every rung of a rule has its own id"
                )
            for rank, rung in enumerate(steps, 1):
                rung["rank"] = rank
        return EscalationPolicy.model_validate(told)
    except (AttributeError, TypeError):
        raise EscalationPolicyError(
            f"{name}: a rung is a table of its own under the rule's name, for example [[rung.ehc_body_advice_respond]]"
        ) from None
    except tomllib.TOMLDecodeError as error:
        raise EscalationPolicyError(f"{name}: not TOML: {error}") from None
    except ValidationError as error:
        raise EscalationPolicyError(f"{name}: {first_fault(error, EscalationPolicy)}") from None
