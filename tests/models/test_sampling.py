"""A sample that anybody can draw again: tables worked by hand, and by hypothesis."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.sampling import allocation, digest_of, draw, first_of, rank, share_of

# Worked by hand: the sizes of the strata, the size wanted, and what each gives.
BY_HAND = [
    ({"north": 60, "west": 40}, 10, {"north": 6, "west": 4}),
    # 10 of 3 and 7 and 7: shares 1.76, 4.11, 4.11; one is left, for the largest remainder
    ({"a": 3, "b": 7, "c": 7}, 10, {"a": 2, "b": 4, "c": 4}),
    # 5 of three equal strata: 1.67 each; two are left, for the first two of equal remainders
    ({"c": 4, "a": 4, "b": 4}, 5, {"a": 2, "b": 2, "c": 1}),
    # a stratum of one among a hundred gives none to a sample of ten: 0.099
    ({"a": 100, "b": 1}, 10, {"a": 10, "b": 0}),
    ({"a": 3, "b": 2}, 50, {"a": 3, "b": 2}),
    ({"a": 3, "b": 0}, 2, {"a": 2}),
    ({}, 5, {}),
    ({"a": 5}, 0, {"a": 0}),
]


@pytest.mark.parametrize(("sizes", "wanted", "given_by_each"), BY_HAND)
def test_each_stratum_gives_its_share_as_on_paper(
    sizes: dict[str, int], wanted: int, given_by_each: dict[str, int]
) -> None:
    assert allocation(sizes, wanted) == given_by_each


# printf 'autumn_2026\nNX00001/4' | sha256sum, and so on: any program gives the same ranks.
RANKS = {"NX00001/4": "7018d74e", "NX00002/3": "9839c9cf", "NX00003/7": "09168e03", "NX00004/2": "5cf59882"}


def test_a_rank_is_a_sha256_that_any_program_gives() -> None:
    assert {member: rank("autumn_2026", member)[:8] for member in RANKS} == RANKS
    assert rank("autumn_2026", "NX00001/4") == hashlib.sha256(b"autumn_2026\nNX00001/4").hexdigest()


def test_the_members_with_the_lowest_ranks_are_drawn() -> None:
    assert draw("autumn_2026", dict.fromkeys(RANKS, "all"), 2) == ["NX00003/7", "NX00004/2"]
    strata = {"NX00001/4": "north", "NX00002/3": "north", "NX00003/7": "west", "NX00004/2": "west"}
    assert draw("autumn_2026", strata, 2) == ["NX00003/7", "NX00001/4"], "one of each, in the order of their ranks"


def test_a_frame_has_one_digest_however_it_was_read() -> None:
    frame = {"NX00002/3": "north", "NX00001/4": "west"}
    assert digest_of(frame) == hashlib.sha256(b"NX00001/4\twest\nNX00002/3\tnorth\n").hexdigest()
    assert digest_of(dict(reversed(frame.items()))) == digest_of(frame)
    assert digest_of({**frame, "NX00001/4": "north"}) != digest_of(frame)


def test_a_second_person_marks_a_share_that_is_rounded_up() -> None:
    drawn = [f"NX{number:05}/4" for number in range(1, 12)]
    assert [len(share_of("s", drawn, percent)) for percent in (0, 10, 20, 100)] == [0, 2, 3, 11]
    assert share_of("s", drawn, 10) <= share_of("s", drawn, 20) <= set(drawn)


MEMBERS = st.dictionaries(st.from_regex(r"NX0[0-9]{4}/[1-9]", fullmatch=True), st.sampled_from("abcd"), max_size=40)
SEEDS = st.from_regex(r"[a-z0-9_]{1,12}", fullmatch=True)


@given(seed=SEEDS, frame=MEMBERS, wanted=st.integers(0, 50), shuffled=st.randoms())
def test_the_order_of_the_frame_decides_nothing(
    seed: str, frame: dict[str, str], wanted: int, shuffled: object
) -> None:
    items = list(frame.items())
    shuffled.shuffle(items)  # type: ignore[attr-defined]
    assert draw(seed, dict(items), wanted) == draw(seed, frame, wanted)


@given(seed=SEEDS, frame=MEMBERS, wanted=st.integers(0, 50))
def test_a_sample_has_its_size_and_each_stratum_its_share_to_less_than_one(
    seed: str, frame: dict[str, str], wanted: int
) -> None:
    drawn = draw(seed, frame, wanted)
    size = min(wanted, len(frame))
    assert len(drawn) == len(set(drawn)) == size and set(drawn) <= frame.keys()
    for stratum in set(frame.values()):
        there = sum(each == stratum for each in frame.values())
        given_by_it = sum(frame[member] == stratum for member in drawn)
        assert given_by_it <= there
        assert abs(given_by_it * len(frame) - size * there) < len(frame), "less than one from the exact share"


@given(seed=SEEDS, members=st.lists(st.from_regex(r"NX0[0-9]{4}/[1-9]", fullmatch=True), unique=True, max_size=30))
def test_a_larger_sample_has_the_smaller_one_in_it(seed: str, members: list[str]) -> None:
    for number in range(len(members)):
        assert first_of(seed, members, number) == first_of(seed, members, number + 1)[:number]


def test_over_many_seeds_each_member_is_drawn_about_as_often_as_any_other() -> None:
    """3 of 10, with 2,000 seeds: 600 each are expected, with a standard deviation of 20.5; five of them are 103."""
    frame = {f"NX{number:05}/4": "all" for number in range(10)}
    times = dict.fromkeys(frame, 0)
    for seed in range(2000):
        for member in draw(f"seed_{seed}", frame, 3):
            times[member] += 1
    assert sum(times.values()) == 6000
    assert all(abs(count - 600) < 103 for count in times.values()), times
