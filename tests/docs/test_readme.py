"""README.md stays short, in its order, and names make targets that exist."""

from __future__ import annotations

import re

from tests.support.paths import ROOT

TEXT = (ROOT / "README.md").read_text("utf-8")


def test_the_readme_is_shorter_than_150_lines() -> None:
    assert len(TEXT.splitlines()) < 150


def test_the_readme_follows_its_order() -> None:
    assert re.findall(r"^## (.+)$", TEXT, re.MULTILINE) == [
        "Two commands",
        "One case",
        "Commands of every day",
        "Where the law's numbers are",
        "How to verify the history",
        "What it does not do",
        "Where to read on",
    ]


def test_every_make_target_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    named = set(re.findall(r"make ([a-z]+)(?= {2,}#|`)", TEXT))
    assert {"up", "test", "help"} <= named <= targets


def test_the_readme_names_commands() -> None:
    """tests/docs/test_pages.py checks that they exist."""
    assert len(set(re.findall(r"`sendflow ([a-z-]+)", TEXT))) > 12


def test_the_picture_is_small() -> None:
    for picture in re.findall(r"!\[[^]]*\]\(([^)]+)\)", TEXT):
        assert (ROOT / picture).stat().st_size < 150_000
