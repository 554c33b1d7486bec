"""The parts of a verification are dealt to workers: each part once, and no worker has much more to do than another."""

import pytest

from audit.parts import CASES, CHANGES, ENCRYPTED, HEADS, IN_ORDER, LOG, Part
from audit.workers import dealt
from casework.sweep import Shard


def parts(count: int) -> list[Part]:
    return [*(Part(kind) for kind in IN_ORDER), *(Part(CASES, number) for number in range(1, count + 1))]


@pytest.mark.parametrize("of", range(1, 9))
@pytest.mark.parametrize("count", [1, 2, 12, 31])
def test_each_part_is_dealt_once(count: int, of: int) -> None:
    found = [part for number in range(1, of + 1) for part in dealt(parts(count), Shard(number, of))]
    assert sorted(found, key=repr) == sorted(parts(count), key=repr)


@pytest.mark.parametrize("count", [4, 12, 31, 400])
def test_two_workers_have_as_much_to_do(count: int) -> None:
    """The log takes three tenths of what all cases take, so who reads it has fewer ranges."""
    takes = {LOG: 0.3 * count, CHANGES: 0.17 * count, HEADS: 0.14 * count, ENCRYPTED: 0.0, CASES: 1.0}
    one, other = (sum(takes[part.kind] for part in dealt(parts(count), Shard(number, 2))) for number in (1, 2))
    assert abs(one - other) <= 1.0


def test_who_reads_the_log_begins_with_it() -> None:
    assert [dealt(parts(12), Shard(number, 2))[0].kind for number in (1, 2)] == [LOG, CHANGES]
