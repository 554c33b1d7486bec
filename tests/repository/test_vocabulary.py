"""The words that docs/glossary.md replaces occur nowhere in the parts of the project that are checked so far."""

from __future__ import annotations

import pytest

from tests.repository.vocabulary import findings

CHECKED = (
    "README.md",
    "SECURITY.md",
    "CONTRIBUTING.md",
    "docs/README.md",
    "docs/architecture.md",
    "docs/decisions",
    "docs/develop",
    "docs/operate",
    "docs/safety",
    "tools",
    "deploy",
    ".ci",
    "tests/notifications",
    "tests/tools",
    "tests/repository",
)


@pytest.mark.parametrize("path", CHECKED)
def test_replaced_words_do_not_occur(path: str) -> None:
    """`python -m tests.repository.vocabulary PATH` lists the findings."""
    assert [str(found) for found in findings([path])] == []
