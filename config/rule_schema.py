"""What a rule of the statute may say: its periods, inputs, and the facts that open and close its duty.

Duty/provision: none of its own; config/statute/*.toml carries them. It checks that what a file says hangs together, and
decides no date.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from functools import cached_property
from itertools import pairwise
from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from config.period_schema import BY_DUE_DATE, Overlay, Period
from config.rule_values import listed_clauses, listed_words, one_or_several
from config.toml_reader import Strict
from models.errors import SendflowError
from models.owner import OwnerKind


class LawError(SendflowError, ValueError):
    """A question about the law that was put wrongly: an unknown rule, a missing or unknown input."""

    default_code = "rule_question"


class NoAnswer(SendflowError, ValueError):
    """A well-put question that the statute files cannot answer, such as a day before a rule's first entry."""

    default_code = "rule_without_answer"


class UnknownRule(LawError):
    """No rule has that id; the text lists the nearest ones."""


class Input(Strict):
    """A further day that a rule needs or may be given. `together_with` names the input without which it says nothing.

    `told_by`: fact kinds that supply it later than the opening fact does (a needed one, or one of `told_before`, before
    it as well): by a field of this name, else by their own day. `settled_by`: the facts after which the day of an open
    duty is certain: a second move is no other day of the first.
    """

    needed: bool
    meaning: str
    together_with: str | None = None
    told_by: tuple[str, ...] = ()
    told_as: str | None = None
    told_before: bool = False
    settled_by: tuple[str, ...] = ()

    @field_validator("told_by", "settled_by", mode="before")
    @classmethod
    def _list_is_tuple(cls, value: Any) -> Any:
        return tuple(value) if isinstance(value, list) else value


class Provisional(Strict):
    """What opens a duty for the time being: the first facts begin it for a body, and a fact of `starts` about that
    body, or one of `ends`, puts an end to it.

    sendflow shows it and does not chase it, because nobody has been informed of it yet.
    """

    starts: tuple[str, ...] = Field(min_length=1)
    ends: tuple[str, ...] = ()

    @field_validator("starts", "ends", mode="before")
    @classmethod
    def _list_is_tuple(cls, value: Any) -> Any:
        return tuple(value) if isinstance(value, list) else value


# How the statute files write that a duty lies on the authority of the case.
AUTHORITY = frozenset({"LA", "LA must allow", "LA (each RCB must take part)"})
CLOSING = ("met_by", "met_before", "ends", "reopened_by", "superseded_by")


