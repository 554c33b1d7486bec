"""Who pays how much of a cost: shares in hundredths of a percent, and a split in whole pence that sums exactly. Pure.

A share is stored as text, such as `health=60`. The shares of a line are 100 percent together. A split gives each funder
its whole pence, and the pence that are left over to the largest remainders, so that no penny is lost or made.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from models.fields import Form

FUNDERS = ("health", "education", "social_care")
WHOLE = 10_000  # hundredths of a percent
SHARE = re.compile(r"([a-z_]+)\s*=\s*([0-9]{1,3})(?:\.([0-9]{1,2}))?\s*%?")
EXAMPLE = "health=60, social_care=40"


def shares_of(texts: Sequence[str]) -> dict[str, int]:
    """The share of each funder in hundredths of a percent, in the order of the funders. Raises ValueError."""
    given: dict[str, int] = {}
    for text in texts:
        found = SHARE.fullmatch(text.strip())
        if found is None or found[1] not in FUNDERS:
            raise ValueError(f"funder=percent was expected, with the funders {', '.join(FUNDERS)}")
        if found[1] in given:
            raise ValueError(f"{found[1]} is named twice: one share each was expected")
        given[found[1]] = int(found[2]) * 100 + int((found[3] or "0").ljust(2, "0"))
    if sum(given.values()) != WHOLE:
        raise ValueError("shares that are 100 percent together were expected")
    return {funder: given[funder] for funder in FUNDERS if given.get(funder)}


def split(total_pence: int, texts: Sequence[str]) -> dict[str, int]:
    """What each funder pays of a total, in whole pence that sum to it.

    The pence that are left over go to the largest remainders; of equal ones, to the first in the order of the funders.
    """
    shares = shares_of(texts)
    paid = {funder: total_pence * share // WHOLE for funder, share in shares.items()}
    order = sorted(shares, key=lambda funder: -(total_pence * shares[funder] % WHOLE))
    for funder in order[: total_pence - sum(paid.values())]:
        paid[funder] += 1
    return paid


def added(one: Mapping[str, int], other: Mapping[str, int]) -> dict[str, int]:
    """The sums of two splits, in the order of the funders."""
    return {funder: one.get(funder, 0) + other.get(funder, 0) for funder in FUNDERS if funder in one or funder in other}


def percent(hundredths: int) -> str:
    """A share as a person writes it: 3333 is 33.33, 6000 is 60."""
    whole, rest = divmod(hundredths, 100)
    return str(whole) if not rest else f"{whole}.{rest:02}".rstrip("0")


def _several(value: Any) -> Any:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def _as_stored(texts: list[str]) -> list[str]:
    return [f"{funder}={percent(share)}" for funder, share in shares_of(texts).items()]


Shares = Annotated[
    list[str], BeforeValidator(_several), AfterValidator(_as_stored), Field(min_length=1), Form("list", EXAMPLE)
]
