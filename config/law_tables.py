"""Tables of a statute file besides its rules: a rule used by another process, an amendment, a local standard."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field, field_validator

from config.period_schema import Count, Overlay, Period
from config.rule_schema import Provisional
from config.rule_values import listed_clauses, listed_words, one_or_several
from config.toml_reader import Strict


class SuppliedBy(Strict):
    """Which of a process's own facts supply a further day of a rule that it uses, and under which name."""

    told_by: tuple[str, ...] = Field(min_length=1)
    told_as: str | None = None

    @field_validator("told_by", mode="before")
    @classmethod
    def _list_is_tuple(cls, value: Any) -> Any:
        return tuple(value) if isinstance(value, list) else value


class Use(Strict):
    """How a process uses a rule of another: which of its own facts open, meet, end and reopen the duty there, and
    supply its further days.
    """

    starts: tuple[str, ...] = Field(min_length=1)
    starts_if: Mapping[str, tuple[str, ...]] = Field(default_factory=dict)
    not_after: tuple[str, ...] = ()
    starts_once: bool | Literal["while_open", "unless_ended"] = False
    counts_already: Mapping[str, tuple[str, ...]] = Field(default_factory=dict)
    met_by: tuple[str, ...] = ()
    met_if: tuple[Mapping[str, tuple[str, ...]], ...] = ()
    ends: tuple[str, ...] = ()
    reopened_by: tuple[str, ...] = ()
    superseded_by: tuple[str, ...] = ()
    only_after: Mapping[str, tuple[str, ...]] = Field(default_factory=dict)
    resumed_by: Mapping[str, tuple[str, ...]] = Field(default_factory=dict)
    provisional: Provisional | None = None
    holds_up: tuple[str, ...] = ()
    start_day: str | None = None
    inputs: Mapping[str, SuppliedBy] = Field(default_factory=dict)

    @field_validator("starts", "not_after", "met_by", "ends", "reopened_by", "superseded_by", mode="before")
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

    @field_validator("starts_if", "counts_already", "only_after", "resumed_by", mode="before")
    @classmethod
    def _one_word_is_several(cls, value: Any) -> Any:
        return listed_words(value)


class Amendment(Strict):
    """What a later law adds to a rule in another file: versions with their own `from`, and grounds of
    exception for a while.
    """

    period: tuple[Period, ...] = ()
    excuse_overlay: tuple[Overlay, ...] = ()

    @field_validator("period", "excuse_overlay", mode="before")
    @classmethod
    def _list_is_tuple(cls, value: Any) -> Any:
        return tuple(value) if isinstance(value, list) else value


class LocalStandard(Strict):
    """A locality's own answer for one rule: a number where the law gives none, a switch or the step to count from where
    the statute file allows it.
    """

    enabled: bool | None = None
    starts_from: str | None = None
    counts: Count | None = None
    text: str | None = None
    days: int | None = Field(None, ge=1)
    weeks: int | None = Field(None, ge=1)
    months: int | None = Field(None, ge=1)
    working_days: int | None = Field(None, ge=1)
    cite: str | None = None