class Rule(Strict):
    """One duty or period, with every dated version of it.

    `bound`: "by" is a duty to act by a day; "not_before" a day that must not be forestalled (`lawful_from` says whether
    `due` or the day after it is the first lawful day); "window" the edge of a window, where nothing is ever late.
    `may_lapse`: a right and no duty (to appeal, to ask for permission): unused, it lapses, and nothing is late.
    `contingent`: owed only if the decision goes one way; once it has gone the other, nothing was late.
    `open_ended`: owed from the day on and as soon as possible, with no day by which it is late.
    `owner`: who owes the duty where it lies on no body: `authority`, `team` or `team:ROLE` (our own), `party:WHO` (such
    as party:enquirer). Without it, `duty_on` says it, and only an authority can be found by that.
    `start_day`: the field of the opening fact that holds the start day, where it is not the fact's own day.
    `start_by`: the field that holds the last day that the start can be, where it is known by its month only: the due
    date is counted from it, and the stricter one from `start_day`.
    `starts_if`: what the opening fact must say for the duty to open, field by field: one word, or any of several.
    `not_after`: facts after which `starts` opens no duty: a concession after the response (reg 45(1)).
    `starts_once`: the first of these facts opens it, and a repetition opens no other; with "while_open", none while
    one is open; with "unless_ended", none unless each before it was ended unmet (found eligible again after a refusal).
    `counts_already`: facts that meet or end it though they came before it opened (a plan before the order to make one),
    each with the facts after which it no longer counts.
    `starts_by_locality`: steps from which a locality may choose to count, by name; `starts` is the one that is shipped.
    `strict_start`: the input whose day the stricter reading counts from, where the clock starts at a later step.
    `held_as`: what kind of meeting meets it, so that two duties of one child can be met on one day;
    `then` the duty that the meeting starts, and that has to be met before this one is.
    `holds_up`: the later duty that waits for this one (advice, and the plan that is made of it); of several, the first
    that the case has.
    `goes_on`: of a continuing duty, what is still owed once it has been met, in words: it takes no day of a locality's
    own.
    `per`, `starts`, `met_by`, `ends`, `reopened_by`: whose clock it is, and the fact kinds that open, meet, end and
    reopen the duty.
    `met_if`: what the facts in `met_by` must say together before the duty is met. Each table names fields and words,
    and one of its fields in one of those facts is enough. An answer to one of two addressees is no answer to both.
    `met_by_each`: it is met when the last of several bodies has had it (each commissioning body that is to be
    notified), and not the first.
    `met_before`: facts of `met_by` that prove that it was met on an earlier day, which they do not say: never late.
    `replaced_by`: the input whose day is the due date.
    `provisional`: what begins the duty for the time being, until a fact of `starts` does (an order, until the request
    that it calls for).
    `superseded_by`: fact kinds after which nothing reopens it: another clock has its place (an order), or it has lost
    its purpose (a refusal to assess).
    `only_after`: by a closing fact, the facts of which one must have come since the duty opened, or have opened it.
    `resumed_by`: by a fact, the facts whose end of the duty it takes back: a reversal, after the plan had ceased.
    """

    id: str
    process: str
    clock_starts: str
    action: str
    source_status: Literal["read", "secondary", "unverified"]
    period: tuple[Period, ...] = Field(min_length=1)
    duty_on: str | None = None
    owner: str | None = Field(None, pattern=r"^(service|authority|team(:[a-z][a-z0-9_]*)?|party:[a-z][a-z0-9_]*)$")
    per: Literal["case", "body", "item"] = "case"
    bound: Literal["by", "not_before", "window"] = "by"
    lawful_from: Literal["due", "day_after_due"] | None = None
    starts: tuple[str, ...] = ()
    starts_if: Mapping[str, tuple[str, ...]] = Field(default_factory=dict)
    not_after: tuple[str, ...] = ()
    starts_once: bool | Literal["while_open", "unless_ended"] = False
    counts_already: Mapping[str, tuple[str, ...]] = Field(default_factory=dict)
    starts_by_locality: Mapping[str, tuple[str, ...]] = Field(default_factory=dict)
    strict_start: str | None = None
    held_as: Literal["review"] | None = None
    then: str | None = None
    met_by: tuple[str, ...] = ()
    met_if: tuple[Mapping[str, tuple[str, ...]], ...] = ()
    met_by_each: bool = False
    met_before: tuple[str, ...] = ()
    ends: tuple[str, ...] = ()
    reopened_by: tuple[str, ...] = ()
    superseded_by: tuple[str, ...] = ()
    only_after: Mapping[str, tuple[str, ...]] = Field(default_factory=dict)
    resumed_by: Mapping[str, tuple[str, ...]] = Field(default_factory=dict)
    provisional: Provisional | None = None
    calculation_only: str | None = None
    holds_up: tuple[str, ...] = ()
    start_day: str | None = None
    start_by: str | None = None
    contingent: bool = False
    may_lapse: bool = False
    goes_on: str | None = None
    open_ended: bool = False
    enabled: bool = True
    switchable: bool = False
    note: str | None = None
    on_is: str | None = None
    replaced_by: str | None = None
    inputs: Mapping[str, Input] = Field(default_factory=dict)
    excuse_overlay: tuple[Overlay, ...] = ()

    @field_validator("period", "excuse_overlay", *CLOSING, "starts", "not_after", mode="before")
    @classmethod
    def _list_is_tuple(cls, value: Any) -> Any:
        return tuple(value) if isinstance(value, list) else value

    @field_validator("holds_up", mode="before")
    @classmethod
    def _one_rule_is_several(cls, value: Any) -> Any:
        return one_or_several(value)

    @field_validator("met_if", mode="before")
    @classmethod
    def _clauses(cls, value: Any) -> Any:
        return listed_clauses(value)

    @field_validator("starts_if", "starts_by_locality", "counts_already", "only_after", "resumed_by", mode="before")
    @classmethod
    def _one_word_is_several(cls, value: Any) -> Any:
        return listed_words(value)

    @model_validator(mode="after")
    def _hangs_together(self) -> Self:
        since = [version.since for version in self.period]
        dated = [day for day in since if day is not None]
        if None in since[1:]:
            raise ValueError("only the first period may lack `from`")
        if any(later <= earlier for earlier, later in pairwise(dated)):
            raise ValueError("write the periods in the order of `from`, each later than the one before")
        if (self.bound == "not_before") != (self.lawful_from is not None):
            raise ValueError('the key `lawful_from` belongs to bound = "not_before", and is needed there')
        if self.starts and self.calculation_only:
            raise ValueError("a rule that is for calculation only has no `starts`")
        if (self.met_by or self.ends or self.reopened_by or self.superseded_by or self.starts_if) and not self.starts:
            raise ValueError(
                "`met_by`, `ends`, `reopened_by`, `superseded_by` and `starts_if` need `starts`: nothing else opens the"
                " duty"
            )
        named = {alternative.start for version in self.period for alternative in version.alternatives} - {"on"}
        named |= {version.day_itself.input for version in self.period if version.day_itself}
        named |= {version.back_from for version in self.period if version.back_from} - {"on"}
        named |= {item.together_with for item in self.inputs.values() if item.together_with}
        named |= {name for name in (self.replaced_by, self.strict_start) if name}
        if self.starts_by_locality and self.starts not in self.starts_by_locality.values():
            raise ValueError("`starts` is one of the steps in `starts_by_locality`: the one that is shipped")
        if self.owner is not None and (self.owner == "service") != (self.per == "body"):
            raise ValueError('`owner` is "service" for per = "body", and for a case or an item another owner')
        if self.goes_on and self.starts and not self.met_by:
            raise ValueError("`goes_on` says what is owed once the duty has been met, and needs `met_by`")
        if missing := sorted(named - set(self.inputs)):
            raise ValueError(f"`{missing[0]}` is used but is not among the rule's inputs")
        return self

    @cached_property
    def reading(self) -> str:
        """Which of the local readings is in force, as a fact records it: no where it is switched off, the chosen step
        where one was chosen, else yes.
        """
        chosen = next((name for name, kinds in self.starts_by_locality.items() if kinds == self.starts), "yes")
        return chosen if self.enabled else "no"

    @property
    def is_local(self) -> bool:
        """Whether the newest number is a local standard, and so no law."""
        return self.period[-1].basis == "local_standard"

    @cached_property
    def owned_by(self) -> tuple[OwnerKind, str | None]:
        """The kind of owner, and which one where the rule itself says it."""
        if self.owner is not None:
            kind, _, code = self.owner.partition(":")
            return OwnerKind(kind), code or None
        if self.per == "body":
            return OwnerKind.SERVICE, None
        return (OwnerKind.AUTHORITY if self.duty_on in AUTHORITY else OwnerKind.OTHER), None

    @cached_property
    def kinds(self) -> frozenset[str]:
        """Every fact kind that the rule names."""
        named = [*self.starts, *self.not_after, *self.met_by, *self.met_before, *self.ends, *self.reopened_by]
        named += self.superseded_by
        for by_kind in (self.only_after, self.resumed_by, self.counts_already):
            named += [*by_kind, *(kind for kinds in by_kind.values() for kind in kinds)]
        if self.provisional is not None:
            named += [*self.provisional.starts, *self.provisional.ends]
        for given in self.inputs.values():
            named += [*given.told_by, *given.settled_by]
        return frozenset(named)

    @cached_property
    def by_due_date(self) -> bool:
        """Whether the version is the one in force on the due date (a clock that starts at a birth), not on the start
        day.
        """
        return self.period[0].counts in BY_DUE_DATE

    def period_on(self, day: date) -> Period:
        """The version in force on `day`. Raises NoAnswer if the statute files begin later."""
        for version in reversed(self.period):
            if version.since is None or version.since <= day:
                return version
        first = self.period[0]
        raise NoAnswer(
            f"{self.id}: the first entry of this rule is of {first.since} ({first.cite or 'no citation'}), and the day"
            f" asked about is earlier. Ask about {first.since} or later, or add the earlier law to its file in"
            " config/statute/."
        )

    def excuses_on(self, period: Period, due: date | None, alternative: str = "counted") -> tuple[str, ...]:
        """The grounds open to a duty of this version that is due on `due`, overlays included."""
        if not self.excuse_overlay or due is None:
            return period.excuses
        added = (
            ground
            for overlay in self.excuse_overlay
            if overlay.due_from <= due <= overlay.due_to and overlay.only_limb in (None, alternative)
            for ground in overlay.add
        )
        return period.excuses + tuple(ground for ground in added if ground not in period.excuses)
