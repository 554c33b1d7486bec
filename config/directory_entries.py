"""The entries of the directory: our board, authorities, services, roles of our team, and bodies with what they give.

Each is checked by itself; config/directory.py reads the file and checks that its entries agree.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import date
from typing import Annotated, Literal, NamedTuple

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from config.letter_times import LetterTimes
from models.facts import Code, Slug

# RFC 5321: a dot-atom of at most 64 characters, and labels that neither begin nor end with a hyphen.
ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
ADDRESS = re.compile(
    rf"(?=[^@]{{1,64}}@)(?=.{{1,254}}$){ATOM}(?:\.{ATOM})*@(?:{LABEL}\.)+(?:[A-Za-z]{{2,63}}|xn--{LABEL})"
)
BOARD = "integrated_care_board"


def checked_mailbox(value: str) -> str:
    """An address of a mailbox. Raises ValueError."""
    if not ADDRESS.fullmatch(value):
        raise ValueError("a mailbox was expected, for example send.lead@trust.example")
    return value


def _one_line(value: str) -> str:
    if not value.isprintable() and any(unicodedata.category(sign) in ("Cc", "Cs", "Zl", "Zp") for sign in value):
        raise ValueError("a name of one line was expected, without line breaks or other control characters")
    return value


Mailbox = Annotated[str, AfterValidator(checked_mailbox)]
Name = Annotated[str, StringConstraints(min_length=2, max_length=120, strip_whitespace=True), AfterValidator(_one_line)]


class StrictEntry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Icb(StrictEntry):
    """The integrated care board of the Designated Clinical Officer. Its two mailboxes get the last escalation steps."""

    body: Code
    name: Name
    dco: Mailbox
    executive_lead: Mailbox
    letters: LetterTimes = LetterTimes()

    @property
    def mailboxes(self) -> frozenset[str]:
        """Every mailbox of the board."""
        return frozenset({self.dco, self.executive_lead})


class Called(StrictEntry):
    """A local authority, a service or a role of our team: its name, and other ways in which trackers write it."""

    name: Name
    also: tuple[Name, ...] = ()


class TeamRole(Called):
    """A role in our team. Letters about its duties go to its own mailbox, or to the team's where it has none."""

    mailbox: Mailbox | None = None


class RoleOwed(NamedTuple):
    """The role of our team that owes a duty. `alone`: its letters go to its own mailbox, or to nobody."""

    role: str
    alone: bool = False


class Authority(Called):
    """A local authority. Without a mailbox, letters to it are recorded as without an address."""

    mailbox: Mailbox | None = None


def _in_order(first: date | None, last: date | None) -> None:
    if first is not None and last is not None and last < first:
        raise ValueError("the last_day is before the first_day: expected the same day or a later one")


class Provides(StrictEntry):
    """One service that a body gives for some local authorities, with the service's mailbox and its manager's.

    A service that moves to another body has a last day here and a first day there. `successor`: the body that gets the
    letters about its duties from the day after the last one; without one they stay with this body.
    """

    service: Slug
    la: Annotated[tuple[Slug, ...], Field(min_length=1)]
    mailbox: Mailbox
    manager: Mailbox
    first_day: date | None = None
    last_day: date | None = None
    successor: Code | None = None

    @model_validator(mode="after")
    def _lives_in_order(self) -> Provides:
        _in_order(self.first_day, self.last_day)
        if self.successor and self.last_day is None:
            raise ValueError("a successor without a last_day: expected both, for example last_day = 2026-03-31")
        return self

    def is_given(self, on: date) -> bool:
        """Whether the service is given on a day."""
        return (self.first_day or date.min) <= on <= (self.last_day or date.max)


class Absence(StrictEntry):
    """Days on which a person is away, both included, and the mailbox that gets the letters instead."""

    first_day: date
    last_day: date
    deputy: Mailbox

    @model_validator(mode="after")
    def _lives_in_order(self) -> Absence:
        _in_order(self.first_day, self.last_day)
        return self


class Person(StrictEntry):
    """A person in a role, between two days. `role` is the place of a mailbox, such as `QX101:send_lead`.

    Letters to the role go to the person's own mailbox, or to the role's without one; in an absence to the deputy.
    """

    name: Name
    role: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.]{2,60}:[a-z_]{2,20}(:[a-z0-9_]{1,60})?$")]
    mailbox: Mailbox | None = None
    first_day: date | None = None
    last_day: date | None = None
    absence: tuple[Absence, ...] = ()

    @model_validator(mode="after")
    def _lives_in_order(self) -> Person:
        _in_order(self.first_day, self.last_day)
        return self

    def has_role(self, on: date) -> bool:
        """Whether the person has the role on a day."""
        return (self.first_day or date.min) <= on <= (self.last_day or date.max)

    def mailbox_on(self, on: date) -> str | None:
        """The mailbox that gets the letters to this person on a day; None for that of the role."""
        away = next((each for each in self.absence if each.first_day <= on <= each.last_day), None)
        return away.deputy if away is not None else self.mailbox

    @property
    def mailboxes(self) -> frozenset[str]:
        """The person's own mailbox and those of the deputies."""
        return frozenset({*filter(None, [self.mailbox]), *(each.deputy for each in self.absence)})


Kind = Literal["nhs_trust", "nhs_foundation_trust", "integrated_care_board", "nhs_england", "other"]


class Provider(StrictEntry):
    """A body as the file has it. `kind` is what it is in law: some duties bind certain kinds only (CFA 2014 s23(1)
    names three).

    A neighbouring integrated care board is here too, and NHS England for what it commissions. Each provides nothing
    and has one mailbox (SEND Regs 2014 regs 15, 16).

    A body that was abolished has a last day, and a successor that gets the letters about its duties from the next day.
    """

    body: Code
    name: Name
    role: Literal["provider"] = "provider"
    kind: Kind | None = None
    send_lead: Mailbox
    letters: LetterTimes = LetterTimes()
    provides: tuple[Provides, ...] = ()
    first_day: date | None = None
    last_day: date | None = None
    successor: Code | None = None

    @model_validator(mode="after")
    def _lives_in_order(self) -> Provider:
        if self.first_day and self.last_day and self.last_day < self.first_day:
            raise ValueError(f"body {self.body} has its last_day before its first_day")
        if self.successor and self.last_day is None:
            raise ValueError(
                f"body {self.body} has a successor and no last_day: expected both, for example last_day = 2026-03-31"
            )
        return self

    def is_there(self, on: date) -> bool:
        """Whether the body exists on a day."""
        return (self.first_day or date.min) <= on <= (self.last_day or date.max)

    @property
    def mailboxes(self) -> frozenset[str]:
        """Every mailbox of the body."""
        return frozenset(
            {self.send_lead, *(each for given in self.provides for each in (given.mailbox, given.manager))}
        )

    @model_validator(mode="after")
    def _provides_something(self) -> Provider:
        if not self.provides and self.kind not in (BOARD, "nhs_england"):
            raise ValueError(
                f'body {self.body} provides nothing: a [[body.provides]] was expected, or kind = "{BOARD}"'
            )
        return self


class Body(StrictEntry):
    """A body as others are shown it: its organisation code, name, role and the services it gives (slugs, sorted).

    A body that did not always exist has a first day, one that was abolished a last day, and perhaps a successor.
    """

    body: Code
    name: Name
    role: Slug
    services: tuple[Slug, ...]
    first_day: date | None = None
    last_day: date | None = None
    successor: Code | None = None
