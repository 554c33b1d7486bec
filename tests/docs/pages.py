"""The documents of the project, and what the tests read in them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from tests.support.paths import ROOT

PAGES = sorted(
    [ROOT / name for name in ("README.md", "SECURITY.md", "CHANGELOG.md", "CONTRIBUTING.md")]
    + list((ROOT / "docs").rglob("*.md"))
)
HISTORY = {ROOT / "CHANGELOG.md"}  # names commands and files that are gone


def name_of(page: Path) -> str:
    """Return the path of a page inside the project."""
    return str(page.relative_to(ROOT))


def prose(page: Path) -> Iterator[tuple[int, str]]:
    """Yield the numbered lines of a page outside tables, code blocks and headings."""
    fenced = False
    for number, line in enumerate(page.read_text("utf-8").splitlines(), 1):
        if line.startswith("```"):
            fenced = not fenced
        elif not fenced and not line.startswith(("|", "    ", "#", "<", "!")):
            yield number, line


def anchors(page: Path) -> set[str]:
    """Return the anchors of the headings of a page, and those written as HTML."""
    text = page.read_text("utf-8")
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    written = re.findall(r'<a id="([^"]+)">', text)
    return {re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-") for heading in headings} | set(written)
