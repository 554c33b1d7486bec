"""The ends of all chains at a checkpoint are those that its leaves give, for each checkpoint and each case.

PostgreSQL runs the same list (tests/system/postgres).
"""

from __future__ import annotations

import pytest

from casework.bundles.ends import end_of
from casework.proof.leaves import checkpoints, texts
from casework.proof.sequencer import sequence
from models.database import reading
from models.merkle import leaf_hash, root_by_inclusion, root_of
from tests.support.team import Team

OPENS, AGREED = "ehc_assessment_requested", "assessment_agreed"


@pytest.fixture
def lived(team: Team) -> Team:
    """Four checkpoints: cases come, go on and stay as they are between them."""
    for number in range(1, 5):
        team.record("2 Feb 2026", OPENS, case=f"NX9000{number}", la="northshire")
    sequence(team.context("2 Feb 2026"))
    team.record("3 Feb 2026", AGREED, case="NX90002")
    sequence(team.context("3 Feb 2026"))
    team.record("4 Feb 2026", OPENS, case="NX90000", la="northshire")
    team.record("4 Feb 2026", AGREED, case="NX90004")
    sequence(team.context("4 Feb 2026"))
    team.record("5 Feb 2026", AGREED, case="NX90001")
    sequence(team.context("5 Feb 2026"))
    team.record("6 Feb 2026", AGREED, case="NX90000")
    return team


def by_leaves(leaves: list[str]) -> dict[str, str]:
    """The line of each chain's last leaf."""
    ends: dict[str, str] = {}
    for leaf in leaves:
        kind, _, rest = leaf.partition(" ")
        if kind == "fact":
            ends[rest.split(" ", 1)[0]] = rest
        elif kind == "change":
            ends["change_log"] = f"change_log {rest}"
    return dict(sorted(ends.items()))


def test_each_end_of_each_checkpoint_is_proved(lived: Team) -> None:
    with reading(lived.first.engine) as connection:
        for each in checkpoints(connection):
            leaves = texts(connection, 0, each.size)
            ends = by_leaves(leaves)
            root = root_of(leaf_hash(line.encode()) for line in ends.values())
            assert leaves[-1].split(" ")[3] == root.hex()
            for chain, line in ends.items():
                place, count, path = end_of(connection, each.size, chain)
                assert (place, count) == (list(ends).index(chain), len(ends))
                assert root_by_inclusion(place, count, leaf_hash(line.encode()), path) == root


def test_a_case_that_began_later_has_no_end_in_an_earlier_checkpoint(lived: Team) -> None:
    with reading(lived.first.engine) as connection:
        first = checkpoints(connection)[0]
        with pytest.raises(ValueError, match="NX90000 is not in the list"):
            end_of(connection, first.size, "NX90000")


def test_the_newest_checkpoint_reads_no_leaf(lived: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    sequence(lived.context("6 Feb 2026"))

    def refused(*_about: object) -> None:
        raise AssertionError("a leaf was read")

    monkeypatch.setattr("casework.bundles.ends.stream", refused)
    with reading(lived.first.engine) as connection:
        newest, earlier = checkpoints(connection)[-1], checkpoints(connection)[0]
        assert end_of(connection, newest.size, "NX90001")[1] == 6
        with pytest.raises(AssertionError, match="a leaf was read"):
            end_of(connection, earlier.size, "NX90001")
