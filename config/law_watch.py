"""Reads law_watch.toml: what of the law may change, where it is announced, and which rules it would switch."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from pydantic import Field, ValidationError

from config.toml_reader import ConfigFault, Strict, first_fault, named, read_toml
from models.facts import Slug

FILE = Path(__file__).with_name("law_watch.toml")


class Watch(Strict):
    """One thing that may change. `source` is where it would be announced, `rules` the ids of the rules it touches."""

    title: Annotated[str, Field(min_length=3, max_length=200)]
    may_change: Annotated[str, Field(min_length=3, max_length=600)]
    source: Annotated[str, Field(pattern=r"^https://[a-z0-9][a-z0-9.-]*/\S*$", max_length=200)]
    rules: Annotated[list[Slug], Field(default_factory=list)]


class _LawWatch(Strict):
    watch: Annotated[dict[Slug, Watch], Field(min_length=1)]


def load_law_watch(own: Path | None = None) -> Mapping[str, Watch]:
    """Every entry by its id, of the file of the installation or the shipped one. Raises ConfigFault."""
    file = own or FILE
    try:
        return _LawWatch.model_validate(read_toml(file)).watch
    except ValidationError as fault:
        raise ConfigFault(f"{named(file)}: {first_fault(fault, _LawWatch)}") from None
