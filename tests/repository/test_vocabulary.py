"""The words that docs/glossary.md replaces occur nowhere in the project."""

from __future__ import annotations

from tests.repository.vocabulary import findings


def test_replaced_words_do_not_occur() -> None:
    """`python -m tests.repository.vocabulary PATH` lists the findings."""
    assert [str(found) for found in findings()] == []
