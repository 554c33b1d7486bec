"""Reads retention.toml: how long the records of each class are retained, by which source, and what stops an erasure.

Purpose: UK GDPR art 5(1)(e), storage limitation; the NHS Records Management Code. The numbers are data with a date and
a source. A locality may replace the file.
"""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError, model_validator

from config.toml_reader import ConfigFault, Strict, first_fault, named, read_text, tables_of
from models.facts import Slug

FILE = Path(__file__).with_name("retention.toml")
Years = Annotated[int, Field(ge=1, le=120)]


class RetentionPeriod(Strict):
    """How long records are retained, from a day on.

    `years`: calendar years after the conclusion. `birthday`: until that birthday of a child who was under 17 at the
    conclusion, and `birthday_if_17` of one who was 17; `years` is then for those of 18 and over.
    """

    from_: date = Field(alias="from")
    years: Years
    birthday: Years | None = None
    birthday_if_17: Years | None = None
    source: Annotated[str, Field(min_length=20)]
    source_status: Literal["read", "secondary", "unverified"]

    @model_validator(mode="after")
    def _both_birthdays(self) -> RetentionPeriod:
        if (self.birthday is None) != (self.birthday_if_17 is None):
            raise ValueError("give birthday and birthday_if_17, or neither: birthday = 25 and birthday_if_17 = 26")
        return self


class RecordClass(Strict):
    """A class of records, with its periods by their first day."""

    title: str
    period: Annotated[list[RetentionPeriod], Field(min_length=1)]

    @model_validator(mode="after")
    def _in_order(self) -> RecordClass:
        days = [each.from_ for each in self.period]
        if days != sorted(set(days)):
            raise ValueError("write the periods in the order of their first days, each day once")
        return self

    def period_on(self, day: date) -> RetentionPeriod:
        """The period that governs on a day; before the first, the first."""
        return next((each for each in reversed(self.period) if each.from_ <= day), self.period[0])


class HoldReason(Strict):
    """Why an erasure is stopped. `afterwards`: the class by which the records stay once the reason has ended."""

    title: str
    afterwards: Slug | None = None


class _Subjects(Strict):
    child: Slug
    organisation: Slug
    meeting: Slug


class Retention(Strict):
    """The whole file: the classes, the class of each subject of a case, and the reasons of holds."""

    subject: _Subjects
    classes: dict[Slug, RecordClass] = Field(alias="class")
    hold: dict[Slug, HoldReason]

    @model_validator(mode="after")
    def _known_classes(self) -> Retention:
        named = {f"subject.{about}": word for about, word in self.subject.model_dump().items()}
        named |= {f"hold.{word}.afterwards": each.afterwards for word, each in self.hold.items() if each.afterwards}
        for where, word in named.items():
            if word not in self.classes:
                raise ValueError(f"{where} names the class {word}, which is none of {', '.join(self.classes)}")
        return self

    def class_of(self, about: str, record_class: str | None) -> str:
        """The class of a case: that which its process names, else that of its subject.

        Raises ConfigFault where the process names a class that the file lacks.
        """
        word = record_class or str(getattr(self.subject, about))
        if word not in self.classes:
            raise ConfigFault(
                f"retention.toml: a process names the class {word}, and the file has none of that name. Add a table"
                f" [class.{word}], as in config/retention.toml"
            )
        return word


def load_retention(own: Path | None = None) -> Retention:
    """The file of the installation or the shipped one. Raises ConfigFault."""
    file = own or FILE
    return _retention(read_text(file), named(file))


@lru_cache(maxsize=16)
def _retention(text: str, where: str) -> Retention:
    """Cached: lists of what may be erased ask for the file at every child."""
    try:
        return Retention.model_validate(tables_of(text, where))
    except ValidationError as fault:
        raise ConfigFault(f"{where}: {first_fault(fault, Retention)}") from None
