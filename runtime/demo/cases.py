"""Sample cases of every process, recorded by sendflow itself: read from config/demo/*.toml, dated relative to today.

Purpose: a newcomer sees each process at work on any date. A file names no day: `ago` is days before today, and inside
`data` the word "today-40" is a day and "child3" the NHS number of the third invented child (999 range, which is never
issued), so that cases of one child are linked across files. Acts of one case that stand one after another are recorded
together, or not at all.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from casework.cases.fact_form import Refused
from casework.cases.record import record
from casework.context import AppContext
from config.toml_reader import ConfigFault, first_fault, named, read_toml
from models import ledger
from models.database import reading
from models.facts import REFERENCE, FactDraft, Slug
from models.identifiers import check_digit

FOLDER = Path(__file__).parents[2] / "config" / "demo"
ACTOR = "sample"
DAY = re.compile(r"today([+-][0-9]{1,5})?")
CHILD = re.compile(r"child([0-9]{1,3})")


class SampleError(ConfigFault):
    """A sample file says something that cannot be read; the text names the file and what was expected."""

    default_code = "demo_data"


class SampleAct(BaseModel):
    """One fact of a sample case: `ago` days before today."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)
    case: Annotated[str, Field(pattern=rf"^{REFERENCE.pattern}$")]
    fact: Slug
    ago: Annotated[int, Field(ge=0, le=4000)]
    data: Mapping[str, str | int] = {}


class _Acts(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)
    act: Annotated[Sequence[SampleAct], Field(min_length=1)]


def load_demo_cases(context: AppContext, folder: Path = FOLDER) -> list[str]:
    """Records the sample cases that are not there yet, file by file; returns, case by case, why one could not be (a
    team's own directory).

    May be called again: a case that has facts is left alone. Raises SampleError for a file that is no sample.
    """
    refused: list[str] = []
    there: dict[str, bool] = {}
    for path in sorted(folder.glob("*.toml")):
        for case, acts in groupby(_read(path), key=lambda act: act.case):
            if there.setdefault(case, _exists(context, case)):
                continue
            drafts = [
                FactDraft(act.fact, context.today() - timedelta(days=act.ago), _data(act.data, context.today()))
                for act in acts
            ]
            try:
                record(context, case, drafts, ACTOR, confirmed=True)
            except Refused as problem:
                there[case] = True  # what follows would hang in the air
                refused.append(f"{path.name}, {case}: {problem.message}")
    return refused


@cache
def nhs_numbers() -> tuple[str, ...]:
    """The NHS numbers of invented children: those from 999 000 000 that exist, below the ones that the sample tracker
    draws from.
    """
    nines = (f"999{number:06d}" for number in range(1000))
    return tuple(f"{nine}{digit}" for nine in nines if (digit := check_digit(nine)) is not None)


def _read(path: Path) -> Iterator[SampleAct]:
    try:
        yield from _Acts.model_validate(read_toml(path, SampleError)).act
    except ValidationError as problem:
        raise SampleError(
            f"{named(path)}: {first_fault(problem, _Acts)}."
            ' Example: [[act]] case = "SC23001" fact = "parent_informed" ago = 12'
        ) from None


def _data(fields: Mapping[str, str | int], today: date) -> dict[str, Any]:
    return {key: _value(value, today) for key, value in fields.items()}


def _value(value: str | int, today: date) -> str | int:
    if isinstance(value, int):
        return value
    if day := DAY.fullmatch(value):
        return (today + timedelta(days=int(day[1] or 0))).isoformat()
    if child := CHILD.fullmatch(value):
        return nhs_numbers()[int(child[1])]
    return value


def _exists(context: AppContext, case: str) -> bool:
    with reading(context.engine) as connection:
        return bool(ledger.read(connection, [case]))
