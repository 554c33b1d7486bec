"""Reads purposes.toml: why somebody reads who a child is, and for whom a bundle is made, as words with their meaning.

Purpose: UK GDPR art 5(1)(b), purpose limitation. A word can be counted, names no child and survives an erasure; free
text does none of these. A locality may replace the file.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

from pydantic import Field, ValidationError, field_validator

from config.toml_reader import ConfigFault, Strict, first_fault, named, read_toml
from models.facts import Slug

FILE = Path(__file__).with_name("purposes.toml")
# What the access log has in the place of a purpose: an erasure with its ground; a search; before purposes were words,
# the id of an encrypted text.
ERASED = "erased_"
SEARCHED = "searched_by_nhs_number"
# Words that pages of sendflow give by themselves.
EXCEPTION, SUBJECT_ACCESS = "exception", "subject_access"
OF_A_TEXT = re.compile(r"w[0-9a-f]{20}")


class Meaning(Strict):
    """What a word means, as pages and lists show it."""

    title: Annotated[str, Field(min_length=3, max_length=120)]


class Purposes(Strict):
    """The whole file: why an identity is read, and for whom a bundle is made."""

    purpose: Annotated[dict[Slug, Meaning], Field(min_length=1)]
    recipient: Annotated[dict[Slug, Meaning], Field(min_length=1)]

    @field_validator("purpose")
    @classmethod
    def _free_words(cls, given: dict[str, Meaning]) -> dict[str, Meaning]:
        for word in given:
            if word == SEARCHED or word.startswith(ERASED) or OF_A_TEXT.fullmatch(word):
                raise ValueError(
                    f"the word {word} has another meaning in the access log: choose another, as in contact"
                )
        if missing := sorted({EXCEPTION, SUBJECT_ACCESS} - given.keys()):
            raise ValueError(f"the word {missing[0]} is missing, which pages give by themselves")
        return given

    def said(self, stored: str) -> str:
        """What the access log has of a purpose, in words: also of an erasure, and of a word that the file lost."""
        if stored == SEARCHED:
            return "Searched by NHS number"
        known = self.purpose.get(stored)
        return known.title if known is not None else stored.replace("_", " ")


def load_purposes(own: Path | None = None) -> Purposes:
    """The file of the installation or the shipped one. Raises ConfigFault."""
    file = own or FILE
    try:
        return Purposes.model_validate(read_toml(file))
    except ValidationError as fault:
        raise ConfigFault(f"{named(file)}: {first_fault(fault, Purposes)}") from None
