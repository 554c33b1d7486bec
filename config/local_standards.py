"""Reads the local standards that fill the fields of a fact: the types of panel, and who may approve how much.

Purpose: no law gives a panel a cut-off for papers or a quorum, nor an officer a limit. Each locality sets its own,
so they are data, and each says that it is a local standard. A fact stores what was filled in, so that a later change of
the file changes no history.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import Field, TypeAdapter, ValidationError, model_validator

from config.toml_reader import ConfigFault, Strict, first_fault, read_toml
from models.facts import LARGEST, Slug

PANELS = Path(__file__).with_name("panels.toml")
APPROVERS = Path(__file__).with_name("approvers.toml")
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
Days = Annotated[int, Field(ge=0, le=60)]


class Standard(Strict):
    """One entry of a file of local standards: its name, that it is local, and where its numbers come from."""

    name: str
    basis: Literal["local_standard"]
    source: str


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


class Approver(Standard):
    """A role that may approve packages. `limit_pence`: of what they cost in a year, in whole pence."""

    limit_pence: Annotated[int, Field(ge=0, lt=LARGEST)]


def last_weekday(weekday: Weekday, by: date) -> date:
    """The last day of that weekday on or before a day."""
    return by - timedelta(days=(by.weekday() - WEEKDAYS.index(weekday)) % 7)


def load_panels(own: Path | None = None) -> Mapping[str, Panel]:
    """The types of panel by their word, of this file or of the shipped one. Raises ConfigFault."""
    return _read(own or PANELS, Panel)


def load_approvers(own: Path | None = None) -> Mapping[str, Approver]:
    """The roles that may approve packages by their word, of this file or of the shipped one. Raises ConfigFault."""
    return _read(own or APPROVERS, Approver)


def _read(file: Path, model: type[Entry]) -> Mapping[str, Entry]:
    tables: dict[str, Any] = read_toml(file)
    found: dict[str, Entry] = {}
    for word, table in tables.items():
        try:
            TypeAdapter(Slug).validate_python(word)
            found[word] = model.model_validate(table)
        except ValidationError as fault:
            raise ConfigFault(f"{file.name}: [{word}] {first_fault(fault, model)}") from None
    return found
