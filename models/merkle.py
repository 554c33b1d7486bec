"""The Merkle tree of RFC 6962 over the leaves of a log: its root, inclusion proofs and consistency proofs.

Purpose: one hash of 32 bytes commits to every leaf and to their order, and a proof of some 25 hashes shows that a leaf
is there, or that a later tree only adds to an earlier one. Pure: hashes come from the caller.
"""

from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256

BLOCK = 256  # leaves whose root is stored: the width of a tile of C2SP tlog-tiles
Leaves = Callable[[int, int], Sequence[bytes]]  # the hashes of the leaves from one number to another, without the last
EMPTY = sha256(b"").digest()


def leaf_hash(data: bytes) -> bytes:
    """The hash of a leaf."""
    return sha256(b"\0" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of a node from its two children."""
    return sha256(b"\1" + left + right).digest()


class CompactTree:
    """A tree that grows at its end: at most one hash for each of its levels is in memory."""

    def __init__(self) -> None:
        self.size = 0
        self._peaks: list[bytes] = []

    def add(self, leaf: bytes) -> None:
        """Add the hash of a leaf."""
        number, peaks = self.size, self._peaks
        while number & 1:
            leaf = sha256(b"\1" + peaks.pop() + leaf).digest()
            number >>= 1
        peaks.append(leaf)
        self.size += 1

    def root(self) -> bytes:
        """The root of the leaves so far."""
        if not self._peaks:
            return EMPTY
        root = self._peaks[-1]
        for peak in reversed(self._peaks[:-1]):
            root = node_hash(peak, root)
        return root


def root_of(leaves: Iterable[bytes]) -> bytes:
    """The root of the tree over these hashes of leaves."""
    tree = CompactTree()
    for leaf in leaves:
        tree.add(leaf)
    return tree.root()


class StoredTree:
    """A tree of which the roots of full blocks are in memory, and the leaves are read where a proof needs them.

    `blocks` has the root of each full block of 256 leaves, in order.
    """

    def __init__(self, size: int, blocks: Sequence[bytes], leaves: Leaves) -> None:
        if len(blocks) < size // BLOCK:
            raise ValueError(f"a tree of {size} leaves has {size // BLOCK} full blocks; {len(blocks)} are stored")
        self.size = size
        self._blocks = blocks
        self._leaves = leaves
        self._cache: dict[int, Sequence[bytes]] = {}

    def root(self, size: int | None = None) -> bytes:
        """The root of the first `size` leaves; of all if none is given. Raises ValueError beyond the tree."""
        size = self.size if size is None else size
        if not 0 <= size <= self.size:
            raise ValueError(f"the tree has {self.size} leaves, not {size}")
        return self._hash(0, size) if size else EMPTY

    def inclusion(self, index: int, size: int) -> list[bytes]:
        """The proof that a leaf is in the tree of the first `size` leaves, from its sibling up to the root's child."""
        if not 0 <= index < size <= self.size:
            raise ValueError(f"leaf {index} is not in a tree of {size} leaves")
        path: list[bytes] = []
        low, high = 0, size
        while high - low > 1:
            middle = low + _split(high - low)
            if index < middle:
                path.append(self._hash(middle, high))
                high = middle
            else:
                path.append(self._hash(low, middle))
                low = middle
        return path[::-1]

    def consistency(self, old: int, new: int) -> list[bytes]:
        """The proof that the first `new` leaves begin with the first `old` ones."""
        if not 0 < old <= new <= self.size:
            raise ValueError(f"no proof from {old} to {new} leaves in a tree of {self.size}")
        path: list[bytes] = []
        low, high, whole = 0, new, True
        while old != high:
            middle = low + _split(high - low)
            if old <= middle:
                path.append(self._hash(middle, high))
                high = middle
            else:
                path.append(self._hash(low, middle))
                low, whole = middle, False
        return path[::-1] if whole else [self._hash(low, high), *path[::-1]]

    def _hash(self, low: int, high: int) -> bytes:
        if high - low == BLOCK and low % BLOCK == 0:
            return self._blocks[low // BLOCK]
        if high - low < BLOCK:
            return root_of(self._some_leaves(low, high))
        middle = low + _split(high - low)
        return node_hash(self._hash(low, middle), self._hash(middle, high))

    def _some_leaves(self, low: int, high: int) -> Sequence[bytes]:
        """Leaves of one block: a range shorter than a block never goes beyond one."""
        start = low - low % BLOCK
        if start not in self._cache:
            self._cache[start] = self._leaves(start, min(start + BLOCK, self.size))
        return self._cache[start][low - start : high - start]


def tree_of(leaves: Sequence[bytes]) -> StoredTree:
    """A tree whose leaves are all in memory."""
    blocks = [root_of(leaves[at : at + BLOCK]) for at in range(0, len(leaves) - BLOCK + 1, BLOCK)]
    return StoredTree(len(leaves), blocks, lambda low, high: leaves[low:high])


def _split(size: int) -> int:
    """The largest power of two below `size`."""
    return 1 << (size - 1).bit_length() - 1


def root_by_inclusion(index: int, size: int, leaf: bytes, path: Sequence[bytes]) -> bytes | None:
    """The root that an inclusion proof gives for the hash of a leaf; None where the proof has a wrong length."""
    if not 0 <= index < size:
        return None
    number, last, root = index, size - 1, leaf
    for sibling in path:
        if last == 0:
            return None
        if number & 1 or number == last:
            root = node_hash(sibling, root)
            while not number & 1 and number:
                number, last = number >> 1, last >> 1
        else:
            root = node_hash(root, sibling)
        number, last = number >> 1, last >> 1
    return root if last == 0 else None


def is_consistent(old: tuple[int, bytes], new: tuple[int, bytes], path: Sequence[bytes]) -> bool:
    """Whether a proof shows that a tree (its size and root) only adds to an earlier one."""
    (size, root), (new_size, new_root) = old, new
    if not 0 < size <= new_size:
        return False
    if size == new_size:
        return not path and root == new_root
    hashes = [root, *path] if size & (size - 1) == 0 else list(path)
    if not hashes:
        return False
    number, last = size - 1, new_size - 1
    while number & 1:
        number, last = number >> 1, last >> 1
    first = second = hashes[0]
    for each in hashes[1:]:
        if last == 0:
            return False
        if number & 1 or number == last:
            first, second = node_hash(each, first), node_hash(each, second)
            while not number & 1 and number:
                number, last = number >> 1, last >> 1
        else:
            second = node_hash(second, each)
        number, last = number >> 1, last >> 1
    return last == 0 and (first, second) == (root, new_root)
