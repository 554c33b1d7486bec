"""Whether a mail names a child who is not the one of its case. Pure; identities are compared in memory only.

Two rules, so that a common name is no alarm: a valid NHS number that is not the child's; or a child's whole name, at
least two words side by side in either order. The name of the sender counts as the sender's own.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping

from models.identifiers import NotAnNhsNumber, read_nhs_number

NUMBER = re.compile(r"(?<![0-9])(?:[0-9][ \u00a0\u202f-]?){9}[0-9](?![0-9])")
WORD = re.compile(r"[^\W\d_]+(?:['\u2019-][^\W\d_]+)*")
MOST_WORDS = 6_000
SHORTEST, LONGEST = 2, 5  # words of a name


class Names:
    """The names of every child, by their words in order. They are dropped with the object and stored nowhere."""

    def __init__(self, named: Iterable[tuple[str, str]]) -> None:
        """Take pairs of a child key and a name."""
        self._children: dict[tuple[str, ...], set[str]] = {}
        for child, name in named:
            words = _words(name.replace(",", " "))
            if SHORTEST <= len(words) <= LONGEST:
                for order in {words, (words[-1], *words[:-1]), (words[0], words[-1])}:
                    self._children.setdefault(order, set()).add(child)

    def children_in(self, text: str, besides: str = "") -> set[str]:
        """The children whose whole name is in the text. `besides`: a name that counts as somebody else's."""
        words = _words(text)[:MOST_WORDS]
        own = set(_words(besides))
        found: set[str] = set()
        for size in range(SHORTEST, LONGEST + 1):
            for start in range(len(words) - size + 1):
                run = words[start : start + size]
                if run in self._children and not own.issuperset(run):
                    found |= self._children[run]
        return found


def nhs_numbers_in(text: str) -> Iterator[str]:
    """The valid NHS numbers in a text, as ten digits."""
    seen: set[str] = set()
    for found in NUMBER.finditer(unicodedata.normalize("NFKC", text)):
        try:
            number = read_nhs_number(found[0])
        except NotAnNhsNumber:
            continue
        if number not in seen:
            seen.add(number)
            yield number


def _words(text: str) -> tuple[str, ...]:
    whole = unicodedata.normalize("NFKD", text).casefold()
    plain = "".join(sign for sign in whole if not unicodedata.combining(sign))
    return tuple(word.replace("\u2019", "'") for word in WORD.findall(plain))


def another_child(
    text: str, names: Names, own: Mapping[str, str | None], known: Mapping[str, str], sender_name: str
) -> bool:
    """Whether a text names a child besides `own` (the child keys of the mail's cases and their NHS numbers).

    `known`: the NHS numbers of the text that are stored, with their child keys. A number that nobody has counts too,
    if the case has another.
    """
    if names.children_in(text, besides=sender_name) - own.keys():
        return True
    for number in nhs_numbers_in(text):
        child = known.get(number)
        if child is not None and child not in own:
            return True
        if child is None and any(own.values()) and number not in own.values():
            return True
    return False
