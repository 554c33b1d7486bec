"""The words that docs/glossary.md replaces occur nowhere in the project."""

from __future__ import annotations

from tests.repository.vocabulary import findings

# Parts that are rewritten next; this list only gets shorter.
NOT_YET = (
    "docs/decisions/188-a-letter-claims-what-was-sent.md",
    "tests/casework/delivery/test_addresses.py",
    "tests/notifications/test_headers.py",
    "tests/notifications/test_newer_letters.py",
    "tests/support/letter_witness.py",
    "web/guards.py",
)


def test_replaced_words_do_not_occur() -> None:
    """`python -m tests.repository.vocabulary PATH` lists the findings."""
    assert [str(found) for found in findings() if not found.path.startswith(NOT_YET)] == []
