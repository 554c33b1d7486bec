"""The purpose of an access that a letter's command names is one that the command takes (version 10 of the digest)."""

import re

import pytest

from config.purposes import load_purposes
from notifications.render import newest, shelf
from tests.support.paths import ROOT

PURPOSE = re.compile(r"--purpose (\"[^\"]*\"|[^\s`]+)")
PAGES = [path for path in (*(ROOT / "docs").rglob("*.md"), ROOT / "README.md") if "decisions" not in path.parts]


@pytest.mark.parametrize("name", sorted(shelf().newest))
def test_a_letter_names_a_purpose_that_is_a_word(name: str) -> None:
    """The digest said `--purpose "decide the claim"`, which no command takes since purposes are words."""
    assert set(PURPOSE.findall(newest(name).body)) <= load_purposes().purpose.keys()


def test_a_page_names_a_purpose_that_is_a_word() -> None:
    named = {word for page in PAGES for word in PURPOSE.findall(page.read_text("utf-8"))}
    assert {word for word in named if not word.isupper()} <= load_purposes().purpose.keys()


def test_the_digest_says_how_to_read_the_words_of_a_claim() -> None:
    found = newest("morning_digest")
    assert found.version >= 10
    assert "sendflow person CASE --free-text --purpose exception --actor YOU" in found.body
