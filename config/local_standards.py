"""Reads the local standards that fill the fields of a fact: types of panel, who may approve how much, audit tools,
registers.

Purpose: no law gives a panel a cut-off for papers or a quorum, nor an officer a limit. Each locality sets its own,
so they are data, and each says that it is a local standard. A fact stores what was filled in, so that a later change of
the file changes no history.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, TypeVar

from pydantic import Field, TypeAdapter, ValidationError, model_validator

from config.toml_reader import ConfigFault, Strict, first_fault, named, read_toml
from models.facts import LARGEST, Slug, iso

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
Days = Annotated[int, Field(ge=0, le=60)]
Percent = Annotated[int, Field(ge=0, le=100)]


# What a register may take besides an entry's beginning and end, and what it may ask of an entry.
TAKES = (
    "register_version_made",
    "register_communicated",
    "register_attended",
    "register_evidence_added",
    "register_put_to",
    "register_answered",
    "register_promise_made",
    "register_promise_met",
    "register_promise_not_met",
    "register_entry_reviewed",
)
ASKS = ("area", "need", "services", "evidence", "audience", "decides", "dispute_step", "review_on")


class Standard(Strict):
    """One entry of a file of local standards: its name, that it is local, and where its numbers come from."""

    name: str
    basis: Literal["local_standard"]
    source: str

    def fills(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """The fields of a fact that this entry fills beside what a person gave: by default its own keys."""
        del given
        return self.model_dump(exclude={"name", "basis", "source"}, exclude_none=True)


Entry = TypeVar("Entry", bound=Standard)


class Panel(Standard):
    """One type of panel.

    The cut-off for papers is a weekday before they go out, or a number of calendar days before the sitting; so is the
    day on which they go out. `cadence`: how often it sits. `papers_time`: the time of the cut-off in London.
    `quorum`: how many have to attend; `quorum_roles`: the roles of which each has to. `terms`: the version of its terms
    of reference.
    """

    cadence: Literal["weekly", "fortnightly", "monthly", "as_needed"]
    papers_weekday: Weekday | None = None
    papers_days_before: Days | None = None
    papers_time: Annotated[str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")] | None = None
    circulated_weekday: Weekday | None = None
    circulated_days_before: Days | None = None
    quorum: Annotated[int, Field(ge=1, le=40)]
    quorum_roles: Annotated[list[Slug], Field(min_length=1)]
    chair: Slug
    terms: Slug

    @model_validator(mode="after")
    def _one_way_of_counting(self) -> Panel:
        for what in ("papers", "circulated"):
            if (getattr(self, f"{what}_weekday") is None) == (getattr(self, f"{what}_days_before") is None):
                raise ValueError(f"give {what}_weekday or {what}_days_before, and not both")
        return self

    def circulated_on(self, sits_on: date) -> date:
        """The day on which the papers of a sitting go out: the last such weekday before it, or so many days before."""
        if self.circulated_weekday is not None:
            return last_weekday(self.circulated_weekday, sits_on - timedelta(days=1))
        return sits_on - timedelta(days=self.circulated_days_before or 0)

    def papers_by(self, sits_on: date) -> date:
        """The last day for papers: the last such weekday by the day on which they go out, or so many days before."""
        if self.papers_weekday is not None:
            return last_weekday(self.papers_weekday, self.circulated_on(sits_on))
        return sits_on - timedelta(days=self.papers_days_before or 0)

    def fills(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Its own keys, and the days of a sitting where the fact says when it sits."""
        sits_on = _day(given.get("sits_on"))
        days = (
            {}
            if sits_on is None
            else {"papers_by": self.papers_by(sits_on), "circulate_on": self.circulated_on(sits_on)}
        )
        return super().fills(given) | {name: iso(day) for name, day in days.items()}


class Approver(Standard):
    """A role that may approve packages. `limit_pence`: of what they cost in a year, in whole pence."""

    limit_pence: Annotated[int, Field(ge=0, lt=LARGEST)]


