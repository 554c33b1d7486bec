"""A generated national caseload: children, their cases and what became of them, by the shares of caseload.toml and one
seed.

Every child is a number and nothing else. A child's history comes in stages, because sendflow itself opens the next
review cycle when one is decided: the first stage names its own cases, a later one goes on with the case that sendflow
opened, whose reference follows from the order in which the decisions were recorded. The same scale, seed and day give
the same histories.
"""

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from benchmarks.harness.histories import SERVICES, Child, HistoryGenerator, body_code, la_slug
from benchmarks.harness.workload import TODAY
from casework.cases.record import RecordCommand
from casework.cases.references import OF_SERIES, SERIES
from models.identifiers import check_digit

DIRECTORY = Path(__file__).parents[2] / "config" / "directory.toml"
SHARES = Path(__file__).parents[1] / "caseload.toml"
SCALES = {"tiny": 1 / 20_000, "small": 1 / 400, "board": 1 / 42, "merged": 4 / 42, "national": 1.0}
SEED = 2026
TRUSTS = 3  # for each board
BATCH = 500  # children at most whose acts are recorded in one transaction


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class National(_Table):
    """How many of each there are in England."""

    plans: int
    requests_a_year: int
    appeals_a_year: int
    authorities: int
    boards: int
    made_within_year: float
    source: str


class Shares(_Table):
    """caseload.toml; HistoryGenerator reads the shares of each stage."""

    national: National
    request: dict[str, Any]
    advice: dict[str, Any]
    plan: dict[str, Any]
    appeal: dict[str, Any]

    @classmethod
    def read(cls, path: Path = SHARES) -> "Shares":
        """Raises ValidationError for a table or a total that is not there."""
        return cls.model_validate(tomllib.loads(path.read_text("utf-8")))


def scale_of(said: str) -> float:
    """The share of England that a word or a number names. Raises ValueError."""
    try:
        scale = SCALES[said] if said in SCALES else float(said)
    except ValueError:
        scale = 0.0
    if not 0 < scale <= 1:
        raise ValueError(
            f"a scale is one of {', '.join(SCALES)} or a share of England above 0 and up to 1, for example --scale"
            " small or --scale 0.02"
        )
    return scale


@dataclass(frozen=True)
class Caseload:
    """A share of England's caseload, as it is on a day."""

    scale: float
    seed: int = SEED
    today: date = TODAY

    @cached_property
    def shares(self) -> Shares:
        return Shares.read()

    @cached_property
    def counts(self) -> dict[str, int]:
        """How many children of each sort there are: requests of the last year, plans made before it, appeals of the
        last year.

        The year's plans and the plans that are appealed count among the plans, and an appeal against a refusal has a
        request of its own.
        """
        national, appeal = self.shares.national, self.shares.appeal
        about_refusals = appeal["refusal_to_assess"] + appeal["refusal_to_issue"]
        in_the_year = about_refusals * national.appeals_a_year * appeal["request_in_year"]
        plans_appealed = (1 - about_refusals) * national.appeals_a_year
        whole = {
            "request": national.requests_a_year - in_the_year,
            "plan": national.plans - national.made_within_year * national.requests_a_year - plans_appealed,
            "appeal": float(national.appeals_a_year),
        }
        return {sort: max(1, round(number * self.scale)) for sort, number in whole.items()}

    def children(self) -> Iterator[Child]:
        """Every child, the three sorts mixed as evenly as they go, so that any beginning of the caseload is like the
        whole.
        """
        generator = HistoryGenerator(self.shares.model_dump(), self.seed, self.today)
        total = sum(self.counts.values())
        numbers = nhs_numbers()
        generated = dict.fromkeys(self.counts, 0)
        for number in range(total):
            sort = max(generated, key=lambda each: self.counts[each] * (number + 1) / total - generated[each])
            generated[sort] += 1
            yield generator.generate(number, next(numbers), sort)

    def waves(self) -> Iterator[list[RecordCommand]]:
        """Acts to be recorded together, in this order, by the only writer of fresh records: one transaction a wave."""
        return (acts for _generated, acts in self.counted_waves())

    def counted_waves(self) -> Iterator[tuple[int | None, list[RecordCommand]]]:
        """The same, each with the number of children whose histories are whole after it, where no later wave goes on
        with one of them.
        """
        children, batch = self.children(), max(10, min(BATCH, sum(self.counts.values()) // 20))
        opened = generated = 0  # review cycles that sendflow has opened so far; children
        while some := list(islice(children, batch)):
            generated += len(some)
            going_on: dict[int, str] = {}
            stages = max(len(child.stages) for child in some)
            for stage in range(stages):
                acts: list[RecordCommand] = []
                decided: list[int] = []
                for child in some:
                    if stage < len(child.stages):
                        acts += child.acts(stage, going_on.get(child.number))
                        if child.opens_next(stage):
                            decided.append(child.number)
                for number in decided:
                    opened += 1
                    going_on[number] = f"{SERIES[opened // OF_SERIES]}{opened % OF_SERIES:06d}"
                yield generated if stage == stages - 1 else None, acts


def nhs_numbers() -> Iterator[str]:
    """NHS numbers of the 999 range, which is never issued: each once."""
    nines = (f"999{number:06d}" for number in range(1_000_000))
    return (f"{nine}{digit}" for nine in nines if (digit := check_digit(nine)) is not None)


def directory(authorities: int, boards: int) -> str:
    """The text of a directory: the shipped one, and so many authorities and three trusts for each board besides, every
    one invented.
    """
    generated = [DIRECTORY.read_text("utf-8")]
    las: dict[int, list[str]] = {}
    for number in range(authorities):
        generated.append(f'[la.{la_slug(number)}]\nname = "Authority {number:03d}"\n')
        las.setdefault(number % (boards * TRUSTS), []).append(f'"{la_slug(number)}"')
    for body, among in las.items():
        home = f"trust-{body:03d}.example"
        generated.append(
            f'[[body]]\nbody = "{body_code(body)}"\nname = "Trust {body:03d}"\nrole = "provider"\nkind ='
            f' "nhs_trust"\nsend_lead = "send.lead@{home}"\n'
        )
        generated += [
            f'[[body.provides]]\nservice = "{service}"\nla = [{", ".join(among)}]\nmailbox ='
            f' "{service}@{home}"\nmanager = "{service}.manager@{home}"\n'
            for service in SERVICES
        ]
    return "\n".join(generated)
