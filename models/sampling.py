"""A random sample that anybody can draw again: from a seed, a sampling frame with strata, and a size. Pure.

Purpose: an audit whose sample nobody chose. Each member has a rank, the SHA-256 of the seed and its name, so that the
order in which the frame was read decides nothing. Each stratum gets its share of the size by largest remainders.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from math import ceil

# A line for each member: sorted, so that two readings of one frame have one digest.
Frame = Mapping[str, str]


def rank(seed: str, member: str) -> str:
    """The rank of a member under a seed: the SHA-256, in hexadecimal digits, of the seed, a line feed and the name."""
    return hashlib.sha256(f"{seed}\n{member}".encode()).hexdigest()


def digest_of(frame: Frame) -> str:
    """The SHA-256 of a frame: each member, a tab, its stratum and a line feed, in the order of the members."""
    lines = "".join(f"{member}\t{frame[member]}\n" for member in sorted(frame))
    return hashlib.sha256(lines.encode()).hexdigest()


def allocation(sizes: Mapping[str, int], wanted: int) -> dict[str, int]:
    """How many each stratum gives to a sample of the size wanted, or of all there are if they are fewer.

    Each gives its whole share; what is left over goes to the largest remainders, and of equal ones to the first in
    alphabetical order. No stratum gives more than it has.
    """
    total = sum(sizes.values())
    wanted = min(wanted, total)
    given = {stratum: wanted * size // total for stratum, size in sorted(sizes.items()) if size}
    order = sorted(given, key=lambda stratum: (-(wanted * sizes[stratum] % total), stratum))
    for stratum in order[: wanted - sum(given.values())]:
        given[stratum] += 1
    return given


def draw(seed: str, frame: Frame, wanted: int) -> list[str]:
    """The members drawn, in order of their rank. The same seed, frame and size give the same members for ever."""
    strata: dict[str, list[str]] = {}
    for member, stratum in frame.items():
        strata.setdefault(stratum, []).append(member)
    sizes = {stratum: len(members) for stratum, members in strata.items()}
    drawn = [
        member
        for stratum, number in allocation(sizes, wanted).items()
        for member in first_of(seed, strata[stratum], number)
    ]
    return first_of(seed, drawn, len(drawn))


def first_of(seed: str, members: Collection[str], number: int) -> list[str]:
    """So many members, those with the lowest ranks under the seed."""
    return sorted(members, key=lambda member: rank(seed, member))[:number]


def share_of(seed: str, members: Collection[str], percent: int) -> frozenset[str]:
    """The members that a second person marks: so many percent of them, rounded up, drawn under the same seed."""
    return frozenset(first_of(f"{seed}\nsecond mark", members, ceil(len(members) * percent / 100)))