class AuditTool(Standard):
    """One version of a tool by which audits mark: its criteria, and from how many percent of the points each grade is.

    A version never changes: another criterion or another threshold is another entry. `essential`: the criteria of which
    a no leaves no better grade than requires improvement. `second_mark_percent`: how much a second person marks blind.
    """

    subject: Literal["health_advice", "plan"]
    criteria: Annotated[list[Slug], Field(min_length=1)]
    essential: Annotated[list[Slug], Field(min_length=1)]
    outstanding_from: Percent
    good_from: Percent
    requires_improvement_from: Percent
    second_mark_percent: Percent

    @model_validator(mode="after")
    def _hangs_together(self) -> AuditTool:
        if unknown := sorted(set(self.essential) - set(self.criteria)):
            raise ValueError(f"essential names {unknown[0]}, which is none of the criteria")
        if len(set(self.criteria)) != len(self.criteria):
            raise ValueError("criteria that are each named once were expected")
        if not self.outstanding_from >= self.good_from >= self.requires_improvement_from:
            raise ValueError("outstanding_from is not below good_from, nor that below requires_improvement_from")
        return self


class RegisterKind(Standard):
    """One register of our team without a clock of its own.

    `takes`: the facts that may be recorded of its entries. `asks`: what an entry has to say when it is opened.
    `reviewed`: whether its entries are reviewed by a day that each names. `says`: what an entry is, in a sentence.
    """

    takes: Annotated[list[Literal[*TAKES]], Field(min_length=1)]  # type: ignore[valid-type]  # a list of words as data
    asks: Annotated[list[Literal[*ASKS]], Field(min_length=1)]  # type: ignore[valid-type]
    reviewed: Literal["yes", "no"]
    says: str = ""

    @model_validator(mode="after")
    def _hangs_together(self) -> RegisterKind:
        if (self.reviewed == "yes") != ("register_entry_reviewed" in self.takes):
            raise ValueError('entries that are reviewed take register_entry_reviewed, and have reviewed = "yes"')
        return self


def _day(value: Any) -> date | None:
    """The day, where it is one: the model of the fact says what is wrong with another value."""
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(str(value))
    except ValueError:
        return None


def last_weekday(weekday: Weekday, by: date) -> date:
    """The last day of that weekday on or before a day."""
    return by - timedelta(days=(by.weekday() - WEEKDAYS.index(weekday)) % 7)


def _read(file: Path, model: type[Entry]) -> Mapping[str, Entry]:
    tables: dict[str, Any] = read_toml(file)
    found: dict[str, Entry] = {}
    for word, table in tables.items():
        try:
            TypeAdapter(Slug).validate_python(word)
            found[word] = model.model_validate(table)
        except ValidationError as fault:
            raise ConfigFault(f"{named(file)}: [{word}] {first_fault(fault, model)}") from None
    if not found:
        raise ConfigFault(
            f"{named(file)}: the file has no entry. Add a table for each, as in config/{file.name}, or delete the file:"
            " the shipped one is then in force."
        )
    return found


class StandardFile(NamedTuple):
    """A file of local standards: its name, and the model of its entries."""

    name: str
    model: type[Standard]

    def load(self, own: Path | None = None) -> Mapping[str, Standard]:
        """The entries by their word, of this file or of the shipped one. Raises ConfigFault."""
        return _read(own or SHIPPED / self.name, self.model)


SHIPPED = Path(__file__).parent
# By the field of a fact that names an entry. A new file of local standards is one more line.
STANDARDS: Mapping[str, StandardFile] = {
    "panel": StandardFile("panels.toml", Panel),
    "approver": StandardFile("approvers.toml", Approver),
    "audit_tool": StandardFile("audit_tools.toml", AuditTool),
    "team_register": StandardFile("registers.toml", RegisterKind),
}
