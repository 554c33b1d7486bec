"""docs/develop/where-things-belong.md names 12 changes and places that exist."""

from __future__ import annotations

import re

from tests.support.paths import ROOT

PAGE = ROOT / "docs" / "develop" / "where-things-belong.md"
ROWS = [line for line in PAGE.read_text("utf-8").splitlines() if line.startswith("| ")][1:]


def test_there_are_twelve_changes() -> None:
    assert len(ROWS) == 12


def test_every_place_exists() -> None:
    for row in ROWS:
        places = re.findall(r"`([^`]+)`", row.split(" | ")[1])
        assert places, row
        assert [place for place in places if not (ROOT / place).exists()] == []
