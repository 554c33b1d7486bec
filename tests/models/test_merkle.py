"""The Merkle tree: roots as RFC 6962 defines them, and proofs that hold for the true leaf and for no other."""

from __future__ import annotations

from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.merkle import CompactTree, is_consistent, leaf_hash, root_by_inclusion, root_of, tree_of

SIZES = (1, 2, 3, 7, 8, 255, 256, 257, 511, 512, 513, 700)


def by_definition(leaves: list[bytes]) -> bytes:
    """RFC 6962 section 2.1, as it is written there."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return sha256(b"\1" + by_definition(leaves[:split]) + by_definition(leaves[split:])).digest()


def leaves_of(size: int) -> list[bytes]:
    return [leaf_hash(str(number).encode()) for number in range(size)]


@pytest.mark.parametrize("size", (0, *SIZES))
def test_a_root_is_as_the_standard_defines_it(size: int) -> None:
    leaves = leaves_of(size)
    tree = CompactTree()
    for leaf in leaves:
        tree.add(leaf)
    assert tree.root() == tree_of(leaves).root() == root_of(leaves) == by_definition(leaves)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 700), st.data())
def test_an_inclusion_proof_holds_for_its_leaf_alone(size: int, data: st.DataObject) -> None:
    leaves = leaves_of(size)
    tree, index = tree_of(leaves), data.draw(st.integers(0, size - 1))
    path, root = tree.inclusion(index, size), tree.root()
    assert root_by_inclusion(index, size, leaves[index], path) == root
    assert root_by_inclusion(index, size, leaf_hash(b"another"), path) != root
    other = data.draw(st.integers(0, size - 1))
    assert other == index or root_by_inclusion(other, size, leaves[index], path) != root
    assert root_by_inclusion(index, size, leaves[index], [*path, root]) != root
    assert not path or root_by_inclusion(index, size, leaves[index], path[:-1]) != root


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 700), st.data())
def test_a_consistency_proof_holds_for_a_tree_that_only_grew(size: int, data: st.DataObject) -> None:
    leaves = leaves_of(size)
    tree, old = tree_of(leaves), data.draw(st.integers(1, size))
    path, before, now = tree.consistency(old, size), (old, tree.root(old)), (size, tree.root())
    assert is_consistent(before, now, path)
    altered = [*leaves[: old - 1], leaf_hash(b"another"), *leaves[old:]]
    assert not is_consistent((old, root_of(altered[:old])), now, path)
    assert not is_consistent(before, (size, root_of(altered)), tree_of(altered).consistency(old, size))
    assert not is_consistent(before, now, [*path, now[1]])


@pytest.mark.parametrize(("old", "new"), [(0, 3), (4, 3), (3, 9)])
def test_no_proof_is_made_beyond_the_tree(old: int, new: int) -> None:
    with pytest.raises(ValueError, match="no proof"):
        tree_of(leaves_of(8)).consistency(old, new)
